/* The convolution seam against a naive loop, over drawn shapes and options; larger shapes that need
 * several tiles; same bits from run to run. */
#include "conv.h"
#include "rng.h"
#include "test.h"

enum { MAX_THREADS = 3 };

typedef struct {
    ConvShape shape;
    size_t n_x, n_w, n_y;
    Real *x, *w, *bias, *y, *dy, *dx, *dw, *scratch;
    double *want_y, *want_dx, *want_dw;
} Case;

static Case fixture;
static ThreadPool *pools[MAX_THREADS];

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < MAX_THREADS; i++) pools[i] = thread_pool_new(i + 1);
    return 0;
}

static void case_done(Case *c)
{
    void *all[] = {c->x,  c->w,       c->bias,   c->y,       c->dy,     c->dx,
                   c->dw, c->scratch, c->want_y, c->want_dx, c->want_dw};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] != NULL) test_free(all[i]);
    }
    *c = (Case){0};
}

static int teardown(void **state)
{
    (void)state;
    case_done(&fixture);
    for (int i = 0; i < MAX_THREADS; i++) thread_pool_free(pools[i]);
    return 0;
}

static Real *drawn(RngStream random, uint64_t which, size_t n)
{
    Real *v = test_malloc((n + 1) * sizeof *v);
    for (size_t i = 0; i < n; i++) v[i] = (Real)(2 * rng_uniform(random, which, i) - 1);
    return v;
}

static void case_init(Case *c, ConvShape s, uint64_t seed)
{
    conv_shape_complete(&s);
    RngStream random = rng_stream(seed, "conv");
    size_t pixels = (size_t)s.n * (size_t)s.h * (size_t)s.w;
    *c = (Case){.shape = s,
                .n_x = pixels * (size_t)s.c,
                .n_w = (size_t)(s.m * s.kernel_h * s.kernel_w * (s.c / s.groups)),
                .n_y = (size_t)s.n * (size_t)(s.out_h * s.out_w * s.m)};
    c->x = drawn(random, 0, c->n_x);
    c->w = drawn(random, 1, c->n_w);
    c->bias = drawn(random, 2, (size_t)s.m);
    c->dy = drawn(random, 3, c->n_y);
    c->y = drawn(random, 4, c->n_y);
    c->dx = drawn(random, 5, c->n_x);
    c->dw = drawn(random, 6, c->n_w);
    c->want_y = test_calloc(c->n_y, sizeof *c->want_y);
    c->want_dx = test_calloc(c->n_x, sizeof *c->want_dx);
    c->want_dw = test_calloc(c->n_w, sizeof *c->want_dw);
    c->scratch = test_malloc(conv_scratch_size(&s, pools[MAX_THREADS - 1]) * sizeof *c->scratch);
}

/* ---- the naive convolution and its gradients ---- */

static void naive_tap(Case *c, size_t y, int image, const int at[2], int m)
{
    const ConvShape *s = &c->shape;
    int channels = s->c / s->groups, group = m / (s->m / s->groups);
    for (int a = 0; a < s->kernel_h; a++) {
        for (int b = 0; b < s->kernel_w; b++) {
            int h = at[0] * s->stride - s->pad_h + a * s->dilation;
            int w = at[1] * s->stride - s->pad_w + b * s->dilation;
            if (h < 0 || h >= s->h || w < 0 || w >= s->w) continue;
            size_t x =
                (size_t)((image * s->h + h) * s->w + w) * (size_t)s->c + (size_t)(group * channels);
            size_t k = (size_t)((m * s->kernel_h + a) * s->kernel_w + b) * (size_t)channels;
            for (int i = 0; i < channels; i++, x++, k++) {
                c->want_y[y] += (double)c->x[x] * (double)c->w[k];
                c->want_dx[x] += (double)c->dy[y] * (double)c->w[k];
                c->want_dw[k] += (double)c->dy[y] * (double)c->x[x];
            }
        }
    }
}

static void naive(Case *c)
{
    const ConvShape *s = &c->shape;
    size_t y = 0;
    for (int image = 0; image < s->n; image++) {
        for (int i = 0; i < s->out_h; i++) {
            for (int j = 0; j < s->out_w; j++) {
                for (int m = 0; m < s->m; m++) naive_tap(c, y++, image, (int[]){i, j}, m);
            }
        }
    }
}

/* ---- comparison ---- */

static void assert_near(const Case *c, const char *what, const Real *got, const double *want,
                        size_t n)
{
    const ConvShape *s = &c->shape;
    double scale = 1;
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs(want[i]));
    for (size_t i = 0; i < n; i++) {
        if (fabs((double)got[i] - want[i]) <= 1e-5 * scale) continue;
        fail_msg("%s[%zu] = %.9g, expected %.9g: x [%d,%d,%d,%d], w [%d,%d,%d], stride %d, pad "
                 "%d %d, dilation %d, groups %d",
                 what, i, (double)got[i], want[i], s->n, s->h, s->w, s->c, s->m, s->kernel_h,
                 s->kernel_w, s->stride, s->pad_h, s->pad_w, s->dilation, s->groups);
    }
}

static void assert_forward(Case *c, const ConvWork *work)
{
    size_t m = (size_t)c->shape.m, bytes = c->n_y * sizeof *c->y;
    conv_forward(&c->shape, work, c->y, c->x, c->w, &(ConvAfter){0});
    assert_near(c, "y", c->y, c->want_y, c->n_y);
    Real *first = test_malloc(bytes);
    memcpy(first, c->y, bytes);
    conv_forward(&c->shape, work, c->y, c->x, c->w, &(ConvAfter){0});
    assert_memory_equal(first, c->y, bytes);
    conv_forward(&c->shape, work, c->y, c->x, c->w, &(ConvAfter){c->bias, true});
    double *want = test_malloc(c->n_y * sizeof *want);
    for (size_t i = 0; i < c->n_y; i++) {
        want[i] = fmax(0, (double)first[i] + (double)c->bias[i % m]);
    }
    assert_near(c, "relu(y + bias)", c->y, want, c->n_y);
    test_free(want);
    test_free(first);
}

/* dx is assigned, then added to; dw is always added to. */
static void assert_backward(Case *c, const ConvWork *work)
{
    conv_backward_input(&c->shape, work, c->dx, true, c->dy, c->w);
    assert_near(c, "dx", c->dx, c->want_dx, c->n_x);
    conv_backward_input(&c->shape, work, c->dx, false, c->dy, c->w);
    for (size_t i = 0; i < c->n_x; i++) c->dx[i] /= 2;
    assert_near(c, "dx + dx", c->dx, c->want_dx, c->n_x);
    memset(c->dw, 0, c->n_w * sizeof *c->dw);
    conv_backward_weight(&c->shape, work, c->dw, c->x, c->dy);
    assert_near(c, "dw", c->dw, c->want_dw, c->n_w);
    conv_backward_weight(&c->shape, work, c->dw, c->x, c->dy);
    for (size_t i = 0; i < c->n_w; i++) c->dw[i] /= 2;
    assert_near(c, "dw + dw", c->dw, c->want_dw, c->n_w);
}

static void run(ConvShape s, uint64_t seed)
{
    Case *c = &fixture;
    case_init(c, s, seed);
    naive(c);
    for (int i = 0; i < MAX_THREADS; i++) {
        ConvWork work = {c->scratch, pools[i]};
        assert_forward(c, &work);
        assert_backward(c, &work);
    }
    case_done(c);
}

static int pick(RngStream random, uint64_t i, uint64_t which, int low, int high)
{
    return low + (int)(rng_uniform(random, i, which) * (high - low + 1));
}

/* Channels per group in and out are drawn from [low, high]. */
static void run_drawn(const char *stream, uint64_t n, int low, int high)
{
    RngStream random = rng_stream(3, stream);
    for (uint64_t i = 0; i < n; i++) {
        int groups = pick(random, i, 0, 0, 2) == 0 ? pick(random, i, 1, 2, 3) : 1;
        ConvShape s = {.n = pick(random, i, 2, 1, 3),
                       .h = pick(random, i, 3, 1, 9),
                       .w = pick(random, i, 4, 1, 9),
                       .c = groups * pick(random, i, 5, low, high),
                       .m = groups * pick(random, i, 6, low, high),
                       .kernel_h = pick(random, i, 7, 1, 4),
                       .kernel_w = pick(random, i, 8, 1, 4),
                       .stride = pick(random, i, 9, 1, 3),
                       .pad_h = pick(random, i, 10, 0, 2),
                       .pad_w = pick(random, i, 11, 0, 2),
                       .dilation = pick(random, i, 12, 1, 2),
                       .groups = groups};
        if (s.h + 2 * s.pad_h <= s.dilation * (s.kernel_h - 1)) continue;
        if (s.w + 2 * s.pad_w <= s.dilation * (s.kernel_w - 1)) continue;
        run(s, i);
    }
}

static void test_drawn_shapes_agree_with_naive(void **state)
{
    (void)state;
    run_drawn("few channels", 200, 1, 6);
}

static void test_drawn_shapes_of_many_channels_agree_with_naive(void **state)
{
    (void)state;
    run_drawn("many channels", 60, 10, 70);
}

static const ConvShape LARGER[] = {
    {2, 40, 37, 3, 33, 3, 3, 1, 1, 1, 1, 1, 0, 0},   /* several tiles of rows */
    {3, 20, 21, 33, 17, 3, 3, 2, 1, 1, 1, 1, 0, 0},  /* strided */
    {2, 17, 19, 40, 70, 1, 1, 1, 0, 0, 1, 1, 0, 0},  /* 1x1 */
    {5, 4, 3, 70, 130, 3, 3, 1, 1, 1, 1, 1, 0, 0},   /* more outputs than rows */
    {1, 2, 2, 48, 96, 3, 3, 1, 1, 1, 1, 1, 0, 0},    /* mostly padding */
    {2, 30, 31, 3, 8, 7, 7, 2, 3, 3, 1, 1, 0, 0},    /* a stem */
    {2, 16, 16, 24, 24, 3, 3, 1, 1, 1, 1, 24, 0, 0}, /* depthwise */
    {2, 9, 11, 32, 64, 3, 3, 1, 2, 2, 2, 2, 0, 0},   /* dilated, grouped */
};

static void test_larger_shapes_agree_with_naive(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof LARGER / sizeof *LARGER; i++) run(LARGER[i], i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drawn_shapes_agree_with_naive),
        cmocka_unit_test(test_drawn_shapes_of_many_channels_agree_with_naive),
        cmocka_unit_test(test_larger_shapes_agree_with_naive),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
