/* Rows with their images: missing ones sorted out, the others packed, phrases numbered. */
#include "pairs.h"

#include "descriptor.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "pack.h"
#include "pairs_table.h"
#include "source.h"

#include <stdlib.h>
#include <string.h>

enum { BAD_SHOWN = 5 };

struct PairsImages {
    Pairs pairs; /* so that one block holds both */
    Arena *arena;
    PairRows rows; /* of the images that are there */
    Source source;
    Pack *pack;
    int *image; /* [n]: number in the source, of rows that are kept */
};

/* ---- images that are missing or broken ---- */

typedef struct {
    int n;
    Str names;
} BadList;

static void add_bad(BadList *bad, const PairRow *row, const char *why)
{
    if (bad->n++ >= BAD_SHOWN) return;
    str_addf(&bad->names, "%s%s (%s:%d, %s)", bad->n > 1 ? ", " : "", row->shown,
             file_base_name(row->file), row->line, why);
}

/* Refuses or skips by the policy, with one line. Frees the list. */
static bool judge_bad(BadList *bad, int n_all, const PairsOptions *options, Err *err)
{
    const char *more = bad->n > BAD_SHOWN ? ", ..." : "";
    const char *names = str_text(&bad->names), *file = options->files->items[0];
    bool ok = bad->n == 0 || (options->bad_images == BAD_IMAGES_SKIP && bad->n < n_all);
    if (!ok) {
        err_set(err, ERR_FORMAT,
                "%s: %d of %d images are missing or cannot be read: %s%s; mend them%s", file,
                bad->n, n_all, names, more, bad->n < n_all ? ", or set bad_images: skip" : "");
    } else if (bad->n > 0) {
        log_warn("%s: %d of %d images are missing or cannot be read, skipped: %s%s", file, bad->n,
                 n_all, names, more);
    }
    str_done(&bad->names);
    return ok;
}

/* Rows whose file is not there leave the list. */
static void drop_missing(PairRows *rows, BadList *bad)
{
    int n = 0;
    for (int i = 0; i < rows->n; i++) {
        if (file_size(rows->rows[i].path) >= 0) {
            rows->rows[n++] = rows->rows[i];
        } else {
            add_bad(bad, &rows->rows[i], "missing");
        }
    }
    rows->n = n;
}

static bool is_broken(const PairsImages *p, int image)
{
    return (pack_entry(p->pack, image)->flags & PACK_BROKEN) != 0;
}

/* ---- opening the images ---- */

static void make_source(PairsImages *p, const char *place)
{
    p->source.place = place;
    p->source.n_images = p->rows.n;
    p->source.images = arena_alloc(p->arena, (size_t)p->rows.n, sizeof *p->source.images);
    for (int i = 0; i < p->rows.n; i++) p->source.images[i].path = p->rows.rows[i].path;
}

/* One pack per list of files, so that changed pairs replace their old pack. */
static char *pack_path(PairsImages *p, const PairsOptions *options, const char *folder)
{
    uint8_t digest[SHA256_BYTES];
    char hex[9];
    Sha256 *sha = sha256_new();
    for (int i = 0; i < options->files->n; i++) sha256_add_str(sha, options->files->items[i]);
    sha256_done(sha, digest);
    digest_hex(hex, digest, 4);
    return arena_printf(p->arena, "%s/pairs-%s.pack", folder, hex);
}

static bool open_pack(PairsImages *p, const PairsOptions *options, const char *cache_dir, Err *err)
{
    const char *folder = file_join(p->arena, cache_dir, "packs");
    PackOptions pack = {.label = "pairs", .pool = options->pool};
    make_source(p, options->files->items[0]);
    return file_make_dirs(folder, err) && source_use_files(&p->source, "", p->arena, err) &&
           pack_open(&p->pack, pack_path(p, options, folder), &p->source, &pack, err);
}

/* Keeps the rows whose image can be read. */
static void take_images(PairsImages *p, BadList *bad)
{
    p->image = arena_alloc(p->arena, (size_t)p->rows.n, sizeof *p->image);
    int n = 0;
    for (int i = 0; i < p->rows.n; i++) {
        if (is_broken(p, i)) {
            add_bad(bad, &p->rows.rows[i], "not readable");
        } else {
            p->rows.rows[n] = p->rows.rows[i];
            p->image[n++] = i;
        }
    }
    p->rows.n = n;
    p->pairs.n = n;
}

/* ---- phrases ---- */

typedef struct {
    const char *text;
    bool is_caption;
    int at; /* in words */
} Mention;

static int compare_mentions(const void *a, const void *b)
{
    const Mention *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    if (order != 0) return order;
    return x->is_caption - y->is_caption;
}

static int count_words(const PairRow *row)
{
    int n = 0;
    for (int k = 0; k < N_WORDS; k++) n += row->n_words[k];
    return n;
}

/* Where each pair's phrases of each kind begin; returns how many there are in all. */
static int lay_out_words(PairsImages *p)
{
    size_t n_cells = (size_t)p->pairs.n * N_WORDS;
    int *first = arena_alloc(p->arena, n_cells + 1, sizeof *first);
    for (size_t c = 0; c < n_cells; c++)
        first[c + 1] = first[c] + p->rows.rows[c / N_WORDS].n_words[c % N_WORDS];
    p->pairs.first = first;
    return first[n_cells];
}

static Mention *list_mentions(const PairsImages *p, int n)
{
    Mention *mentions = mem_alloc((size_t)n, sizeof *mentions);
    int at = 0;
    for (int i = 0; i < p->rows.n; i++) {
        const PairRow *row = &p->rows.rows[i];
        int n_words = count_words(row);
        for (int w = 0; w < n_words; w++) {
            bool is_caption = row->n_words[WORDS_CAPTION] > 0 && w == n_words - 1;
            mentions[at] = (Mention){row->words[w], is_caption, at};
            at++;
        }
    }
    return mentions;
}

/* Phrases get their numbers in the order of their letters. */
static void number_phrases(PairsImages *p)
{
    int n = lay_out_words(p);
    Mention *mentions = list_mentions(p, n);
    qsort(mentions, (size_t)n, sizeof *mentions, compare_mentions);
    int *words = arena_alloc(p->arena, (size_t)n, sizeof *words);
    const char **phrases = arena_alloc(p->arena, (size_t)n, sizeof *phrases);
    bool *is_caption = arena_alloc(p->arena, (size_t)n, sizeof *is_caption);
    int id = -1;
    for (int i = 0; i < n; i++) {
        if (i == 0 || compare_mentions(&mentions[i - 1], &mentions[i]) != 0) {
            phrases[++id] = mentions[i].text;
            is_caption[id] = mentions[i].is_caption;
        }
        words[mentions[i].at] = id;
    }
    free(mentions);
    p->pairs.n_phrases = id + 1;
    p->pairs.phrases = phrases;
    p->pairs.is_caption = is_caption;
    p->pairs.words = words;
}

static void take_fingerprint(PairsImages *p)
{
    Sha256 *sha = sha256_new();
    for (int i = 0; i < p->pairs.n; i++) {
        const PairRow *row = &p->rows.rows[i];
        sha256_add_str(sha, row->shown);
        sha256_add(sha, row->n_words, sizeof row->n_words);
        for (int w = 0; w < count_words(row); w++) sha256_add_str(sha, row->words[w]);
        sha256_add(sha, pack_entry(p->pack, p->image[i])->content, SHA256_BYTES);
    }
    sha256_done_hex(sha, p->pairs.fingerprint);
}

/* ---- life ---- */

static bool open_images(PairsImages *p, const PairsOptions *options, const char *cache_dir,
                        Err *err)
{
    if (!pair_rows_read(&p->rows, options->files, cache_dir, p->arena, err)) return false;
    BadList bad = {0};
    int n_all = p->rows.n;
    drop_missing(&p->rows, &bad);
    bool refused = bad.n > 0 && options->bad_images == BAD_IMAGES_REFUSE;
    if (!refused && p->rows.n > 0) {
        if (!open_pack(p, options, cache_dir, err)) {
            str_done(&bad.names);
            return false;
        }
        take_images(p, &bad);
    }
    p->pairs.n_bad = bad.n;
    return judge_bad(&bad, n_all, options, err);
}

bool pairs_open(Pairs **out, const PairsOptions *options, Err *err)
{
    PairsImages *p = mem_alloc(1, sizeof *p);
    p->arena = arena_new();
    p->pairs.images = p;
    const char *cache_dir =
        options->cache_dir != NULL ? options->cache_dir : file_cache_dir(p->arena);
    if (!open_images(p, options, cache_dir, err)) {
        pairs_close(&p->pairs);
        return false;
    }
    number_phrases(p);
    take_fingerprint(p);
    *out = &p->pairs;
    return true;
}

void pairs_close(Pairs *pairs)
{
    if (pairs == NULL) return;
    PairsImages *p = pairs->images;
    pack_close(p->pack);
    arena_free(p->arena);
    free(p);
}

/* ---- reading ---- */

int pairs_words(const Pairs *pairs, int pair, WordsKind kind, const int **words)
{
    check(pair >= 0 && pair < pairs->n, "pair %d of %d", pair, pairs->n);
    const int *first = pairs->first + (size_t)pair * N_WORDS + (size_t)kind;
    *words = pairs->words + first[0];
    return first[1] - first[0];
}

bool pairs_has_phrase(const Pairs *pairs, int pair, int phrase)
{
    const int *first = pairs->first + (size_t)pair * N_WORDS;
    for (int i = first[0]; i < first[N_WORDS]; i++) {
        if (pairs->words[i] == phrase) return true;
    }
    return false;
}

int pairs_label(const Pairs *pairs, int pair)
{
    const int *words;
    bool has_label = pairs_words(pairs, pair, WORDS_LABEL, &words) > 0;
    if (!has_label) pairs_words(pairs, pair, WORDS_CAPTION, &words);
    return words[0];
}

bool pairs_pixels(const Pairs *pairs, int pair, ImageView *out, Image *scratch, Err *err)
{
    const PairsImages *p = pairs->images;
    check(pair >= 0 && pair < pairs->n, "pair %d of %d", pair, pairs->n);
    int image = p->image[pair];
    if (pack_view(out, p->pack, image)) return true;
    uint8_t digest[SHA256_BYTES];
    unsigned flags;
    if (!p->source.read(&p->source, image, scratch, digest, &flags, err)) return false;
    *out = image_view(scratch);
    return true;
}
