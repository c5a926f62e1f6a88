/* Adapter directories and merged weights against a second implementation (scripts/golden/peft.py).
 * What is written here is checked there: after a change of the writer, run this test with
 * PEFT_GOLDEN_WRITE=1, then the script, which reads the new files. */
#include "file.h"
#include "golden.h"
#include "params_file.h"
#include "peft_case.h"
#include "peft_dir.h"

#include <unistd.h>

enum { D = CASE_WIDTH };

static const char *place(char out[1024], const char *name)
{
    char part[256];
    snprintf(part, sizeof part, "peft/%s", name);
    return golden_path(out, part);
}

/* ours [out,kh,kw,in] from the array's [out,in,kh,kw] */
static void put(Params *params, const char *name, const Real *theirs)
{
    const Param *p = params_get(params, params_find(params, name));
    Real *ours = peft_case_values(params, name);
    int in = p->rank > 1 ? p->dims[p->rank - 1] : 1,
        area = (int)(p->size / (size_t)(p->dims[0] * in));
    for (size_t i = 0; i < p->size; i++) {
        size_t at = i % (size_t)area, c = i / (size_t)area % (size_t)in;
        size_t m = i / (size_t)(area * in);
        ours[(m * (size_t)area + at) * (size_t)in + c] = theirs[i];
    }
}

/* The arrays of the golden file that begin with prefix, put into params. */
static void put_all(Params *params, const char *golden, const char *prefix)
{
    SafeTensors *f = golden_open(golden);
    for (int i = 0; i < safetensors_count(f); i++) {
        const char *name = safetensors_at(f, i)->name;
        if (strncmp(name, prefix, strlen(prefix)) != 0) continue;
        Real *values = golden_values(f, name, NULL);
        put(params, name + strlen(prefix), values);
        test_free(values);
    }
    safetensors_close(f);
}

static void check_directory(PeftCaseNet net, const char *name)
{
    Err err = {0};
    char folder[1024], golden[64];
    snprintf(golden, sizeof golden, "peft/%s.safetensors", name);
    Params *params = peft_case_params(net, 1), *want = peft_case_params(net, 1);
    LowRankSet set = {0};
    put_all(params, golden, "base/");
    put_all(want, golden, "base/");
    put_all(want, golden, "merged/");
    assert_ok(peft_dir_read(&set, params, place(folder, name), "a-net", &err));
    low_rank_set_merge(&set, params);
    for (int i = 0; i < params_count(params); i++) {
        const Param *p = params_get(params, i);
        (void)golden_compare(p->name, params_values(params) + p->offset,
                             params_values(want) + p->offset, p->size, 1e-6, 1e-6);
    }
    low_rank_set_done(&set);
    params_free(params);
    params_free(want);
}

static void test_hugging_face_vit(void **state)
{
    (void)state;
    check_directory(CASE_VIT, "vit");
}

static void test_resnet_with_magnitudes(void **state)
{
    (void)state;
    check_directory(CASE_RESNET, "resnet");
}

/* ---- what is written ---- */

static void make_set(LowRankSet *set, Params *params)
{
    LowRankChange q = {.n_rows = D, .rank = 2, .alpha = 3};
    LowRankChange v = {.row = 2 * D, .n_rows = D, .rank = 1, .alpha = 2};
    LowRankChange fc1 = {.rank = 2, .alpha = 1};
    peft_case_add(set, params, "blocks.0.attn.qkv.weight", q, true);
    peft_case_add(set, params, "blocks.0.attn.qkv.weight", v, true);
    peft_case_add(set, params, "blocks.0.mlp.fc1.weight", fc1, true);
}

/* The base's weights are multiples of 1/8, the same on every machine. */
static Params *simple_params(void)
{
    Params *params = peft_case_params(CASE_VIT, 1);
    for (size_t i = 0; i < params_size(params); i++)
        params_values(params)[i] = (Real)((double)((i * 37) % 29) / 8 - 1.75);
    return params;
}

static void write_values(Params *base, Params *merged)
{
    static const char *const names[] = {"blocks.0.attn.qkv.weight", "blocks.0.mlp.fc1.weight"};
    Err err = {0};
    char path[1024], name[128];
    Arena *arena = arena_new();
    SafeWriter *w = safewriter_new();
    for (int i = 0; i < 4; i++) {
        Params *params = i < 2 ? base : merged;
        const Param *p = params_get(params, params_find(params, names[i % 2]));
        float *values = arena_alloc(arena, p->size, sizeof *values);
        for (size_t k = 0; k < p->size; k++)
            values[k] = (float)params_values(params)[p->offset + k];
        snprintf(name, sizeof name, "%s/%s", i < 2 ? "base" : "merged", p->name);
        safewriter_f32(w, name, values, 2, (int64_t[]){p->dims[0], p->dims[1]});
    }
    assert_ok(safewriter_write(w, place(path, "written.safetensors"), &err));
    safewriter_free(w);
    arena_free(arena);
}

static void compare_file(const char *folder, const char *name)
{
    Err err = {0};
    char path[1024], part[128], *got, *want;
    size_t n_got, n_want;
    Arena *arena = arena_new();
    snprintf(part, sizeof part, "written/%s", name);
    assert_ok(file_read(&got, &n_got, file_join(arena, folder, name), 1 << 20, &err));
    assert_ok(file_read(&want, &n_want, place(path, part), 1 << 20, &err));
    if (n_got != n_want || memcmp(got, want, n_got) != 0)
        fail_msg("%s/%s differs from %s", folder, name, path);
    free(got);
    free(want);
    arena_free(arena);
}

static void test_written_directory(void **state)
{
    (void)state;
    static const char FOLDER[] = "test_peft_golden.tmp";
    static const char *const files[] = {"adapter_config.json", "adapter_model.safetensors"};
    Err err = {0};
    char path[1024];
    bool is_made = getenv("PEFT_GOLDEN_WRITE") != NULL;
    Params *base = simple_params(), *merged = simple_params();
    LowRankSet set = {0};
    make_set(&set, base);
    low_rank_set_merge(&set, merged);
    PeftBase what = {"vit-mini-4", "timm"};
    const char *folder = is_made ? place(path, "written") : FOLDER;
    assert_ok(peft_dir_write(folder, &set, base, base, &what, &err));
    if (is_made) {
        write_values(base, merged);
    } else {
        for (int i = 0; i < 2; i++) compare_file(FOLDER, files[i]);
        (void)remove("test_peft_golden.tmp/adapter_config.json");
        (void)remove("test_peft_golden.tmp/adapter_model.safetensors");
        (void)rmdir(FOLDER);
    }
    low_rank_set_done(&set);
    params_free(base);
    params_free(merged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hugging_face_vit),
        cmocka_unit_test(test_resnet_with_magnitudes),
        cmocka_unit_test(test_written_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
