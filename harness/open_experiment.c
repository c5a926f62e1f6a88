/* Options become assignments, in front of those of --set. */
#include "open_experiment.h"

#include "registry.h"
#include "thread_pool.h"

#include <string.h>

enum { MAX_JOBS = 1024 };

const OptionKey sweep_option_keys[] = {
    {"held-out", "sweep.held_out", true}, {"methods", "sweep.methods", true},
    {"trials", "sweep.trials", false},    {"hparams", "sweep.hparams", false},
    {"results", "results", false},        {"output", "output", false},
    {"threads", "train.threads", false},  {0},
};

bool option_jobs(int *out, const Args *args, Err *err)
{
    int64_t n = thread_count_online();
    if (!args_int(args, &n, "jobs", 1, MAX_JOBS, err)) return false;
    *out = (int)n;
    return true;
}

/* text as a YAML scalar in single quotes */
static void add_quoted(Str *out, const char *text)
{
    str_add(out, "'");
    for (; *text != 0; text++) {
        if (*text == '\'') str_add(out, "'");
        str_add_n(out, text, 1);
    }
    str_add(out, "'");
}

static bool is_number(const char *text)
{
    long long number;
    return str_to_int64(text, &number);
}

/* "key=value" of an option that was given */
static const char *assignment_of(const Args *args, const OptionKey *row, Arena *arena)
{
    Str text = {0};
    str_addf(&text, "%s=", row->key);
    if (row->is_list) {
        int n;
        const char **names = args_names(args, &n, row->option, arena);
        str_add(&text, "[");
        for (int i = 0; i < n; i++) {
            if (i > 0) str_add(&text, ",");
            add_quoted(&text, names[i]);
        }
        str_add(&text, "]");
    } else {
        const char *value = args_text(args, row->option);
        if (is_number(value))
            str_add(&text, value);
        else
            add_quoted(&text, value);
    }
    const char *copy = arena_strdup(arena, str_text(&text));
    str_done(&text);
    return copy;
}

static const char *const *collect_sets(int *n_out, const Args *args, const OptionKey *options,
                                       Arena *arena)
{
    int n = 0, n_sets = args_count(args, "set"), n_rows = 0;
    while (options[n_rows].option != NULL) n_rows++;
    size_t most = (size_t)n_rows + (size_t)n_sets;
    const char **sets = arena_alloc(arena, most, sizeof *sets);
    for (int i = 0; i < n_rows; i++) {
        if (args_has(args, options[i].option)) {
            sets[n++] = assignment_of(args, &options[i], arena);
        }
    }
    for (int i = 0; i < n_sets; i++) sets[n++] = args_nth(args, "set", i);
    *n_out = n;
    return sets;
}

bool open_experiment(OpenExperiment *out, const Args *args, const OptionKey *options, Err *err)
{
    Arena *arena = arena_new();
    RunTables *tables = arena_alloc(arena, 1, sizeof *tables);
    *tables = method_tables(arena);
    ExperimentSource *source = arena_alloc(arena, 1, sizeof *source);
    source->path = args_operand(args, 0);
    source->sets = collect_sets(&source->n_sets, args, options, arena);
    OpenExperiment e = {.arena = arena, .keys = run_keys_new(tables, arena)};
    if (!experiment_open(&e.experiment, e.keys, source, arena, err)) {
        arena_free(arena);
        return false;
    }
    *out = e;
    return true;
}

void open_experiment_close(OpenExperiment *e)
{
    arena_free(e->arena);
}
