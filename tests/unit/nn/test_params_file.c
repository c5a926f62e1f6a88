/* Parameters from and to safetensors: PyTorch's layout, and every way a file can fail to fit. */
#include "golden.h"
#include "params_file.h"

/* The table of torch_layout.safetensors (a convolution 3 -> 4 of 2x3, batch norm, linear 4 -> 5).
 */
static Params *make_params(int in, int n_classes)
{
    Params *p = params_new();
    params_add(p, &(ParamSpec){"conv.weight", 4, {4, 2, 3, in}, INIT_LINEAR_WEIGHT, 0, PARAM_CONV});
    params_add(p, &(ParamSpec){"conv.bias", 1, {4}, INIT_LINEAR_BIAS, 18, 0});
    params_add(p, &(ParamSpec){"bn.weight", 1, {4}, INIT_ONES, 0, PARAM_NORM});
    params_add(p, &(ParamSpec){"bn.bias", 1, {4}, INIT_ZEROS, 0, PARAM_NORM});
    params_add(p, &(ParamSpec){"bn.running_mean", 1, {4}, INIT_ZEROS, 0, PARAM_BUFFER});
    params_add(p, &(ParamSpec){"bn.running_var", 1, {4}, INIT_ONES, 0, PARAM_BUFFER});
    params_add(p, &(ParamSpec){"fc.weight", 2, {n_classes, 4}, INIT_LINEAR_WEIGHT, 0, PARAM_HEAD});
    params_add(p, &(ParamSpec){"fc.bias", 1, {n_classes}, INIT_LINEAR_BIAS, 4, PARAM_HEAD});
    params_seal(p, 3);
    return p;
}

typedef struct {
    SafeTensors *file;
    Real *conv; /* conv.weight in our layout */
    Params *params;
} Fixture;

static int setup(void **state)
{
    Fixture *f = test_calloc(1, sizeof *f);
    f->file = golden_open("nn/torch_layout.safetensors");
    f->conv = golden_values(f->file, "ours/conv.weight", NULL);
    f->params = make_params(3, 5);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    params_free(f->params);
    test_free(f->conv);
    safetensors_close(f->file);
    test_free(f);
    return 0;
}

static Real *values_of(Params *p, const char *name)
{
    return params_values(p) + params_get(p, params_find(p, name))->offset;
}

static void test_loads_torch_layout(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    assert_ok(params_load(f->params, f->file, &(ParamsLoad){.allow_unexpected = true}, &err));
    assert_memory_equal(values_of(f->params, "conv.weight"), f->conv, 4 * 2 * 3 * 3 * sizeof(Real));
    Real *fc = golden_values(f->file, "fc.weight", NULL);
    assert_memory_equal(values_of(f->params, "fc.weight"), fc, 20 * sizeof(Real));
    test_free(fc);
}

/* num_batches_tracked is not listed, the extra array is. */
static void test_unexpected_is_an_error_unless_allowed(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    assert_fails(params_load(f->params, f->file, NULL, &err), "1 unexpected (ours/conv.weight)");
}

static void test_save_then_load_is_identical(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    Params *other = make_params(3, 5);
    SafeTensors *saved;
    params_values(f->params)[1] = 42;
    assert_ok(params_save(f->params, "test_params.tmp", &err));
    assert_ok(safetensors_open(&saved, "test_params.tmp", &err));
    assert_true(safetensors_find(saved, "conv.weight")->dims[1] == 3);
    assert_true(safetensors_find(saved, "conv.weight")->dims[3] == 3);
    memset(params_values(other), 0, params_size(other) * sizeof(Real));
    assert_ok(params_load(other, saved, NULL, &err));
    assert_memory_equal(params_values(other), params_values(f->params),
                        params_size(other) * sizeof(Real));
    safetensors_close(saved);
    params_free(other);
    (void)remove("test_params.tmp");
}

static void test_head_of_another_size_keeps_its_values(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    Params *p = make_params(3, 7), *fresh = make_params(3, 7);
    assert_fails(params_load(p, f->file, &(ParamsLoad){.allow_unexpected = true}, &err),
                 "2 of another shape (fc.weight [5,4], expected [7,4], fc.bias [5], expected [7])");
    assert_memory_equal(params_values(p), params_values(fresh), params_size(p) * sizeof(Real));
    ParamsLoad options = {.allow_unexpected = true, .allow_missing_head = true};
    assert_ok(params_load(p, f->file, &options, &err));
    assert_memory_equal(values_of(p, "fc.weight"), values_of(fresh, "fc.weight"),
                        28 * sizeof(Real));
    assert_memory_equal(values_of(p, "conv.weight"), f->conv, 4 * 2 * 3 * 3 * sizeof(Real));
    params_free(p);
    params_free(fresh);
}

/* DomainBed's networks.py: channel i of a net with other channels takes channel i % 3. */
static void test_input_channels_are_repeated(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    Params *p = make_params(5, 5);
    ParamsLoad options = {.allow_unexpected = true};
    assert_fails(params_load(p, f->file, &options, &err),
                 "conv.weight [4,3,2,3], expected [4,5,2,3]");
    options.input_conv = "conv.weight";
    assert_ok(params_load(p, f->file, &options, &err));
    const Real *got = values_of(p, "conv.weight");
    for (int position = 0; position < 4 * 2 * 3; position++) {
        for (int c = 0; c < 5; c++) {
            assert_true(got[position * 5 + c] == f->conv[position * 3 + c % 3]);
        }
    }
    params_free(p);
}

static void test_prefix_and_missing(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    Params *p = params_new();
    params_add(p, &(ParamSpec){"weight", 1, {4}, INIT_ZEROS, 0, 0});
    params_add(p, &(ParamSpec){"bias", 1, {4}, INIT_ONES, 0, 0});
    params_add(p, &(ParamSpec){"running_mean", 1, {4}, INIT_ONES, 0, 0});
    params_seal(p, 1);
    assert_fails(params_load(p, f->file, &(ParamsLoad){.prefix = "bn."}, &err),
                 "1 unexpected (bn.running_var)");
    assert_ok(
        params_load(p, f->file, &(ParamsLoad){.prefix = "bn.", .allow_unexpected = true}, &err));
    assert_true(values_of(p, "weight")[0] == 1 && values_of(p, "bias")[0] == 0);
    assert_fails(params_load(p, f->file, &(ParamsLoad){.allow_unexpected = true}, &err),
                 "does not fit the network: 3 tensors missing (weight, bias, running_mean)");
    params_free(p);
}

static void test_integers_are_no_parameters(void **state)
{
    (void)state;
    Err err = {0};
    SafeTensors *f = golden_open("nn/dtypes.safetensors");
    Params *p = params_new();
    params_add(p, &(ParamSpec){"i32", 1, {2}, INIT_ZEROS, 0, 0});
    params_seal(p, 1);
    assert_fails(params_load(p, f, &(ParamsLoad){.allow_unexpected = true}, &err),
                 "1 not of a floating-point type (i32)");
    assert_fails(params_load(p, f, NULL, &err), "9 unexpected (f64, f32, f16, f16_special, ...)");
    params_free(p);
    safetensors_close(f);
}

/* ---- other names ---- */

static const NameRule RULES[] = {
    {"layer", "there", 0},
    {".in", ".{qkv}", 0},
    {".matrix", ".turned", NAME_TRANSPOSED},
};
static const ParamNaming NAMING = {
    .probe = "there.turned", .rules = RULES, .n_rules = 3, .ignored = "position_ids"};
static const NameRule MORE_RULES[] = {{"there.turned", "elsewhere", 0}};
static const ParamNaming DERIVED = {
    .base = &NAMING, .probe = "elsewhere", .rules = MORE_RULES, .n_rules = 1, .ignored = "ids"};

static Params *named_params(void)
{
    Params *p = params_new();
    params_add(p, &(ParamSpec){"layer.in", 2, {6, 2}, INIT_ZEROS, 0, 0});
    params_add(p, &(ParamSpec){"layer.matrix", 2, {2, 3}, INIT_ZEROS, 0, 0});
    params_add(p, &(ParamSpec){"scale", 1, {1}, INIT_ZEROS, 0, PARAM_SCALAR});
    params_seal_zeros(p);
    return p;
}

/* A file of NAMING, with k called k_name; its values count up from 1. */
static SafeTensors *write_named(const char *k_name, const char *matrix_name, int64_t k_rows)
{
    Err err = {0};
    SafeTensors *f = NULL;
    float v[20];
    for (int i = 0; i < 20; i++) v[i] = (float)(i + 1);
    SafeWriter *w = safewriter_new();
    safewriter_f32(w, "there.v", v + 8, 2, (int64_t[]){2, 2});
    safewriter_f32(w, k_name, v + 4, 2, (int64_t[]){k_rows, 2});
    safewriter_f32(w, "there.q", v, 2, (int64_t[]){2, 2});
    safewriter_f32(w, matrix_name, v + 12, 2, (int64_t[]){3, 2});
    safewriter_f32(w, "scale", v + 18, 0, NULL);
    safewriter_i64(w, "there.position_ids", (int64_t[]){0}, 1, (int64_t[]){1});
    assert_ok(safewriter_write(w, "test_params.tmp", &err));
    safewriter_free(w);
    assert_ok(safetensors_open(&f, "test_params.tmp", &err));
    (void)remove("test_params.tmp");
    return f;
}

static void assert_loads_named(const char *matrix_name)
{
    Err err = {0};
    const ParamNaming *const namings[] = {&DERIVED, &NAMING};
    ParamsLoad options = {.namings = namings, .n_namings = 2};
    Params *p = named_params();
    SafeTensors *f = write_named("there.k", matrix_name, 2);
    assert_ok(params_load(p, f, &options, &err));
    for (int i = 0; i < 12; i++) assert_true(values_of(p, "layer.in")[i] == (Real)(i + 1));
    const Real turned[] = {13, 15, 17, 14, 16, 18};
    assert_memory_equal(values_of(p, "layer.matrix"), turned, sizeof turned);
    assert_true(values_of(p, "scale")[0] == 19);
    safetensors_close(f);
    params_free(p);
}

static void test_stacked_transposed_and_scalar(void **state)
{
    (void)state;
    assert_loads_named("there.turned");
    assert_loads_named("elsewhere"); /* the naming that is derived */
}

static void test_differences_are_listed_under_the_files_names(void **state)
{
    (void)state;
    Err err = {0};
    const ParamNaming *const namings[] = {&NAMING};
    ParamsLoad options = {.namings = namings, .n_namings = 1};
    Params *p = named_params();
    SafeTensors *f = write_named("there.x", "there.turned", 2);
    assert_fails(params_load(p, f, &options, &err),
                 "1 tensors missing (there.k); 1 unexpected (there.x)");
    safetensors_close(f);
    f = write_named("there.k", "there.turned", 3);
    assert_fails(params_load(p, f, &options, &err),
                 "1 of another shape (there.k [3,2], expected [2,2])");
    assert_fails(params_fit(p, f, &options, &err), "1 of another shape (there.k");
    assert_fails(params_load(p, f, NULL, &err), "2 tensors missing (layer.in, layer.matrix)");
    for (int i = 0; i < 12; i++) assert_true(values_of(p, "layer.in")[i] == 0);
    safetensors_close(f);
    params_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loads_torch_layout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unexpected_is_an_error_unless_allowed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_save_then_load_is_identical, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_of_another_size_keeps_its_values, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_input_channels_are_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prefix_and_missing, setup, teardown),
        cmocka_unit_test(test_integers_are_no_parameters),
        cmocka_unit_test(test_stacked_transposed_and_scalar),
        cmocka_unit_test(test_differences_are_listed_under_the_files_names),
    };
    return cmocka_run_group_tests_name("nn-params-file", tests, NULL, NULL);
}
