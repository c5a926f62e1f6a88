/* Sharpness-aware minimisation against PyTorch, over Adam. */
#include "optim_case.h"
#include "sam.h"

enum { N_SAM = 11 };

/* Of sum(a w^4 + b w). */
static void sam_gradients(Params *p, const Real *a, const Real *b)
{
    for (int i = 0; i < N_SAM; i++) {
        double w = (double)params_values(p)[i];
        params_gradients(p)[i] = (Real)(4 * (double)a[i] * w * w * w + (double)b[i]);
    }
}

static void test_sam_as_torch(void **state)
{
    OptimCase *f = *state;
    Real *a = golden_values(f->golden, "sam.a", NULL), *b = golden_values(f->golden, "sam.b", NULL);
    Real *start = golden_values(f->golden, "sam.start", NULL);
    Real *want = golden_values(f->golden, "sam", NULL);
    Params *p = params_new();
    params_add(p, &(ParamSpec){.name = "w", .rank = 1, .dims = {N_SAM}});
    params_seal(p, 1);
    memcpy(params_values(p), start, N_SAM * sizeof *start);
    OptimOptions options = {
        .kind = OPTIM_ADAM, .lr = 0.05, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    Optimizer *o = optim_new(&options, p);
    Sam *sam = sam_new(p);
    for (int k = 0; k < STEPS; k++) {
        sam_gradients(p, a, b);
        sam_move(sam, p, 0.05, NULL);
        sam_gradients(p, a, b);
        sam_move_back(sam, p);
        optim_step(o, p, NULL);
        golden_compare("sam", params_values(p), want + (size_t)k * N_SAM, N_SAM, 1e-5, 1e-3);
    }
    sam_free(sam);
    optim_free(o);
    params_free(p);
    test_free(a);
    test_free(b);
    test_free(start);
    test_free(want);
}

/* Frozen parameters and buffers count for nothing in the norm and stay; all values come back. */
static void test_sam_moves_what_learns_by_rho(void **state)
{
    OptimCase *f = *state;
    size_t n = params_size(f->params), bytes = n * sizeof(Real);
    optim_give_gradients(f->params, f->gradients, N);
    Real *before = test_malloc(bytes);
    memcpy(before, params_values(f->params), bytes);
    Sam *sam = sam_new(f->params);
    double norm = 0, moved = 0;
    for (int i = 0; i < N; i++) norm += (double)f->gradients[i] * (double)f->gradients[i];
    assert_close(sam_move(sam, f->params, 0.5, NULL), sqrt(norm), 1e-12, 0);
    for (size_t i = 0; i < n; i++) {
        double d = (double)params_values(f->params)[i] - (double)before[i];
        moved += d * d;
    }
    assert_close(sqrt(moved), 0.5, 1e-5, 0);
    assert_memory_equal(optim_values_of(f->params, f->frozen), before, 3 * sizeof(Real));
    sam_move_back(sam, f->params);
    assert_memory_equal(params_values(f->params), before, bytes);
    memset(params_gradients(f->params), 0, bytes);
    assert_true(sam_move(sam, f->params, 0.5, NULL) == 0); /* no direction: no move */
    assert_memory_equal(params_values(f->params), before, bytes);
    sam_free(sam);
    test_free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sam_as_torch),
        cmocka_unit_test(test_sam_moves_what_learns_by_rho),
    };
    return cmocka_run_group_tests(tests, optim_setup, optim_teardown);
}
