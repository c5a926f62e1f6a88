/* Adapter directories that do not fit, or that nobody can read: one line each, nothing changed. And
 * what other programs write: half precision, ends of names, expressions. */
#include "file.h"
#include "peft_case.h"
#include "peft_dir.h"
#include "safetensors.h"
#include "test.h"

#include <jansson.h>
#include <unistd.h>

enum { D = CASE_WIDTH, HIDDEN = CASE_HIDDEN, RANK = 2 };

#define FOLDER  "test_peft_errors.tmp"
#define WEIGHTS FOLDER "/adapter_model.safetensors"
#define CONFIG  FOLDER "/adapter_config.json"
#define FC1     "base_model.model.blocks.0.mlp.fc1"

typedef struct {
    Params *params, *before;
    LowRankSet written, read;
} Fixture;

static void write_dir(Fixture *f, bool has_magnitude)
{
    Err err = {0};
    LowRankChange shape = {.rank = RANK, .alpha = 4};
    low_rank_set_done(&f->written);
    peft_case_add(&f->written, f->params, "blocks.0.mlp.fc1.weight", shape, has_magnitude);
    PeftBase what = {"vit-mini-4", NULL};
    assert_ok(peft_dir_write(FOLDER, &f->written, f->params, f->params, &what, &err));
}

static int setup(void **state)
{
    Fixture *f = *state = test_calloc(1, sizeof *f);
    f->params = peft_case_params(CASE_VIT, 1);
    f->before = peft_case_params(CASE_VIT, 1);
    write_dir(f, false);
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    params_free(f->params);
    params_free(f->before);
    low_rank_set_done(&f->written);
    low_rank_set_done(&f->read);
    test_free(f);
    (void)remove(WEIGHTS);
    (void)remove(CONFIG);
    (void)remove(FOLDER "/adapter_model.bin");
    (void)rmdir(FOLDER);
    return 0;
}

/* One key of the configuration becomes `json`, or goes when NULL. */
static void set_config(const char *key, const char *json)
{
    json_error_t error;
    json_t *config = json_load_file(CONFIG, 0, &error);
    assert_non_null(config);
    if (json == NULL) {
        json_object_del(config, key);
    } else {
        json_object_set_new(config, key, json_loads(json, JSON_DECODE_ANY, &error));
    }
    assert_int_equal(json_dump_file(config, CONFIG, 0), 0);
    json_decref(config);
}

static void assert_refused(Fixture *f, const char *part)
{
    Err err = {0};
    assert_fails(peft_dir_read(&f->read, f->params, FOLDER, "vit-mini-4", &err), part);
    assert_int_equal(f->read.n, 0);
    assert_memory_equal(params_values(f->params), params_values(f->before),
                        params_size(f->params) * sizeof(Real));
}

static void assert_read(Fixture *f)
{
    Err err = {0};
    low_rank_set_done(&f->read);
    assert_ok(peft_dir_read(&f->read, f->params, FOLDER, "vit-mini-4", &err));
}

/* ---- configuration ---- */

static void test_settings_that_are_refused(void **state)
{
    static const char *const rows[][3] = {
        {"r", NULL, "adapter_config.json: found no r, expected the rank"},
        {"r", "null", "found no r, expected the rank"},
        {"r", "0", "r: expected a rank above 0"},
        {"r", "\"8\"", "r: expected a whole number"},
        {"r", "1000", "rank 1000 of blocks.0.mlp.fc1, which has 8 rows of 4, expected at most 32"},
        {"lora_alpha", NULL, "lora_alpha: expected a number above 0"},
        {"peft_type", NULL, "found no peft_type, expected \"LORA\""},
        {"peft_type", "\"LOHA\"", "peft_type: \"LOHA\", expected \"LORA\""},
        {"bias", "\"lora_only\"", "bias: expected \"none\""},
        {"fan_in_fan_out", "true", "fan_in_fan_out: true, expected false"},
        {"lora_bias", "true", "lora_bias: true, expected false"},
        {"layer_replication", "[[0, 4]]", "layer_replication: expected null"},
        {"init_lora_weights", "\"pissa_niter_4\"", "which changes the base model"},
        {"target_modules", NULL, "found no target_modules"},
        {"target_modules", "[1]", "target_modules: expected a list of names"},
        {"target_modules", "\"blocks[\"", "\"blocks[\": not a regular expression"},
        {"target_modules", "\"(fc1){900}\"", "\"(fc1){900}\": not a regular expression"},
        {"target_modules", "\"fc1+++++++++\"", "not a regular expression"},
        {"target_modules", "\"(fc)\\\\1\"", "not a regular expression"},
        {"target_modules", "[\"mlp.fc2\"]",
         "1 not in target_modules (blocks.0.mlp.fc1); 1 of target_modules without tensors "
         "(mlp.fc2)"},
        {"rank_pattern", "[2]", "rank_pattern: expected an object"},
        {"rank_pattern", "{\"fc1\": 0.5}", "rank_pattern: expected ranks"},
        {"alpha_pattern", "{\"fc1\": -1}", "alpha_pattern: expected numbers above 0"},
        {"base_model_name_or_path", "\"vit-base-16\"",
         "base_model_name_or_path: \"vit-base-16\", the network is \"vit-mini-4\": made for "
         "another base"},
        {"use_dora", "true", "1 tensors missing (blocks.0.mlp.fc1.lora_magnitude_vector)"},
    };
    Fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        set_config(rows[i][0], rows[i][1]);
        assert_refused(f, rows[i][2]);
        write_dir(f, false);
    }
    assert_read(f);
}

static void test_files_that_are_no_directory(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    assert_fails(peft_dir_read(&f->read, f->params, "nowhere.tmp", "vit-mini-4", &err),
                 "nowhere.tmp: no such folder, expected an adapter directory");
    assert_ok(file_write_atomic(CONFIG, "{\"r\": 1,", 8, &err));
    assert_refused(f, "adapter_config.json:1: ");
    assert_ok(file_write_atomic(CONFIG, "[]", 2, &err));
    assert_refused(f, "not a JSON object");
    (void)remove(CONFIG);
    assert_refused(f, CONFIG);
    write_dir(f, false);
    assert_int_equal(rename(WEIGHTS, FOLDER "/adapter_model.bin"), 0);
    assert_refused(f, "found adapter_model.bin only, expected adapter_model.safetensors");
}

/* ---- tensors ---- */

typedef struct {
    const char *name; /* of the tensor that is added, or replaced */
    int rank;
    int64_t dims[4];
    float first; /* its first value */
} Piece;

/* The file without the tensor `gone`, with others; metadata is kept where asked for. */
static void change_file(const char *gone, const Piece *more, bool keep_digest)
{
    Err err = {0};
    SafeTensors *f = NULL;
    static float values[64];
    assert_ok(safetensors_open(&f, WEIGHTS, &err));
    SafeWriter *w = safewriter_new();
    for (int i = 0; i < safetensors_count(f); i++) {
        const SafeTensor *s = safetensors_at(f, i);
        bool replaced = more != NULL && strcmp(s->name, more->name) == 0;
        if (replaced || (gone != NULL && strcmp(s->name, gone) == 0)) continue;
        safewriter_f32(w, s->name, s->data, s->rank, s->dims);
    }
    values[0] = more != NULL ? more->first : 0;
    if (more != NULL) safewriter_f32(w, more->name, values, more->rank, more->dims);
    if (keep_digest)
        safewriter_metadata(w, "dgbench.base_sha256",
                            safetensors_metadata(f, "dgbench.base_sha256"));
    assert_ok(safewriter_write(w, WEIGHTS, &err));
    safewriter_free(w);
    safetensors_close(f);
}

static void test_tensors_that_do_not_fit(void **state)
{
    Fixture *f = *state;
    change_file(FC1 ".lora_B.weight", NULL, true);
    assert_refused(f, "1 tensors missing (blocks.0.mlp.fc1.lora_B.weight)");
    write_dir(f, false);
    change_file(NULL, &(Piece){FC1 ".lora_A.weight", 2, {RANK, 2 * D}, 0}, true);
    assert_refused(f, "does not fit the network \"vit-mini-4\": 1 of another shape "
                      "(blocks.0.mlp.fc1.lora_A.weight [2,8], expected [2,4])");
    write_dir(f, false);
    change_file(NULL, &(Piece){"base_model.model.blocks.7.mlp.fc1.lora_A.weight", 1, {1}, 0}, true);
    assert_refused(f, "1 unexpected (blocks.7.mlp.fc1.lora_A.weight)");
    write_dir(f, false);
    change_file(NULL, &(Piece){FC1 ".lora_B.weight", 2, {HIDDEN, RANK}, NAN}, true);
    assert_refused(f, "1 with NaN or infinity (blocks.0.mlp.fc1.lora_B.weight)");
    write_dir(f, true);
    set_config("use_dora", "false");
    assert_refused(f, "1 unexpected (blocks.0.mlp.fc1.lora_magnitude_vector)");
}

static void test_other_weights_of_the_base(void **state)
{
    Fixture *f = *state;
    peft_case_values(f->params, "blocks.0.mlp.fc1.weight")[3] += 1;
    peft_case_values(f->before, "blocks.0.mlp.fc1.weight")[3] += 1;
    assert_refused(f, "made for other weights of \"vit-mini-4\" (");
    change_file(NULL, NULL, false); /* as other programs write it: nothing is known of its base */
    assert_read(f);
}

/* Weights that the adapter leaves alone may be others: positions of another image size. */
static void test_other_weights_elsewhere(void **state)
{
    Fixture *f = *state;
    peft_case_values(f->params, "blocks.0.mlp.fc2.weight")[3] += 1;
    assert_read(f);
}

static void test_classifier_of_other_classes_is_left_out(void **state)
{
    Fixture *f = *state;
    change_file("base_model.model.head.bias",
                &(Piece){"base_model.model.head.weight", 2, {5, D}, 9}, true);
    assert_read(f);
    assert_memory_equal(params_values(f->params), params_values(f->before),
                        params_size(f->params) * sizeof(Real));
}

/* ---- what others write ---- */

static void test_names_and_expressions(void **state)
{
    Fixture *f = *state;
    set_config("base_model_name_or_path", "\"timm/vit_base_patch16_224\"");
    set_config("target_modules", "[\"fc1\"]");
    assert_read(f);
    set_config("target_modules", "\"blocks\\\\.\\\\d+\\\\.mlp\\\\.fc[12]\"");
    assert_read(f);
    set_config("target_modules", "\"all-linear\"");
    assert_read(f);
    set_config("r", "7");
    set_config("rank_pattern", "{\"fc2\": 3, \"blocks\\\\.\\\\d\\\\.mlp\\\\.fc1\": 2}");
    set_config("alpha_pattern", "{\"c1\": 1, \"fc1\": 9}");
    assert_read(f);
    assert_int_equal(f->read.items[0].rank, RANK);
    assert_close(f->read.items[0].alpha, 9, 0, 0);
}

static void test_bfloat16(void **state)
{
    Fixture *f = *state;
    Err err = {0};
    uint16_t a[RANK * D], b[HIDDEN * RANK];
    for (int i = 0; i < RANK * D; i++) a[i] = 0x3F80;      /* 1 */
    for (int i = 0; i < HIDDEN * RANK; i++) b[i] = 0xC000; /* -2 */
    SafeWriter *w = safewriter_new();
    safewriter_bf16(w, FC1 ".lora_A.weight", a, 2, (int64_t[]){RANK, D});
    safewriter_bf16(w, FC1 ".lora_B.weight", b, 2, (int64_t[]){HIDDEN, RANK});
    assert_ok(safewriter_write(w, WEIGHTS, &err));
    safewriter_free(w);
    assert_read(f);
    for (int i = 0; i < RANK * D; i++) assert_close(f->read.items[0].a[i], 1, 0, 0);
    for (int i = 0; i < HIDDEN * RANK; i++) assert_close(f->read.items[0].b[i], -2, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_settings_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_files_that_are_no_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tensors_that_do_not_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_weights_of_the_base, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_weights_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_classifier_of_other_classes_is_left_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_names_and_expressions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bfloat16, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
