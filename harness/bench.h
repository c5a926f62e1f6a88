/* How fast a network trains: full steps (forward, backward, Adam) on random images, timed. */
#ifndef HARNESS_BENCH_H
#define HARNESS_BENCH_H

#include "err.h"
#include "model_dir.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *net;       /* as in net_list */
    const ModelDir *model; /* of net clip, borrowed; NULL for others */
    int size, channels, n_classes, batch;
    int threads;
    int warm_up, steps; /* steps before the clock runs; timed steps */
    uint64_t seed;
} BenchOptions;

typedef struct {
    double seconds;           /* per step, median */
    double images_per_second; /* batch / seconds */
    double gflops;          /* 1e9 floating-point operations per second, multiply and add as two */
    double step_flops;      /* of one step without the optimiser */
    size_t step_bytes;      /* peak of the tape: activations, gradients of them, scratch */
    size_t parameter_bytes; /* values, gradients, slots of the optimiser */
    double loss;            /* of the last step */
} BenchResult;

double bench_median(double *values, int n); /* sorts them */

/* The random batch that is trained on: images [batch,size,size,channels] and labels [batch]; the
 * caller frees both. */
void bench_batch(float **images, int **labels, const BenchOptions *options);

/* Error: unknown network, or a size that it does not take. */
MUST_USE bool bench_training(BenchResult *out, const BenchOptions *options, Err *err);

#endif
