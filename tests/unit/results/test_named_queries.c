/* Every named query on a database small enough to see its answers by eye. */
#include "query.h"
#include "store_case.h"
#include "store_score.h"
#include "str.h"
#include "test.h"

static char output[20000];

/* What the runs say about sketch's four images: a cat, a dog, a cat, a dog. */
typedef struct {
    const char *key, *lr;
    int trial, hparams_seed;
    int source_percent, in_percent, out_percent; /* of the sources' out splits, and of sketch */
    int predicted[4];
    float confidence[4];
} Told;

static const Told RUNS[] = {
    {"a", "0.1", 0, 0, 60, 40, 40, {0, 1, 1, 1}, {0.90625F, 0.8125F, 0.71875F, 0.625F}},
    {"b", "0.1", 1, 0, 55, 30, 30, {0, 0, 1, 1}, {0.5F, 0.5F, 0.90625F, 0.953125F}},
    {"c", "0.3", 0, 1, 50, 70, 80, {0, 1, 0, 1}, {0.5F, 0.5F, 0.5F, 0.5F}},
};

static StoreRun *begin_run(const Told *told)
{
    Err err;
    StoreRun *run;
    const StoreHparam hparams[] = {{"method.lr", told->lr}};
    StoreRunInfo info = fixture_run_info(told->key, dataset);
    info.trial = told->trial;
    info.hparams_seed = told->hparams_seed;
    info.hparams = hparams;
    info.n_hparams = 1;
    assert_ok(store_run_begin(store, &run, &info, STORE_FRESH, &err));
    return run;
}

static void add_run(const Told *told)
{
    Err err;
    StoreRun *run = begin_run(told);
    for (int domain = 0; domain < FIXTURE_DOMAINS; domain++) {
        bool held_out = domain == 2;
        StoreEval in = fixture_eval(1, "raw", domain, "in", told->in_percent);
        StoreEval out = fixture_eval(1, "raw", domain, "out",
                                     held_out ? told->out_percent : told->source_percent);
        StoreOutcome outcomes[4];
        for (int i = 0; i < 4; i++)
            outcomes[i] = (StoreOutcome){8 + i, told->predicted[i], told->confidence[i]};
        store_eval(run, &in, outcomes, held_out ? 4 : 0);
        store_eval(run, &out, NULL, 0);
    }
    assert_ok(store_checkpoint_commit(run, 1, &err));
    StoreCost cost = {
        .train_flops = 4e9, .train_seconds = 2, .eval_seconds = 1, .data_seconds = 0.5};
    assert_ok(store_run_finish(run, RUN_DONE, NULL, &cost, &err));
    store_run_free(run);
}

/* All of sketch and photo: cats 0.1 and 0.2, taken for cats; dogs 0.3 and 0.4, of which one is
 * taken for a cat. */
static void add_scores(void)
{
    Err err;
    Str name = {0};
    int64_t changed;
    StoreScores scores = {.dataset = dataset};
    StoreScorer scorer = {
        .name = "mini", .model = "", .weights = "", .template_text = "{}", .preprocessing = ""};
    StoreAlignment images[8];
    for (int i = 0; i < 8; i++) {
        bool dog = i % 2 == 1;
        images[i] = (StoreAlignment){.image = 4 + i,
                                     .score = (1 + i % 4) / 10.0,
                                     .zero_shot_score = 0.5,
                                     .zero_shot = dog && i % 4 == 1,
                                     .similarity = 0.75};
    }
    scores.images = images;
    scores.n_images = 8;
    assert_ok(store_scorer(store, &scores.scorer, &name, &scorer, &err));
    assert_ok(store_scores(store, &changed, &scores, &err));
    str_done(&name);
}

static int setup(void **state)
{
    Err err;
    (void)store_setup(state);
    add_scores();
    for (size_t i = 0; i < sizeof RUNS / sizeof RUNS[0]; i++) add_run(&RUNS[i]);
    StoreRun *failed = begin_run(&(Told){.key = "d", .lr = "9", .trial = 2});
    assert_ok(store_run_finish(failed, RUN_FAILED, "no such image", &(StoreCost){0}, &err));
    store_run_free(failed);
    store_case_read();
    return 0;
}

typedef struct {
    const char *name;
    const char *parameters; /* "name=value name=value" */
    const char *columns;    /* of the answer that are looked at; NULL: all */
    const char *want;       /* rows of CSV, without the headline */
} Asked;

static const Asked QUERIES[] = {
    {"accuracy", "rule=oracle", NULL,
     "first,tiny,erm,sketch,sketch,1,raw,0.3,0.3,0.3,0.55,2,1,0,1\n"
     "first,tiny,erm,sketch,sketch,0,raw,0.7,0.8,0.72,0.5,3,1,1,2\n"},
    {"agreement", "", NULL, "first,tiny,erm,sketch,0,1,4,0.75,0.5,0.25\n"},
    {"calibration", "method=erm", NULL,
     "first,tiny,erm,0.5,2,0.5,0.5,0\nfirst,tiny,erm,0.6,1,0.625,1,-0.375\n"
     "first,tiny,erm,0.7,1,0.71875,0,0.71875\nfirst,tiny,erm,0.8,1,0.8125,1,-0.1875\n"
     "first,tiny,erm,0.9,3,0.921875,0.66666666666666663,0.25520833333333337\n"},
    {"classes", "", NULL,
     "first,tiny,erm,sketch,cat,4,0.5,0.7578125,2\nfirst,tiny,erm,sketch,dog,4,0.75,0.72265625,"
     "2\n"},
    {"confusion", "run=2", NULL,
     "sketch,cat,cat,1,0.5\nsketch,cat,dog,1,0.90625\nsketch,dog,cat,1,0.5\nsketch,dog,dog,1,0."
     "953125\n"},
    {"cost", "dataset=tiny", "dataset, method, runs, ms_per_step, train_seconds",
     "tiny,erm,3,2000,2\n"},
    {"curve", "run=1", "step, domain, split, accuracy",
     "1,art,in,0.4\n1,art,out,0.6\n1,photo,in,0.4\n1,photo,out,0.6\n1,sketch,in,0.4\n1,sketch,out,"
     "0.4\n"},
    {"failures", "", "run, method, held_out, trial, status, message",
     "4,erm,sketch,2,failed,no such image\n"},
    {"hardest-images", "", NULL,
     "tiny,sketch,sketch/cat/1.png,cat,2,2,0.8125\ntiny,sketch,sketch/dog/0.png,dog,2,1,0.5\n"},
    {"hardest-images", "limit=1", "path", "sketch/cat/1.png\n"},
    {"hparams", "run=3", NULL, "method.lr,0.3\n"},
    {"machines", "", "cpu, threads, runs, ms_per_step, gflops_per_second, waiting_share",
     "cpu,1,3,2000,2,0.25\n"},
    {"rules", "", NULL,
     "first,tiny,erm,sketch,0,0.4,,0.7,0.4,0.29999999999999993,2,2\nfirst,tiny,erm,sketch,1,0.3,,0."
     "3,0.3,0,1,"
     "1\n"},
    {"runs", "status=failed", "run, status, message", "4,failed,no such image\n"},
    {"runs", "", "run, validation_percent, held_out_percent", "1,60,40\n2,55,30\n3,50,70\n4,,\n"},
    {"scores", "", NULL,
     "mini,tiny,photo,4,0.75,0.5,0.25,0.75,median,0,2,2,0\n"
     "mini,tiny,sketch,4,0.75,0.5,0.25,0.75,median,0,2,2,0\n"},
    {"scores", "scorer=mini dataset=tiny rule=default", "domain, images, rule, ip",
     "photo,4,,\nsketch,4,,\n"}, /* that rule is for others */
    {"ip-oop-rules", "", "name, kind, low, split, high, scorers",
     "default,threshold,0.15,0.21,0.4,0\nmedian,quantile,0,0.5,1,1\n"},
    {"score-curve", "bins=2", NULL, /* sketch's: two of all eight images below 0.25 */
     "tiny,mini,first,erm,1,0.1,0.15000000000000002,0.2,2,2,0.75,0.19786096637864564,"
     "0.97332794058018346\n"
     "tiny,mini,first,erm,2,0.3,0.35,0.4,2,2,0.5,0.094525184205899865,0.90547481579410016\n"},
    {"score-curve", "x=similarity bins=1 method=erm", "bin, x_low, x_high, n, n_trials, accuracy",
     "1,0.75,0.75,4,2,0.625\n"},
    {"score-histogram", "bins=2 ip_oop_rule=median", NULL,
     "tiny,mini,median,0.1,0.3,0.4,photo,0.1,0.25,2\ntiny,mini,median,0.1,0.3,0.4,photo,0.25,0.4,"
     "2\n"
     "tiny,mini,median,0.1,0.3,0.4,sketch,0.1,0.25,2\n"
     "tiny,mini,median,0.1,0.3,0.4,sketch,0.25,0.4,2\n"},
    {"score-shift", "", NULL, ""}, /* no fine-tuned model is scored: tests/cli/alignment.cases */
    {"selected-hparams", "name=lr", NULL,
     "first,tiny,erm,sketch,0,1,0,2,method.lr,0.1,0.4\nfirst,tiny,erm,sketch,1,2,0,1,method.lr,0.1,"
     "0.3\n"},
    {"selected-hparams", "rule=oracle", "trial, run, value", "0,3,0.3\n1,2,0.1\n"},
    {"sensitivity", "", NULL,
     "first,tiny,erm,0.1,0.1,2,0.575,0.35,0.4\nfirst,tiny,erm,0.3,0.3,1,0.5,0.7,0."
     "7\n"},
    {"sensitivity", "bins=1", "low, high, runs", "0.1,0.3,3\n"},
    {"slowest", "limit=1", "run, total_seconds", "1,3\n"},
    {"status", "", NULL, "first,tiny,4,3,,,1,\n"},
    {"exclusions", "", NULL, ""},
    {"suspects", "dataset=tiny", "path, suggested, suspicion, runs, wrong, agreeing, confidence",
     "sketch/cat/1.png,dog,0.8125,2,2,2,0.8125\nsketch/dog/0.png,cat,0.25,2,1,1,0.5\n"
     "sketch/cat/0.png,,0,2,0,0,\nsketch/dog/1.png,,0,2,0,0,\n"},
    {"suspects", "dataset=tiny limit=1", "path", "sketch/cat/1.png\n"},
};

/* The columns' places in the headline; keeps only those of each row. */
static void keep_columns(char *text, const char *columns)
{
    int places[32], n = 0;
    char wanted[256], *end = strchr(text, '\n');
    assert_non_null(end);
    snprintf(wanted, sizeof wanted, "%s", columns);
    for (char *save = NULL, *name = strtok_r(wanted, ", ", &save); name;
         name = strtok_r(NULL, ", ", &save)) {
        int place = 0;
        const char *at = text;
        while (strncmp(at, name, strlen(name)) != 0 || strchr(",\n", at[strlen(name)]) == NULL) {
            at += strcspn(at, ",\n");
            if (*at != ',') fail_msg("no column %s in %s", name, text);
            at++;
            place++;
        }
        places[n++] = place;
    }
    Str kept = {0};
    for (const char *row = text; *row != '\0'; row += strcspn(row, "\n") + 1) {
        for (int i = 0; i < n; i++) {
            const char *field = row;
            for (int skip = places[i]; skip > 0; skip--) field += strcspn(field, ",") + 1;
            str_add_n(&kept, field, strcspn(field, ",\n"));
            str_add(&kept, i + 1 < n ? "," : "\n");
        }
    }
    snprintf(output, sizeof output, "%s", str_text(&kept));
    str_done(&kept);
}

static void ask(const Asked *asked)
{
    Err err;
    QueryParameter parameters[4];
    char text[128];
    int n = 0;
    snprintf(text, sizeof text, "%s", asked->parameters);
    for (char *save = NULL, *one = strtok_r(text, " ", &save); one;
         one = strtok_r(NULL, " ", &save))
        assert_ok(query_parameter_parse(&parameters[n++], one, &err));
    memset(output, 0, sizeof output);
    FILE *out = fmemopen(output, sizeof output - 1, "w");
    bool ok =
        query_named(reader, out, asked->name, (QueryParameters){parameters, n}, FORMAT_CSV, &err);
    (void)fclose(out);
    if (!ok) fail_msg("%s: %s", asked->name, err.text);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof QUERIES / sizeof QUERIES[0]; i++) {
        ask(&QUERIES[i]);
        if (QUERIES[i].columns != NULL) keep_columns(output, QUERIES[i].columns);
        const char *rows = strchr(output, '\n') + 1;
        if (strcmp(rows, QUERIES[i].want) != 0)
            fail_msg("%s: found\n%sexpected\n%s", QUERIES[i].name, rows, QUERIES[i].want);
    }
}

static void test_every_query_has_an_answer_here(void **state)
{
    (void)state;
    char *list = NULL, *save = NULL;
    size_t n;
    FILE *names = open_memstream(&list, &n);
    query_list(names);
    (void)fclose(names);
    for (char *line = strtok_r(list, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (line[0] == ' ') continue;
        size_t length = strcspn(line, " ");
        assert_true(line[length] != '\0' && strlen(line + length) > 20); /* a title */
        line[length] = '\0';
        bool found = false;
        for (size_t i = 0; i < sizeof QUERIES / sizeof QUERIES[0]; i++)
            found = found || str_equal(QUERIES[i].name, line);
        if (!found) fail_msg("no answer for the query \"%s\"", line);
    }
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, setup, store_teardown),
        cmocka_unit_test(test_every_query_has_an_answer_here)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
