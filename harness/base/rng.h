/* Stateless randomness: every draw is a pure function of (seed, stream name, step, index), so a
 * resumed run needs no generator state and is bit-identical to one that was never stopped.
 * Counter-based generator: Philox 4x32 with 10 rounds (Salmon et al., "Parallel Random Numbers: As
 * Easy as 1, 2, 3", SC 2011).
 *
 *     RngStream s = rng_sub(rng_stream(run_seed, "augment"), domain);
 *     double flip = rng_uniform(s, step, image_in_batch);
 *
 * DomainBed's splits and hyper-parameter draws need NumPy's generator instead: see mt19937.h.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t key;
} RngStream;

RngStream rng_stream(uint64_t seed, const char *name);
RngStream rng_sub(RngStream s,
                  uint64_t id); /* an independent stream per id (a domain, an image, a layer) */

uint64_t rng_u64(RngStream s, uint64_t step, uint64_t index);
double rng_uniform(RngStream s, uint64_t step, uint64_t index); /* [0,1), 53 bits */
double rng_normal(RngStream s, uint64_t step, uint64_t index); /* mean 0, variance 1 (Box-Muller) */
int rng_below(RngStream s, uint64_t step, uint64_t index, int n); /* uniform in 0..n-1; n >= 1 */

/* n uniform 32-bit words: word i of a (stream, step) is words[i - first]. Many times faster than
 * one by one; another sequence than rng_u64. first is a multiple of 4. */
void rng_fill_u32(uint32_t *words, RngStream s, uint64_t step, uint64_t first, size_t n);

/* Shuffles items in place, the same way for the same (stream, step, n). */
void rng_shuffle(RngStream s, uint64_t step, int *items, int n);

/* The raw Philox 4x32-10 block, for tests against published vectors. */
void rng_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

#endif
