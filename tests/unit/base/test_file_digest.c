/* Digests of files: the right ones, also from the cache, also after a change. */
#include "file.h"
#include "file_digest.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char PATH[] = "test_file_digest.tmp";
static const char ABC[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char ABD[] = "a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9";

static int setup(void **state)
{
    static char folder[64];
    snprintf(folder, sizeof folder, "/tmp/dgbench-digest-XXXXXX");
    *state = mkdtemp(folder);
    return *state == NULL || setenv("DGBENCH_CACHE", folder, 1) != 0;
}

/* What the cache holds, at most one file. */
static char *cached(const char *folder, Arena *arena)
{
    Err err = {0};
    char **names;
    int n = 0;
    const char *digests = file_join(arena, folder, "digests");
    if (!file_is_dir(digests)) return NULL;
    assert_ok(file_list(&names, &n, digests, arena, &err));
    assert_true(n <= 1);
    return n == 1 ? file_join(arena, digests, names[0]) : NULL;
}

static int teardown(void **state)
{
    Arena *arena = arena_new();
    const char *file = cached(*state, arena);
    if (file != NULL) (void)remove(file);
    (void)rmdir(file_join(arena, *state, "digests"));
    arena_free(arena);
    (void)remove(PATH);
    return rmdir(*state);
}

/* The file, as if it had been written long ago: its time of change can't be set, so this waits. */
static void settle(void)
{
    (void)nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 100000000}, NULL);
}

static void test_digest_and_cache(void **state)
{
    Err err = {0};
    char digest[SHA256_HEX_SIZE];
    Arena *arena = arena_new();
    assert_ok(file_write_atomic(PATH, "abc", 3, &err));
    assert_ok(file_digest(digest, PATH, &err));
    assert_string_equal(digest, ABC);
    assert_null(cached(*state, arena)); /* too new to be sure of */
    settle();
    assert_ok(file_digest(digest, PATH, &err));
    assert_string_equal(digest, ABC);
    const char *file = cached(*state, arena);
    assert_non_null(file);
    assert_ok(file_write_atomic(file, ABD, strlen(ABD), &err)); /* from there it is read now */
    assert_ok(file_digest(digest, PATH, &err));
    assert_string_equal(digest, ABD);
    assert_ok(file_write_atomic(file, "nonsense", 8, &err)); /* but not this */
    assert_ok(file_digest(digest, PATH, &err));
    assert_string_equal(digest, ABC);
    assert_ok(file_write_atomic(PATH, "abd", 3, &err)); /* and not of what has changed */
    assert_ok(file_digest(digest, PATH, &err));
    assert_string_equal(digest, ABD);
    arena_free(arena);
}

static void test_missing_file(void **state)
{
    (void)state;
    Err err = {0};
    char digest[SHA256_HEX_SIZE];
    assert_fails(file_digest(digest, "no_such_file", &err), "no_such_file: cannot open");
    assert_fails(file_digest(digest, "/tmp", &err), "not a regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_digest_and_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_file, setup, teardown),
    };
    return cmocka_run_group_tests_name("base-file-digest", tests, NULL, NULL);
}
