/* The cache: one small file per state of a file, named by that state. */
#include "file_digest.h"

#include "file.h"
#include "mapped_file.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { SETTLED_SECONDS = 2 }; /* coarsest time stamps of file systems in use: FAT's */

/* Where the digest of this state of the file is remembered; NULL: nowhere. */
static const char *cache_path(const char *path, Arena *arena)
{
    struct stat s;
    char hex[SHA256_HEX_SIZE];
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode) || time(NULL) - s.st_ctime < SETTLED_SECONDS)
        return NULL;
    const int64_t state[] = {(int64_t)s.st_dev,          (int64_t)s.st_ino,
                             (int64_t)s.st_size,         (int64_t)s.st_mtim.tv_sec,
                             (int64_t)s.st_mtim.tv_nsec, (int64_t)s.st_ctim.tv_sec,
                             (int64_t)s.st_ctim.tv_nsec};
    Sha256 *sha = sha256_new();
    sha256_add_str(sha, "dgbench file digest 1");
    sha256_add(sha, state, sizeof state);
    sha256_done_hex(sha, hex);
    return file_join(arena, file_join(arena, file_cache_dir(arena), "digests"), hex);
}

static bool is_digest(const char *text, size_t n)
{
    return n == SHA256_HEX_SIZE - 1 && strspn(text, "0123456789abcdef") == n;
}

static bool read_cache(char out[SHA256_HEX_SIZE], const char *cache)
{
    char *text;
    size_t n;
    Err ignored = {0};
    if (!file_exists(cache) || !file_read(&text, &n, cache, SHA256_HEX_SIZE, &ignored))
        return false;
    bool ok = is_digest(text, n);
    if (ok) memcpy(out, text, SHA256_HEX_SIZE);
    free(text);
    return ok;
}

/* Without a cache folder it is only slower. */
static void write_cache(const char *cache, const char *digest, Arena *arena)
{
    Err ignored = {0};
    const char *folder = file_join(arena, file_cache_dir(arena), "digests");
    bool ok = file_make_dirs(folder, &ignored) &&
              file_write_atomic(cache, digest, SHA256_HEX_SIZE - 1, &ignored);
    (void)ok;
}

MUST_USE static bool compute(char out[SHA256_HEX_SIZE], const char *path, Err *err)
{
    MappedFile file;
    if (!mapped_file_open(&file, path, err)) return false;
    Sha256 *sha = sha256_new();
    sha256_add(sha, file.bytes, file.n);
    sha256_done_hex(sha, out);
    mapped_file_close(&file);
    return true;
}

bool file_digest(char out[SHA256_HEX_SIZE], const char *path, Err *err)
{
    Arena *arena = arena_new();
    const char *cache = cache_path(path, arena);
    bool ok = cache != NULL && read_cache(out, cache);
    if (!ok) {
        ok = compute(out, path, err);
        if (ok && cache != NULL) write_cache(cache, out, arena);
    }
    arena_free(arena);
    return ok;
}
