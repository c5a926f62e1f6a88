/* Whole-file reads and atomic writes, and the digests. */
#include "test.h"

#include "digest.h"
#include "file.h"

#include <unistd.h>

static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/dgbench-file-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static void test_write_then_read(void **state)
{
    (void)state;
    Err err = {0};
    Arena *a = arena_new();
    char *deep = file_join(a, folder, "x/y/z");
    assert_ok(file_make_dirs(deep, &err));
    assert_ok(file_make_dirs(deep, &err));
    char *path = file_join(a, deep, "data");
    assert_ok(file_write_atomic(path, "hello", 5, &err));
    assert_ok(file_write_atomic(path, "bye", 3, &err));
    char *data;
    size_t n;
    assert_ok(file_read(&data, &n, path, 100, &err));
    assert_int_equal(n, 3);
    assert_string_equal(data, "bye");
    free(data);
    char **names;
    int count;
    assert_ok(file_list(&names, &count, deep, a, &err));
    assert_int_equal(count, 1);
    assert_string_equal(names[0], "data");
    arena_free(a);
}

static void test_failures_say_where(void **state)
{
    (void)state;
    Err err = {0};
    Arena *a = arena_new();
    char *data;
    assert_fails(file_read(&data, NULL, file_join(a, folder, "none"), 100, &err),
                 "none: cannot open");
    assert_int_equal(err.code, ERR_NOT_FOUND);
    char *path = file_join(a, folder, "big");
    assert_ok(file_write_atomic(path, "0123456789", 10, &err));
    assert_fails(file_read(&data, NULL, path, 9, &err), "10 bytes, expected at most 9");
    assert_fails(file_make_dirs(path, &err), "no folder");
    assert_fails(file_write_atomic(file_join(a, path, "child"), "x", 1, &err), "cannot create");
    arena_free(a);
}

/* FIPS 180-4 and RFC 1321 examples. */
static void test_digests(void **state)
{
    (void)state;
    uint8_t sha[SHA256_BYTES], md5[16];
    char hex[SHA256_HEX_SIZE];
    digest_sha256(sha, "abc", 3);
    digest_hex(hex, sha, sizeof sha);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_md5(md5, "abc", 3);
    digest_hex(hex, md5, sizeof md5);
    assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_then_read),
        cmocka_unit_test(test_failures_say_where),
        cmocka_unit_test(test_digests),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
