/* Captions and batches: what is drawn how often, how it is cut, and what belongs together. */
#include "pretrain_case.h"

#include "pair_loader.h"

typedef struct {
    PretrainCase base;
    Pairs *pairs;
    Tokenizer *tokenizer;
    Captions *captions;
    Captions *more; /* a test's own */
} Case;

static int setup(void **state)
{
    Err err = {0};
    Case *c = test_calloc(1, sizeof *c);
    pretrain_case_init(&c->base);
    PairsOptions options = {.files = &c->base.spec.pairs};
    assert_ok(pairs_open(&c->pairs, &options, &err));
    assert_ok(tokenizer_open_folder(&c->tokenizer, c->base.spec.tokenizer, &err));
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    Case *c = *state;
    captions_free(c->captions);
    captions_free(c->more);
    tokenizer_free(c->tokenizer);
    pairs_close(c->pairs);
    pretrain_case_done(&c->base);
    test_free(c);
    return 0;
}

static bool open_captions(Captions **out, const Case *c, int context, Err *err)
{
    CaptionsOptions options = {
        .pairs = c->pairs, .tokenizer = c->tokenizer, .spec = &c->base.spec, .context = context};
    return captions_new(out, &options, err);
}

static const Captions *captions_of(Case *c)
{
    Err err = {0};
    captions_free(c->captions);
    c->captions = NULL;
    assert_ok(open_captions(&c->captions, c, 16, &err));
    return c->captions;
}

/* Part of n draws of pair 0 (a dog) whose text contains this. */
static double share_of(const Captions *captions, int pair, const char *part)
{
    enum { DRAWS = 20000 };
    int n = 0;
    Str text = {0};
    for (int i = 0; i < DRAWS; i++) {
        str_clear(&text);
        captions_text(captions,
                      captions_draw(captions, pair, rng_stream(1, "caption"), (uint64_t)i), &text);
        n += strstr(str_text(&text), part) != NULL;
    }
    str_done(&text);
    return (double)n / DRAWS;
}

static void test_kinds_are_drawn_by_weight(void **state)
{
    Case *c = *state;
    pretrain_case_set(&c->base, "captions={label: 4, keyword: 2, subgroup: 3, group: 1}");
    pretrain_case_set(&c->base, "captions.templates=[\"{}\", \"x {}\", \"y {}\", \"z {}\"]");
    const Captions *captions = captions_of(c);
    assert_close(share_of(captions, 0, "dog"), 0.4, 0, 0.02);
    assert_close(share_of(captions, 0, "hound"), 0.1, 0, 0.02); /* one of two keywords */
    assert_close(share_of(captions, 0, "animal mammal"), 0.1, 0, 0.02);
    assert_close(share_of(captions, 0, "animals nature"), 0.1, 0, 0.02);
    assert_close(share_of(captions, 0, "x "), 0.25, 0, 0.02);
    /* An owl has no keywords: the others share their part. */
    assert_close(share_of(captions, 2, "owl"), 0.5, 0, 0.02);
    assert_close(share_of(captions, 5, "off"), 1, 0, 0); /* nothing but a label */
}

static void test_weight_zero_is_never_drawn(void **state)
{
    Case *c = *state;
    pretrain_case_set(&c->base, "captions={label: 0, keyword: 1, subgroup: 0, group: 0}");
    const Captions *captions = captions_of(c);
    assert_close(share_of(captions, 0, "dog"), 0, 0, 0);
    assert_close(share_of(captions, 0, "pet"), 0.5, 0, 0.02);
    assert_close(share_of(captions, 2, "owl"), 1, 0, 0); /* its label, rather than nothing */
}

static void test_draws_are_functions_of_their_number(void **state)
{
    const Captions *captions = captions_of(*state);
    RngStream stream = rng_stream(3, "caption");
    for (uint64_t i = 0; i < 50; i++) {
        Caption a = captions_draw(captions, 0, stream, i),
                b = captions_draw(captions, 0, stream, i);
        assert_int_equal(a.phrase, b.phrase);
        assert_int_equal(a.template_id, b.template_id);
    }
}

static Caption longest(const Case *c)
{
    for (int i = 0; i < c->pairs->n_phrases; i++) {
        if (str_equal(c->pairs->phrases[i], "animals nature")) return (Caption){i, 1};
    }
    fail();
    return (Caption){0};
}

static void test_long_captions_keep_their_end(void **state)
{
    enum { CONTEXT = 5 };
    Case *c = *state;
    Err err = {0};
    assert_ok(open_captions(&c->more, c, CONTEXT, &err));
    assert_true(captions_n_cut(c->more) > 0);
    assert_true(captions_n_cut(c->more) < captions_count(c->more));
    int whole[16], cut[CONTEXT];
    captions_tokens(captions_of(c), longest(c), whole);
    captions_tokens(c->more, longest(c), cut);
    assert_memory_equal(cut, whole, (CONTEXT - 1) * sizeof *cut);
    assert_int_equal(cut[CONTEXT - 1], tokenizer_vocabulary(c->tokenizer) - 1); /* the end token */
    assert_int_equal(captions_n_cut(c->captions), 0);
}

static void test_long_captions_can_be_refused(void **state)
{
    Case *c = *state;
    Err err = {0};
    pretrain_case_set(&c->base, "captions.too_long=refuse");
    assert_fails(open_captions(&c->more, c, 5, &err), "have more than 5 tokens, \"a picture of ");
    assert_non_null(strstr(err.text, "or set captions.too_long: truncate"));
    assert_ok(open_captions(&c->more, c, 24, &err));
}

/* ---- batches ---- */

static const AugmentSteps AUGMENT = {.crop = 0.5, .flip = 0.5, .jitter = 0.2, .grey = 0.2};

static PairLoader *loader_of(Case *c, Positives positives, int n_workers)
{
    return pair_loader_new(&(PairLoaderOptions){.pairs = c->pairs,
                                                .captions = captions_of(c),
                                                .augment = AUGMENT,
                                                .input = input_spec_plain(8),
                                                .context = 16,
                                                .batch_size = CASE_PAIRS / 2,
                                                .positives = positives,
                                                .seed = 5,
                                                .n_workers = n_workers});
}

static PairBatch batch_of(PairLoader *loader, int64_t step)
{
    Err err = {0};
    PairBatch batch;
    assert_ok(pair_loader_batch(loader, step, &batch, &err));
    return batch;
}

static void test_an_epoch_shows_each_pair_once(void **state)
{
    PairLoader *loader = loader_of(*state, POSITIVES_PHRASE, 0);
    int seen[CASE_PAIRS] = {0};
    for (int64_t step = 0; step < 4; step++) {
        PairBatch batch = batch_of(loader, step);
        for (int i = 0; i < batch.n; i++) seen[batch.pairs[i]]++;
    }
    for (int i = 0; i < CASE_PAIRS; i++) assert_int_equal(seen[i], 2); /* two epochs */
    pair_loader_free(loader);
}

/* Every draw of every epoch has its own augmentation. */
static void test_images_are_augmented_by_their_draw(void **state)
{
    enum { VALUES = 8 * 8 * 3, STEP = 5 };
    Case *c = *state;
    PairLoader *loader = loader_of(c, POSITIVES_PAIR, 0);
    PairBatch batch = batch_of(loader, STEP);
    AugmentScratch scratch = {0};
    InputSpec input = input_spec_plain(8);
    for (int i = 0; i < batch.n; i++) {
        Err err = {0};
        ImageView view;
        float want[VALUES];
        assert_ok(pairs_pixels(c->pairs, batch.pairs[i], &view, &scratch.decoded, &err));
        AugmentDraw draw = {rng_stream(5, "augment"), (uint64_t)(STEP * batch.n + i)};
        augment_apply_steps(want, &view, &AUGMENT, &input, draw, &scratch);
        assert_memory_equal(batch.x + (size_t)i * VALUES, want, sizeof want);
    }
    augment_scratch_done(&scratch);
    pair_loader_free(loader);
}

/* The same bits from any number of workers, and from a loader that begins in the middle. */
static void test_batches_do_not_depend_on_workers(void **state)
{
    enum { N = CASE_PAIRS / 2, VALUES = N * 8 * 8 * 3 };
    Case *c = *state;
    for (int n_workers = 1; n_workers <= 2; n_workers++) {
        PairLoader *loader = loader_of(c, POSITIVES_PHRASE, 0);
        PairBatch one = batch_of(loader, 3);
        Captions *held = c->captions; /* the other loader's are new */
        c->captions = NULL;
        PairLoader *other = loader_of(c, POSITIVES_PHRASE, n_workers);
        for (int64_t step = 0; step < 3; step++) batch_of(other, step);
        PairBatch two = batch_of(other, 3);
        assert_memory_equal(one.x, two.x, VALUES * sizeof *one.x);
        assert_memory_equal(one.tokens, two.tokens, N * 16 * sizeof *one.tokens);
        assert_memory_equal(one.targets->images, two.targets->images, N * N * sizeof(Real));
        pair_loader_free(loader);
        pair_loader_free(other);
        captions_free(held);
    }
}

static bool shares(const PairBatch *batch, const Real *targets, int i, int j)
{
    return targets[i * batch->n + j] > 0;
}

/* Text j counts for image i exactly when the image has its phrase. */
static void test_positives_by_phrase(void **state)
{
    Case *c = *state;
    PairLoader *loader = loader_of(c, POSITIVES_PHRASE, 0);
    int n_shared = 0;
    for (int64_t step = 0; step < 5; step++) {
        PairBatch batch = batch_of(loader, step);
        for (int i = 0; i < batch.n; i++) {
            for (int j = 0; j < batch.n; j++) {
                bool expected =
                    pairs_has_phrase(c->pairs, batch.pairs[i], batch.captions[j].phrase);
                assert_int_equal(shares(&batch, batch.targets->images, i, j), expected);
                assert_int_equal(shares(&batch, batch.targets->texts, j, i), expected);
                assert_true(i != j || expected);
            }
        }
        n_shared += batch.n_shared;
    }
    assert_true(n_shared > 0);
    pair_loader_free(loader);
}

static void test_positives_by_label_and_none(void **state)
{
    Case *c = *state;
    PairLoader *loader = loader_of(c, POSITIVES_LABEL, 0);
    PairBatch batch = batch_of(loader, 0);
    for (int i = 0; i < batch.n; i++) {
        for (int j = 0; j < batch.n; j++) {
            bool same =
                pairs_label(c->pairs, batch.pairs[i]) == pairs_label(c->pairs, batch.pairs[j]);
            assert_int_equal(shares(&batch, batch.targets->images, i, j), same);
        }
    }
    pair_loader_free(loader);
    loader = loader_of(c, POSITIVES_PAIR, 0);
    assert_null(batch_of(loader, 0).targets);
    pair_loader_free(loader);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_kinds_are_drawn_by_weight),
        CASE(test_weight_zero_is_never_drawn),
        CASE(test_draws_are_functions_of_their_number),
        CASE(test_long_captions_keep_their_end),
        CASE(test_long_captions_can_be_refused),
        CASE(test_an_epoch_shows_each_pair_once),
        CASE(test_images_are_augmented_by_their_draw),
        CASE(test_batches_do_not_depend_on_workers),
        CASE(test_positives_by_phrase),
        CASE(test_positives_by_label_and_none),
    };
    return cmocka_run_group_tests_name("pretrain-captions", tests, NULL, NULL);
}
