/* JSON texts and numbers. */
#include "json_text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Decodes one UTF-8 character at s into *code and returns its length in bytes; 0 when it is
 * malformed. */
static int decode(const unsigned char *s, uint32_t *code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    int n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (n == 0) return 0;
    *code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (int i = 1; i < n; i++) {
        if (s[i] >> 6 != 2) return 0;
        *code = *code << 6 | (s[i] & 0x3fu);
    }
    bool is_surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code < least[n] || *code > 0x10ffff || is_surrogate ? 0 : n;
}

/* Control characters, the line ends that only YAML knows, and what YAML does not allow as it is. */
static bool needs_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           code == 0xfeff || code == 0xfffe || code == 0xffff;
}

void json_add_text(Str *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    str_add(out, "\"");
    while (*s != '\0') {
        uint32_t code = 0xfffd;
        int n = decode(s, &code);
        if (n == 0) {
            str_add(out, "\\ufffd");
        } else if (code == '"' || code == '\\') {
            str_addf(out, "\\%c", (int)code);
        } else if (needs_escape(code)) {
            str_addf(out, "\\u%04x", (unsigned)code);
        } else {
            str_add_n(out, (const char *)s, (size_t)n);
        }
        s += n > 0 ? n : 1;
    }
    str_add(out, "\"");
}

void json_add_number(Str *out, double value)
{
    check(isfinite(value), "%g has no place in JSON", value);
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value == 0 ? 0.0 : value);
        if (strtod(text, NULL) == value) break;
    }
    str_add(out, text);
}
