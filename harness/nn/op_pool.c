/* Pooling over windows and over whole images. Every image is one unit of work. */
#include "err.h"
#include "ops.h"
#include "parts.h"

#include <math.h>
#include <string.h>

enum { MAX_POOL_KERNEL = 15, SUM_BLOCK_PIXELS = 32 };

typedef struct {
    int n, h, w, c, out_h, out_w, kernel, stride, pad;
    unsigned char *chosen; /* max: tap that won, per output element; NULL: not recorded */
    const Real *in;        /* forward: x; backward: dy */
    Real *out;             /* forward: y; backward: dx, added to */
} Pool;

/* Calls each on (output pixel, input pixel, tap) of one image, taps in row order. */
typedef void PoolStep(const Pool *p, size_t out_pixel, size_t in_pixel, int tap);

static void pool_window(const Pool *p, int n, int i, int j, PoolStep *step)
{
    size_t out_pixel = ((size_t)n * (size_t)p->out_h + (size_t)i) * (size_t)p->out_w + (size_t)j;
    for (int a = 0; a < p->kernel; a++) {
        int h = i * p->stride - p->pad + a;
        if (h < 0 || h >= p->h) continue;
        for (int b = 0; b < p->kernel; b++) {
            int w = j * p->stride - p->pad + b;
            if (w < 0 || w >= p->w) continue;
            size_t in_pixel = ((size_t)n * (size_t)p->h + (size_t)h) * (size_t)p->w + (size_t)w;
            step(p, out_pixel, in_pixel, a * p->kernel + b);
        }
    }
}

static void pool_images(const Pool *p, Part images, PoolStep *step)
{
    for (size_t n = images.begin; n < images.end; n++) {
        for (int i = 0; i < p->out_h; i++) {
            for (int j = 0; j < p->out_w; j++) pool_window(p, (int)n, i, j, step);
        }
    }
}

static Pool pool_shape(const char *op, const Tensor *x, int kernel, int stride, int pad)
{
    char text[TENSOR_TEXT_SIZE];
    check(x->rank == 4, "%s: x %s", op, tensor_text(x, text));
    check(kernel >= 1 && stride >= 1 && pad >= 0 && 2 * pad <= kernel,
          "%s: kernel %d, stride %d, padding %d", op, kernel, stride, pad);
    Pool p = {.n = x->dims[0],
              .h = x->dims[1],
              .w = x->dims[2],
              .c = x->dims[3],
              .kernel = kernel,
              .stride = stride,
              .pad = pad};
    check(p.h + 2 * pad >= kernel && p.w + 2 * pad >= kernel, "%s: kernel %d in x %s", op, kernel,
          tensor_text(x, text));
    p.out_h = (p.h + 2 * pad - kernel) / stride + 1;
    p.out_w = (p.w + 2 * pad - kernel) / stride + 1;
    return p;
}

static Tensor *pool_result(Tape *t, Pool *p, const char *op, TensorBackward *backward, Tensor *x)
{
    double flops = (double)p->n * p->out_h * p->out_w * p->c * p->kernel * p->kernel;
    Tensor *y = tape_result(
        t, &(TapeOp){.op = op, .backward = backward, .inputs = &x, .n_inputs = 1, .flops = flops},
        4, (int[]){p->n, p->out_h, p->out_w, p->c});
    y->aux = tape_aux(t, sizeof *p);
    p->in = x->v;
    p->out = y->v;
    return y;
}

/* ---- max ---- */

/* As torch: the first of equal values wins, NaN wins over numbers. */
SIMD_CLONES
static void max_step(const Pool *p, size_t out_pixel, size_t in_pixel, int tap)
{
    size_t c = (size_t)p->c;
    const Real *restrict x = p->in + in_pixel * c;
    Real *restrict y = p->out + out_pixel * c;
    for (size_t i = 0; i < c; i++) y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i];
    (void)tap;
}

SIMD_CLONES
static void max_step_recorded(const Pool *p, size_t out_pixel, size_t in_pixel, int tap)
{
    size_t c = (size_t)p->c;
    const Real *restrict x = p->in + in_pixel * c;
    Real *restrict y = p->out + out_pixel * c;
    unsigned char *restrict chosen = p->chosen + out_pixel * c;
    for (size_t i = 0; i < c; i++) {
        bool wins = x[i] > y[i] || x[i] != x[i];
        y[i] = wins ? x[i] : y[i];
        chosen[i] = wins ? (unsigned char)tap : chosen[i];
    }
}

static void max_forward_task(void *context, Part images)
{
    const Pool *p = context;
    size_t image_size = (size_t)p->out_h * (size_t)p->out_w * (size_t)p->c;
    for (size_t i = images.begin * image_size; i < images.end * image_size; i++) {
        p->out[i] = -(Real)INFINITY;
    }
    if (p->chosen != NULL) {
        memset(p->chosen + images.begin * image_size, 0, (images.end - images.begin) * image_size);
    }
    pool_images(p, images, p->chosen != NULL ? max_step_recorded : max_step);
}

SIMD_CLONES
static void max_backward_step(const Pool *p, size_t out_pixel, size_t in_pixel, int tap)
{
    size_t c = (size_t)p->c;
    const Real *restrict dy = p->in + out_pixel * c;
    Real *restrict dx = p->out + in_pixel * c;
    const unsigned char *restrict chosen = p->chosen + out_pixel * c;
    for (size_t i = 0; i < c; i++) dx[i] += chosen[i] == tap ? dy[i] : 0;
}

static void max_backward_task(void *context, Part images)
{
    pool_images(context, images, max_backward_step);
}

static void max_pool_backward(Tape *t, Tensor *y)
{
    Pool p = *(const Pool *)y->aux;
    p.in = y->g;
    p.out = tape_grad(t, y->inputs[0]);
    if (p.out != NULL) parts_run(tape_threads(t), (size_t)p.n, 1, max_backward_task, &p);
}

Tensor *nn_max_pool(Tape *t, Tensor *x, int kernel, int stride, int pad)
{
    Pool p = pool_shape("max_pool", x, kernel, stride, pad);
    check(kernel <= MAX_POOL_KERNEL, "max_pool: kernel %d, at most %d", kernel, MAX_POOL_KERNEL);
    Tensor *y = pool_result(t, &p, "max_pool", max_pool_backward, x);
    if (y->needs_grad) p.chosen = tape_save(t, y, tensor_size(y), sizeof *p.chosen);
    *(Pool *)y->aux = p;
    if (!tape_planning(t)) parts_run(tape_threads(t), (size_t)p.n, 1, max_forward_task, &p);
    return y;
}

/* ---- average ---- */

SIMD_CLONES
static void avg_step(const Pool *p, size_t out_pixel, size_t in_pixel, int tap)
{
    size_t c = (size_t)p->c;
    const Real *restrict x = p->in + in_pixel * c;
    Real *restrict y = p->out + out_pixel * c;
    Real share = (Real)1 / (Real)(p->kernel * p->kernel);
    for (size_t i = 0; i < c; i++) y[i] += share * x[i];
    (void)tap;
}

static void avg_forward_task(void *context, Part images)
{
    const Pool *p = context;
    size_t image_size = (size_t)p->out_h * (size_t)p->out_w * (size_t)p->c;
    memset(p->out + images.begin * image_size, 0,
           (images.end - images.begin) * image_size * sizeof *p->out);
    pool_images(p, images, avg_step);
}

SIMD_CLONES
static void avg_backward_step(const Pool *p, size_t out_pixel, size_t in_pixel, int tap)
{
    size_t c = (size_t)p->c;
    const Real *restrict dy = p->in + out_pixel * c;
    Real *restrict dx = p->out + in_pixel * c;
    Real share = (Real)1 / (Real)(p->kernel * p->kernel);
    for (size_t i = 0; i < c; i++) dx[i] += share * dy[i];
    (void)tap;
}

static void avg_backward_task(void *context, Part images)
{
    pool_images(context, images, avg_backward_step);
}

static void avg_pool_backward(Tape *t, Tensor *y)
{
    Pool p = *(const Pool *)y->aux;
    p.in = y->g;
    p.out = tape_grad(t, y->inputs[0]);
    if (p.out != NULL) parts_run(tape_threads(t), (size_t)p.n, 1, avg_backward_task, &p);
}

Tensor *nn_avg_pool(Tape *t, Tensor *x, int kernel, int stride, int pad)
{
    Pool p = pool_shape("avg_pool", x, kernel, stride, pad);
    Tensor *y = pool_result(t, &p, "avg_pool", avg_pool_backward, x);
    *(Pool *)y->aux = p;
    if (!tape_planning(t)) parts_run(tape_threads(t), (size_t)p.n, 1, avg_forward_task, &p);
    return y;
}

/* ---- mean over the image ---- */

typedef struct {
    size_t pixels, channels;
    const Real *in;
    Real *out;
    bool fresh;
} GlobalPool;

/* Blocks of pixels are summed apart, so that the error does not grow with the image. */
SIMD_CLONES
static void mean_pixels(Real *restrict y, const Real *restrict x, Real *restrict block,
                        size_t pixels, size_t channels)
{
    memset(y, 0, channels * sizeof *y);
    for (size_t begin = 0; begin < pixels; begin += SUM_BLOCK_PIXELS) {
        size_t end = begin + SUM_BLOCK_PIXELS < pixels ? begin + SUM_BLOCK_PIXELS : pixels;
        memset(block, 0, channels * sizeof *block);
        for (size_t i = begin; i < end; i++) {
            for (size_t c = 0; c < channels; c++) block[c] += x[i * channels + c];
        }
        for (size_t c = 0; c < channels; c++) y[c] += block[c];
    }
    for (size_t c = 0; c < channels; c++) y[c] /= (Real)pixels;
}

typedef struct {
    const GlobalPool *pool;
    Real *blocks; /* [parts, channels] */
} GlobalForward;

static void global_forward_task(void *context, Part images)
{
    const GlobalForward *f = context;
    const GlobalPool *p = f->pool;
    for (size_t n = images.begin; n < images.end; n++) {
        mean_pixels(p->out + n * p->channels, p->in + n * p->pixels * p->channels,
                    f->blocks + (size_t)images.index * p->channels, p->pixels, p->channels);
    }
}

SIMD_CLONES
static void spread_mean(const GlobalPool *p, Real *restrict dx, const Real *restrict dy)
{
    Real share = (Real)1 / (Real)p->pixels;
    for (size_t i = 0; i < p->pixels; i++, dx += p->channels) {
        for (size_t c = 0; c < p->channels; c++) dx[c] = (p->fresh ? 0 : dx[c]) + share * dy[c];
    }
}

static void global_backward_task(void *context, Part images)
{
    const GlobalPool *p = context;
    for (size_t n = images.begin; n < images.end; n++) {
        spread_mean(p, p->out + n * p->pixels * p->channels, p->in + n * p->channels);
    }
}

static void global_avg_pool_backward(Tape *t, Tensor *y)
{
    Tensor *x = y->inputs[0];
    GlobalPool p = {(size_t)(x->dims[1] * x->dims[2]), (size_t)x->dims[3], y->g, NULL, false};
    p.out = tape_grad_fresh(t, x, &p.fresh);
    if (p.out != NULL) {
        parts_run(tape_threads(t), (size_t)x->dims[0], 1, global_backward_task, &p);
    }
}

Tensor *nn_global_avg_pool(Tape *t, Tensor *x)
{
    char text[TENSOR_TEXT_SIZE];
    check(x->rank == 4, "global_avg_pool: x %s", tensor_text(x, text));
    Tensor *y = tape_result(t,
                            &(TapeOp){.op = "global_avg_pool",
                                      .backward = global_avg_pool_backward,
                                      .inputs = &x,
                                      .n_inputs = 1,
                                      .flops = (double)tensor_size(x)},
                            2, (int[]){x->dims[0], x->dims[3]});
    GlobalPool p = {(size_t)(x->dims[1] * x->dims[2]), (size_t)x->dims[3], x->v, y->v, true};
    size_t n_blocks = (size_t)thread_pool_size(tape_threads(t)) * p.channels;
    GlobalForward f = {&p, tape_scratch(t, n_blocks)};
    if (!tape_planning(t)) {
        parts_run(tape_threads(t), (size_t)x->dims[0], 1, global_forward_task, &f);
    }
    tape_scratch_end(t, f.blocks, n_blocks);
    return y;
}
