/* `dgbench bench`: how fast networks train on this machine. */
#include "bench.h"
#include "commands.h"
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

static bool run_bench(const Args *args, Err *err)
{
    const char *net = args_text(args, "net");
    if (net != NULL) return bench_one(case_named(net), true, args, err);
    bool ok = true;
    for (int i = 0; i < N_CASES && ok; i++) ok = bench_one(cases[i], i == 0, args, err);
    return ok;
}

static const CliOption options[] = {
    {"net", 0, "NAME", "only this network (see dgbench list nets)", 0},
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
             "cases that scripts/bench-vs-torch compares with PyTorch.",
    .example = "dgbench bench --net resnet-18 --threads 2",
    .options = options,
    .run = run_bench,
};
