/* Parsing by table. */
#include "cli.h"

#include "mem.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const CliOption *option;
    const char *value;
} Given;

struct Args {
    const Command *command;
    const char **operands;
    int n_operands, operand_capacity;
    Given *given;
    int n_given, given_capacity;
};

const CliOption cli_common_options[] = {
    {"help", 'h', NULL, "show this help and exit", 0},
    {"quiet", 'q', NULL, "no progress, warnings or notes on standard error", 0},
    {"verbose", 'v', NULL, "more notes on standard error", 0},
    {0},
};

static const CliOption *find_in(const CliOption *options, const char *name, size_t n)
{
    for (; options != NULL && options->name != NULL; options++) {
        if (strncmp(options->name, name, n) == 0 && options->name[n] == 0) return options;
    }
    return NULL;
}

static const CliOption *find_long(const Command *command, const char *name, size_t n)
{
    const CliOption *own = find_in(command->options, name, n);
    return own != NULL ? own : find_in(cli_common_options, name, n);
}

static const CliOption *find_letter(const Command *command, char letter)
{
    const CliOption *tables[] = {command->options, cli_common_options};
    for (int i = 0; i < 2; i++) {
        for (const CliOption *o = tables[i]; o != NULL && o->name != NULL; o++) {
            if (o->letter == letter) return o;
        }
    }
    return NULL;
}

static bool unknown_option(const Command *command, const char *found, Err *err)
{
    enum { MAX_NAMES = 64 };
    const char *names[MAX_NAMES];
    int n = 0;
    const CliOption *tables[] = {command->options, cli_common_options};
    for (int i = 0; i < 2; i++) {
        for (const CliOption *o = tables[i]; o != NULL && o->name != NULL && n < MAX_NAMES; o++) {
            names[n++] = o->name;
        }
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(found, "="), found);
    const char *near = str_nearest(name + strspn(name, "-"), names, n);
    if (near != NULL) {
        return err_set(err, ERR_USAGE, "%s: unknown option \"%s\" (did you mean \"--%s\"?)",
                       command->name, name, near);
    }
    return err_set(err, ERR_USAGE, "%s: unknown option \"%s\", see dgbench %s --help",
                   command->name, name, command->name);
}

static void add_given(Args *args, const CliOption *option, const char *value)
{
    mem_reserve(args->given, args->given_capacity, args->n_given + 1);
    args->given[args->n_given++] = (Given){option, value};
}

/* argv[*i] begins with a dash; moves *i over a value that stands on its own. */
static bool parse_option(Args *args, int argc, char *const *argv, int *i, Err *err)
{
    const char *text = argv[*i];
    const char *value = NULL;
    const CliOption *option = NULL;
    if (text[1] == '-') {
        size_t n = strcspn(text + 2, "=");
        option = find_long(args->command, text + 2, n);
        if (text[2 + n] == '=') value = text + 2 + n + 1;
    } else {
        option = find_letter(args->command, text[1]);
        if (text[2] != 0) value = text + 2;
    }
    if (option == NULL) return unknown_option(args->command, text, err);
    if (option->argument == NULL && value != NULL) {
        return err_set(err, ERR_USAGE, "%s: --%s takes no value, found \"%s\"", args->command->name,
                       option->name, text);
    }
    if (option->argument != NULL && value == NULL) {
        if (*i + 1 >= argc) {
            return err_set(err, ERR_USAGE, "%s: --%s needs a value: --%s %s", args->command->name,
                           option->name, option->name, option->argument);
        }
        value = argv[++*i];
    }
    add_given(args, option, value);
    return true;
}

static void add_operand(Args *args, const char *text)
{
    mem_reserve(args->operands, args->operand_capacity, args->n_operands + 1);
    args->operands[args->n_operands++] = text;
}

static bool check_operands(const Args *args, Err *err)
{
    const Command *command = args->command;
    if (args->n_operands < command->min_operands) {
        return err_set(err, ERR_USAGE, "%s: an operand is missing: dgbench %s %s", command->name,
                       command->name, command->operands);
    }
    if (args->n_operands > command->max_operands) {
        return err_set(err, ERR_USAGE,
                       "%s: \"%s\" is one operand too many, expected: dgbench %s %s", command->name,
                       args->operands[command->max_operands], command->name, command->operands);
    }
    return true;
}

bool args_parse(Args **out, const Command *command, int argc, char *const *argv, Err *err)
{
    Args *args = mem_alloc(1, sizeof *args);
    args->command = command;
    bool only_operands = false, ok = true;
    for (int i = 0; i < argc && ok; i++) {
        if (only_operands || argv[i][0] != '-' || argv[i][1] == 0) {
            add_operand(args, argv[i]);
        } else if (str_equal(argv[i], "--")) {
            only_operands = true;
        } else {
            ok = parse_option(args, argc, argv, &i, err);
        }
    }
    if (ok && !args_has(args, "help")) ok = check_operands(args, err);
    if (!ok) {
        args_free(args);
        return false;
    }
    *out = args;
    return true;
}

void args_free(Args *args)
{
    if (args == NULL) return;
    free(args->operands);
    free(args->given);
    free(args);
}

int args_n_operands(const Args *args)
{
    return args->n_operands;
}

const char *args_operand(const Args *args, int i)
{
    return i < args->n_operands ? args->operands[i] : NULL;
}

int args_count(const Args *args, const char *name)
{
    check(find_long(args->command, name, strlen(name)) != NULL, "%s has no option --%s",
          args->command->name, name);
    int n = 0;
    for (int i = 0; i < args->n_given; i++) n += str_equal(args->given[i].option->name, name);
    return n;
}

bool args_has(const Args *args, const char *name)
{
    return args_count(args, name) > 0;
}

const char *args_nth(const Args *args, const char *name, int i)
{
    for (int g = 0; g < args->n_given; g++) {
        if (str_equal(args->given[g].option->name, name) && i-- == 0) return args->given[g].value;
    }
    return NULL;
}

const char *args_text(const Args *args, const char *name)
{
    int n = args_count(args, name);
    return n > 0 ? args_nth(args, name, n - 1) : NULL;
}

bool args_int(const Args *args, int64_t *out, const char *name, int64_t low, int64_t high, Err *err)
{
    const char *text = args_text(args, name);
    if (text == NULL) return true;
    long long value = 0;
    if (!str_to_int64(text, &value) || value < low || value > high) {
        return err_set(err, ERR_USAGE,
                       "%s: --%s: found \"%s\", expected a whole number from %lld to %lld",
                       args->command->name, name, text, (long long)low, (long long)high);
    }
    *out = value;
    return true;
}

/* Cuts text at its commas; empty names are left out. names NULL: only counts them. */
static int cut_names(const char **names, const char *text, Arena *arena)
{
    int n = 0;
    while (*text != 0) {
        size_t length = strcspn(text, ",");
        if (length > 0 && names != NULL) names[n] = arena_strndup(arena, text, length);
        n += length > 0;
        text += length + (text[length] == ',');
    }
    return n;
}

const char **args_names(const Args *args, int *n, const char *name, Arena *arena)
{
    int n_values = args_count(args, name), count = 0;
    for (int i = 0; i < n_values; i++) count += cut_names(NULL, args_nth(args, name, i), arena);
    const char **names = arena_alloc(arena, (size_t)count, sizeof *names);
    *n = 0;
    for (int i = 0; i < n_values; i++) {
        *n += cut_names(names + *n, args_nth(args, name, i), arena);
    }
    return names;
}
