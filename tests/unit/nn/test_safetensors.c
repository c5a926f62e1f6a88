/* safetensors: files of another writer, our own files byte for byte, and hostile headers. */
#include "file.h"
#include "golden.h"
#include "mem.h"
#include "str.h"

#include <sys/stat.h>
#include <unistd.h>

static void test_reads_every_dtype_of_another_writer(void **state)
{
    (void)state;
    Err err = {0};
    SafeTensors *f = golden_open("nn/dtypes.safetensors");
    const double exact[] = {0, -0.0, 1, -1, 0.5, 1.5, -1024, 0.0999755859375};
    const char *names[] = {"f64", "f32", "f16", "bf16"};
    for (int k = 0; k < 4; k++) {
        size_t n;
        Real *v = golden_values(f, names[k], &n);
        assert_int_equal(n, k == 3 ? 7 : 8);
        for (size_t i = 0; i < n; i++) assert_true((double)v[i] == exact[i]);
        assert_true(signbit(v[1]));
        test_free(v);
    }
    Real *v = golden_values(f, "f16_special", NULL);
    assert_true((double)v[0] == ldexp(1, -24) && (double)v[1] == ldexp(1, -15) && v[2] == 65504);
    assert_true(isinf(v[3]) && v[3] > 0 && isinf(v[4]) && v[4] < 0 && isnan(v[5]));
    test_free(v);
    int64_t i64[3], i32[2], u8[2];
    assert_ok(safetensors_to_i64(safetensors_find(f, "i64"), i64, &err));
    assert_ok(safetensors_to_i64(safetensors_find(f, "i32"), i32, &err));
    assert_ok(safetensors_to_i64(safetensors_find(f, "u8"), u8, &err));
    assert_true(i64[0] == 1 && i64[1] == -2 && i64[2] == (int64_t)1 << 40);
    assert_true(i32[0] == 7 && i32[1] == -8 && u8[0] == 0 && u8[1] == 255);
    safetensors_close(f);
}

static void test_shapes_metadata_and_wrong_conversions(void **state)
{
    (void)state;
    Err err = {0};
    SafeTensors *f = golden_open("nn/dtypes.safetensors");
    const SafeTensor *scalar = safetensors_find(f, "scalar"), *empty = safetensors_find(f, "empty");
    const SafeTensor *i64 = safetensors_find(f, "i64");
    assert_true(scalar->rank == 0 && scalar->n_elements == 1);
    assert_true(empty->rank == 2 && empty->dims[1] == 3 && empty->n_elements == 0);
    assert_true(i64->rank == 2 && i64->dims[0] == 1 && i64->dims[1] == 3);
    assert_string_equal(safetensors_metadata(f, "quote"), "a \"b\" \\ c");
    assert_null(safetensors_metadata(f, "nothing"));
    assert_null(safetensors_find(f, "nothing"));
    assert_null(safetensors_find(f, "__metadata__"));
    assert_int_equal(safetensors_count(f), 10);
    Real real[3];
    int64_t integer[1];
    assert_fails(safetensors_to_real(i64, real, &err), "tensor \"i64\": I64, expected F32");
    assert_fails(safetensors_to_i64(scalar, integer, &err), "tensor \"scalar\": F32, expected I64");
    safetensors_close(f);
}

/* ---- writing ---- */

static SafeWriter *make_writer(void)
{
    static const float scalar[] = {0.5F};
    static const int64_t counts[] = {1, -2, (int64_t)1 << 40};
    static float weight[2 * 3 * 1 * 2];
    for (int m = 0, i = 0; m < 2; m++) {
        for (int c = 0; c < 3; c++) {
            for (int kw = 0; kw < 2; kw++) weight[i++] = (float)(100 * m + 10 * kw + c);
        }
    }
    SafeWriter *w = safewriter_new();
    safewriter_metadata(w, "made by", "dgbench \"tests\"\\");
    safewriter_f32(w, "scalar", scalar, 0, NULL);
    safewriter_f32(w, "conv.weight", weight, 4, (int64_t[]){2, 3, 1, 2});
    safewriter_i64(w, "counts", counts, 1, (int64_t[]){3});
    safewriter_f32(w, "empty", weight, 2, (int64_t[]){0, 2});
    return w;
}

/* The golden file is this writer's own output, checked by scripts/golden/safetensors_files.py; when
 * the writer changes on purpose, copy the file that this test names and run the script. */
static void test_writes_byte_for_byte(void **state)
{
    (void)state;
    Err err = {0};
    char path[1024], *got, *want;
    size_t n_got, n_want;
    SafeWriter *w = make_writer();
    assert_ok(safewriter_write(w, "test_safetensors.tmp", &err));
    safewriter_free(w);
    assert_ok(file_read(&got, &n_got, "test_safetensors.tmp", 1 << 20, &err));
    assert_ok(
        file_read(&want, &n_want, golden_path(path, "nn/written.safetensors"), 1 << 20, &err));
    if (n_got != n_want || memcmp(got, want, n_got) != 0) {
        fail_msg("test_safetensors.tmp differs from %s", path);
    }
    free(got);
    free(want);
    (void)remove("test_safetensors.tmp");
}

static float float_of(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

/* The upper half of a float, rounded to nearest, ties to the even one. */
static void test_bf16_is_rounded_to_nearest_even(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits;
        uint16_t want;
    } rows[] = {
        {0x00000000, 0x0000}, {0x80000000, 0x8000}, {0x3F800000, 0x3F80}, /* 0, -0, 1 */
        {0x3F807FFF, 0x3F80}, {0x3F808000, 0x3F80}, {0x3F808001, 0x3F81}, /* below, at, above */
        {0x3F818000, 0x3F82}, {0x3F817FFF, 0x3F81}, {0xBF818000, 0xBF82}, /* odd: up */
        {0x3FFFFFFF, 0x4000}, {0x7F7FFFFF, 0x7F80}, {0x7F7F7FFF, 0x7F7F}, /* carries; to infinity */
        {0x7F800000, 0x7F80}, {0xFF800000, 0xFF80}, {0x00000001, 0x0000}, /* infinity, tiniest */
        {0x7F800001, 0x7FC0}, {0xFFC12345, 0xFFC1}, {0x7FFFFFFF, 0x7FFF}, /* NaN stays NaN */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float v = float_of(rows[i].bits);
        uint16_t got;
        safetensors_to_bf16(&got, &v, 1);
        if (got != rows[i].want) {
            fail_msg("%08X became %04X, expected %04X", rows[i].bits, got, rows[i].want);
        }
    }
}

static void test_bf16_is_written_and_read(void **state)
{
    (void)state;
    Err err = {0};
    SafeTensors *f = NULL;
    const float values[] = {1, -2.5F, 0.1F, INFINITY};
    uint16_t halves[4];
    Real got[4];
    safetensors_to_bf16(halves, values, 4);
    SafeWriter *w = safewriter_new();
    safewriter_bf16(w, "finite", halves, 2, (int64_t[]){1, 3});
    safewriter_bf16(w, "all", halves, 1, (int64_t[]){4});
    assert_ok(safewriter_write(w, "test_safetensors.tmp", &err));
    safewriter_free(w);
    assert_ok(safetensors_open(&f, "test_safetensors.tmp", &err));
    const SafeTensor *all = safetensors_find(f, "all");
    assert_string_equal(all->dtype, "BF16");
    assert_int_equal(all->n_bytes, 8);
    assert_ok(safetensors_to_real(all, got, &err));
    assert_true(got[0] == 1 && got[1] == -2.5F && isinf(got[3]));
    assert_close(got[2], 0.1, 1.0 / 512, 0);
    assert_false(safetensors_is_finite(all));
    assert_true(safetensors_is_finite(safetensors_find(f, "finite")));
    safetensors_close(f);
    (void)remove("test_safetensors.tmp");
}

static void test_what_is_finite(void **state)
{
    (void)state;
    SafeTensors *f = golden_open("nn/dtypes.safetensors");
    const char *finite[] = {"f64", "f32", "f16", "bf16", "i64", "u8", "scalar", "empty"};
    for (size_t i = 0; i < sizeof finite / sizeof *finite; i++) {
        assert_true(safetensors_is_finite(safetensors_find(f, finite[i])));
    }
    assert_false(safetensors_is_finite(safetensors_find(f, "f16_special")));
    safetensors_close(f);
}

static void test_write_into_missing_folder_fails(void **state)
{
    (void)state;
    Err err = {0};
    SafeWriter *w = make_writer();
    assert_fails(safewriter_write(w, "no_such_folder/x.safetensors", &err), "cannot create");
    assert_int_equal(mkdir("a_folder.safetensors", 0777), 0);
    assert_fails(safewriter_write(w, "a_folder.safetensors", &err), "cannot rename");
    char tmp[64];
    snprintf(tmp, sizeof tmp, "a_folder.safetensors.tmp.%ld", (long)getpid());
    assert_false(file_exists(tmp));
    (void)rmdir("a_folder.safetensors");
    safewriter_free(w);
}

/* ---- hostile input ---- */

typedef struct {
    const char *header;
    size_t data_bytes;
    const char *message;
} Hostile;

static const Hostile HOSTILE[] = {
    {"", 0, "header, byte"},
    {"{", 0, "header, byte"},
    {"[]", 0, "the header is not a JSON object"},
    {"7", 0, "header, byte"},
    {"{\"a\":{}} x", 0, "header, byte"},
    {"{\"a\":{},\"a\":{}}", 0, "duplicate"},
    {"{\"\xff\":{}}", 0, "header, byte"},
    {"{\"a\":3}", 0, "tensor \"a\": not an object"},
    {"{\"a\":{\"shape\":[],\"data_offsets\":[0,4]}}", 4, "no \"dtype\""},
    {"{\"a\":{\"dtype\":\"Q4\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "dtype \"Q4\""},
    {"{\"a\":{\"dtype\":7,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "no \"dtype\""},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no \"shape\""},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "a dimension"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "a dimension"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}}", 4,
     "too big integer"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
     "more elements"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0,
     "more elements"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
     "9 dimensions"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "no \"data_offsets\""},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "no \"data_offsets\""},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 4, "outside of 4 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "outside of 4 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "outside of 4 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
     "4 bytes of data for 2"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5,
     "1 bytes after the last"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}", 5,
     "unused bytes before it"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
     8, "tensor \"b\": overlaps"},
    {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "__metadata__ \"k\" is not a text"},
};

/* The bytes of a file with this header, on the heap at their exact size, so that sanitizers see
 * every byte read too far. */
static uint8_t *make_file(const char *header, size_t data_bytes, size_t *n)
{
    uint64_t length = strlen(header);
    *n = 8 + length + data_bytes;
    uint8_t *bytes = mem_alloc(*n, 1);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    return bytes;
}

static void test_hostile_headers_give_one_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof HOSTILE / sizeof *HOSTILE; i++) {
        Err err = {0};
        size_t n;
        uint8_t *bytes = make_file(HOSTILE[i].header, HOSTILE[i].data_bytes, &n);
        SafeTensors *f = NULL;
        assert_fails(safetensors_parse(&f, bytes, n, "x.safetensors", &err), HOSTILE[i].message);
        assert_true(str_starts_with(err.text, "x.safetensors: "));
        assert_null(f);
        free(bytes);
    }
}

static void test_lying_length(void **state)
{
    (void)state;
    const uint64_t lengths[] = {3, 2147483648, UINT64_MAX, UINT64_MAX - 7};
    for (int i = 0; i < 4; i++) {
        Err err = {0};
        SafeTensors *f = NULL;
        uint8_t bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        memcpy(bytes, &lengths[i], 8);
        assert_fails(safetensors_parse(&f, bytes, sizeof bytes, "x", &err), "only 2 follow");
    }
}

static void test_cut_off_at_every_length(void **state)
{
    (void)state;
    char path[1024], *whole;
    size_t n;
    Err err = {0};
    assert_ok(file_read(&whole, &n, golden_path(path, "nn/written.safetensors"), 1 << 20, &err));
    assert_true(n > 200);
    for (size_t length = 0; length < n; length++) {
        uint8_t *part = mem_alloc(length, 1);
        memcpy(part, whole, length);
        SafeTensors *f = NULL;
        assert_fails(safetensors_parse(&f, part, length, "cut", &err), "cut: ");
        free(part);
    }
    free(whole);
}

/* Any single changed byte is accepted or refused, but never read past the end. */
static void test_changed_bytes(void **state)
{
    (void)state;
    char path[1024], *bytes;
    size_t n;
    Err err = {0};
    assert_ok(file_read(&bytes, &n, golden_path(path, "nn/written.safetensors"), 1 << 20, &err));
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            SafeTensors *f = NULL;
            if (safetensors_parse(&f, bytes, n, "changed", &err)) safetensors_close(f);
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
        }
    }
    free(bytes);
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    Err err = {0};
    SafeTensors *f = NULL;
    assert_fails(safetensors_open(&f, "no_such.safetensors", &err),
                 "no_such.safetensors: cannot open");
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_fails(safetensors_open(&f, ".", &err), ".: not a regular file");
    assert_ok(file_write_atomic("empty.safetensors", "", 0, &err));
    assert_fails(safetensors_open(&f, "empty.safetensors", &err), "0 bytes");
    assert_ok(file_write_atomic("empty.safetensors", "PK\3\4 a zip file, really", 23, &err));
    assert_fails(safetensors_open(&f, "empty.safetensors", &err), "not a safetensors file");
    (void)remove("empty.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_every_dtype_of_another_writer),
        cmocka_unit_test(test_shapes_metadata_and_wrong_conversions),
        cmocka_unit_test(test_writes_byte_for_byte),
        cmocka_unit_test(test_bf16_is_rounded_to_nearest_even),
        cmocka_unit_test(test_bf16_is_written_and_read),
        cmocka_unit_test(test_what_is_finite),
        cmocka_unit_test(test_write_into_missing_folder_fails),
        cmocka_unit_test(test_hostile_headers_give_one_line),
        cmocka_unit_test(test_lying_length),
        cmocka_unit_test(test_cut_off_at_every_length),
        cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_files_that_are_none),
    };
    return cmocka_run_group_tests_name("nn-safetensors", tests, NULL, NULL);
}
