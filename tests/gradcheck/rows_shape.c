/* Ops that move elements, and reductions. */
#include "gradcheck.h"

#include "ops.h"

/* ---- moving ---- */

typedef struct {
    int rank, dims[TENSOR_MAX_RANK]; /* of the result, or an order */
    int axis, begin, end;
    int n_ids;
    const int *ids;
} Move;

static Tensor *build_reshape(Tape *t, Tensor **in, const void *options)
{
    const Move *m = options;
    return nn_reshape(t, in[0], m->rank, m->dims);
}

/* A view of a view, and the base used beside it. */
static Tensor *build_views(Tape *t, Tensor **in, const void *options)
{
    const Move *m = options;
    Tensor *view = nn_reshape(t, nn_reshape(t, in[0], 1, (int[]){12}), m->rank, m->dims);
    return nn_matmul(t, view, in[0], false);
}

static Tensor *build_permute(Tape *t, Tensor **in, const void *options)
{
    return nn_permute(t, in[0], ((const Move *)options)->dims);
}

static Tensor *build_concat(Tape *t, Tensor **in, const void *options)
{
    int n = 0;
    while (n < GRAD_MAX_INPUTS && in[n] != NULL) n++;
    return nn_concat(t, in, n, ((const Move *)options)->axis);
}

static Tensor *build_slice(Tape *t, Tensor **in, const void *options)
{
    const Move *m = options;
    return nn_slice(t, in[0], m->axis, m->begin, m->end);
}

/* Overlapping slices of one tensor. */
static Tensor *build_slices(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    Tensor *parts[] = {nn_slice(t, in[0], 1, 0, 3), nn_slice(t, in[0], 1, 2, 5), in[0]};
    return nn_concat(t, parts, 3, 1);
}

static Tensor *build_embedding(Tape *t, Tensor **in, const void *options)
{
    const Move *m = options;
    return nn_embedding(t, in[0], m->ids, m->n_ids);
}

static Tensor *build_gather_rows(Tape *t, Tensor **in, const void *options)
{
    const Move *m = options;
    return nn_gather_rows(t, in[0], m->ids, m->n_ids);
}

static const int IDS[] = {3, 0, 3, 3, 1, 2, 0};
static const Move TO_VECTOR = {.rank = 1, .dims = {30}}, TO_IMAGE = {.rank = 3, .dims = {5, 2, 3}},
                  TO_3_4 = {.rank = 2, .dims = {3, 4}};
static const Move TRANSPOSE = {.dims = {1, 0}}, NHWC_NCHW = {.dims = {0, 3, 1, 2}},
                  REVERSE = {.dims = {4, 3, 2, 1, 0}}, KEEP_LAST = {.dims = {1, 0, 2}},
                  IDENTITY = {.dims = {0}};
static const Move AXIS_0 = {.axis = 0, .begin = 1, .end = 3},
                  AXIS_1 = {.axis = 1, .begin = 0, .end = 1},
                  AXIS_2 = {.axis = 2, .begin = 2, .end = 5};
static const Move ONE_ID = {.ids = IDS, .n_ids = 1}, ALL_IDS = {.ids = IDS, .n_ids = 7};

/* ---- reductions ---- */

typedef Tensor *Total(Tape *t, Tensor *x);
typedef Tensor *AlongAxis(Tape *t, Tensor *x, int axis);

typedef struct {
    Total *total;
    AlongAxis *along;
    int axis;
} Reduction;

static Tensor *build_reduction(Tape *t, Tensor **in, const void *options)
{
    const Reduction *r = options;
    return r->total != NULL ? r->total(t, in[0]) : r->along(t, in[0], r->axis);
}

static const Reduction SUM = {.total = nn_sum}, MEAN = {.total = nn_mean};
static const Reduction SUM_0 = {NULL, nn_sum_axis, 0}, SUM_1 = {NULL, nn_sum_axis, 1},
                       SUM_2 = {NULL, nn_sum_axis, 2}, MEAN_0 = {NULL, nn_mean_axis, 0},
                       MEAN_1 = {NULL, nn_mean_axis, 1}, MEAN_3 = {NULL, nn_mean_axis, 3};

static const GradRow ROWS[] = {
    {"reshape to a vector", build_reshape, {{2, {5, 6}}}, &TO_VECTOR},
    {"reshape", build_reshape, {{2, {6, 5}}}, &TO_IMAGE},
    {"reshape of a reshape, base used too", build_views, {{2, {4, 3}}}, &TO_3_4},
    {"permute, transpose", build_permute, {{2, {3, 5}}}, &TRANSPOSE},
    {"permute, NHWC to NCHW", build_permute, {{4, {2, 3, 4, 5}}}, &NHWC_NCHW},
    {"permute, rank 5", build_permute, {{5, {2, 3, 1, 4, 2}}}, &REVERSE},
    {"permute, last stays", build_permute, {{3, {3, 4, 2}}}, &KEEP_LAST},
    {"permute, rank 1", build_permute, {{1, {5}}}, &IDENTITY},
    {.name = "permute, large",
     .build = build_permute,
     .in = {{4, {3, 31, 29, 17}}},
     .options = &NHWC_NCHW,
     .directional = true},
    {"concat, axis 0", build_concat, {{2, {2, 3}}, {2, {1, 3}}, {2, {4, 3}}}, &AXIS_0},
    {"concat, axis 1", build_concat, {{3, {2, 3, 2}}, {3, {2, 1, 2}}}, &AXIS_1},
    {"concat, last axis", build_concat, {{3, {2, 2, 3}}, {3, {2, 2, 1}}}, &AXIS_2},
    {"concat of one", build_concat, {{1, {4}}}, &AXIS_0},
    {.name = "concat, large",
     .build = build_concat,
     .in = {{2, {3000, 7}}, {2, {3000, 5}}},
     .options = &AXIS_1,
     .directional = true},
    {"slice, axis 0", build_slice, {{2, {4, 3}}}, &AXIS_0},
    {"slice, axis 1", build_slice, {{3, {2, 3, 2}}}, &AXIS_1},
    {"slice, last axis", build_slice, {{3, {2, 2, 7}}}, &AXIS_2},
    {"slices that overlap", build_slices, {{3, {2, 5, 3}}}},
    {"embedding, repeated ids", build_embedding, {{2, {5, 3}}}, &ALL_IDS},
    {"embedding, one id", build_embedding, {{2, {4, 1}}}, &ONE_ID},
    {"gather rows, repeated ids", build_gather_rows, {{3, {4, 2, 3}}}, &ALL_IDS},
    {"gather rows of a vector", build_gather_rows, {{1, {4}}}, &ALL_IDS},
    {.name = "gather rows, wide",
     .build = build_gather_rows,
     .in = {{2, {4, 9001}}},
     .options = &ALL_IDS,
     .directional = true},
    {"sum", build_reduction, {{3, {2, 3, 5}}}, &SUM},
    {"sum of one", build_reduction, {{1, {1}}}, &SUM},
    {"mean", build_reduction, {{2, {3, 7}}}, &MEAN},
    {.name = "mean, large",
     .build = build_reduction,
     .in = {{2, {301, 203}}},
     .options = &MEAN,
     .directional = true},
    {"sum of axis 0", build_reduction, {{2, {3, 5}}}, &SUM_0},
    {"sum of axis 0, rank 1", build_reduction, {{1, {5}}}, &SUM_0},
    {"sum of axis 1", build_reduction, {{3, {2, 3, 5}}}, &SUM_1},
    {"sum of last axis", build_reduction, {{3, {2, 3, 11}}}, &SUM_2},
    {"mean of axis 0", build_reduction, {{2, {3, 70}}}, &MEAN_0},
    {"mean of axis 1, one column", build_reduction, {{2, {5, 1}}}, &MEAN_1},
    {"mean of last axis, rank 4", build_reduction, {{4, {2, 2, 3, 5}}}, &MEAN_3},
    {.name = "sum of axis 1, large",
     .build = build_reduction,
     .in = {{3, {5, 60, 150}}},
     .options = &SUM_1,
     .directional = true},
    {.name = "sum of last axis, large",
     .build = build_reduction,
     .in = {{2, {900, 41}}},
     .options = &SUM_1,
     .directional = true},
    {.name = "mean of axis 0, large",
     .build = build_reduction,
     .in = {{2, {20011, 3}}},
     .options = &MEAN_0,
     .directional = true},
};
const GradTable GRADCHECK_SHAPE = {ROWS, sizeof ROWS / sizeof *ROWS};
