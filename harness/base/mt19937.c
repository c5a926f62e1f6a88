/* MT19937 with NumPy's seeding, doubles, bounded draws and shuffle. */
#include "mt19937.h"

#include "digest.h"
#include "err.h"

#include <string.h>

enum { SHIFT_WORDS = 397 };

void mt_seed(Mt19937 *mt, uint32_t seed)
{
    mt->state[0] = seed;
    for (uint32_t i = 1; i < MT_STATE_WORDS; i++) {
        uint32_t last = mt->state[i - 1];
        mt->state[i] = 1812433253u * (last ^ (last >> 30)) + i;
    }
    mt->next = MT_STATE_WORDS;
}

static void mt_refill(Mt19937 *mt)
{
    uint32_t *s = mt->state;
    for (int i = 0; i < MT_STATE_WORDS; i++) {
        uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % MT_STATE_WORDS] & 0x7fffffffu);
        s[i] = s[(i + SHIFT_WORDS) % MT_STATE_WORDS] ^ (y >> 1) ^ ((y & 1u) ? 0x9908b0dfu : 0u);
    }
    mt->next = 0;
}

uint32_t mt_u32(Mt19937 *mt)
{
    if (mt->next >= MT_STATE_WORDS) mt_refill(mt);
    uint32_t y = mt->state[mt->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

double mt_uniform(Mt19937 *mt)
{
    uint32_t high = mt_u32(mt) >> 5;
    uint32_t low = mt_u32(mt) >> 6;
    return ((double)high * 67108864.0 + (double)low) / 9007199254740992.0;
}

uint32_t mt_below(Mt19937 *mt, uint32_t n)
{
    check(n >= 1, "cannot draw below %u", n);
    uint32_t mask = n - 1;
    for (int shift = 1; shift <= 16; shift *= 2) mask |= mask >> shift;
    if (mask == 0) return 0; /* NumPy draws nothing for a range of one */
    uint32_t value = mt_u32(mt) & mask;
    while (value > n - 1) value = mt_u32(mt) & mask;
    return value;
}

void mt_shuffle(Mt19937 *mt, int *items, int n)
{
    for (int i = n - 1; i > 0; i--) {
        uint32_t j = mt_below(mt, (uint32_t)i + 1);
        int held = items[i];
        items[i] = items[j];
        items[j] = held;
    }
}

uint32_t domainbed_seed_hash(const char *args)
{
    uint8_t md5[16];
    digest_md5(md5, args, strlen(args));
    uint32_t low =
        (uint32_t)md5[12] << 24 | (uint32_t)md5[13] << 16 | (uint32_t)md5[14] << 8 | md5[15];
    return low & 0x7fffffffu;
}
