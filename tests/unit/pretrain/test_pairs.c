/* Pairs: phrases out of CSV fields, images that are not there, fingerprints. */
#include "pretrain_case.h"

#include "pairs.h"

#include "file.h"

#include <unistd.h>

static int setup(void **state)
{
    PretrainCase *c = test_calloc(1, sizeof *c);
    pretrain_case_init(c);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    pretrain_case_done(*state);
    test_free(*state);
    return 0;
}

static bool open_pairs(Pairs **out, const PretrainCase *c, Err *err)
{
    PairsOptions options = {.files = &c->spec.pairs, .bad_images = c->spec.bad_images};
    return pairs_open(out, &options, err);
}

static Pairs *opened(const PretrainCase *c)
{
    Err err = {0};
    Pairs *pairs = NULL;
    assert_ok(open_pairs(&pairs, c, &err));
    return pairs;
}

/* The phrases of one kind, joined by "|". */
static const char *words_of(const Pairs *pairs, int pair, WordsKind kind)
{
    static char text[256];
    const int *words;
    int n = pairs_words(pairs, pair, kind, &words);
    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        if (i > 0) strcat(text, "|");
        strcat(text, pairs->phrases[words[i]]);
    }
    return text;
}

static void test_fields_become_phrases(void **state)
{
    Pairs *pairs = opened(*state);
    assert_int_equal(pairs->n, CASE_PAIRS);
    assert_string_equal(words_of(pairs, 0, WORDS_LABEL), "dog");
    assert_string_equal(words_of(pairs, 0, WORDS_KEYWORD), "pet|hound");
    assert_string_equal(words_of(pairs, 0, WORDS_SUBGROUP), "animal mammal|animal|mammal");
    assert_string_equal(words_of(pairs, 0, WORDS_GROUP), "animals nature");
    assert_string_equal(words_of(pairs, 4, WORDS_LABEL), "red apple");
    assert_string_equal(words_of(pairs, 5, WORDS_SUBGROUP), "");
    assert_int_equal(pairs_label(pairs, 0), pairs_label(pairs, 6)); /* "Dog" and "dog" */
    assert_int_equal(pairs_label(pairs, 4), pairs_label(pairs, 10));
    assert_int_not_equal(pairs_label(pairs, 0), pairs_label(pairs, 1));
    const int *words;
    pairs_words(pairs, 1, WORDS_KEYWORD, &words);
    assert_true(pairs_has_phrase(pairs, 0, words[0])); /* a dog is a pet, too */
    assert_false(pairs_has_phrase(pairs, 2, words[0]));
    pairs_close(pairs);
}

static void test_captions_stand_as_they_are(void **state)
{
    PretrainCase *c = *state;
    pretrain_case_csv(c, "captions.csv",
                      "path,caption\n\"a/0.ppm\",\" A dog, asleep. \"\n"
                      "a/1.ppm,off\nb/1.ppm,off\n");
    Pairs *pairs = opened(c);
    assert_int_equal(pairs->n, 3);
    assert_string_equal(words_of(pairs, 0, WORDS_CAPTION), "A dog, asleep.");
    assert_string_equal(words_of(pairs, 0, WORDS_LABEL), "");
    assert_true(pairs->is_caption[pairs_label(pairs, 0)]);
    assert_int_equal(pairs_label(pairs, 1), pairs_label(pairs, 2));
    pairs_close(pairs);
}

static void test_several_files_are_one_set(void **state)
{
    PretrainCase *c = *state;
    pretrain_case_csv(c, "b/own.csv", "path,caption\n0.ppm,dog\n");
    pretrain_case_set(c, arena_printf(c->arena, "pairs=[%s, %s]",
                                      fixture_path(&c->folder, "pairs.csv"),
                                      fixture_path(&c->folder, "b/own.csv")));
    Pairs *pairs = opened(c);
    assert_int_equal(pairs->n, CASE_PAIRS + 1);
    /* A caption "dog" is not the words "dog": it takes no template. */
    assert_int_not_equal(pairs_label(pairs, CASE_PAIRS), pairs_label(pairs, 0));
    ImageView one, other;
    Image scratch = {0};
    Err err = {0};
    assert_ok(pairs_pixels(pairs, 6, &one, &scratch, &err));
    assert_ok(pairs_pixels(pairs, CASE_PAIRS, &other, &scratch, &err));
    assert_memory_equal(one.data, other.data, 8 * 8 * 3);
    pairs_close(pairs);
    image_done(&scratch);
}

static void test_missing_images_are_named_and_counted(void **state)
{
    PretrainCase *c = *state;
    Err err = {0};
    Pairs *pairs = NULL;
    for (int i = 0; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof name, "a/%d.ppm", i);
        assert_int_equal(unlink(fixture_path(&c->folder, name)), 0);
    }
    fixture_write_text(&c->folder, "b/3.ppm", "no image");
    assert_fails(open_pairs(&pairs, c, &err),
                 "6 of 12 images are missing or cannot be read: a/0.ppm (pairs.csv:2, missing)");
    assert_non_null(strstr(err.text, "a/4.ppm (pairs.csv:6, missing), ...; mend them, or set "
                                     "bad_images: skip"));
    pretrain_case_set(c, "bad_images=skip");
    pairs = opened(c);
    assert_int_equal(pairs->n, 5);
    assert_int_equal(pairs->n_bad, 7);
    assert_string_equal(words_of(pairs, 3, WORDS_LABEL), "red apple"); /* b/4, after the bad one */
    pairs_close(pairs);
}

static void test_unreadable_image_is_refused(void **state)
{
    PretrainCase *c = *state;
    Err err = {0};
    Pairs *pairs = NULL;
    fixture_write_text(&c->folder, "b/3.ppm", "no image");
    assert_fails(open_pairs(&pairs, c, &err),
                 "1 of 12 images are missing or cannot be read: b/3.ppm (pairs.csv:11, not "
                 "readable)");
}

static void test_all_images_missing_is_never_skipped(void **state)
{
    PretrainCase *c = *state;
    Err err = {0};
    Pairs *pairs = NULL;
    pretrain_case_csv(c, "none.csv", "path,caption\nx.png,a dog\n");
    pretrain_case_set(c, "bad_images=skip");
    assert_fails(open_pairs(&pairs, c, &err), "1 of 1 images are missing");
}

static void test_bad_tables_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"path,keywords\na/0.ppm,x\n", "bad.csv:1: no column \"caption\" or \"label\""},
        {"file,caption\na/0.ppm,x\n", "\"path\""},
        {"path,label\na/0.ppm,\n", "bad.csv:2: no label for a/0.ppm"},
        {"path,label\na/0.ppm, - \n", "bad.csv:2: no label for a/0.ppm"},
        {"path,caption\na/0.ppm,  \n", "bad.csv:2: no caption for a/0.ppm"},
        {"path,caption\n,x\n", "bad.csv:2: empty path"},
        {"path,caption\n", "no pairs"},
    };
    PretrainCase *c = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Err err = {0};
        Pairs *pairs = NULL;
        pretrain_case_csv(c, "bad.csv", cases[i][0]);
        assert_fails(open_pairs(&pairs, c, &err), cases[i][1]);
    }
}

/* The same wherever the pairs lie; another when a word or a pixel is another. */
static void test_fingerprint_is_of_the_content(void **state)
{
    PretrainCase *c = *state;
    Pairs *pairs = opened(c);
    char first[SHA256_HEX_SIZE];
    memcpy(first, pairs->fingerprint, sizeof first);
    pairs_close(pairs);
    for (int i = 0; i < CASE_PAIRS; i++) {
        char name[24];
        snprintf(name, sizeof name, "copy/%c/%d.ppm", i < 6 ? 'a' : 'b', i % 6);
        fixture_image(&c->folder, name, i + 1);
    }
    char *csv;
    Err err = {0};
    assert_ok(file_read(&csv, NULL, fixture_path(&c->folder, "pairs.csv"), 1 << 16, &err));
    pretrain_case_csv(c, "copy/pairs.csv", csv);
    free(csv);
    pairs = opened(c);
    assert_string_equal(pairs->fingerprint, first);
    pairs_close(pairs);
    fixture_image(&c->folder, "copy/b/5.ppm", 99);
    pairs = opened(c);
    assert_string_not_equal(pairs->fingerprint, first);
    pairs_close(pairs);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_fields_become_phrases),       CASE(test_captions_stand_as_they_are),
        CASE(test_several_files_are_one_set),   CASE(test_missing_images_are_named_and_counted),
        CASE(test_unreadable_image_is_refused), CASE(test_all_images_missing_is_never_skipped),
        CASE(test_bad_tables_are_refused),      CASE(test_fingerprint_is_of_the_content),
    };
    return cmocka_run_group_tests_name("pretrain-pairs", tests, NULL, NULL);
}
