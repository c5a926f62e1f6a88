#include "fixture.h"

#include "split.h"

static Fixture fixture;
static Dataset *dataset;
static Arena *arena;

static int setup(void **state)
{
    (void)state;
    Err err = {0};
    fixture_init(&fixture);
    arena = arena_new();
    fixture_write_text(&fixture, "s.yaml",
                       "name: s\nlayout: shapes\nshapes: {per_class: 20, size: 8}\n");
    DatasetOptions options = fixture_options(&fixture);
    assert_ok(dataset_open(&dataset, fixture_path(&fixture, "s.yaml"), &options, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dataset_close(dataset);
    arena_free(arena);
    fixture_done(&fixture);
    return 0;
}

/* Recorded from DomainBed: VLCS, environment 0 (1,415 images), trial 0. */
static void test_keys_are_those_of_domainbed(void **state)
{
    (void)state;
    static const int FIRST[] = {222, 1032, 864, 859, 1037, 1062, 1326, 1024, 1026, 493};
    int *keys = arena_alloc(arena, 1415, sizeof *keys), n_out;
    split_keys(keys, &n_out, 1415, 0, 0, 0.2);
    assert_memory_equal(keys, FIRST, sizeof FIRST);
    assert_int_equal(n_out, 283);
}

/* The sizes recorded for VLCS: in 1132, 2125, 2626, 2701, out 283, 531, 656, 675. */
static void test_sizes_round_down_as_in_domainbed(void **state)
{
    (void)state;
    static const int N[] = {1415, 2656, 3282, 3376}, OUT[] = {283, 531, 656, 675};
    int *keys = arena_alloc(arena, 3376, sizeof *keys), n_out;
    for (int d = 0; d < 4; d++) {
        split_keys(keys, &n_out, N[d], 0, d, 0.2);
        assert_int_equal(n_out, OUT[d]);
    }
    split_keys(keys, &n_out, 9, 0, 0, 0.2); /* 1.8 */
    assert_int_equal(n_out, 1);
}

/* The next whole number of a line; *at moves behind it. */
static int take_key(char **at)
{
    return (int)strtol(*at, at, 10);
}

/* What NumPy makes of DomainBed's two splits (scripts/golden/splits.py): a line per part. */
static void test_all_parts_are_those_of_numpy(void **state)
{
    (void)state;
    int keys[1415], n_out = 0, n_uda = 0, n_lines = 0;
    size_t n_bytes;
    char *text = golden_bytes("splits.txt", &n_bytes);
    for (char *next, *line = text; line < text + n_bytes; line = next, n_lines++) {
        next = strchr(line, '\n') + 1;
        int n = take_key(&line), trial = take_key(&line), domain = take_key(&line);
        double holdout = strtod(line, &line), fraction = strtod(line, &line);
        if (n_lines % 3 == 0) {
            split_keys(keys, &n_out, n, trial, domain, holdout);
            split_uda(keys + n_out, &n_uda, n - n_out, trial, domain, fraction);
        }
        int first = (int[]){0, n_out, n_out + n_uda}[n_lines % 3];
        int end = (int[]){n_out, n_out + n_uda, n}[n_lines % 3];
        line += strcspn(line, "oui") + 2; /* behind "out", "uda" or "in" */
        if (*line == 't' || *line == 'a') line++;
        for (int i = first; i < end; i++) assert_int_equal(keys[i], take_key(&line));
        assert_ptr_equal(line + 1, next);
    }
    free(text);
    assert_int_equal(n_lines, 15);
}

static void expect_partition(const DomainSplit *s, int domain)
{
    int first = dataset->first[domain], n = dataset->first[domain + 1] - first;
    int *seen = arena_alloc(arena, (size_t)n, sizeof *seen);
    assert_int_equal(s->n_in + s->n_out + s->n_uda, n);
    for (int i = 0; i < s->n_uda; i++) seen[s->uda[i] - first]++;
    for (int i = 0; i < s->n_in; i++) seen[s->in[i] - first]++;
    for (int i = 0; i < s->n_out; i++) seen[s->out[i] - first]++;
    for (int i = 0; i < n; i++) assert_int_equal(seen[i], 1);
}

static void test_image_split_is_a_partition_that_the_seed_moves(void **state)
{
    (void)state;
    Err err = {0};
    DomainSplit a, b;
    SplitOptions options = {.kind = SPLIT_IMAGE, .holdout_fraction = 0.2};
    assert_ok(split_domain(&a, dataset, 1, &options, arena, &err));
    expect_partition(&a, 1);
    assert_int_equal(a.n_out, 24);
    options.trial_seed = 1;
    assert_ok(split_domain(&b, dataset, 1, &options, arena, &err));
    assert_memory_not_equal(a.out, b.out, 24 * sizeof *a.out);
    assert_int_equal(a.n_uda, 0);
    options.uda_fraction = 0.25;
    assert_ok(split_domain(&a, dataset, 1, &options, arena, &err));
    expect_partition(&a, 1);
    assert_int_equal(a.n_uda, 24); /* of 96 */
    assert_memory_equal(a.out, b.out, 24 * sizeof *a.out);
}

/* int(hashlib.md5(text.encode()).hexdigest(), 16) % 5 == 0 */
static void test_concept_hash_is_md5_modulo_5(void **state)
{
    (void)state;
    /* the numbers below 40 that Python finds */
    static const int OUT[] = {0, 4, 7, 11, 16, 18, 30, 36, 37};
    int at = 0;
    for (int i = 0; i < 40; i++) {
        char text[8];
        snprintf(text, sizeof text, "%d", i);
        bool expected = at < (int)(sizeof OUT / sizeof *OUT) && OUT[at] == i;
        at += expected;
        assert_int_equal(split_concept_is_out(text), expected);
    }
}

static void test_concept_split_holds_out_the_same_concepts_everywhere(void **state)
{
    (void)state;
    Err err = {0};
    SplitOptions options = {.kind = SPLIT_CONCEPT};
    DomainSplit first;
    assert_ok(split_domain(&first, dataset, 0, &options, arena, &err));
    assert_in_range(first.n_out, 10, 40); /* about a fifth of 120 */
    for (int d = 0; d < dataset->n_domains; d++) {
        DomainSplit s;
        assert_ok(split_domain(&s, dataset, d, &options, arena, &err));
        expect_partition(&s, d);
        assert_int_equal(s.n_out, first.n_out);
        for (int i = 0; i < s.n_out; i++) {
            assert_string_equal(dataset->images[s.out[i]].concept,
                                dataset->images[first.out[i]].concept);
        }
    }
}

static void test_concept_split_without_concepts_is_an_error(void **state)
{
    (void)state;
    Err err = {0};
    fixture_tree(&fixture, "tree", "a,b", "cat,dog", 2);
    DatasetOptions options = fixture_options(&fixture);
    Dataset *plain;
    assert_ok(dataset_open(&plain, fixture_path(&fixture, "tree"), &options, &err));
    DomainSplit s;
    bool ok = split_domain(&s, plain, 0, &(SplitOptions){.kind = SPLIT_CONCEPT}, arena, &err);
    dataset_close(plain);
    assert_fails(ok, "needs concept ids");
}

static Dataset *open_tagged(const char *last_tag)
{
    Err err = {0};
    char manifest[256];
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "tagged/%d.ppm", i);
        fixture_image(&fixture, name, i);
    }
    snprintf(manifest, sizeof manifest,
             "path,label,domain,part\n0.ppm,x,a,train\n1.ppm,x,a,val\n2.ppm,x,a,in\n3.ppm,x,a,%s\n",
             last_tag);
    fixture_write_text(&fixture, "tagged/m.csv", manifest);
    fixture_write_text(&fixture, "tagged/t.yaml",
                       "name: t\nlayout: manifest\nmanifest: {file: m.csv, split: part}\n");
    DatasetOptions options = fixture_options(&fixture);
    Dataset *tagged;
    assert_ok(dataset_open(&tagged, fixture_path(&fixture, "tagged/t.yaml"), &options, &err));
    return tagged;
}

static void test_tagged_split_follows_the_manifest(void **state)
{
    (void)state;
    Err err = {0};
    Dataset *tagged = open_tagged("test");
    DomainSplit s;
    bool ok = split_domain(&s, tagged, 0, &(SplitOptions){.kind = SPLIT_TAGGED}, arena, &err);
    dataset_close(tagged);
    assert_ok(ok);
    assert_int_equal(s.n_in, 2);
    assert_int_equal(s.n_out, 2);
    assert_int_equal(s.out[0], 1);
    tagged = open_tagged("trian");
    ok = split_domain(&s, tagged, 0, &(SplitOptions){.kind = SPLIT_TAGGED}, arena, &err);
    dataset_close(tagged);
    assert_fails(ok, "split tag \"trian\", expected train");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_those_of_domainbed),
        cmocka_unit_test(test_all_parts_are_those_of_numpy),
        cmocka_unit_test(test_sizes_round_down_as_in_domainbed),
        cmocka_unit_test(test_image_split_is_a_partition_that_the_seed_moves),
        cmocka_unit_test(test_concept_hash_is_md5_modulo_5),
        cmocka_unit_test(test_concept_split_holds_out_the_same_concepts_everywhere),
        cmocka_unit_test(test_concept_split_without_concepts_is_an_error),
        cmocka_unit_test(test_tagged_split_follows_the_manifest),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
