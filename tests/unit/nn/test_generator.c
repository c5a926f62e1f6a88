/* The generator's gradient by differences in double, and its step by the kernel of one update. */
#include "generator.h"

#include "rng.h"
#include "test.h"

#include <math.h>

enum { Z = 5, H = 4, P = 7, N_PARAMETERS = Z + H * Z + H + P * H + P };

static const GeneratorSize size = {Z, H, P};

static GeneratorArrays cut(Real *all)
{
    Real *w1 = all + Z, *c1 = w1 + H * Z, *w2 = c1 + H;
    return (GeneratorArrays){all, w1, c1, w2, w2 + P * H};
}

static void fill(Real *x, int n, const char *name)
{
    for (int i = 0; i < n; i++) x[i] = (Real)rng_normal(rng_stream(3, name), 0, (uint64_t)i);
}

/* sum g v */
static double loss(Real *all, const Real *g)
{
    GeneratorArrays values = cut(all);
    Real h[H], v[P];
    double sum = 0;
    generator_forward(&size, &values, h, v);
    for (int i = 0; i < P; i++) sum += (double)(g[i] * v[i]);
    return sum;
}

static void test_gradient_of_every_parameter(void **state)
{
    (void)state;
    Real all[N_PARAMETERS], gradient[N_PARAMETERS], g[P], h[H], v[P];
    fill(all, N_PARAMETERS, "parameters");
    fill(g, P, "g");
    GeneratorArrays values = cut(all), gradients = cut(gradient);
    generator_forward(&size, &values, h, v);
    for (int i = 0; i < N_PARAMETERS; i++) gradient[i] = 99; /* is set, not added to */
    generator_backward(&size, &values, h, g, &gradients);
    int n_off = 0;
    for (int j = 0; j < H; j++) n_off += h[j] == 0;
    assert_true(n_off > 0 && n_off < H);
    for (int i = 0; i < N_PARAMETERS; i++) {
        Real was = all[i];
        all[i] = was + 1e-5;
        double above = loss(all, g);
        all[i] = was - 1e-5;
        double below = loss(all, g);
        all[i] = was;
        assert_close(gradient[i], (above - below) / 2e-5, 1e-7, 1e-8);
    }
}

/* K = (1 + |h|^2) I + (1 + |z|^2) W2 M W2^T + W2 M W1 W1^T M W2^T, M = diag(h > 0). */
static double kernel(const GeneratorArrays *a, const Real *h, int i, int j)
{
    double hh = 0, zz = 0, sum = 0;
    for (int k = 0; k < H; k++) hh += h[k] * h[k];
    for (int k = 0; k < Z; k++) zz += a->z[k] * a->z[k];
    for (int k = 0; k < H; k++) {
        for (int l = 0; l < H; l++) {
            double ww = k == l ? 1 + zz : 0;
            for (int x = 0; x < Z; x++) ww += a->w1[k * Z + x] * a->w1[l * Z + x];
            if (h[k] > 0 && h[l] > 0) sum += a->w2[i * H + k] * ww * a->w2[j * H + l];
        }
    }
    return sum + (i == j ? 1 + hh : 0);
}

static void test_a_small_step_is_the_kernel_times_the_gradient(void **state)
{
    (void)state;
    const double eta = 1e-7;
    Real all[N_PARAMETERS], gradient[N_PARAMETERS], g[P], h[H], v[P], moved[P], h_moved[H];
    fill(all, N_PARAMETERS, "parameters");
    fill(g, P, "g");
    GeneratorArrays values = cut(all), gradients = cut(gradient);
    generator_forward(&size, &values, h, v);
    generator_backward(&size, &values, h, g, &gradients);
    double expected[P], scale = 0;
    for (int i = 0; i < P; i++) {
        expected[i] = 0;
        for (int j = 0; j < P; j++) expected[i] -= eta * kernel(&values, h, i, j) * g[j];
        scale = fmax(scale, fabs(expected[i]));
    }
    for (int i = 0; i < N_PARAMETERS; i++) all[i] -= eta * gradient[i];
    generator_forward(&size, &values, h_moved, moved);
    for (int i = 0; i < P; i++) assert_close(moved[i] - v[i], expected[i], 0, 1e-5 * scale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient_of_every_parameter),
        cmocka_unit_test(test_a_small_step_is_the_kernel_times_the_gradient)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
