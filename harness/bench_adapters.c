/* Updates of adapters on one fixed random batch: see bench_adapters.h. */
#include "bench_adapters.h"

#include "adapter.h"
#include "clock.h"
#include "mem.h"
#include "registry.h"
#include "run_adapter.h"

#include <stdlib.h>

enum { INPUT = 128, WIDTH = 32 }; /* of generators: the defaults of method.op_input, op_width */

typedef struct {
    const BenchAdapterOptions *options;
    ThreadPool *threads;
    Learner *learners[BENCH_MAX_METHODS];
    double *seconds[BENCH_MAX_METHODS], *cpu_seconds[BENCH_MAX_METHODS];
    int n;
    Batch batch;
    float *images;
    int *labels, offsets[2];
} Bench;

static void make_batch(Bench *b)
{
    const BenchOptions *o = &b->options->net;
    bench_batch(&b->images, &b->labels, o);
    b->offsets[1] = o->batch;
    b->batch = (Batch){.n = o->batch,
                       .n_sources = 1,
                       .offsets = b->offsets,
                       .size = o->size,
                       .channels = o->channels,
                       .x = b->images,
                       .y = b->labels};
}

/* kind NULL: full fine-tuning. */
MUST_USE static bool add_method(Bench *b, const AdapterKind *kind, Err *err)
{
    const BenchOptions *o = &b->options->net;
    AdapterOptions adapter = {.kind = kind,
                              .targets = &b->options->target,
                              .n_targets = 1,
                              .rank = b->options->rank,
                              .lr_ratio = 1,
                              .generator = {INPUT, WIDTH, 0.01, OP_INIT_PAPER}};
    LearnerOptions learner = {
        .net = {.name = o->net,
                .size = o->size,
                .channels = o->channels,
                .n_classes = o->n_classes,
                .model = o->model,
                .from_scratch = true,
                .seed = o->seed,
                .adapter = kind != NULL ? &ADAPTER_HOOK : NULL,
                .adapter_options = &adapter},
        .freeze_batch_norm = kind != NULL,
        .trainable = kind != NULL ? NET_TRAIN_ADAPTER : NET_TRAIN_ALL,
        .optim = {.kind = OPTIM_ADAM, .lr = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
        .objective = method_objective("erm"),
        .threads = b->threads};
    check(b->n < BENCH_MAX_METHODS, "%d methods", b->n);
    if (!learner_new(&b->learners[b->n], &learner, err)) return false;
    b->seconds[b->n] = mem_alloc((size_t)o->steps, sizeof **b->seconds);
    b->cpu_seconds[b->n] = mem_alloc((size_t)o->steps, sizeof **b->cpu_seconds);
    b->n++;
    return true;
}

static void time_updates(Bench *b)
{
    const BenchOptions *o = &b->options->net;
    for (int i = 0; i < o->warm_up + o->steps; i++) {
        for (int m = 0; m < b->n; m++) {
            double begin = clock_seconds(), cpu_begin = clock_cpu_seconds();
            (void)learner_update(b->learners[m], &b->batch, i);
            if (i < o->warm_up) continue;
            b->seconds[m][i - o->warm_up] = clock_seconds() - begin;
            b->cpu_seconds[m][i - o->warm_up] = clock_cpu_seconds() - cpu_begin;
        }
    }
}

static BenchAdapterRow row_of(const Bench *b, int m, const char *method)
{
    Learner *l = b->learners[m];
    int n = b->options->net.steps;
    TapeCost cost = learner_plan_update(l, b->batch.n, b->batch.n_sources);
    size_t state = learner_state_bytes(l);
    return (BenchAdapterRow){.method = method,
                             .trained = params_trainable_size(learner_params(l)),
                             .inference = (size_t)run_adapter_n_inference(l),
                             .seconds = bench_median(b->seconds[m], n),
                             .cpu_seconds = bench_median(b->cpu_seconds[m], n),
                             .update_flops = cost.forward_flops + cost.backward_flops,
                             .bytes = state + cost.peak_bytes,
                             .state_bytes = state};
}

bool bench_adapters(BenchAdapterRow rows[BENCH_MAX_METHODS], int *n_rows,
                    const BenchAdapterOptions *options, Err *err)
{
    Bench b = {.options = options, .threads = thread_pool_new(options->net.threads)};
    int n_kinds;
    const AdapterKind *kinds = adapter_kinds(&n_kinds);
    bool ok = add_method(&b, NULL, err);
    for (int i = 0; ok && i < n_kinds; i++) ok = add_method(&b, &kinds[i], err);
    if (ok) {
        make_batch(&b);
        time_updates(&b);
        for (int m = 0; m < b.n; m++) rows[m] = row_of(&b, m, m == 0 ? "full" : kinds[m - 1].name);
        *n_rows = b.n;
    }
    for (int m = 0; m < b.n; m++) {
        learner_free(b.learners[m]);
        free(b.seconds[m]);
        free(b.cpu_seconds[m]);
    }
    free(b.images);
    free(b.labels);
    thread_pool_free(b.threads);
    return ok;
}
