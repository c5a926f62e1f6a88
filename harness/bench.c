/* Training steps on one fixed random batch. */
#include "bench.h"

#include "clock.h"
#include "mem.h"
#include "net.h"
#include "optim.h"
#include "rng.h"
#include "tape.h"

#include <stdlib.h>

typedef struct {
    const BenchOptions *options;
    Net *net;
    ThreadPool *threads;
    Tape *tape;
    Optimizer *optimizer;
    float *images;
    int *labels;
} Bench;

void bench_batch(float **images, int **labels, const BenchOptions *o)
{
    size_t n = (size_t)o->batch * (size_t)o->size * (size_t)o->size * (size_t)o->channels;
    *images = mem_alloc(n, sizeof **images);
    *labels = mem_alloc((size_t)o->batch, sizeof **labels);
    RngStream random = rng_stream(o->seed, "bench");
    for (size_t i = 0; i < n; i++) (*images)[i] = (float)rng_normal(random, 0, i);
    for (int i = 0; i < o->batch; i++) (*labels)[i] = i % o->n_classes;
}

/* Returns the loss. */
static double train_step(Bench *b, int step)
{
    const BenchOptions *o = b->options;
    tape_begin(b->tape, TAPE_TRAINING | TAPE_GRADIENTS, (uint64_t)step);
    Tensor *x = tape_input(b->tape, b->images, 4, (int[]){o->batch, o->size, o->size, o->channels});
    Tensor *logits = net_classify(b->net, b->tape, net_features(b->net, b->tape, x));
    Tensor *loss = nn_cross_entropy(b->tape, logits, b->labels, NULL);
    tape_backward(b->tape, loss);
    optim_step(b->optimizer, net_params(b->net), b->threads);
    params_zero_gradients(net_params(b->net));
    return (double)loss->v[0];
}

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare_seconds);
    return values[n / 2];
}

static void time_steps(Bench *b, BenchResult *out)
{
    const BenchOptions *o = b->options;
    double *seconds = mem_alloc((size_t)o->steps, sizeof *seconds);
    for (int i = 0; i < o->warm_up; i++) train_step(b, i);
    for (int i = 0; i < o->steps; i++) {
        double begin = clock_seconds();
        out->loss = train_step(b, o->warm_up + i);
        seconds[i] = clock_seconds() - begin;
    }
    out->seconds = bench_median(seconds, o->steps);
    free(seconds);
}

bool bench_training(BenchResult *out, const BenchOptions *options, Err *err)
{
    Bench b = {.options = options};
    NetOptions net = {.name = options->net,
                      .size = options->size,
                      .channels = options->channels,
                      .n_classes = options->n_classes,
                      .model = options->model,
                      .from_scratch = true,
                      .seed = options->seed};
    if (!net_new(&b.net, &net, err)) return false;
    b.threads = thread_pool_new(options->threads);
    b.tape = tape_new(&(TapeOptions){.threads = b.threads, .seed = options->seed});
    OptimOptions adam = {.kind = OPTIM_ADAM, .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    b.optimizer = optim_new(&adam, net_params(b.net));
    bench_batch(&b.images, &b.labels, options);
    *out = (BenchResult){0};
    time_steps(&b, out);
    TapeCost cost = tape_cost(b.tape);
    out->step_flops = cost.forward_flops + cost.backward_flops;
    out->gflops = out->step_flops / out->seconds * 1e-9;
    out->images_per_second = options->batch / out->seconds;
    out->step_bytes = cost.peak_bytes;
    size_t arrays = 2 + (size_t)optim_slots(b.optimizer);
    out->parameter_bytes = arrays * params_size(net_params(b.net)) * sizeof(Real);
    free(b.images);
    free(b.labels);
    optim_free(b.optimizer);
    tape_free(b.tape);
    thread_pool_free(b.threads);
    net_free(b.net);
    return true;
}
