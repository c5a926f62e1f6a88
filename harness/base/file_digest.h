/* SHA-256 of a file's content. It is remembered in the cache folder (file.h) for as long as the
 * file stays what it was: one that is asked for by every run of a sweep is read once. */
#ifndef BASE_FILE_DIGEST_H
#define BASE_FILE_DIGEST_H

#include "digest.h"
#include "err.h"

/* out: 64 hex digits. A file counts as unchanged when its device, inode, size and times of change
 * are the same; one that has just been written is read again, for a later change could still get
 * the same time. */
MUST_USE bool file_digest(char out[SHA256_HEX_SIZE], const char *path, Err *err);

#endif
