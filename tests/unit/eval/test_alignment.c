/* Scores, ranks and ties; and the nearest image, against the plain double loop. */
#include "test.h"

#include "alignment.h"
#include "digest.h"
#include "embedding.h"
#include "log.h"
#include "rng.h"
#include "similarity.h"

static ThreadPool *pool;

static int setup(void **state)
{
    (void)state;
    log_set_level(LOG_QUIET);
    pool = thread_pool_new(3);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    thread_pool_free(pool);
    return 0;
}

static void expect(Alignment got, float score, int zero_shot, float zero_shot_score, int rank)
{
    assert_close(got.score, score, 1e-6, 1e-7);
    assert_close(got.zero_shot_score, zero_shot_score, 1e-6, 1e-7);
    assert_int_equal(got.zero_shot, zero_shot);
    assert_int_equal(got.rank, rank);
}

static void test_score_prediction_and_rank(void **state)
{
    (void)state;
    static const float classes[] = {1, 0, 0, 1, 0.6f, 0.8f, 1, 0}; /* the last is the first */
    static const float images[] = {0, 1, 0.6f, 0.8f, 1, 0, 1, 0, 0, -1};
    static const int labels[] = {2, 2, 0, 3, 1};
    Alignment out[5];
    alignment_compute(out, &(AlignmentTask){images, labels, 5, classes, 4, 2}, NULL);
    expect(out[0], 0.8f, 1, 1, 2);
    expect(out[1], 1, 2, 1, 1);
    expect(out[2], 1, 0, 1, 1);
    expect(out[3], 1, 0, 1, 2);  /* a tie goes to the lower class: the true one is second */
    expect(out[4], -1, 0, 0, 4); /* of the two zeros the first */
}

static float *random_rows(uint64_t seed, int n, int dim)
{
    float *rows = calloc((size_t)n * (size_t)dim, sizeof *rows);
    RngStream stream = rng_stream(seed, "rows");
    for (int i = 0; i < n * dim; i++) rows[i] = (float)rng_normal(stream, 0, (uint64_t)i);
    assert_int_equal(embedding_normalise(rows, n, dim), -1);
    return rows;
}

static double dot(const float *a, const float *b, int dim)
{
    double sum = 0;
    for (int j = 0; j < dim; j++) sum += (double)a[j] * (double)b[j];
    return sum;
}

static void test_threads_change_no_bit_of_an_alignment(void **state)
{
    (void)state;
    enum { N = 700, K = 37, DIM = 24 };
    float *images = random_rows(1, N, DIM), *classes = random_rows(2, K, DIM);
    static int labels[N];
    static Alignment one[N], three[N];
    for (int i = 0; i < N; i++) labels[i] = i * 7 % K;
    AlignmentTask task = {images, labels, N, classes, K, DIM};
    alignment_compute(one, &task, NULL);
    alignment_compute(three, &task, pool);
    assert_memory_equal(one, three, sizeof one);
    for (int i = 0; i < N; i++) {
        double score = dot(images + i * DIM, classes + labels[i] * DIM, DIM);
        int rank = 1;
        for (int k = 0; k < K; k++)
            rank += dot(images + i * DIM, classes + k * DIM, DIM) > score + 1e-6;
        assert_close(one[i].score, score, 1e-5, 1e-6);
        assert_int_equal(one[i].rank, rank);
        assert_int_equal(one[i].rank == 1, one[i].zero_shot == labels[i]);
    }
    free(images);
    free(classes);
}

/* ---- nearest images ---- */

enum { N_QUERIES = 700, N_BASE = 2500, WIDTH = 19 };

static float *queries, *base;
static uint8_t query_contents[N_QUERIES * SHA256_BYTES], base_contents[N_BASE * SHA256_BYTES];

static void number_content(uint8_t *contents, int i, int content)
{
    memcpy(contents + (size_t)i * SHA256_BYTES, &content, sizeof content);
}

/* Query q is also base image 3q, and, where q is even, 3q + 1. */
static int make_sets(void **state)
{
    (void)state;
    queries = random_rows(3, N_QUERIES, WIDTH);
    base = random_rows(4, N_BASE, WIDTH);
    memset(query_contents, 0, sizeof query_contents);
    memset(base_contents, 0, sizeof base_contents);
    for (int i = 0; i < N_BASE; i++) number_content(base_contents, i, 100000 + i);
    for (int q = 0; q < N_QUERIES; q++) {
        number_content(query_contents, q, q);
        for (int copy = 0; copy <= (q % 2 == 0); copy++) {
            int i = 3 * q + copy;
            number_content(base_contents, i, q);
            memcpy(base + i * WIDTH, queries + q * WIDTH, WIDTH * sizeof *base);
        }
    }
    return 0;
}

static int free_sets(void **state)
{
    (void)state;
    free(queries);
    free(base);
    return 0;
}

static Similarity plain_search(int q)
{
    Similarity best = {-INFINITY, -1};
    for (int i = 0; i < N_BASE; i++) {
        if (memcmp(query_contents + q * SHA256_BYTES, base_contents + i * SHA256_BYTES,
                   SHA256_BYTES) == 0)
            continue;
        float cosine = (float)dot(queries + q * WIDTH, base + i * WIDTH, WIDTH);
        if (cosine > best.similarity) best = (Similarity){cosine, i};
    }
    return best;
}

static void test_nearest_image_is_that_of_the_plain_search(void **state)
{
    (void)state;
    Err err = {0};
    static Similarity one[N_QUERIES], three[N_QUERIES];
    SimilaritySet q = {queries, N_QUERIES, query_contents}, b = {base, N_BASE, base_contents};
    assert_ok(similarity_compute(one, &q, &b, WIDTH, &(SimilarityOptions){0}, &err));
    assert_ok(
        similarity_compute(three, &q, &b, WIDTH, &(SimilarityOptions){.threads = pool}, &err));
    assert_memory_equal(one, three, sizeof one);
    for (int i = 0; i < N_QUERIES; i++) {
        Similarity want = plain_search(i);
        assert_close(one[i].similarity, want.similarity, 1e-5, 1e-6);
        /* copies in the base are as near as each other up to rounding */
        assert_close(dot(queries + i * WIDTH, base + one[i].nearest * WIDTH, WIDTH),
                     want.similarity, 1e-5, 1e-6);
    }
}

static void test_ties_go_to_the_lower_image_and_alone_there_is_none(void **state)
{
    (void)state;
    Err err = {0};
    static const float query[] = {1, 0}, many[] = {0, 1, 1, 0, 1, 0, 1, 0};
    uint8_t contents[4 * SHA256_BYTES] = {0};
    for (int i = 0; i < 4; i++) number_content(contents, i, i);
    SimilaritySet q = {query, 1, contents + SHA256_BYTES}, b = {many, 4, contents};
    Similarity out;
    assert_ok(similarity_compute(&out, &q, &b, 2, &(SimilarityOptions){0}, &err));
    assert_int_equal(out.nearest, 2); /* 1 is the image itself */
    b = (SimilaritySet){many + 2, 1, contents + SHA256_BYTES};
    assert_ok(similarity_compute(&out, &q, &b, 2, &(SimilarityOptions){0}, &err));
    assert_int_equal(out.nearest, -1);
    sig_atomic_t stop = 1;
    assert_fails(similarity_compute(&out, &q, &b, 2, &(SimilarityOptions){.stop = &stop}, &err),
                 "interrupted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_score_prediction_and_rank),
        cmocka_unit_test(test_threads_change_no_bit_of_an_alignment),
        cmocka_unit_test_setup_teardown(test_nearest_image_is_that_of_the_plain_search, make_sets,
                                        free_sets),
        cmocka_unit_test(test_ties_go_to_the_lower_image_and_alone_there_is_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
