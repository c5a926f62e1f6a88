/* The cache file: header, a checksum per piece (0: not there yet), then the rows. */
#include "embedding.h"

#include "clean.h"
#include "clock.h"
#include "digest.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "progress.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_VERSION = 1, FILE_ALIGN = 64, BYTE_ORDER_MARK = 0x01020304 };

typedef struct {
    char magic[8];
    uint32_t version, byte_order;
    uint32_t n, dim, piece, reserved;
    uint8_t key[SHA256_BYTES];
} FileHeader;

static_assert(sizeof(FileHeader) == 64, "header has no hidden padding");

int embedding_normalise(float *rows, int n, int dim)
{
    for (int i = 0; i < n; i++) {
        float *row = rows + (size_t)i * (size_t)dim;
        double sum = 0;
        for (int j = 0; j < dim; j++) sum += (double)row[j] * (double)row[j];
        if (!isfinite(sum) || sum <= 0) return i;
        double scale = 1 / sqrt(sum);
        for (int j = 0; j < dim; j++) row[j] = (float)((double)row[j] * scale);
    }
    return -1;
}

/* ---- the file ---- */

/* Where things are. */
typedef struct {
    FileHeader header;
    const char *path; /* of the finished file */
    int n_pieces;
    size_t rows_at, row_bytes, n_bytes;
} Layout;

static Layout layout_of(const Dataset *dataset, const ImageEncoder *encoder)
{
    Layout l = {.header = {.magic = "dgbembed",
                           .version = FILE_VERSION,
                           .byte_order = BYTE_ORDER_MARK,
                           .n = (uint32_t)dataset->n_images,
                           .dim = (uint32_t)encoder->dim,
                           .piece = EMBEDDING_PIECE}};
    Str input = {0};
    Sha256 *sha = sha256_new();
    input_spec_describe(&encoder->input, &input);
    sha256_add_str(sha, encoder->key);
    sha256_add_str(sha, str_text(&input));
    sha256_add_str(sha, dataset->fingerprint);
    sha256_add(sha, &l.header, sizeof l.header); /* version, sizes */
    sha256_done(sha, l.header.key);
    str_done(&input);
    l.n_pieces = (dataset->n_images + EMBEDDING_PIECE - 1) / EMBEDDING_PIECE;
    size_t checksums_end = sizeof l.header + (size_t)l.n_pieces * sizeof(uint64_t);
    l.rows_at = (checksums_end + FILE_ALIGN - 1) / FILE_ALIGN * FILE_ALIGN;
    l.row_bytes = (size_t)encoder->dim * sizeof(float);
    l.n_bytes = l.rows_at + (size_t)dataset->n_images * l.row_bytes;
    return l;
}

static int piece_images(const Layout *l, int piece)
{
    int rest = (int)l->header.n - piece * EMBEDDING_PIECE;
    return rest < EMBEDDING_PIECE ? rest : EMBEDDING_PIECE;
}

static size_t piece_at(const Layout *l, int piece)
{
    return l->rows_at + (size_t)piece * EMBEDDING_PIECE * l->row_bytes;
}

static size_t checksum_at(int piece)
{
    return sizeof(FileHeader) + (size_t)piece * sizeof(uint64_t);
}

static uint64_t piece_checksum(const Layout *l, int piece, const void *rows)
{
    uint64_t sum = digest_checksum(rows, (size_t)piece_images(l, piece) * l->row_bytes);
    return sum != 0 ? sum : 1;
}

/* Is everything there, and undamaged? */
static bool file_is_good(const MappedFile *file, const Layout *l)
{
    if (file->n != l->n_bytes || memcmp(file->bytes, &l->header, sizeof l->header) != 0)
        return false;
    for (int p = 0; p < l->n_pieces; p++) {
        uint64_t stored;
        memcpy(&stored, file->bytes + checksum_at(p), sizeof stored);
        if (stored != piece_checksum(l, p, file->bytes + piece_at(l, p))) return false;
    }
    return true;
}

static bool try_open(Embeddings *out, const Layout *l)
{
    Err ignored = {0};
    MappedFile file = {0};
    if (!file_exists(l->path) || !mapped_file_open(&file, l->path, &ignored)) return false;
    if (!file_is_good(&file, l)) {
        mapped_file_close(&file);
        return false;
    }
    *out = (Embeddings){.rows = (const void *)(file.bytes + l->rows_at),
                        .n = (int)l->header.n,
                        .dim = (int)l->header.dim,
                        .file = file};
    return true;
}

/* ---- making it ---- */

typedef struct {
    const Layout *layout;
    const Dataset *dataset;
    const ImageEncoder *encoder;
    const EmbeddingOptions *options;
    const char *path; /* of the file that grows */
    int fd;
    CleanImages *clean;
    float *x, *rows; /* of a batch, of a piece */
    int *images;     /* [EMBEDDING_PIECE]: numbers of a piece's images */
    Progress progress;
    int n_made;
} Maker;

static bool io_failed(const Maker *m, const char *what, Err *err)
{
    return err_set(err, ERR_IO, "%s: cannot %s: %s", m->path, what, strerror(errno));
}

static bool read_at(const Maker *m, void *data, size_t n, size_t at)
{
    return pread(m->fd, data, n, (off_t)at) == (ssize_t)n;
}

MUST_USE static bool write_at(const Maker *m, const void *data, size_t n, size_t at, Err *err)
{
    errno = ENOSPC; /* a short write that sets none is a full disk */
    return pwrite(m->fd, data, n, (off_t)at) == (ssize_t)n || io_failed(m, "write", err);
}

/* The file as far as another process came, or an empty one of the right size. */
MUST_USE static bool open_part(Maker *m, Err *err)
{
    FileHeader found;
    m->fd = open(m->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (m->fd < 0) return io_failed(m, "create", err);
    if (read_at(m, &found, sizeof found, 0) &&
        memcmp(&found, &m->layout->header, sizeof found) == 0)
        return ftruncate(m->fd, (off_t)m->layout->n_bytes) == 0 || io_failed(m, "extend", err);
    if (ftruncate(m->fd, 0) != 0 || ftruncate(m->fd, (off_t)m->layout->n_bytes) != 0)
        return io_failed(m, "extend", err);
    return write_at(m, &m->layout->header, sizeof m->layout->header, 0, err);
}

static bool piece_is_there(const Maker *m, int piece)
{
    uint64_t stored;
    size_t n = (size_t)piece_images(m->layout, piece) * m->layout->row_bytes;
    return read_at(m, &stored, sizeof stored, checksum_at(piece)) && stored != 0 &&
           read_at(m, m->rows, n, piece_at(m->layout, piece)) &&
           stored == piece_checksum(m->layout, piece, m->rows);
}

/* images: those of this piece, in m->images. */
MUST_USE static bool encode_piece(Maker *m, int n, Err *err)
{
    const ImageEncoder *e = m->encoder;
    for (int i = 0, count; i < n; i += count) {
        count = n - i < e->batch_size ? n - i : e->batch_size;
        if (!clean_batch(m->clean, m->x, m->images + i, count, m->options->threads, err))
            return false;
        e->encode(e->context, m->rows + (size_t)i * (size_t)e->dim, m->x, count);
    }
    int bad = embedding_normalise(m->rows, n, e->dim);
    if (bad < 0) return true;
    return err_set(err, ERR_FORMAT,
                   "%s: the model answers image %s with numbers that are zero or not finite",
                   m->dataset->name, m->dataset->images[m->images[bad]].path);
}

MUST_USE static bool make_piece(Maker *m, int piece, Err *err)
{
    const Layout *l = m->layout;
    int n = piece_images(l, piece);
    for (int i = 0; i < n; i++) m->images[i] = piece * EMBEDDING_PIECE + i;
    if (!encode_piece(m, n, err)) return false;
    uint64_t checksum = piece_checksum(l, piece, m->rows);
    m->n_made += n;
    return write_at(m, m->rows, (size_t)n * l->row_bytes, piece_at(l, piece), err) &&
           write_at(m, &checksum, sizeof checksum, checksum_at(piece), err);
}

static bool is_stopped(const EmbeddingOptions *options)
{
    return options->stop != NULL && *options->stop != 0;
}

MUST_USE static bool make_pieces(Maker *m, Err *err)
{
    bool ok = true;
    int n_done = 0;
    for (int p = 0; ok && p < m->layout->n_pieces; p++) {
        bool there = piece_is_there(m, p);
        if (!there && is_stopped(m->options)) {
            return err_set(err, ERR_INTERRUPTED,
                           "%s: interrupted after %d of %d images; the same command goes on there",
                           m->dataset->name, n_done, m->dataset->n_images);
        }
        if (!there) ok = make_piece(m, p, err);
        n_done += piece_images(m->layout, p);
        if (there && m->n_made == 0)
            progress_start_at(&m->progress, n_done);
        else if (ok)
            progress_update(&m->progress, n_done, "");
    }
    return ok;
}

MUST_USE static bool fill_part(Maker *m, Err *err)
{
    const ImageEncoder *e = m->encoder;
    size_t pixels = (size_t)e->input.size * (size_t)e->input.size * (size_t)m->dataset->channels;
    m->clean = clean_new(m->dataset, &e->input, 0); /* each image is wanted once */
    m->x = mem_alloc((size_t)e->batch_size * pixels, sizeof *m->x);
    m->rows = mem_alloc((size_t)EMBEDDING_PIECE * (size_t)e->dim, sizeof *m->rows);
    m->images = mem_alloc(EMBEDDING_PIECE, sizeof *m->images);
    Str label = {0};
    str_addf(&label, "embedding %s", m->dataset->name);
    progress_begin(&m->progress, str_text(&label), m->dataset->n_images, "images");
    str_done(&label);
    bool ok = make_pieces(m, err);
    progress_end(&m->progress);
    clean_free(m->clean);
    free(m->x);
    free(m->rows);
    free(m->images);
    return ok;
}

/* Makes the file at l->path; under the lock. A damaged one is where it begins. */
MUST_USE static bool make_file(Maker *m, Err *err)
{
    const char *path = m->layout->path;
    if (file_exists(path)) {
        log_warn("%s: damaged; what is wrong in it is made anew", path);
        if (rename(path, m->path) != 0) return io_failed(m, "rename to", err);
    }
    if (!open_part(m, err)) return false;
    bool ok = fill_part(m, err);
    if (close(m->fd) != 0 && ok) ok = io_failed(m, "write", err);
    return ok && file_sync_rename(m->path, path, err);
}

MUST_USE static bool make_and_open(Embeddings *out, Maker *m, Arena *arena, Err *err)
{
    const Layout *l = m->layout;
    int lock;
    char *lock_path = arena_printf(arena, "%s.lock", l->path);
    m->path = arena_printf(arena, "%s.part", l->path);
    if (!file_lock(&lock, lock_path, "embedding these images", err)) return false;
    bool ok = try_open(out, l); /* the process that we waited for may have made it */
    if (!ok) {
        double begin = clock_seconds();
        ok = make_file(m, err);
        double seconds = clock_seconds() - begin;
        if (ok && !try_open(out, l))
            ok = err_set(err, ERR_IO, "%s: changed while it was being made", l->path);
        if (ok) out->seconds = seconds;
        if (ok) out->n_made = m->n_made;
    }
    file_unlock(lock);
    return ok;
}

bool embeddings_open(Embeddings *out, const Dataset *dataset, const ImageEncoder *encoder,
                     const EmbeddingOptions *options, Err *err)
{
    check(encoder->dim >= 1 && encoder->batch_size >= 1, "dim %d, batches of %d", encoder->dim,
          encoder->batch_size);
    if (dataset->channels != encoder->channels) {
        return err_set(err, ERR_FORMAT, "%s: images of %d channels, the model takes %d",
                       dataset->name, dataset->channels, encoder->channels);
    }
    Arena *arena = arena_new();
    Layout l = layout_of(dataset, encoder);
    const char *cache = options->cache_dir != NULL ? options->cache_dir : file_cache_dir(arena);
    char *folder = file_join(arena, cache, "embeddings");
    char name[2 * SHA256_BYTES + 1];
    digest_hex(name, l.header.key, SHA256_BYTES);
    l.path = arena_printf(arena, "%s/%s.emb", folder, name);
    Maker m = {.layout = &l, .dataset = dataset, .encoder = encoder, .options = options};
    bool ok =
        file_make_dirs(folder, err) && (try_open(out, &l) || make_and_open(out, &m, arena, err));
    arena_free(arena);
    return ok;
}

void embeddings_close(Embeddings *e)
{
    mapped_file_close(&e->file);
    *e = (Embeddings){0};
}
