/* `dgbench bench`: how fast networks train on this machine. */
#include "bench_adapters.h"
#include "commands.h"
#include "model_dir.h"
#include "str.h"

/* What is timed without --net: the cases that scripts/bench-vs-torch compares with PyTorch. */
static const BenchOptions cases[] = {
    {.net = "mnist-cnn", .size = 28, .channels = 2, .batch = 64},
    {.net = "resnet-small", .size = 32, .channels = 3, .batch = 160},
    {.net = "resnet-18", .size = 64, .channels = 3, .batch = 32},
    {.net = "resnet-50", .size = 224, .channels = 3, .batch = 8},
    {.net = "vit-mini-4", .size = 32, .channels = 3, .batch = 64},
};

enum { N_CASES = sizeof cases / sizeof cases[0] };

/* The case of that name with what the options say over it; a network without a case begins as
 * resnet-18's. */
static BenchOptions case_named(const char *net)
{
    for (int i = 0; i < N_CASES; i++) {
        if (str_equal(cases[i].net, net)) return cases[i];
    }
    BenchOptions options = cases[2];
    options.net = net;
    return options;
}

static bool read_int(int *out, const Args *args, const char *name, int high, Err *err)
{
    int64_t value = *out;
    if (!args_int(args, &value, name, 1, high, err)) return false;
    *out = (int)value;
    return true;
}

static bool read_options(BenchOptions *o, const Args *args, Err *err)
{
    o->n_classes = 10;
    o->threads = 1;
    o->warm_up = 2;
    o->steps = 5;
    return read_int(&o->size, args, "size", 512, err) &&
           read_int(&o->channels, args, "channels", 3, err) &&
           read_int(&o->batch, args, "batch", 65536, err) &&
           read_int(&o->n_classes, args, "classes", 65536, err) &&
           read_int(&o->threads, args, "threads", 1024, err) &&
           read_int(&o->steps, args, "steps", 1000000, err);
}

static void print_json(const BenchOptions *o, const BenchResult *r)
{
    printf("{\"net\": \"%s\", \"size\": %d, \"channels\": %d, \"batch\": %d, \"threads\": %d, "
           "\"seconds\": %.6g, \"images_per_second\": %.6g, \"gflops\": %.6g, "
           "\"step_flops\": %.6g, \"step_bytes\": %zu, \"parameter_bytes\": %zu, \"loss\": %.6g}\n",
           o->net, o->size, o->channels, o->batch, o->threads, r->seconds, r->images_per_second,
           r->gflops, r->step_flops, r->step_bytes, r->parameter_bytes, r->loss);
}

static void print_heading(void)
{
    printf("%-16s%6s%7s%9s%11s%10s%9s%10s\n", "network", "size", "batch", "threads", "ms/step",
           "images/s", "GFLOP/s", "MiB");
}

static void print_text(const BenchOptions *o, const BenchResult *r)
{
    printf("%-16s%6d%7d%9d%11.1f%10.1f%9.1f%10.1f\n", o->net, o->size, o->batch, o->threads,
           1e3 * r->seconds, r->images_per_second, r->gflops,
           (double)(r->step_bytes + r->parameter_bytes) / 0x1p20);
}

static void print_adapters(const BenchAdapterOptions *o, const BenchAdapterRow *rows, int n)
{
    int lora = 0;
    while (lora < n - 1 && !str_equal(rows[lora].method, "lora")) lora++;
    printf("%s at %d, %d images, %d thread%s; adapters on %s, rank %d\n", o->net.net, o->net.size,
           o->net.batch, o->net.threads, o->net.threads == 1 ? "" : "s", o->target, o->rank);
    printf("%-10s%14s%14s%10s%10s%8s%12s%12s%9s%9s\n", "method", "trained", "at inference", "MiB",
           "state", "GFLOP", "ms/update", "CPU ms", "x LoRA", "x full");
    for (int i = 0; i < n; i++) {
        const BenchAdapterRow *r = &rows[i];
        printf("%-10s%14zu%14zu%10.1f%10.1f%8.1f%12.1f%12.1f%9.2f%9.2f\n", r->method, r->trained,
               r->inference, (double)r->bytes / 0x1p20, (double)r->state_bytes / 0x1p20,
               r->update_flops * 1e-9, 1e3 * r->seconds, 1e3 * r->cpu_seconds,
               r->cpu_seconds / rows[lora].cpu_seconds, r->cpu_seconds / rows[0].cpu_seconds);
    }
}

static void print_adapters_json(const BenchAdapterOptions *o, const BenchAdapterRow *rows, int n)
{
    for (int i = 0; i < n; i++) {
        const BenchAdapterRow *r = &rows[i];
        printf("{\"net\": \"%s\", \"size\": %d, \"batch\": %d, \"threads\": %d, \"target\": "
               "\"%s\", \"rank\": %d, \"method\": \"%s\", \"trained\": %zu, \"inference\": %zu, "
               "\"seconds\": %.6g, \"cpu_seconds\": %.6g, \"update_flops\": %.6g, \"bytes\": %zu, "
               "\"state_bytes\": %zu}\n",
               o->net.net, o->net.size, o->net.batch, o->net.threads, o->target, o->rank, r->method,
               r->trained, r->inference, r->seconds, r->cpu_seconds, r->update_flops, r->bytes,
               r->state_bytes);
    }
}

static bool bench_all_adapters(const BenchOptions *net, const Args *args, Err *err)
{
    BenchAdapterRow rows[BENCH_MAX_METHODS];
    BenchAdapterOptions o = {.net = *net, .target = args_text(args, "adapters"), .rank = 8};
    int n;
    if (!read_options(&o.net, args, err) || !read_int(&o.rank, args, "rank", 65536, err) ||
        !bench_adapters(rows, &n, &o, err))
        return false;
    if (args_has(args, "json"))
        print_adapters_json(&o, rows, n);
    else
        print_adapters(&o, rows, n);
    return true;
}

static bool bench_one(BenchOptions options, bool heading, const Args *args, Err *err)
{
    BenchResult result;
    if (!read_options(&options, args, err) || !bench_training(&result, &options, err)) return false;
    if (args_has(args, "json")) {
        print_json(&options, &result);
    } else {
        if (heading) print_heading();
        print_text(&options, &result);
    }
    (void)fflush(stdout); /* shown at once; main looks for errors */
    return true;
}

static bool bench_net(BenchOptions options, const Args *args, Err *err)
{
    if (args_has(args, "adapters")) return bench_all_adapters(&options, args, err);
    return bench_one(options, true, args, err);
}

/* The image tower of a model directory, at its own size. */
static bool bench_model(const char *path, const Args *args, Err *err)
{
    ModelDir *model;
    if (!model_dir_open(&model, path, err)) return false;
    BenchOptions options = case_named("clip");
    options.model = model;
    options.size = model_dir_preprocessing(model)->size;
    bool ok = bench_net(options, args, err);
    model_dir_close(model);
    return ok;
}

static bool run_bench(const Args *args, Err *err)
{
    const char *net = args_text(args, "net"), *model = args_text(args, "model");
    if (model != NULL) return bench_model(model, args, err);
    if (args_has(args, "adapters") && net == NULL)
        return err_set(err, ERR_USAGE, "--adapters: expected --net or --model beside it");
    if (net != NULL) return bench_net(case_named(net), args, err);
    bool ok = true;
    for (int i = 0; i < N_CASES && ok; i++) ok = bench_one(cases[i], i == 0, args, err);
    return ok;
}

static const CliOption options[] = {
    {"net", 0, "NAME", "only this network (see dgbench list nets)", 0},
    {"model", 0, "DIR", "the image tower of this model directory (net clip)", 0},
    {"adapters", 0, "TARGET",
     "what adapters on these layers cost beside full fine-tuning (see dgbench list "
     "adapter-targets)",
     0},
    {"rank", 0, "N", "of adapters (default: 8)", 0},
    {"size", 0, "N", "pixels", 0},
    {"channels", 0, "N", "colour channels", 0},
    {"batch", 0, "N", "images per step", 0},
    {"classes", 0, "N", "classes (default: 10)", 0},
    {"threads", 't', "N", "threads (default: 1)", 0},
    {"steps", 0, "N", "timed steps (default: 5); the median counts", 0},
    {"json", 0, NULL, "a JSON object per network", 0},
    {0},
};

const Command command_bench = {
    .name = "bench",
    .operands = "",
    .help = "time training steps of the networks",
    .about = "A step is forward, backward and Adam on one random batch. Without --net, the five "
             "cases that scripts/bench-vs-torch compares with PyTorch. With --adapters, updates of "
             "full fine-tuning and of every adapter take turns; ratios are of CPU time.",
    .example = "dgbench bench --net resnet-18 --threads 2\n"
               "dgbench bench --net vit-small-16 --size 224 --batch 2 --adapters qkvo",
    .options = options,
    .run = run_bench,
};
