/* `dgbench pretrain`: a CLIP from pairs of images and texts. */
#include "build_info.h"
#include "commands.h"
#include "log.h"
#include "open_experiment.h"
#include "pretrainer.h"
#include "progress.h"
#include "stop_signal.h"

static void show_progress(void *context, const PretrainProgress *p)
{
    Progress *bar = context;
    char note[32];
    if (bar->total == 0) {
        progress_begin(bar, "pretraining", p->steps, "steps");
        progress_start_at(bar, p->step - 1);
    }
    snprintf(note, sizeof note, "loss %.4f", p->loss);
    progress_update(bar, p->step, note);
}

/* "emoji-styles: render3d 31.2, line 20.5, mean 25.9 %" for each dataset. */
static void say_results(int64_t step, const ZeroShotResult *results, int n)
{
    Str line = {0};
    for (int i = 0; i < n;) {
        const ZeroShotResult *first = &results[i];
        double sum = 0;
        int n_domains = 0;
        str_clear(&line);
        for (; i < n && results[i].dataset == first->dataset; i++, n_domains++) {
            double percent = 100.0 * results[i].correct / results[i].n;
            str_addf(&line, " %s %.1f,", results[i].domain, percent);
            sum += percent;
        }
        log_info("step %lld, zero-shot on %s:%s mean %.1f %% (chance %.1f)", (long long)step,
                 first->dataset, str_text(&line), sum / n_domains, 100.0 / first->n_classes);
    }
    str_done(&line);
}

static void print_results(const ZeroShotResult *results, int n)
{
    if (n == 0) return;
    printf("%-20s %-16s %7s %12s %8s\n", "dataset", "domain", "images", "zero-shot %", "chance %");
    for (int i = 0; i < n; i++) {
        printf("%-20s %-16s %7d %12.1f %8.1f\n", results[i].dataset, results[i].domain,
               results[i].n, 100.0 * results[i].correct / results[i].n,
               100.0 / results[i].n_classes);
    }
}

static void on_evaluated(void *context, int64_t step, bool is_last, const ZeroShotResult *results,
                         int n)
{
    Progress *bar = context;
    if (bar->total > 0) progress_clear(bar);
    if (is_last) {
        print_results(results, n);
    } else {
        say_results(step, results, n);
    }
}

static bool execute(const PretrainSpec *spec, bool restart, Err *err)
{
    Progress bar = {0};
    PretrainHooks hooks = {stop_signal_install(), show_progress, on_evaluated, &bar,
                           DGBENCH_VERSION};
    PretrainOutcome outcome;
    bool ok = pretrain_run(&outcome, spec, restart, &hooks, err);
    if (bar.total > 0) progress_end(&bar);
    if (!ok) return false;
    if (outcome == PRETRAIN_WAS_MADE) {
        log_info("this model is made already: %s", spec->output);
    } else {
        log_info("made %s", spec->output);
    }
    return true;
}

static bool read_spec(PretrainSpec *spec, const Args *args, Arena *arena, Err *err)
{
    int n_sets = args_count(args, "set");
    const char **sets = arena_alloc(arena, (size_t)n_sets + 2, sizeof *sets);
    for (int i = 0; i < n_sets; i++) sets[i] = args_nth(args, "set", i);
    const char *threads = args_text(args, "threads");
    if (threads != NULL) sets[n_sets++] = arena_printf(arena, "train.threads=%s", threads);
    if (!pretrain_spec_read(spec, args_operand(args, 0), sets, n_sets, arena, err)) return false;
    const char *output = args_text(args, "output");
    if (output != NULL) spec->output = arena_strdup(arena, output);
    return true;
}

static bool run_pretrain(const Args *args, Err *err)
{
    if (args_has(args, "keys")) {
        schema_print(pretrain_schema(), stdout);
        return true;
    }
    if (args_n_operands(args) != 1)
        return err_set(err, ERR_USAGE, "pretrain: expected SPEC.yaml, or --keys");
    Arena *arena = arena_new();
    PretrainSpec spec;
    bool ok = read_spec(&spec, args, arena, err) && execute(&spec, args_has(args, "restart"), err);
    arena_free(arena);
    return ok;
}

static const CliOption options[] = {
    {"keys", 0, NULL, "list every key of the file, with default, range and help", 0},
    {"restart", 0, NULL, "replace what the output folder holds of another pretraining", 0},
    {"output", 'o', "DIR", "folder of the model that is made (key output)", 0},
    OPTION_THREADS,
    OPTION_SET,
    {0},
};

const Command command_pretrain = {
    .name = "pretrain",
    .operands = "SPEC.yaml",
    .min_operands = 0,
    .max_operands = 1,
    .help = "train a CLIP on pairs of images and texts",
    .about =
        "The file names CSVs of pairs (path,caption or path,label,keywords,subgroup,group), a "
        "tokenizer, a model and how to train it. The output folder becomes a model directory, with "
        "log.csv beside it. Zero-shot accuracy on the datasets that the file names is measured as "
        "it goes. Ctrl-C saves the state and stops; the same command goes on from there, with the "
        "same bits as if it had never stopped.",
    .example = "dgbench pretrain scripts/mini-clip/spec.yaml --output my-clip\n"
               "dgbench pretrain spec.yaml --set train.steps=500 --set model.patch=8\n"
               "dgbench pretrain --keys | less",
    .options = options,
    .run = run_pretrain,
};
