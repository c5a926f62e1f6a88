/* `dgbench predict`: what a finished run's network takes images for. */
#include "commands.h"
#include "read_results.h"
#include "run_predict.h"

MUST_USE static bool check_options(const Args *args, Err *err)
{
    if (args_has(args, "images") == args_has(args, "domain"))
        return err_set(err, ERR_USAGE, "predict: expected either --images DIR or --domain NAME");
    if (args_has(args, "weights") + args_has(args, "adapter") + args_has(args, "raw") <= 1)
        return true;
    return err_set(err, ERR_USAGE, "predict: expected one of --weights, --adapter and --raw");
}

static bool predict(FinishedRun *f, const Args *args, Err *err)
{
    RunPredictWeights weights = {.weights = args_text(args, "weights"),
                                 .adapter = args_text(args, "adapter"),
                                 .raw = args_has(args, "raw")};
    const char *images = args_text(args, "images");
    if (!run_predict_prepare(f, &weights, err)) return false;
    if (images != NULL) return run_predict_folder(f, stdout, images, err);
    return run_predict_domain(f, stdout, args_text(args, "domain"), err);
}

static bool run_predict(const Args *args, Err *err)
{
    const char *results = args_text(args, "results");
    FinishedRunQuery query = {.results = results != NULL ? results : "dgbench.db",
                              .run = args_operand(args, 0),
                              .output = args_text(args, "output")};
    FinishedRun f;
    if (!check_options(args, err) || !finished_run_open(&f, &query, err)) return false;
    bool ok = predict(&f, args, err);
    finished_run_close(&f);
    return ok;
}

static const CliOption options[] = {
    {"images", 0, "DIR", "all images below this folder", 0},
    {"domain", 0, "NAME", "all images of this domain of the run's dataset", 0},
    {"weights", 0, "FILE", "a network of `dgbench export --merged` in place of the run's own", 0},
    {"adapter", 0, "DIR", "an adapter in PEFT's format, over the weights that the run began with",
     0},
    {"raw", 0, NULL, "the raw weights, where the run reports an average", 0},
    OPTION_RESULTS,
    {"output", 'o', "DIR", "where the run's weights are (default: where they were made)", 0},
    {0},
};

const Command command_predict = {
    .name = "predict",
    .operands = "RUN",
    .min_operands = 1,
    .max_operands = 1,
    .help = "classify images with a finished run's network, as CSV",
    .about =
        "Writes path, class and confidence (the class's softmax probability) of every image. "
        "RUN, by its number or the beginning of its key, gives network, classes and how images "
        "are prepared. Adapters are merged into the weights first, so that an image costs what "
        "it costs the base model.",
    .example = "dgbench predict 12 --images photos > classes.csv\n"
               "dgbench predict 12 --adapter tuned --domain line",
    .options = options,
    .run = run_predict,
};
