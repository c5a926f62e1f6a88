/* Thin covers over libmd. */
#include "digest.h"

#include "mem.h"

#include <md5.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>

struct Sha256 {
    SHA2_CTX state;
};

Sha256 *sha256_new(void)
{
    Sha256 *s = mem_alloc(1, sizeof *s);
    SHA256Init(&s->state);
    return s;
}

void sha256_add(Sha256 *s, const void *data, size_t n_bytes)
{
    SHA256Update(&s->state, data, n_bytes);
}

void sha256_add_str(Sha256 *s, const char *text)
{
    sha256_add(s, text, strlen(text) + 1);
}

void sha256_done(Sha256 *s, uint8_t out[SHA256_BYTES])
{
    SHA256Final(out, &s->state);
    free(s);
}

void sha256_done_hex(Sha256 *s, char out[SHA256_HEX_SIZE])
{
    uint8_t bytes[SHA256_BYTES];
    sha256_done(s, bytes);
    digest_hex(out, bytes, sizeof bytes);
}

void digest_sha256(uint8_t out[SHA256_BYTES], const void *data, size_t n_bytes)
{
    Sha256 *s = sha256_new();
    sha256_add(s, data, n_bytes);
    sha256_done(s, out);
}

void digest_md5(uint8_t out[16], const void *data, size_t n_bytes)
{
    MD5_CTX state;
    MD5Init(&state);
    MD5Update(&state, data, n_bytes);
    MD5Final(out, &state);
}

void digest_hex(char *out, const uint8_t *digest, size_t n_bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n_bytes; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * n_bytes] = '\0';
}

uint64_t digest_checksum(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint64_t hash = 0xCBF29CE484222325u;
    size_t at = 0;
    for (; at + 8 <= n_bytes; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, 8);
        hash = (hash ^ word) * 0x100000001B3u;
    }
    for (; at < n_bytes; at++) hash = (hash ^ bytes[at]) * 0x100000001B3u;
    return hash ^ (hash >> 32);
}
