/* The embedding cache, with an encoder that counts what it is asked for. */
#include "fixture.h"

#include "augment.h"
#include "embedding.h"
#include "log.h"
#include "rng.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 4, DIM = 5, N_IMAGES = 2 * 3 * 25 }; /* three pieces, the last one short */

static Fixture fixture;
static Dataset *dataset;
static Embeddings e; /* closed by the teardown */
static ImageEncoder encoder;

/* What the encoder does. */
static struct {
    int n_asked, n_calls;
    int kill_at_call;     /* -1: never */
    float last_component; /* of the answers */
    sig_atomic_t stop;
    int stop_at_call;
} plan;

static void encode(void *context, float *out, const float *x, int n)
{
    (void)context;
    if (plan.n_calls == plan.kill_at_call) raise(SIGKILL);
    if (plan.n_calls == plan.stop_at_call) plan.stop = 1;
    plan.n_calls++;
    plan.n_asked += n;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < DIM; j++) out[i * DIM + j] = x[(size_t)i * SIZE * SIZE * 3 + (size_t)j];
        out[i * DIM + DIM - 1] = plan.last_component;
    }
}

static int setup(void **state)
{
    (void)state;
    Err err = {0};
    log_set_level(LOG_QUIET);
    fixture_init(&fixture);
    fixture_tree(&fixture, "data", "a,b", "x,y,z", 25);
    DatasetOptions options = fixture_options(&fixture);
    if (!dataset_open(&dataset, fixture_path(&fixture, "data"), &options, &err)) return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dataset_close(dataset);
    fixture_done(&fixture);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    memset(&plan, 0, sizeof plan);
    plan.kill_at_call = plan.stop_at_call = -1;
    plan.last_component = 1;
    encoder = (ImageEncoder){.dim = DIM,
                             .channels = 3,
                             .batch_size = 25, /* does not divide a piece */
                             .input = input_spec_plain(SIZE),
                             .key = "a test's encoder",
                             .encode = encode};
    return 0;
}

static int end(void **state)
{
    (void)state;
    char command[256];
    embeddings_close(&e);
    snprintf(command, sizeof command, "rm -rf '%s/embeddings'", fixture.cache);
    return system(command);
}

static bool open_embeddings(Err *err)
{
    EmbeddingOptions options = {.cache_dir = fixture.cache, .stop = &plan.stop};
    embeddings_close(&e);
    plan.n_asked = 0;
    return embeddings_open(&e, dataset, &encoder, &options, err);
}

/* The path of the one file whose name ends so; NULL: there is none. */
static const char *cache_file(const char *ending)
{
    static char path[512];
    char folder[128];
    const char *found = NULL;
    snprintf(folder, sizeof folder, "%s/embeddings", fixture.cache);
    DIR *dir = opendir(folder);
    if (dir == NULL) return NULL;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        size_t n = strlen(entry->d_name), m = strlen(ending);
        if (n < m || strcmp(entry->d_name + n - m, ending) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        found = path;
    }
    closedir(dir);
    return found;
}

/* Every row is the normalised answer for its own image. */
static void expect_rows(void)
{
    assert_int_equal(e.n, N_IMAGES);
    assert_int_equal(e.dim, DIM);
    for (int i = 0; i < N_IMAGES; i++) {
        Err err = {0};
        ImageView view;
        Image scratch = {0};
        AugmentScratch resize = {0};
        uint8_t pixels[SIZE * SIZE * 3];
        assert_ok(dataset_pixels(dataset, i, &view, &scratch, &err));
        augment_clean_pixels(pixels, &view, &encoder.input, &resize);
        augment_scratch_done(&resize);
        image_done(&scratch);
        double want[DIM], sum = 0;
        for (int j = 0; j < DIM; j++) {
            want[j] = j < DIM - 1 ? pixels[j] / 255.0 : (double)plan.last_component;
            sum += want[j] * want[j];
        }
        for (int j = 0; j < DIM; j++)
            assert_close(e.rows[i * DIM + j], want[j] / sqrt(sum), 1e-5, 1e-6);
    }
}

static void test_made_once_and_then_mapped(void **state)
{
    (void)state;
    Err err = {0};
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, N_IMAGES);
    assert_int_equal(e.n_made, N_IMAGES);
    expect_rows();
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, 0);
    assert_int_equal(e.n_made, 0);
    expect_rows();
    assert_null(cache_file(".part"));
}

static void test_another_encoder_or_preprocessing_is_another_file(void **state)
{
    (void)state;
    Err err = {0};
    assert_ok(open_embeddings(&err));
    encoder.key = "other weights";
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, N_IMAGES);
    encoder.input.filter = RESAMPLE_BICUBIC;
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, N_IMAGES);
    encoder.input.mean[2] = 0.5f;
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, N_IMAGES);
}

static void test_a_killed_process_is_continued(void **state)
{
    (void)state;
    Err err = {0};
    plan.kill_at_call = 4; /* second batch of the second piece: one piece is there */
    pid_t child = fork();
    if (child == 0) {
        (void)!open_embeddings(&err);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_non_null(cache_file(".part"));
    assert_null(cache_file(".emb"));
    plan.kill_at_call = -1;
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, N_IMAGES - EMBEDDING_PIECE);
    expect_rows();
}

static void test_stopped_between_pieces(void **state)
{
    (void)state;
    Err err = {0};
    plan.stop_at_call = 0;
    assert_fails(open_embeddings(&err), "interrupted after 64 of 150 images");
    assert_int_equal(err.code, ERR_INTERRUPTED);
    plan.stop = 0;
    plan.stop_at_call = -1;
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, N_IMAGES - EMBEDDING_PIECE);
    expect_rows();
}

static void change_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(f);
    assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
    assert_int_not_equal(fputc(byte ^ 1, f), EOF);
    assert_int_equal(fclose(f), 0);
}

static void test_damaged_pieces_only_are_made_anew(void **state)
{
    (void)state;
    Err err = {0};
    assert_ok(open_embeddings(&err));
    embeddings_close(&e);
    change_byte(cache_file(".emb"), -1); /* the last piece has 22 images */
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, N_IMAGES - 2 * EMBEDDING_PIECE);
    expect_rows();
    embeddings_close(&e);
    change_byte(cache_file(".emb"), 64); /* checksum of the first */
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, EMBEDDING_PIECE);
    expect_rows();
    embeddings_close(&e);
    change_byte(cache_file(".emb"), 40); /* the key: nothing in it can be trusted */
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, N_IMAGES);
    embeddings_close(&e);
    assert_int_equal(truncate(cache_file(".emb"), 2000), 0);
    assert_ok(open_embeddings(&err));
    assert_true(plan.n_asked >= N_IMAGES - EMBEDDING_PIECE);
    expect_rows();
}

static void test_answers_without_direction_are_refused_and_named(void **state)
{
    (void)state;
    Err err = {0};
    plan.last_component = NAN;
    assert_fails(open_embeddings(&err),
                 "image a/x/x0.ppm with numbers that are zero or not finite");
    assert_int_equal(err.code, ERR_FORMAT);
    plan.last_component = 1; /* nothing wrong was kept */
    assert_ok(open_embeddings(&err));
    assert_int_equal(plan.n_asked, N_IMAGES);
    float rows[6] = {3, 4, 0, 0, 1, 0};
    assert_int_equal(embedding_normalise(rows, 3, 2), 1);
    assert_close(rows[0], 0.6, 1e-6, 0);
    rows[2] = 1;
    assert_int_equal(embedding_normalise(rows, 3, 2), -1);
}

static void test_images_of_other_channels_are_refused(void **state)
{
    (void)state;
    Err err = {0};
    encoder.channels = 2;
    assert_fails(open_embeddings(&err), "data: images of 3 channels, the model takes 2");
}

static void test_a_folder_that_cannot_be_written_is_one_line(void **state)
{
    (void)state;
    Err err = {0};
    fixture_write_text(&fixture, "file", "");
    EmbeddingOptions options = {.cache_dir = fixture_path(&fixture, "file")};
    assert_fails(embeddings_open(&e, dataset, &encoder, &options, &err), "file");
    assert_int_equal(err.code, ERR_IO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_made_once_and_then_mapped),
        TEST(test_another_encoder_or_preprocessing_is_another_file),
        TEST(test_a_killed_process_is_continued),
        TEST(test_stopped_between_pieces),
        TEST(test_damaged_pieces_only_are_made_anew),
        TEST(test_answers_without_direction_are_refused_and_named),
        TEST(test_images_of_other_channels_are_refused),
        TEST(test_a_folder_that_cannot_be_written_is_one_line),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
