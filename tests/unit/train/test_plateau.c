/* The plateau rule against torch's ReduceLROnPlateau, and by hand. */
#include "golden.h"

#include "plateau.h"
#include "str.h"

static void test_rates_are_those_of_torch(void **state)
{
    (void)state;
    SafeTensors *golden = golden_open("nn/plateau.safetensors");
    double lr;
    assert_true(str_to_double(safetensors_metadata(golden, "lr"), &lr));
    int64_t n_cases = safetensors_find(golden, "losses")->dims[0];
    int64_t n_steps = safetensors_find(golden, "losses")->dims[1];
    Real *losses = golden_values(golden, "losses", NULL);
    Real *rates = golden_values(golden, "rates", NULL);
    int n_drops = 0;
    for (int64_t c = 0; c < n_cases; c++) {
        Plateau p;
        plateau_init(&p, lr);
        for (int64_t i = c * n_steps; i < (c + 1) * n_steps; i++) {
            n_drops += plateau_step(&p, (double)losses[i]);
            assert_close(p.lr, rates[i], 1e-6, 0);
        }
    }
    assert_true(n_drops > 10);
    test_free(losses);
    test_free(rates);
    safetensors_close(golden);
}

/* The second loss in a row that is not lower by a ten-thousandth lowers the rate. */
static void test_one_bad_loss_is_borne(void **state)
{
    (void)state;
    Plateau p;
    plateau_init(&p, 1);
    assert_false(plateau_step(&p, 1));
    assert_false(plateau_step(&p, 0.99995)); /* too little */
    assert_false(plateau_step(&p, 0.9));
    assert_false(plateau_step(&p, 0.9));
    assert_true(plateau_step(&p, 0.9));
    assert_close(p.lr, 0.1, 1e-12, 0);
    assert_false(plateau_step(&p, 0.9));
    assert_true(plateau_step(&p, 0.9));
    assert_close(p.lr, 0.01, 1e-12, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_those_of_torch),
        cmocka_unit_test(test_one_bad_loss_is_borne),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
