/* Pooling. Values of max pools are far apart: no kinks. */
#include "gradcheck.h"
#include "ops.h"

typedef struct {
    int kernel, stride, pad;
} PoolOptions;

static Tensor *build_max(Tape *t, Tensor **in, const void *options)
{
    const PoolOptions *o = options;
    return nn_max_pool(t, in[0], o->kernel, o->stride, o->pad);
}

static Tensor *build_avg(Tape *t, Tensor **in, const void *options)
{
    const PoolOptions *o = options;
    return nn_avg_pool(t, in[0], o->kernel, o->stride, o->pad);
}

static Tensor *build_global(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    return nn_global_avg_pool(t, in[0]);
}

#define POOL(k, s, p)                                                                              \
    .options = &(const PoolOptions)                                                                \
    {                                                                                              \
        k, s, p                                                                                    \
    }

static const GradRow ROWS[] = {
    {"max pool 3, stride 2, padding 1",
     build_max,
     {{4, {2, 7, 6, 3}, .spread = true}},
     POOL(3, 2, 1)},
    {"max pool 2", build_max, {{4, {1, 5, 4, 5}, .spread = true}}, POOL(2, 2, 0)},
    {"max pool 3, stride 1", build_max, {{4, {3, 4, 5, 2}, .spread = true}}, POOL(3, 1, 1)},
    {"max pool 2, stride 3", build_max, {{4, {2, 8, 7, 1}, .spread = true}}, POOL(2, 3, 0)},
    {"avg pool 2", build_avg, {{4, {2, 5, 4, 3}}}, POOL(2, 2, 0)},
    {"avg pool 3, stride 2, padding 1", build_avg, {{4, {1, 6, 7, 2}}}, POOL(3, 2, 1)},
    {"avg pool 3, stride 1", build_avg, {{4, {2, 4, 5, 2}}}, POOL(3, 1, 0)},
    {"global avg pool", build_global, {{4, {3, 5, 3, 7}}}},
    {"global avg pool, batch 1", build_global, {{4, {1, 7, 9, 3}}}},
};
const GradTable GRADCHECK_POOL = {ROWS, sizeof ROWS / sizeof *ROWS};
