/* UTF-8 and white space. */
#include "unicode.h"

/* What a lead byte announces: how many bytes follow, and the range of the first of them. */
typedef struct {
    int n_more;
    uint8_t low, high;
    uint32_t bits;
} Lead;

/* The Unicode Standard, table 3-7. */
static Lead lead_of(uint8_t b)
{
    if (b >= 0xC2 && b <= 0xDF) return (Lead){1, 0x80, 0xBF, b & 0x1FU};
    if (b == 0xE0) return (Lead){2, 0xA0, 0xBF, 0};
    if (b == 0xED) return (Lead){2, 0x80, 0x9F, b & 0xFU};
    if (b >= 0xE1 && b <= 0xEF) return (Lead){2, 0x80, 0xBF, b & 0xFU};
    if (b == 0xF0) return (Lead){3, 0x90, 0xBF, 0};
    if (b >= 0xF1 && b <= 0xF3) return (Lead){3, 0x80, 0xBF, b & 7U};
    if (b == 0xF4) return (Lead){3, 0x80, 0x8F, b & 7U};
    return (Lead){0, 0, 0, 0};
}

uint32_t utf8_decode(const char *s, size_t n, size_t *n_bytes)
{
    uint8_t first = (uint8_t)s[0];
    *n_bytes = 1;
    if (first < 0x80) return first;
    Lead lead = lead_of(first);
    uint32_t code = lead.bits;
    for (int i = 0; i < lead.n_more; i++) {
        uint8_t b = *n_bytes < n ? (uint8_t)s[*n_bytes] : 0;
        uint8_t low = i == 0 ? lead.low : 0x80, high = i == 0 ? lead.high : 0xBF;
        if (b < low || b > high) return UNICODE_REPLACEMENT;
        code = code << 6 | (b & 0x3FU);
        ++*n_bytes;
    }
    return lead.n_more > 0 ? code : UNICODE_REPLACEMENT;
}

int utf8_encode(char out[UTF8_MAX_BYTES], uint32_t code)
{
    int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (int i = n - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(marks[n] | code);
    return n;
}

bool unicode_is_space(uint32_t code)
{
    return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}
