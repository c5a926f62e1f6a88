/* Files as a whole: read, written so that a crash leaves the old or the new content, folders made.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "arena.h"
#include "err.h"

#include <stddef.h>
#include <stdint.h>

/* Reads a regular file of at most max_bytes into a heap block (plus a closing zero byte); *n_bytes
 * may be NULL. */
MUST_USE bool file_read(char **out, size_t *n_bytes, const char *path, size_t max_bytes, Err *err);

/* Writes to a temporary name beside path, syncs, renames: path holds the old content or the new
 * one, never a part. */
MUST_USE bool file_write_atomic(const char *path, const void *data, size_t n_bytes, Err *err);

/* The parts of the above for writers that stream: file_sync_rename(tmp, path) syncs tmp and renames
 * it. */
MUST_USE bool file_sync_rename(const char *tmp, const char *path, Err *err);

/* Makes the folder and its parents where missing. */
MUST_USE bool file_make_dirs(const char *path, Err *err);

bool file_exists(const char *path);
bool file_is_dir(const char *path);
int64_t file_size(const char *path); /* -1 when it does not exist */

/* Sorted (bytewise) names of the entries in a folder, without "." and "..", hidden ones left out.
 */
MUST_USE bool file_list(char ***out_names, int *out_n, const char *path, Arena *arena, Err *err);

char *file_join(Arena *arena, const char *folder,
                const char *name);            /* name alone when it is absolute */
const char *file_base_name(const char *path); /* after the last '/' */

/* Takes the lock file at path (made when missing; it stays, for removing it would race with a
 * process that has just opened it). Another process that has it is waited for, and said to be
 * `doing`: "packing this dataset". */
MUST_USE bool file_lock(int *out_lock, const char *path, const char *doing, Err *err);
void file_unlock(int lock);

/* Where caches live: $DGBENCH_CACHE, else $XDG_CACHE_HOME/dgbench, else ~/.cache/dgbench. Not
 * created. */
char *file_cache_dir(Arena *arena);

#endif
