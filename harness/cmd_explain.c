/* `dgbench explain`: where a number of a table comes from. */
#include "commands.h"
#include "exclusion.h"
#include "explain_settings.h"
#include "json_text.h"
#include "read_results.h"

enum { SHORT_KEY = 16 };

/* ---- the head ---- */

static const char *rule_words(const char *rule)
{
    static const struct {
        const char *rule, *words;
    } rows[] = {
        {"training-domain", "training-domain validation: of each run the checkpoint with the best "
                            "mean out-split\naccuracy over the source domains (on a tie the "
                            "earliest), then the run with the best value"},
        {"leave-one-domain-out",
         "leave-one-domain-out validation: of each run the checkpoint whose "
         "accuracy on\nevery other domain, held out as well by a second "
         "run, is best on average; then the best run"},
        {"oracle", "the oracle: the last checkpoint of each run, then the run with the best "
                   "accuracy on the\nheld-out domain's out split"},
        {"last", "last checkpoint: of each run the last one, then the run with the best mean "
                 "out-split\naccuracy over the source domains"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (str_equal(rows[i].rule, rule)) return rows[i].words;
    }
    return rule;
}

static const char *scored_words(const char *scored)
{
    if (str_equal(scored, "in")) return "the held-out domain's in split (as DomainBed)";
    if (str_equal(scored, "out")) return "the held-out domain's out split";
    if (str_equal(scored, "whole")) return "the whole held-out domain";
    return "the out splits of the source domains (their mean)";
}

static void print_cell_head(const ExplainCell *cell, FILE *out)
{
    const ExplainQuery *q = &cell->name;
    const char *s = cell->n_trials > 1 ? "s" : "";
    fprintf(out, "%s, held out %s: %.1f +/- %.1f (%d)\n", q->method, q->held_out, 100 * cell->mean,
            100 * cell->error, cell->n_trials);
    fprintf(out, "dataset %s, %s split, experiment %s, weights %s\n", q->dataset, q->split,
            q->experiment, q->variant);
    fprintf(out, "mean over %d trial%s of the accuracy (%%) on %s\n", cell->n_trials, s,
            scored_words(q->scored));
    if (cell->n_trials > 1) {
        fprintf(out, "+/-: %s standard deviation over the trials / sqrt(%d)\n", cell->deviation,
                cell->n_trials);
    } else {
        fprintf(out, "+/-: one trial has none\n");
    }
    fprintf(out, "selected by %s\n", rule_words(q->rule));
}

static void add_member(Str *out, const char *name, const char *value)
{
    str_addf(out, "%s\"%s\": ", out->n > 0 ? ", " : "", name);
    json_add_text(out, value);
}

/* without: the list of images that are left out, or NULL. */
static void print_cell_json(const ExplainCell *cell, const char *without, FILE *out)
{
    const ExplainQuery *q = &cell->name;
    Str text = {0};
    add_member(&text, "method", q->method);
    add_member(&text, "held_out", q->held_out);
    add_member(&text, "dataset", q->dataset);
    add_member(&text, "split", q->split);
    add_member(&text, "experiment", q->experiment);
    add_member(&text, "rule", q->rule);
    add_member(&text, "scored", q->scored);
    add_member(&text, "variant", q->variant);
    str_add(&text, ", \"mean\": ");
    json_add_number(&text, cell->mean);
    str_add(&text, ", \"stderr\": ");
    json_add_number(&text, cell->error);
    str_addf(&text, ", \"n_trials\": %d", cell->n_trials);
    add_member(&text, "deviation", cell->deviation);
    if (without != NULL) add_member(&text, "without", without);
    fprintf(out, "\"cell\": {%s},\n", str_text(&text));
    str_done(&text);
}

/* ---- the commands that make it again ---- */

static bool again_command(Str *out, Db *db, const ExplainRun *run, const char *results, Err *err)
{
    if (!str_equal(run->origin, "dgbench")) return explain_domainbed_command(out, db, run->id, err);
    str_addf(out, "dgbench run --again %.*s --results ", SHORT_KEY, run->key);
    str_add_shell_word(out, results);
    return true;
}

static bool print_again(ReadResults *r, const char *results, const int64_t *runs, int n, Err *err)
{
    bool json = r->format == FORMAT_JSON, ok = true;
    Str command = {0}, all = {0};
    for (int i = 0; ok && i < n; i++) {
        ExplainRun run;
        str_clear(&command);
        ok = explain_read_run(&run, r->db, runs[i], r->arena, err) &&
             again_command(&command, r->db, &run, results, err);
        if (!ok) break;
        if (command.n == 0)
            str_addf(&command, "# run %lld: its command is not known", (long long)run.id);
        if (json && i > 0) str_add(&all, ",\n");
        if (json)
            json_add_text(&all, str_text(&command));
        else
            str_addf(&all, "%s\n", str_text(&command));
    }
    if (ok) printf(json ? "\"again\": [\n%s\n]\n" : "\nMade again by\n%s", str_text(&all));
    str_done(&command);
    str_done(&all);
    return ok;
}

static bool print_settings(ReadResults *r, const int64_t *runs, int n, Err *err)
{
    Settings settings;
    if (!explain_settings(&settings, r->db, runs, n, r->arena, err)) return false;
    explain_settings_print(&settings, stdout, r->format);
    return true;
}

/* ---- the command ---- */

static const char *results_path(const Args *args)
{
    const char *path = args_text(args, "results");
    return path != NULL ? path : "dgbench.db";
}

static bool explain_cell(ReadResults *r, const Args *args, Err *err)
{
    ExplainQuery query = {
        .experiment = args_text(args, "experiment"),
        .dataset = args_text(args, "dataset"),
        .split = args_text(args, "split"),
        .method = args_text(args, "method"),
        .held_out = args_text(args, "held-out"),
        .rule = args_text(args, "rule"),
        .scored = args_text(args, "scored"),
        .variant = args_text(args, "variant"),
    };
    ExplainCell cell;
    if (!explain_find_cell(&cell, r->db, &query, r->arena, err)) return false;
    bool json = r->format == FORMAT_JSON;
    const char *without = exclusion_sentence(r->db);
    if (json) printf("{\n");
    if (json)
        print_cell_json(&cell, args_text(args, "excluding"), stdout);
    else
        print_cell_head(&cell, stdout);
    if (!json && without != NULL) printf("%s\n", without);
    if (!explain_cell_sections(r->db, stdout, &cell, r->format, err) ||
        !print_settings(r, cell.runs, cell.n_trials, err) ||
        !print_again(r, results_path(args), cell.runs, cell.n_trials, err)) {
        return false;
    }
    if (json) printf("}\n");
    return true;
}

static bool explain_run(ReadResults *r, const Args *args, Err *err)
{
    ExplainRun run;
    bool json = r->format == FORMAT_JSON;
    if (!explain_find_run(&run, r->db, args_text(args, "run"), r->arena, err)) return false;
    if (json)
        printf("{\n");
    else
        printf("run %lld: %s on %s, held out %s, trial %lld, draw %lld: %s\n", (long long)run.id,
               run.method, run.dataset, run.held_out, (long long)run.trial,
               (long long)run.hparams_seed, run.status);
    if (!explain_run_sections(r->db, stdout, &run, r->format, err) ||
        !print_settings(r, &run.id, 1, err) ||
        !print_again(r, results_path(args), &run.id, 1, err)) {
        return false;
    }
    if (json) printf("}\n");
    return true;
}

/* --run names all there is to say. */
static bool check_options(const Args *args, Err *err)
{
    static const char *const of_cells[] = {"method", "held-out", "dataset", "experiment", "split",
                                           "rule",   "scored",   "variant", "excluding"};
    if (!args_has(args, "run")) return true;
    for (size_t i = 0; i < sizeof of_cells / sizeof of_cells[0]; i++) {
        if (!args_has(args, of_cells[i])) continue;
        return err_set(err, ERR_USAGE, "explain: --run and --%s, expected a run or a cell",
                       of_cells[i]);
    }
    return true;
}

static bool run_explain(const Args *args, Err *err)
{
    ReadResults r;
    if (!check_options(args, err) || !read_results_open(&r, args, err)) return false;
    bool ok = r.format == FORMAT_TEXT || r.format == FORMAT_JSON ||
              err_set(err, ERR_USAGE, "explain: format %s, expected text or json",
                      args_text(args, "format"));
    ok = ok && exclusion_use(r.db, args_text(args, "excluding"), err);
    if (ok && args_has(args, "run"))
        ok = explain_run(&r, args, err);
    else if (ok)
        ok = explain_cell(&r, args, err);
    read_results_close(&r);
    return ok;
}

static const CliOption options[] = {
    {"method", 'm', "NAME", "row of the table", 0},
    {"held-out", 0, "NAME", "column of the table: the held-out domain", 0},
    {"dataset", 'd', "NAME", "where the results hold several", 0},
    {"experiment", 'e', "NAME", "where several have such runs", 0},
    {"split", 0, "RULE", "image or concept, where there are both", 0},
    {"rule", 0, "RULE",
     "training-domain, leave-one-domain-out, oracle or last (default: the experiment's)", 0},
    {"scored", 0, "SPLIT", "in, out, whole or validation (default: the experiment's)", 0},
    {"variant", 0, "NAME", "weights: raw, sma, ... (default: those that the method reports)", 0},
    {"run", 0, "RUN", "explain one run instead: its number, or the beginning of its key", 0},
    OPTION_EXCLUDING,
    OPTION_RESULTS,
    {"format", 'f', "FORMAT", "text or json (default: text)", 0},
    {0},
};

const Command command_explain = {
    .name = "explain",
    .operands = "",
    .help = "say where a number of a table comes from",
    .about = "For one cell: how the number is computed, and for each trial the run, the checkpoint "
             "and what they were chosen from, images counted, settings, versions and machine, runs "
             "left out, and the command that makes it again. What is not given has to be the same "
             "for all cells that are meant.",
    .example = "dgbench explain --method erm --held-out line --results erm.db\n"
               "dgbench explain --method erm --held-out line --rule oracle --format json\n"
               "dgbench explain --run 3f9a01c2 --results erm.db",
    .options = options,
    .run = run_explain,
};
