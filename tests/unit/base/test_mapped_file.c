/* Mapped files: content, the empty file, and what cannot be mapped. */
#include "file.h"
#include "mapped_file.h"
#include "test.h"

static void test_content_and_empty_file(void **state)
{
    (void)state;
    Err err = {0};
    MappedFile f;
    assert_ok(file_write_atomic("test_mapped.tmp", "abc", 3, &err));
    assert_ok(mapped_file_open(&f, "test_mapped.tmp", &err));
    assert_int_equal(f.n, 3);
    assert_memory_equal(f.bytes, "abc", 3);
    mapped_file_close(&f);
    assert_null(f.bytes);
    assert_ok(file_write_atomic("test_mapped.tmp", "", 0, &err));
    assert_ok(mapped_file_open(&f, "test_mapped.tmp", &err));
    assert_true(f.n == 0 && f.bytes == NULL);
    mapped_file_close(&f);
    (void)remove("test_mapped.tmp");
}

static void test_missing_file_and_folder(void **state)
{
    (void)state;
    Err err = {0};
    MappedFile f;
    assert_fails(mapped_file_open(&f, "no_such_file", &err), "no_such_file: cannot open");
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_fails(mapped_file_open(&f, ".", &err), ".: not a regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_and_empty_file),
        cmocka_unit_test(test_missing_file_and_folder),
    };
    return cmocka_run_group_tests_name("base-mapped-file", tests, NULL, NULL);
}
