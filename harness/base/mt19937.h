/* NumPy's legacy generator (RandomState), so that DomainBed's splits and hyper-parameter draws are
 * reproduced to the bit. Mersenne Twister MT19937: Matsumoto and Nishimura, ACM TOMACS 8(1), 1998.
 */
#ifndef BASE_MT19937_H
#define BASE_MT19937_H

#include <stdint.h>

enum { MT_STATE_WORDS = 624 };

typedef struct {
    uint32_t state[MT_STATE_WORDS];
    int next;
} Mt19937;

void mt_seed(Mt19937 *mt, uint32_t seed); /* as RandomState(seed) */
uint32_t mt_u32(Mt19937 *mt);
double mt_uniform(Mt19937 *mt); /* [0,1), 53 bits, as random_sample() */
uint32_t mt_below(Mt19937 *mt,
                  uint32_t n); /* uniform in 0..n-1, by masked rejection as NumPy; n >= 1 */
void mt_shuffle(Mt19937 *mt, int *items, int n); /* as RandomState.shuffle on a list */

/* DomainBed's seed_hash(*args): `args` is Python's text of the tuple, e.g. "(0, 1)"; md5 modulo
 * 2^31. */
uint32_t domainbed_seed_hash(const char *args);

#endif
