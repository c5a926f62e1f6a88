/* Group norm: like batch norm with statistics per image and group. Every image is one unit of work:
 * its pixels are read twice, the second time from cache. */
#include "err.h"
#include "moments.h"
#include "ops.h"
#include "parts.h"

#include <math.h>
#include <string.h>

typedef struct {
    size_t images, pixels, channels, groups;
    Real *mean, *inv_std; /* [N, groups] */
    double eps;
} GroupNorm;

typedef struct {
    const GroupNorm *norm;
    const Real *x, *gamma, *beta, *dy;
    Real *y, *dx;
    bool dx_fresh;
    double *doubles; /* [parts, 4 C]: two of the image, two of the part */
    Real *reals;     /* [parts, 4 C] */
} GroupNormWork;

/* out = a * scale + (b - center) * across + shift per channel; b == NULL: without it. */
typedef struct {
    const Real *a, *b;
    Real *out;
    const Real *center, *scale, *across, *shift; /* [C] */
    size_t rows, columns;
    bool add;
} Affine;

SIMD_CLONES
static void affine_rows(const Affine *f)
{
    size_t columns = f->columns;
    const Real *restrict center = f->center, *restrict scale = f->scale, *restrict shift = f->shift;
    for (size_t r = 0; r < f->rows; r++) {
        const Real *restrict a = f->a + r * columns;
        Real *restrict out = f->out + r * columns;
        for (size_t c = 0; c < columns; c++) out[c] = (a[c] - center[c]) * scale[c] + shift[c];
    }
}

SIMD_CLONES
static void affine_rows_backward(const Affine *f)
{
    size_t columns = f->columns;
    const Real *restrict center = f->center, *restrict scale = f->scale, *restrict shift = f->shift,
                         *restrict across = f->across;
    for (size_t r = 0; r < f->rows; r++) {
        const Real *restrict a = f->a + r * columns, *restrict b = f->b + r * columns;
        Real *restrict out = f->out + r * columns;
        for (size_t c = 0; c < columns; c++) {
            Real v = a[c] * scale[c] + ((b[c] - center[c]) * across[c] + shift[c]);
            out[c] = f->add ? out[c] + v : v;
        }
    }
}

/* ---- forward ---- */

static void forward_image(const GroupNormWork *w, size_t image, double *doubles, Real *reals)
{
    const GroupNorm *n = w->norm;
    size_t c = n->channels, per_group = c / n->groups, at = image * n->pixels * c;
    double *mean = doubles, *squares = doubles + c;
    Real *center = reals, *scale = reals + c;
    moments_of_columns(mean, squares, w->x + at, n->pixels, c, reals + 2 * c);
    for (size_t g = 0; g < n->groups; g++) {
        Moments m = {0};
        for (size_t i = g * per_group; i < (g + 1) * per_group; i++) {
            m = moments_merge(m, (Moments){(double)n->pixels, mean[i], squares[i]});
        }
        double inv_std = 1 / sqrt(m.squares / m.n + n->eps);
        n->mean[image * n->groups + g] = (Real)m.mean;
        n->inv_std[image * n->groups + g] = (Real)inv_std;
        for (size_t i = g * per_group; i < (g + 1) * per_group; i++) {
            center[i] = (Real)m.mean;
            scale[i] = (Real)(inv_std * (double)w->gamma[i]);
        }
    }
    affine_rows(&(Affine){.a = w->x + at,
                          .out = w->y + at,
                          .center = center,
                          .scale = scale,
                          .shift = w->beta,
                          .rows = n->pixels,
                          .columns = c});
}

static void forward_task(void *context, Part images)
{
    const GroupNormWork *w = context;
    size_t at = (size_t)images.index * 4 * w->norm->channels;
    for (size_t i = images.begin; i < images.end; i++) {
        forward_image(w, i, w->doubles + at, w->reals + at);
    }
}

/* ---- backward ---- */

/* dgamma, dbeta: [C] sums of this part, added to. */
static void backward_image(const GroupNormWork *w, size_t image, double *doubles, Real *reals)
{
    const GroupNorm *n = w->norm;
    size_t c = n->channels, per_group = c / n->groups, at = image * n->pixels * c;
    double *sums = doubles, *products = doubles + c, *dgamma = doubles + 2 * c;
    double *dbeta = doubles + 3 * c;
    Real *center = reals, *scale = reals + c, *across = reals + 2 * c, *shift = reals + 3 * c;
    for (size_t i = 0; i < c; i++) center[i] = n->mean[image * n->groups + i / per_group];
    MomentsGradient m = {w->dy + at, w->x + at, center, n->pixels, c};
    moments_gradient(sums, products, &m, reals + 2 * c);
    double size = (double)(n->pixels * per_group);
    for (size_t g = 0; g < n->groups; g++) {
        double inv_std = (double)n->inv_std[image * n->groups + g], sum = 0, product = 0;
        for (size_t i = g * per_group; i < (g + 1) * per_group; i++) {
            dgamma[i] += products[i] * inv_std;
            dbeta[i] += sums[i];
            sum += (double)w->gamma[i] * sums[i];
            product += (double)w->gamma[i] * products[i];
        }
        for (size_t i = g * per_group; i < (g + 1) * per_group; i++) {
            scale[i] = (Real)((double)w->gamma[i] * inv_std);
            across[i] = (Real)(-inv_std * inv_std * inv_std * product / size);
            shift[i] = (Real)(-inv_std * sum / size);
        }
    }
    if (w->dx == NULL) return;
    affine_rows_backward(&(Affine){.a = w->dy + at,
                                   .b = w->x + at,
                                   .out = w->dx + at,
                                   .center = center,
                                   .scale = scale,
                                   .across = across,
                                   .shift = shift,
                                   .rows = n->pixels,
                                   .columns = c,
                                   .add = !w->dx_fresh});
}

static void backward_task(void *context, Part images)
{
    const GroupNormWork *w = context;
    size_t c = w->norm->channels, at = (size_t)images.index * 4 * c;
    memset(w->doubles + at + 2 * c, 0, 2 * c * sizeof *w->doubles);
    for (size_t i = images.begin; i < images.end; i++) {
        backward_image(w, i, w->doubles + at, w->reals + at);
    }
}

static size_t work_scratch(ThreadPool *threads, size_t channels)
{
    size_t n = 4 * (size_t)thread_pool_size(threads) * channels;
    return n + parts_reals_of_doubles(n);
}

static void work_place(GroupNormWork *w, ThreadPool *threads, Real *scratch)
{
    size_t n = 4 * (size_t)thread_pool_size(threads) * w->norm->channels;
    w->doubles = (double *)(void *)scratch;
    w->reals = scratch + parts_reals_of_doubles(n);
}

static void group_norm_backward(Tape *t, Tensor *y)
{
    const GroupNorm *n = y->aux;
    ThreadPool *threads = tape_threads(t);
    GroupNormWork w = {
        .norm = n, .x = y->inputs[0]->v, .gamma = y->inputs[1]->v, .dy = y->g, .dx = NULL};
    w.dx = tape_grad_fresh(t, y->inputs[0], &w.dx_fresh);
    Real *dgamma = tape_grad(t, y->inputs[1]), *dbeta = tape_grad(t, y->inputs[2]);
    Real *scratch = tape_scratch(t, y->backward_scratch);
    work_place(&w, threads, scratch);
    parts_run(threads, n->images, 1, backward_task, &w);
    size_t n_parts = (size_t)parts_count(threads, n->images, 1), c = n->channels;
    for (size_t part = 0; part < n_parts; part++) {
        const double *sums = w.doubles + part * 4 * c + 2 * c;
        for (size_t i = 0; i < c; i++) {
            if (dgamma != NULL) dgamma[i] += (Real)sums[i];
            if (dbeta != NULL) dbeta[i] += (Real)sums[c + i];
        }
    }
    tape_scratch_end(t, scratch, y->backward_scratch);
}

Tensor *nn_group_norm(Tape *t, Tensor *x, Tensor *gamma, Tensor *beta, int groups, double eps)
{
    char sx[TENSOR_TEXT_SIZE], sg[TENSOR_TEXT_SIZE];
    check(x->rank == 4 && groups >= 1 && x->dims[3] % groups == 0 &&
              tensor_size(gamma) == (size_t)x->dims[3] && tensor_same_shape(gamma, beta),
          "group_norm: x %s against gamma %s, %d groups", tensor_text(x, sx),
          tensor_text(gamma, sg), groups);
    ThreadPool *threads = tape_threads(t);
    GroupNorm n = {.images = (size_t)x->dims[0],
                   .pixels = (size_t)(x->dims[1] * x->dims[2]),
                   .channels = (size_t)x->dims[3],
                   .groups = (size_t)groups,
                   .eps = eps};
    size_t scratch_size = work_scratch(threads, n.channels);
    Tensor *inputs[] = {x, gamma, beta};
    Tensor *y = tape_result(t,
                            &(TapeOp){.op = "group_norm",
                                      .backward = group_norm_backward,
                                      .inputs = inputs,
                                      .n_inputs = 3,
                                      .flops = 8.0 * (double)tensor_size(x),
                                      .backward_scratch = scratch_size},
                            x->rank, x->dims);
    n.mean = tape_save(t, y, 2 * n.images * n.groups, sizeof *n.mean);
    n.inv_std = n.mean + n.images * n.groups;
    y->aux = tape_aux(t, sizeof n);
    *(GroupNorm *)y->aux = n;
    Real *scratch = tape_scratch(t, scratch_size);
    GroupNormWork w = {.norm = &n, .x = x->v, .gamma = gamma->v, .beta = beta->v, .y = y->v};
    work_place(&w, threads, scratch);
    if (!tape_planning(t)) parts_run(threads, n.images, 1, forward_task, &w);
    tape_scratch_end(t, scratch, scratch_size);
    return y;
}
