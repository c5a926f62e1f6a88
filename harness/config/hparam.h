/* What a member of an axis (methods/) tells about its hyper-parameters, and what a recipe is: plain
 * tables, so that config knows no method. A member's file holds
 *
 *     static const HparamDef hparams[] = {
 *         {.name = "lambda",
 *          .default_value = 10,
 *          .draw = HPARAM_POWER(10, -1, 5),
 *          .help = "weight of the variance of the losses",
 *          .source = "Krueger et al. 2021"},
 *     };
 *
 * which gives the key `method.vrex.lambda`; its value is read by run_spec_extra(spec, "vrex",
 * "lambda").
 */
#ifndef CONFIG_HPARAM_H
#define CONFIG_HPARAM_H

#include <stdbool.h>

enum { HPARAM_MAX_CHOICES = 8 };

typedef enum {
    DRAW_NONE,    /* never drawn: stays as it is */
    DRAW_UNIFORM, /* U(low, high), or base^U(low, high) when base is not 0 */
    DRAW_CHOICE   /* one of choices, each as likely */
} HparamDrawKind;

/* A random range, as DomainBed's hparams_registry.py has them. Make it with the macros below or
 * hparam_draw_parse. */
typedef struct {
    HparamDrawKind kind;
    double low, high;
    double base; /* 0, 2 or 10 */
    bool whole;  /* cut to a whole number, as Python's int() */
    int n_choices;
    double choices[HPARAM_MAX_CHOICES];
    const char *stream; /* DomainBed's name of the hyper-parameter, which seeds its draw; NULL:
                           "member_name" */
} HparamDraw;

/* clang-format off */
#define HPARAM_FIXED              {.kind = DRAW_NONE}
#define HPARAM_UNIFORM(a, b)      {.kind = DRAW_UNIFORM, .low = (a), .high = (b)}
#define HPARAM_POWER(base_, a, b) {.kind = DRAW_UNIFORM, .low = (a), .high = (b), .base = (base_)}
#define HPARAM_WHOLE_POWER(base_, a, b) \
    {.kind = DRAW_UNIFORM, .low = (a), .high = (b), .base = (base_), .whole = true}
#define HPARAM_CHOICE(n, ...)     {.kind = DRAW_CHOICE, .n_choices = (n), .choices = {__VA_ARGS__}}
/* clang-format on */

typedef enum { HPARAM_REAL, HPARAM_INT, HPARAM_NAMED } HparamKind;

typedef struct {
    const char *name;
    double default_value; /* HPARAM_NAMED: index into choices */
    HparamDraw draw;
    const char *help,
        *source; /* one line each; source: paper or reference code the default comes from */
    HparamKind kind;
    double low, high;           /* numbers: allowed range, both ends in; both 0: any */
    const char *const *choices; /* HPARAM_NAMED: NULL-terminated names */
} HparamDef;

/* The hyper-parameters of one member of an axis. */
typedef struct {
    const char *member;
    const HparamDef *defs;
    int n;
} RunSpecExtras;

/* A named row of choices on the axes: assignments "key=value", applied over the schema's defaults
 * and under what the experiment file and --set say. */
typedef struct {
    const char *name, *help;
    const char *const *settings; /* NULL-terminated */
} RunRecipe;

/* Everything that methods/ offers to the configuration. Borrowed: has to live as long as the keys
 * made from it. */
typedef struct {
    const RunSpecExtras *extras;
    int n_extras;
    const RunRecipe *recipes;
    int n_recipes;
} RunTables;

#endif
