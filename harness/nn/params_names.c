/* Names by replacing parts. */
#include "params_names.h"

#include <string.h>

typedef struct {
    const char *stack, *parts[NAME_MAX_PARTS];
} Stack;

static const Stack STACKS[] = {{"{qkv}", {"q", "k", "v"}}, {"{query}", {"query", "key", "value"}}};
enum { N_STACKS = sizeof STACKS / sizeof *STACKS };

/* The first `from` in s becomes `to`. False when there is none. */
static bool replace(Str *s, const char *from, const char *to)
{
    const char *at = s->n > 0 ? strstr(s->text, from) : NULL;
    if (at == NULL) return false;
    Str out = {0};
    str_add_n(&out, s->text, (size_t)(at - s->text));
    str_add(&out, to);
    str_add(&out, at + strlen(from));
    str_done(s);
    *s = out;
    return true;
}

static void apply(Str *name, bool *transposed, const ParamNaming *naming)
{
    if (naming->base != NULL) apply(name, transposed, naming->base);
    for (int i = 0; i < naming->n_rules; i++) {
        const NameRule *rule = &naming->rules[i];
        bool fits = replace(name, rule->ours, rule->theirs);
        if (fits && (rule->flags & NAME_TRANSPOSED)) *transposed = true;
    }
}

static const Stack *find_stack(const char *name)
{
    for (int i = 0; i < N_STACKS; i++) {
        if (strstr(name, STACKS[i].stack) != NULL) return &STACKS[i];
    }
    return NULL;
}

void param_source_init(ParamSource *s, const ParamNaming *naming, const char *prefix,
                       const char *ours)
{
    *s = (ParamSource){.n = 1};
    Str name = {0};
    str_add(&name, ours);
    if (naming != NULL) apply(&name, &s->transposed, naming);
    const Stack *stack = find_stack(str_text(&name));
    if (stack != NULL) s->n = NAME_MAX_PARTS;
    for (int i = 0; i < s->n; i++) {
        str_addf(&s->names[i], "%s%s", prefix, str_text(&name));
        if (stack != NULL) (void)replace(&s->names[i], stack->stack, stack->parts[i]);
    }
    str_done(&name);
}

void param_source_done(ParamSource *s)
{
    for (int i = 0; i < s->n; i++) str_done(&s->names[i]);
}
