/* `dgbench export`: a finished run's network for others, merged, or its adapter alone. */
#include "commands.h"
#include "read_results.h"
#include "run_export.h"

MUST_USE static bool export_merged(FinishedRun *f, const char *stem, const char *path, Err *err)
{
    if (!run_export_merged(f, stem, path, err)) return false;
    printf("run %s: %s holds %s with all weights merged; net.init takes it\n", f->key, path,
           f->spec.net.name);
    return true;
}

MUST_USE static bool export_adapter(FinishedRun *f, const char *stem, const Args *args, Err *err)
{
    double worst;
    const char *folder = args_text(args, "adapter");
    if (!run_export_adapter(&worst, f, stem, folder, args_text(args, "layout"), err)) return false;
    printf("run %s: %s holds its adapter; weights merged from it are the run's own to %.1g of the "
           "largest\n",
           f->key, folder, worst);
    return true;
}

static bool run_export(const Args *args, Err *err)
{
    const char *merged = args_text(args, "merged"), *adapter = args_text(args, "adapter");
    const char *results = args_text(args, "results");
    if ((merged == NULL) == (adapter == NULL))
        return err_set(err, ERR_USAGE, "export: expected either --merged FILE or --adapter DIR");
    if (merged != NULL && args_has(args, "layout"))
        return err_set(err, ERR_USAGE, "export: --layout is for --adapter");
    FinishedRunQuery query = {.results = results != NULL ? results : "dgbench.db",
                              .run = args_operand(args, 0),
                              .output = args_text(args, "output")};
    FinishedRun f;
    if (!finished_run_open(&f, &query, err)) return false;
    const char *stem = finished_run_stem(&f, args_has(args, "raw"));
    bool ok =
        merged != NULL ? export_merged(&f, stem, merged, err) : export_adapter(&f, stem, args, err);
    finished_run_close(&f);
    return ok;
}

static const CliOption options[] = {
    {"merged", 0, "FILE", "a safetensors file of the whole network", 0},
    {"adapter", 0, "DIR", "a folder in PEFT's format", 0},
    {"layout", 0, "NAME",
     "what the base model's layers are called: timm, huggingface-vit, torchvision-vit, open_clip, "
     "huggingface-clip or torchvision (default: as the network calls them)",
     0},
    {"raw", 0, NULL, "the raw weights, where the run reports an average", 0},
    OPTION_RESULTS,
    {"output", 'o', "DIR", "where the run's weights are (default: where they were made)", 0},
    {0},
};

const Command command_export = {
    .name = "export",
    .operands = "RUN",
    .min_operands = 1,
    .max_operands = 1,
    .help = "write a finished run's network, or its adapter in PEFT's format",
    .about =
        "RUN is a run's number or the beginning of its key; its weights have to be saved "
        "(train.save=last). A generator (op-lora, op-dora) is left behind: what it made is an "
        "ordinary LoRA or DoRA. --merged gives what costs no more than the base model and loads "
        "through net.init; --adapter gives adapter_model.safetensors and adapter_config.json, "
        "which "
        "method.adapter_load and PEFT read, with the classifier among modules_to_save. Attention "
        "of "
        "timm's ViTs is one matrix there: adapters of q, k and v become one of their ranks "
        "together.",
    .example = "dgbench export 12 --merged tuned.safetensors\n"
               "dgbench export 3f9a01c2 --adapter tuned --layout huggingface-vit",
    .options = options,
    .run = run_export,
};
