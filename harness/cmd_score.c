/* `dgbench score`: how well images agree with the text of their class, stored per image. */
#include "commands.h"
#include "log.h"
#include "query.h"
#include "read_results.h"
#include "run_store.h"
#include "score_images.h"
#include "score_import.h"
#include "score_model.h"
#include "score_rule.h"
#include "stop_signal.h"
#include "str.h"

/* What one call works with. */
typedef struct {
    const Args *args;
    Arena *arena;
    ThreadPool *threads;
    Store *store;
    Dataset *dataset, *pretraining;
    StoreAlignment *images;
    const char *const *prompts; /* NULL: not known */
    Str scorer;                 /* its name in the database */
} Score;

/* ---- options ---- */

static const char *results_path(const Args *args)
{
    const char *path = args_text(args, "results");
    return path != NULL ? path : "dgbench.db";
}

static const char **all_values(const Score *s, const char *name, int *n)
{
    *n = args_count(s->args, name);
    const char **values = arena_alloc(s->arena, (size_t)*n, sizeof *values);
    for (int i = 0; i < *n; i++) values[i] = args_nth(s->args, name, i);
    return values;
}

MUST_USE static bool is_ipoop(bool *out, const Args *args, Err *err)
{
    const char *preset = args_text(args, "preset");
    *out = preset != NULL;
    return preset == NULL || str_equal(preset, "ipoop") ||
           err_set(err, ERR_USAGE, "--preset: found \"%s\", expected ipoop", preset);
}

MUST_USE static bool choose_templates(ScoreTemplates *out, const Score *s, bool ipoop, Err *err)
{
    out->items = all_values(s, "template", &out->n);
    if (out->n == 0) {
        const char **only = arena_alloc(s->arena, 1, sizeof *only);
        only[0] = ipoop ? SCORE_TEMPLATE_IPOOP : SCORE_TEMPLATE;
        *out = (ScoreTemplates){only, 1};
    }
    return score_templates_check(out, err);
}

/* What belongs together, before anything is done. */
MUST_USE static bool check_options(const Args *args, Err *err)
{
    static const char *const NOT_IMPORTED[] = {"model", "pretraining", "preset", "preprocess"};
    bool has_dataset = args_operand(args, 0) != NULL, import = args_has(args, "import");
    for (size_t i = 0; import && i < sizeof NOT_IMPORTED / sizeof NOT_IMPORTED[0]; i++) {
        if (args_has(args, NOT_IMPORTED[i])) {
            return err_set(err, ERR_USAGE, "score: --%s with --import, expected one of them",
                           NOT_IMPORTED[i]);
        }
    }
    if (import && !args_has(args, "name"))
        return err_set(err, ERR_USAGE,
                       "score: --import without --name, expected what to call them");
    if (has_dataset && !import && !args_has(args, "model"))
        return err_set(err, ERR_USAGE, "score: expected --model DIR (or --import FILE.csv)");
    if (!has_dataset && !args_has(args, "rule") && !args_has(args, "rules"))
        return err_set(err, ERR_USAGE, "score: expected a dataset's name or folder");
    return true;
}

/* ---- rules ---- */

/* All are parsed before the first one is written. */
MUST_USE static bool write_rules(const Score *s, Err *err)
{
    int n = args_count(s->args, "rule");
    StoreRule *rules = arena_alloc(s->arena, (size_t)n, sizeof *rules);
    for (int i = 0; i < n; i++) {
        if (!score_rule_parse(&rules[i], args_nth(s->args, "rule", i), s->arena, err)) return false;
    }
    for (int i = 0; i < n; i++) {
        if (!store_rule(s->store, &rules[i], err)) return false;
        log_info("rule %s: stored", rules[i].name);
    }
    return true;
}

/* ---- scoring ---- */

MUST_USE static bool open_data(Score *s, Err *err)
{
    DatasetOptions options = {.root = args_text(s->args, "root"), .pool = s->threads};
    DatasetOptions plain = {.pool = s->threads, .allow_missing_classes = true};
    const char *pretraining = args_text(s->args, "pretraining");
    if (!dataset_open(&s->dataset, args_operand(s->args, 0), &options, err) ||
        (pretraining != NULL && !dataset_open(&s->pretraining, pretraining, &plain, err)))
        return false;
    s->images = arena_alloc(s->arena, (size_t)s->dataset->n_images, sizeof *s->images);
    return true;
}

/* The scores under the scorer, once it is known by which. */
MUST_USE static bool store_them(Score *s, const StoreScorer *scorer, Err *err)
{
    StoreScores scores = {
        .prompts = s->prompts, .images = s->images, .n_images = s->dataset->n_images};
    int64_t changed;
    if (!run_store_dataset(s->store, &scores.dataset, s->dataset, err) ||
        !store_scorer(s->store, &scores.scorer, &s->scorer, scorer, err) ||
        !store_scores(s->store, &changed, &scores, err))
        return false;
    log_info("%s: %lld row%s of scorer %s written or changed in %s", s->dataset->name,
             (long long)changed, changed == 1 ? "" : "s", str_text(&s->scorer),
             results_path(s->args));
    return true;
}

MUST_USE static bool score_with(Score *s, ScoreModel *m, const ScoreTemplates *templates, Err *err)
{
    ScoreClasses classes;
    const char *name = args_text(s->args, "name");
    Str template_text = {0};
    if (!score_model_classes(m, &classes, s->dataset, templates, s->arena, err)) return false;
    ScoreTask task = {.dataset = s->dataset,
                      .encoder = &m->encoder,
                      .classes = classes.rows,
                      .pretraining = s->pretraining,
                      .embedding = {.threads = s->threads, .stop = stop_signal_install()}};
    if (!score_images(s->images, &task, err)) return false;
    score_templates_join(templates, &template_text);
    s->prompts = classes.prompts;
    bool ok = store_them(s,
                         &(StoreScorer){.name = name != NULL ? name : model_dir_name(m->dir),
                                        .fixed_name = name != NULL,
                                        .model = str_text(&m->architecture),
                                        .weights = m->weights,
                                        .template_text = str_text(&template_text),
                                        .preprocessing = str_text(&m->preprocessing)},
                         err);
    str_done(&template_text);
    return ok;
}

MUST_USE static bool score_by_model(Score *s, Err *err)
{
    ScoreModelOptions options = {.folder = args_text(s->args, "model"), .threads = s->threads};
    ScoreTemplates templates;
    ScoreModel model = {0};
    options.preprocess = all_values(s, "preprocess", &options.n_preprocess);
    if (!is_ipoop(&options.ipoop, s->args, err) ||
        !choose_templates(&templates, s, options.ipoop, err) ||
        !score_model_open(&model, &options, err))
        return false;
    bool ok = open_data(s, err) && score_with(s, &model, &templates, err);
    score_model_close(&model);
    return ok;
}

/* Of scores that another program made, the template is what the caller says. */
MUST_USE static bool score_by_import(Score *s, Err *err)
{
    char digest[SHA256_HEX_SIZE];
    ScoreTemplates templates;
    Str template_text = {0};
    templates.items = all_values(s, "template", &templates.n);
    if (!open_data(s, err) ||
        !score_import(s->images, digest, args_text(s->args, "import"), s->dataset, s->arena, err))
        return false;
    score_templates_join(&templates, &template_text);
    bool ok = store_them(s,
                         &(StoreScorer){.name = args_text(s->args, "name"),
                                        .fixed_name = true,
                                        .model = "imported",
                                        .weights = digest,
                                        .template_text = str_text(&template_text),
                                        .preprocessing = ""},
                         err);
    str_done(&template_text);
    return ok;
}

/* ---- printing ---- */

/* The numbers come from the database, by the same queries that anyone can ask later. */
MUST_USE static bool print_query(const Score *s, const char *query, Err *err)
{
    ReadResults r;
    QueryParameter parameters[] = {
        {"scorer", str_text(&s->scorer)},
        {"dataset", s->dataset != NULL ? s->dataset->fingerprint : NULL},
    };
    int n = s->dataset != NULL ? 2 : 0;
    if (!read_results_open(&r, s->args, err)) return false;
    bool ok = query_named(r.db, stdout, query, (QueryParameters){parameters, n}, r.format, err);
    read_results_close(&r);
    return ok;
}

/* ---- the command ---- */

MUST_USE static bool do_all(Score *s, Err *err)
{
    int64_t n_threads = thread_count_online();
    if (!check_options(s->args, err) || !args_int(s->args, &n_threads, "threads", 1, 1024, err) ||
        !store_open(&s->store, results_path(s->args), err) || !write_rules(s, err))
        return false;
    s->threads = thread_pool_new((int)n_threads);
    bool ok = true;
    if (args_operand(s->args, 0) != NULL)
        ok = args_has(s->args, "import") ? score_by_import(s, err) : score_by_model(s, err);
    store_close(s->store);
    s->store = NULL;
    if (ok && s->dataset != NULL) ok = print_query(s, "scores", err);
    return ok;
}

static bool run_score(const Args *args, Err *err)
{
    Score s = {.args = args, .arena = arena_new()};
    bool ok = do_all(&s, err);
    dataset_close(s.dataset);
    dataset_close(s.pretraining);
    s.dataset = NULL;
    if (ok && args_has(args, "rules")) ok = print_query(&s, "ip-oop-rules", err);
    store_close(s.store);
    thread_pool_free(s.threads);
    arena_free(s.arena);
    str_done(&s.scorer);
    return ok;
}

static const CliOption options[] = {
    {"model", 'm', "DIR", "model directory: config.json, model.safetensors, merges.txt, vocab.json",
     0},
    {"template", 0, "TEXT",
     "prompt of a class (default: \"a photo of a {}\"); {} is its text, {name} its plain name; "
     "several: their mean",
     CLI_REPEATS},
    {"name", 'n', "NAME", "what to call this scorer (default: the model directory's name)", 0},
    {"pretraining", 0, "CSV|DATASET",
     "what the model was pretrained on (a CSV with a column path, or a dataset): stores the "
     "nearest "
     "image's similarity",
     0},
    {"preset", 0, "ipoop", "preprocessing and template of arXiv 2412.02856's code", 0},
    {"preprocess", 0, "WORDS",
     "over what the model says: squash, crop, bilinear, bicubic, imagenet, clip, plain, "
     "mean=R/G/B, "
     "std=R/G/B",
     CLI_REPEATS},
    {"import", 'i', "FILE.csv",
     "scores computed elsewhere: columns path, score, and if known zero_shot, similarity, nearest",
     0},
    {"rule", 0, "NAME=LOW,SPLIT,HIGH[,quantile]",
     "stores an IP/OOP rule; NAME@GLOB: for scorers whose name matches", CLI_REPEATS},
    {"rules", 0, NULL, "lists the IP/OOP rules", 0},
    {"root", 0, "DIR", "folder that holds the dataset (default: where its descriptor says)", 0},
    {"threads", 't', "N", "threads (default: one per core)", 0},
    OPTION_RESULTS,
    OPTION_FORMAT,
    {0},
};

const Command command_score = {
    .name = "score",
    .operands = "[DATASET]",
    .min_operands = 0,
    .max_operands = 1,
    .help = "score images against the text of their class",
    .about =
        "AlignmentScore: the cosine of an image's embedding and that of the prompt of its true "
        "class, by a pretrained CLIP. Stored per image, with the zero-shot prediction and the true "
        "class's rank; printed: accuracy and IP/OOP counts per domain (query scores).\n"
        "Embeddings are kept in the cache folder: what was interrupted goes on, and another "
        "template, rule or dataset of the same images costs nothing.\n"
        "A rule cuts scores: below LOW dropped (mislabelled), up to SPLIT out of pretraining "
        "(OOP), "
        "from SPLIT to HIGH in pretraining (IP), above HIGH dropped (the label is written in the "
        "image). quantile: the three are quantiles of a dataset's scores.",
    .example = "dgbench score emoji-styles --model scripts/mini-clip\n"
               "dgbench score pacs --model ~/models/openclip-vit-b-16 --preset ipoop\n"
               "dgbench score pacs --import scores.csv --name openclip-vit-b-16-laion400m\n"
               "dgbench score --rule strict=0.17,0.25,0.4 --rules",
    .options = options,
    .run = run_score,
};
