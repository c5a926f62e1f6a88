/* Content digests, by libmd. SHA-256 names contents (datasets, packs, runs); MD5 only because
 * DomainBed seeds with it. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_HEX_SIZE = 65 };

typedef struct Sha256 Sha256;

Sha256 *sha256_new(void);
void sha256_add(Sha256 *s, const void *data, size_t n_bytes);
/* Adds the string with its closing zero, so that ("ab","c") and ("a","bc") differ. */
void sha256_add_str(Sha256 *s, const char *text);
/* Writes the digest and frees s. */
void sha256_done(Sha256 *s, uint8_t out[SHA256_BYTES]);
/* The same as 64 lower-case hex digits and a zero. */
void sha256_done_hex(Sha256 *s, char out[SHA256_HEX_SIZE]);

void digest_sha256(uint8_t out[SHA256_BYTES], const void *data, size_t n_bytes);
void digest_md5(uint8_t out[16], const void *data, size_t n_bytes);
void digest_hex(char *out, const uint8_t *digest, size_t n_bytes); /* out: 2 * n_bytes + 1 */

/* FNV-1a over 8-byte words: many times faster, finds torn or zeroed pages. */
uint64_t digest_checksum(const void *data, size_t n_bytes);

#endif
