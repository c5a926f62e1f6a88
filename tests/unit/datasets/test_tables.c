/* CSV and IDX parsers from memory, and the two layouts built on them. */
#include "fixture.h"

#include "csv_table.h"
#include "idx_file.h"
#include "log.h"

static Fixture fixture;
static Arena *arena;
static Dataset *opened;

static int setup(void **state)
{
    (void)state;
    fixture_init(&fixture);
    arena = arena_new();
    opened = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dataset_close(opened);
    arena_free(arena);
    fixture_done(&fixture);
    return 0;
}

static bool parse(CsvTable *table, const char *text, Err *err)
{
    return csv_table_parse(table, text, strlen(text), "t.csv", arena, err);
}

static void test_csv_quotes_lines_and_byte_order_mark(void **state)
{
    (void)state;
    Err err = {0};
    CsvTable t;
    assert_ok(parse(
        &t, "\xEF\xBB\xBFpath,text\r\na.png,\"one, \"\"two\"\"\nlines\"\r\n\r\nb.png,\r\n", &err));
    assert_int_equal(t.n_rows, 2);
    assert_string_equal(t.columns[0], "path");
    assert_string_equal(csv_table_cell(&t, 0, 1), "one, \"two\"\nlines");
    assert_string_equal(csv_table_cell(&t, 1, 1), "");
    assert_int_equal(t.lines[0], 2);
    assert_int_equal(t.lines[1], 5);
}

static void test_csv_errors_name_the_line(void **state)
{
    (void)state;
    Err err = {0};
    CsvTable t;
    int column;
    assert_fails(parse(&t, "", &err), "t.csv: empty");
    assert_fails(parse(&t, "a,b\n1,2\n1,2,3\n", &err), "t.csv:3: found 3 fields, expected 2");
    assert_fails(parse(&t, "a,b\n1,x\"y\n", &err), "t.csv:2: a quote inside");
    assert_fails(parse(&t, "a,b\n1,\"never closed\n\n", &err), "not closed");
    assert_fails(csv_table_parse(&t, "a,b\n1,\0\n", 8, "t.csv", arena, &err),
                 "t.csv:2: found a zero byte");
    assert_ok(parse(&t, "a,b\n", &err));
    assert_int_equal(t.n_rows, 0);
    assert_fails(csv_table_column(&column, &t, "c", &err), "t.csv:1: no column \"c\", found: a, b");
}

static void be32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* n items of height x width (rank 3) or labels (rank 1); item i filled with i. Returns the size. */
static size_t make_idx(uint8_t *out, int rank, int n, int side)
{
    int each = rank == 3 ? side * side : 1;
    size_t head = 4 + 4 * (size_t)rank;
    be32(out, 0x800u | (uint32_t)rank);
    be32(out + 4, (uint32_t)n);
    if (rank == 3) be32(out + 8, (uint32_t)side);
    if (rank == 3) be32(out + 12, (uint32_t)side);
    for (int i = 0; i < n * each; i++)
        out[head + (size_t)i] = (uint8_t)(rank == 3 ? i / each + 1 : i % 10);
    return head + (size_t)(n * each);
}

static void test_idx_parses_and_refuses(void **state)
{
    (void)state;
    Err err = {0};
    uint8_t bytes[256];
    IdxArray a;
    size_t n = make_idx(bytes, 3, 4, 5);
    assert_ok(idx_parse(&a, bytes, n, 3, "x", &err));
    assert_int_equal(a.n * 10000 + a.height * 100 + a.width, 40505);
    assert_int_equal(a.data[25], 2);
    assert_fails(idx_parse(&a, bytes, n - 1, 3, "x", &err),
                 "x: 115 bytes, expected 116 for 4 items of 5 x 5 (truncated)");
    assert_fails(idx_parse(&a, bytes, n + 1, 3, "x", &err), "117 bytes, expected 116");
    assert_fails(idx_parse(&a, bytes, 9, 3, "x", &err), "truncated in its header");
    assert_fails(idx_parse(&a, bytes, n, 1, "x", &err),
                 "starts with 0x00000803, expected an IDX file of labels");
    assert_fails(idx_parse(&a, (const uint8_t *)"\x1f\x8b\x08", 3, 3, "x", &err), "gunzip it");
    assert_fails(idx_parse(&a, NULL, 0, 3, "x", &err), "expected an IDX file of images");
    be32(bytes + 8, 0xFFFFFFFF);
    assert_fails(idx_parse(&a, bytes, n, 3, "x", &err), "header says");
}

/* ---- idx layout ---- */

enum { N_ITEMS = 200, SIDE = 9 };

static void write_idx_files(void)
{
    static uint8_t bytes[16 + N_ITEMS * SIDE * SIDE];
    fixture_write(&fixture, "m/images", bytes, make_idx(bytes, 3, N_ITEMS, SIDE));
    fixture_write(&fixture, "m/labels", bytes, make_idx(bytes, 1, N_ITEMS, 0));
}

static Dataset *open_text(const char *name, const char *text, Err *err)
{
    dataset_close(opened);
    opened = NULL;
    fixture_write_text(&fixture, name, text);
    DatasetOptions options = fixture_options(&fixture);
    if (!dataset_open(&opened, fixture_path(&fixture, name), &options, err)) opened = NULL;
    return opened;
}

#define IDX_HEAD "root: m\nlayout: idx\nidx:\n  images: [images]\n  labels: [labels]\n"

static void test_rotated_domains_share_no_image(void **state)
{
    (void)state;
    Err err = {0};
    write_idx_files();
    Dataset *d = open_text("r.yaml",
                           "name: r\nclasses: [a, b, c, d, e, f, g, h, i, j]\n" IDX_HEAD
                           "  angles: [0, 45, 90]\n",
                           &err);
    assert_ok(d != NULL);
    assert_int_equal(d->n_images, N_ITEMS);
    assert_int_equal(d->first[1], 67); /* dealt i::3 */
    assert_int_equal(d->first[2], 134);
    assert_int_equal(d->channels, 1);
    assert_string_equal(d->domains[1], "45");
    int seen[N_ITEMS + 1] = {0};
    for (int i = 0; i < d->n_images; i++) {
        ImageView view;
        assert_ok(dataset_pixels(d, i, &view, NULL, &err));
        int item =
            view.data[SIDE * SIDE / 2] - 1; /* the centre keeps its value in every rotation */
        assert_in_range(item, 0, N_ITEMS - 1);
        seen[item]++;
        assert_int_equal(d->images[i].label, item % 10);
        assert_int_equal(view.data[0] != 0,
                         d->images[i].domain != 1); /* 45 degrees empties the corner */
    }
    for (int i = 0; i < N_ITEMS; i++) assert_int_equal(seen[i], 1);
}

static void test_colored_domains_follow_their_rule(void **state)
{
    (void)state;
    Err err = {0};
    write_idx_files();
    Dataset *d = open_text("c.yaml",
                           "name: c\nclasses: [high, low]\n" IDX_HEAD
                           "  rule: colored\n  flip: [0, 1]\n  label_noise: 0\n",
                           &err);
    assert_ok(d != NULL);
    assert_int_equal(d->channels, 2);
    for (int i = 0; i < d->n_images; i++) {
        ImageView view;
        assert_ok(dataset_pixels(d, i, &view, NULL, &err));
        int color = view.data[1] != 0; /* exactly one channel is filled */
        assert_int_equal(view.data[0] != 0, !color);
        int item = view.data[color] - 1;
        assert_int_equal(d->images[i].label, item % 10 < 5);
        assert_int_equal(color, d->images[i].label ^ d->images[i].domain);
    }
}

static void test_colored_noise_has_its_rate(void **state)
{
    (void)state;
    Err err = {0};
    write_idx_files();
    Dataset *d = open_text("c.yaml",
                           "name: c\nclasses: [high, low]\n" IDX_HEAD
                           "  rule: colored\n  flip: [0.1, 0.9]\n  label_noise: 0.25\n",
                           &err);
    assert_ok(d != NULL);
    int n_noisy = 0, n_turned[2] = {0};
    for (int i = 0; i < d->n_images; i++) {
        ImageView view;
        assert_ok(dataset_pixels(d, i, &view, NULL, &err));
        int color = view.data[1] != 0, item = view.data[color] - 1;
        n_noisy += d->images[i].label != (item % 10 < 5);
        n_turned[d->images[i].domain] += color != d->images[i].label;
    }
    assert_in_range(n_noisy, 50 - 25, 50 + 25); /* 200 draws of .25, four deviations */
    assert_in_range(n_turned[0], 0, 10 + 12);   /* 100 draws of .1 */
    assert_in_range(n_turned[1], 90 - 12, 100);
}

static void test_bad_idx_data(void **state)
{
    (void)state;
    Err err = {0};
    uint8_t bytes[512];
    write_idx_files();
    const char *text = "name: r\nclasses: [a, b, c]\n" IDX_HEAD "  angles: [0, 45]\n";
    assert_fails(open_text("r.yaml", text, &err) != NULL, "expected 0 to 2");
    fixture_write(&fixture, "m/labels", bytes, make_idx(bytes, 1, 199, 0));
    assert_fails(open_text("r.yaml", text, &err) != NULL, "199 labels, expected 200");
    fixture_write(&fixture, "m/labels", "nonsense", 8);
    assert_fails(open_text("r.yaml", text, &err) != NULL, "expected an IDX file of labels");
    assert_int_equal(remove(fixture_path(&fixture, "m/labels")), 0);
    assert_fails(open_text("r.yaml", text, &err) != NULL, "m/labels: No such file");
    assert_fails(open_text("r.yaml", "name: r\n" IDX_HEAD "  angles: [0]\n", &err) != NULL,
                 "without classes");
    assert_fails(open_text("r.yaml",
                           "name: r\nclasses: [a]\n" IDX_HEAD "  rule: colored\n  flip: [0]\n",
                           &err) != NULL,
                 "expected 2 for idx.rule: colored");
}

/* ---- manifest layout ---- */

static Dataset *open_manifest(const char *csv, const char *more, Err *err)
{
    char text[512];
    snprintf(text, sizeof text,
             "name: m\nroot: data\nlayout: manifest\nmanifest: {file: m.csv, path: file, label: "
             "kind}\n%s",
             more);
    for (int i = 0; i < 4; i++) {
        char name[32];
        snprintf(name, sizeof name, "data/%d.ppm", i);
        fixture_image(&fixture, name, i);
    }
    fixture_write_text(&fixture, "data/m.csv", csv);
    return open_text("m.yaml", text, err);
}

static void test_manifest_groups_by_domain(void **state)
{
    (void)state;
    Err err = {0};
    Dataset *d = open_manifest(
        "file,kind,domain\n0.ppm,cat,b\n1.ppm,dog,a\n2.ppm,dog,b\n3.ppm,cat,a\n", "", &err);
    assert_ok(d != NULL);
    assert_int_equal(d->n_domains, 2);
    assert_string_equal(d->domains[0], "a");
    assert_string_equal(d->images[0].path, "1.ppm");
    assert_string_equal(d->images[1].path, "3.ppm");
    assert_string_equal(d->images[2].path, "0.ppm");
    assert_int_equal(d->images[0].label, 1);
}

/* What pretraining saw: paths, and whatever else the CSV says. */
static void test_a_csv_is_a_list_of_images(void **state)
{
    (void)state;
    Err err = {0};
    DatasetOptions options = fixture_options(&fixture);
    Dataset *d = NULL;
    fixture_image(&fixture, "list/b.ppm", 1);
    fixture_image(&fixture, "list/a.ppm", 2);
    fixture_write_text(&fixture, "list/pairs.csv", "label,path\nsun,b.ppm\nmoon,a.ppm\n");
    assert_ok(dataset_open(&d, fixture_path(&fixture, "list/pairs.csv"), &options, &err));
    bool same = d->n_images == 2 && d->n_domains == 1 && d->n_classes == 1 &&
                strcmp(d->name, "pairs") == 0 && strcmp(d->images[0].path, "b.ppm") == 0;
    dataset_close(d);
    assert_true(same);
    fixture_write_text(&fixture, "list/pairs.csv", "path\nc.ppm\na.ppm\nd.ppm\n");
    log_set_level(LOG_QUIET);
    bool was_opened = dataset_open(&d, fixture_path(&fixture, "list/pairs.csv"), &options, &err);
    log_set_level(LOG_INFO);
    assert_false(was_opened);
    assert_non_null(strstr(err.text, "2 of 3 images are missing: "));
    assert_non_null(strstr(err.text, "pairs.csv:2: image c.ppm does not exist in "));
}

static void test_bad_manifests(void **state)
{
    (void)state;
    Err err = {0};
    assert_fails(open_manifest("file,label,domain\n0.ppm,cat,b\n", "", &err) != NULL,
                 "m.csv:1: no column \"kind\", found: file, label, domain");
    assert_fails(open_manifest("file,kind,domain\n0.ppm,cat,b\n9.ppm,cat,b\n", "", &err) != NULL,
                 "m.csv:3: image 9.ppm does not exist");
    assert_fails(open_manifest("file,kind,domain\n0.ppm,,b\n", "", &err) != NULL,
                 "m.csv:2: empty label");
    assert_fails(open_manifest("file,kind,domain\n0.ppm,cta,b\n", "classes: [cat, dog]\n", &err) !=
                     NULL,
                 "m.csv:2: label \"cta\" is not one of the descriptor's 2 classes");
    assert_fails(open_manifest("file,kind,domain\n0.ppm,cat,z\n", "domains: [a, b]\n", &err) !=
                     NULL,
                 "m.csv:2: domain \"z\", expected one of the descriptor's 2");
    assert_fails(open_manifest("file,kind,domain\n", "", &err) != NULL, "no images");
    assert_fails(open_manifest("file,kind,domain\n0.ppm,cat,a\n1.ppm,dog,b\n", "", &err) != NULL,
                 "domain \"a\" has no image of class \"dog\"");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_csv_quotes_lines_and_byte_order_mark),
        TEST(test_csv_errors_name_the_line),
        TEST(test_idx_parses_and_refuses),
        TEST(test_rotated_domains_share_no_image),
        TEST(test_colored_domains_follow_their_rule),
        TEST(test_colored_noise_has_its_rate),
        TEST(test_bad_idx_data),
        TEST(test_manifest_groups_by_domain),
        TEST(test_a_csv_is_a_list_of_images),
        TEST(test_bad_manifests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
