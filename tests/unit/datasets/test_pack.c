/* Packs that were cut, damaged, half made, or made by two processes at once. */
#define _DEFAULT_SOURCE /* usleep */
#include "fixture.h"

#include "file.h"
#include "pack.h"
#include "pack_format.h"

#include <sys/wait.h>
#include <unistd.h>

enum { N_IMAGES = 400, SIDE = 6 };

/* A source of plain images, image i filled with i, that counts how often it is asked. */
typedef struct {
    int n_read;
    int stop_after; /* ends the process after so many reads; 0: never */
} Counter;

static Fixture fixture;
static Counter counter;
static Source source;

static bool read_plain(const Source *s, int image, Image *out, uint8_t digest[SHA256_BYTES],
                       unsigned *flags, Err *err)
{
    Counter *c = s->context;
    c->n_read++;
    if (c->stop_after > 0 && c->n_read > c->stop_after) _exit(7);
    if (image == 3) return err_set(err, ERR_FORMAT, "image 3 is broken");
    memset(digest, image, SHA256_BYTES);
    *flags = image == 5 ? IMAGE_WAS_GREY : 0;
    if (out == NULL) return true;
    image_resize_storage(out, SIDE, SIDE, 3);
    memset(out->data, image & 255, SIDE * SIDE * 3);
    return true;
}

static int setup(void **state)
{
    (void)state;
    fixture_init(&fixture);
    counter = (Counter){0};
    source = (Source){.n_images = N_IMAGES, .channels = 3, .read = read_plain, .context = &counter};
    memset(source.key, 1, sizeof source.key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_done(&fixture);
    return 0;
}

static Pack *open_pack(void)
{
    Err err = {0};
    Pack *pack;
    PackOptions options = {.label = "plain"};
    assert_ok(pack_open(&pack, fixture_path(&fixture, "p.pack"), &source, &options, &err));
    return pack;
}

static void expect_right(const Pack *pack)
{
    Err err = {0};
    for (int i = 0; i < N_IMAGES; i++) {
        ImageView view;
        assert_int_equal(pack_view(&view, pack, i), i != 3);
        if (i == 3) continue;
        assert_int_equal(view.width, SIDE);
        assert_int_equal(view.data[0], i & 255);
        assert_int_equal(view.data[SIDE * SIDE * 3 - 1], i & 255);
        assert_int_equal(pack_entry(pack, i)->content[9], i & 255);
    }
    assert_int_equal(pack_entry(pack, 3)->flags, PACK_BROKEN);
    assert_int_equal(pack_entry(pack, 5)->flags, IMAGE_WAS_GREY);
    assert_ok(pack_verify(pack, &err));
}

static void test_made_once_then_only_opened(void **state)
{
    (void)state;
    Pack *pack = open_pack();
    expect_right(pack);
    pack_close(pack);
    int n_read = counter.n_read;
    assert_in_range(n_read, N_IMAGES, N_IMAGES + 64); /* plus the sample for the estimate */
    pack = open_pack();
    expect_right(pack);
    pack_close(pack);
    assert_int_equal(counter.n_read, n_read);
}

static void test_other_key_makes_it_anew(void **state)
{
    (void)state;
    pack_close(open_pack());
    int n_read = counter.n_read;
    source.key[0] = 9;
    pack_close(open_pack());
    assert_true(counter.n_read >= n_read + N_IMAGES);
}

static void test_cut_or_damaged_index_is_noticed(void **state)
{
    (void)state;
    Err err = {0};
    const char *path = fixture_path(&fixture, "p.pack");
    pack_close(open_pack());
    char *bytes;
    size_t n;
    assert_ok(file_read(&bytes, &n, path, 1 << 20, &err));
    static const int CUTS[] = {0, 1, 100, 128, 129, 5000};
    for (int k = 0; k < 6; k++) {
        assert_ok(file_write_atomic(path, bytes, k == 5 ? n - 1 : (size_t)CUTS[k], &err));
        int n_read = counter.n_read;
        Pack *pack = open_pack();
        assert_true(counter.n_read > n_read);
        expect_right(pack);
        pack_close(pack);
    }
    bytes[n - 40] ^= 1;
    assert_ok(file_write_atomic(path, bytes, n, &err));
    int n_read = counter.n_read;
    pack_close(open_pack());
    assert_true(counter.n_read > n_read);
    free(bytes);
}

static void test_damaged_pixels_are_found_by_verify(void **state)
{
    (void)state;
    Err err = {0};
    const char *path = fixture_path(&fixture, "p.pack");
    pack_close(open_pack());
    char *bytes;
    size_t n;
    assert_ok(file_read(&bytes, &n, path, 1 << 20, &err));
    bytes[sizeof(PackHeader) + sizeof(PackEntry) + 20] ^= 4;
    assert_ok(file_write_atomic(path, bytes, n, &err));
    free(bytes);
    Pack *pack = open_pack();
    bool ok = pack_verify(pack, &err);
    pack_close(pack);
    assert_fails(ok, "pixels of image 0 are damaged");
}

/* Runs the opening in a child process. Returns its exit status. */
static int in_child(int stop_after)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        counter.stop_after = stop_after;
        Err err = {0};
        Pack *pack;
        PackOptions options = {.label = "plain"};
        _exit(pack_open(&pack, fixture_path(&fixture, "p.pack"), &source, &options, &err) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void test_killed_build_is_continued(void **state)
{
    (void)state;
    assert_int_equal(in_child(64 + 256 + 20), 7); /* in the second batch, after the sample */
    assert_false(file_exists(fixture_path(&fixture, "p.pack")));
    assert_true(file_exists(fixture_path(&fixture, "p.pack.part")));
    Pack *pack = open_pack();
    expect_right(pack);
    pack_close(pack);
    assert_in_range(counter.n_read, 64, 64 + N_IMAGES - 1); /* this process, less than all */
    assert_false(file_exists(fixture_path(&fixture, "p.pack.part")));
}

static void test_torn_record_of_a_killed_build_is_made_again(void **state)
{
    (void)state;
    Err err = {0};
    assert_int_equal(in_child(64 + 256 + 20), 7);
    const char *part = fixture_path(&fixture, "p.pack.part");
    char *bytes;
    size_t n;
    assert_ok(file_read(&bytes, &n, part, 1 << 20, &err));
    memset(bytes + n / 2, 0, n - n / 2); /* pages that never reached the disk */
    assert_ok(file_write_atomic(part, bytes, n, &err));
    free(bytes);
    Pack *pack = open_pack();
    expect_right(pack);
    pack_close(pack);
}

static void test_two_processes_make_one_pack(void **state)
{
    (void)state;
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        pids[i] = fork();
        if (pids[i] != 0) continue;
        Err err = {0};
        Pack *pack;
        PackOptions options = {.label = "plain"};
        bool ok = pack_open(&pack, fixture_path(&fixture, "p.pack"), &source, &options, &err);
        _exit(ok && pack_verify(pack, &err) ? 0 : 1);
    }
    for (int i = 0; i < 3; i++) {
        int status;
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    Pack *pack = open_pack();
    expect_right(pack);
    pack_close(pack);
    assert_int_equal(counter.n_read, 0);
}

static void test_budget_leaves_only_the_index(void **state)
{
    (void)state;
    Err err = {0};
    Pack *pack;
    PackOptions options = {.label = "plain", .budget_bytes = 1000};
    assert_ok(pack_open(&pack, fixture_path(&fixture, "p.pack"), &source, &options, &err));
    ImageView view;
    assert_false(pack_has_pixels(pack));
    assert_false(pack_view(&view, pack, 0));
    assert_int_equal(pack_entry(pack, 9)->content[0], 9);
    pack_close(pack);
    pack = open_pack(); /* now there is room */
    expect_right(pack);
    pack_close(pack);
}

static void test_folder_that_cannot_be_written(void **state)
{
    (void)state;
    Err err = {0};
    Pack *pack;
    PackOptions options = {.label = "plain"};
    assert_fails(pack_open(&pack, "/proc/nowhere/p.pack", &source, &options, &err),
                 "cannot create lock file");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_made_once_then_only_opened),
        TEST(test_other_key_makes_it_anew),
        TEST(test_cut_or_damaged_index_is_noticed),
        TEST(test_damaged_pixels_are_found_by_verify),
        TEST(test_killed_build_is_continued),
        TEST(test_torn_record_of_a_killed_build_is_made_again),
        TEST(test_two_processes_make_one_pack),
        TEST(test_budget_leaves_only_the_index),
        TEST(test_folder_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
