/* Whole-file reads and atomic writes, and the digests. */
#include "test.h"

#include "digest.h"
#include "file.h"
#include "log.h"

#include <pthread.h>
#include <time.h>
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

static void *take_lock(void *path)
{
    Err err = {0};
    int lock;
    if (!file_lock(&lock, path, "testing", &err)) return NULL;
    file_unlock(lock);
    return path;
}

static void test_a_lock_is_waited_for(void **state)
{
    (void)state;
    Err err = {0};
    Arena *a = arena_new();
    char *path = file_join(a, folder, "lock");
    int lock;
    pthread_t other;
    void *got = NULL;
    log_set_level(LOG_QUIET);
    assert_ok(file_lock(&lock, path, "testing", &err));
    assert_int_equal(pthread_create(&other, NULL, take_lock, path), 0);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    file_unlock(lock);
    pthread_join(other, &got);
    log_set_level(LOG_INFO);
    assert_ptr_equal(got, path);
    assert_true(file_exists(path));
    assert_fails(file_lock(&lock, file_join(a, folder, "no/lock"), "testing", &err),
                 "cannot create lock file");
    arena_free(a);
}

static void test_checksum_sees_every_byte_and_the_length(void **state)
{
    (void)state;
    uint8_t bytes[21] = {0};
    uint64_t whole = digest_checksum(bytes, 21);
    assert_true(digest_checksum(bytes, 20) != whole);
    for (int i = 0; i < 21; i++) {
        bytes[i] = 1;
        assert_true(digest_checksum(bytes, 21) != whole);
        bytes[i] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_then_read),
        cmocka_unit_test(test_failures_say_where),
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_a_lock_is_waited_for),
        cmocka_unit_test(test_checksum_sees_every_byte_and_the_length),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
