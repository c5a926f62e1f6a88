/* What the tokenizer needs to know of Unicode: UTF-8, and classes of code points. The classes
 * (unicode_classes.c) are tables made by scripts/make-unicode-classes: the C library has them for
 * the current locale only, and no library that is linked anyway has them.
 */
#ifndef NET_UNICODE_H
#define NET_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNICODE_REPLACEMENT = 0xFFFD, UTF8_MAX_BYTES = 4 };

/* The code point at s[0..n), n >= 1; *n_bytes: its length. Of bytes that are no UTF-8 the longest
 * beginning of a sequence is one U+FFFD (The Unicode Standard, 3.9, "maximal subpart"). */
uint32_t utf8_decode(const char *s, size_t n, size_t *n_bytes);

/* Returns the length: 1 to 4. */
int utf8_encode(char out[UTF8_MAX_BYTES], uint32_t code);

bool unicode_is_letter(uint32_t code); /* general category L */
bool unicode_is_number(uint32_t code); /* general category N */
bool unicode_is_space(uint32_t code);  /* White_Space */
uint32_t unicode_lower(uint32_t code); /* simple mapping; itself when there is none */

#endif
