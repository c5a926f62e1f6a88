/* Philox 4x32-10 behind a (seed, stream, step, index) interface. */
#include "rng.h"

#include "err.h"

#include <math.h>
#include <string.h>

/* Multipliers and key increments of Philox 4x32: Salmon et al. 2011, table 2 and section 3.3. */
static const uint32_t MULTIPLIER_0 = 0xD2511F53u, MULTIPLIER_1 = 0xCD9E8D57u;
static const uint32_t WEYL_0 = 0x9E3779B9u, WEYL_1 = 0xBB67AE85u;

void rng_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0;
        uint64_t p1 = (uint64_t)MULTIPLIER_1 * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014): spreads a key over all 64 bits. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

RngStream rng_stream(uint64_t seed, const char *name)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a, 64 bit */
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++) {
        hash = (hash ^ *c) * 0x100000001B3u;
    }
    return (RngStream){mix(mix(seed) ^ hash)};
}

RngStream rng_sub(RngStream s, uint64_t id)
{
    return (RngStream){mix(s.key ^ mix(id + 1))};
}

uint64_t rng_u64(RngStream s, uint64_t step, uint64_t index)
{
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)step,
                           (uint32_t)(step >> 32)};
    uint32_t key[2] = {(uint32_t)s.key, (uint32_t)(s.key >> 32)};
    uint32_t out[4];
    rng_philox(out, counter, key);
    return (uint64_t)out[1] << 32 | out[0];
}

double rng_uniform(RngStream s, uint64_t step, uint64_t index)
{
    return (double)(rng_u64(s, step, index) >> 11) * 0x1p-53;
}

double rng_normal(RngStream s, uint64_t step, uint64_t index)
{
    uint64_t bits = rng_u64(s, step, index);
    double u = ((double)(uint32_t)bits + 1.0) * 0x1p-32; /* (0,1]: the logarithm is finite */
    double v = (double)(uint32_t)(bits >> 32) * 0x1p-32;
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

int rng_below(RngStream s, uint64_t step, uint64_t index, int n)
{
    check(n >= 1, "cannot draw below %d", n);
    uint64_t high = rng_u64(s, step, index) >> 32;
    return (int)((high * (uint64_t)n) >> 32); /* bias below n / 2^32 */
}

/* Words 4 b .. 4 b + 3 are block b of the generator, for LANES blocks side by side. The key differs
 * from that of rng_u64 in one bit, so that the two never share a block. */
enum { LANES = 16, WORDS = 4 * LANES };

SIMD_CLONES
static void fill_lanes(uint32_t words[WORDS], RngStream s, uint64_t step, uint64_t block)
{
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    uint32_t k0 = (uint32_t)s.key ^ 1u, k1 = (uint32_t)(s.key >> 32);
    for (int i = 0; i < LANES; i++) {
        c0[i] = (uint32_t)(block + (uint64_t)i);
        c1[i] = (uint32_t)((block + (uint64_t)i) >> 32);
        c2[i] = (uint32_t)step;
        c3[i] = (uint32_t)(step >> 32);
    }
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < LANES; i++) {
            uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0[i];
            uint64_t p1 = (uint64_t)MULTIPLIER_1 * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c1[i] = (uint32_t)p1;
            c3[i] = (uint32_t)p0;
        }
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    for (size_t i = 0; i < LANES; i++) {
        words[4 * i] = c0[i];
        words[4 * i + 1] = c1[i];
        words[4 * i + 2] = c2[i];
        words[4 * i + 3] = c3[i];
    }
}

void rng_fill_u32(uint32_t *words, RngStream s, uint64_t step, uint64_t first, size_t n)
{
    check(first % 4 == 0, "words from %llu on", (unsigned long long)first);
    uint32_t lanes[WORDS];
    for (size_t i = 0; i < n; i += WORDS) {
        fill_lanes(lanes, s, step, (first + i) / 4);
        size_t count = n - i < WORDS ? n - i : (size_t)WORDS;
        memcpy(words + i, lanes, count * sizeof *words);
    }
}

void rng_shuffle(RngStream s, uint64_t step, int *items, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = rng_below(s, step, (uint64_t)i, i + 1);
        int held = items[i];
        items[i] = items[j];
        items[j] = held;
    }
}
