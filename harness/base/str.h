/* Strings: a growing text buffer, and the small comparisons that parsers and messages need. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include "err.h"

#include <stddef.h>

/* A growing, always zero-terminated text. Start with Str s = {0}; end with str_done(&s). text is
 * NULL while empty: read it through str_text(). */
typedef struct {
    char *text;
    size_t n, capacity;
} Str;

void str_done(Str *s);
void str_clear(Str *s);
void str_add(Str *s, const char *text);
void str_add_n(Str *s, const char *text, size_t n);
void str_addf(Str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
const char *str_text(const Str *s); /* "" when empty */

/* As one word of a POSIX shell: quoted where it has to be. */
void str_add_shell_word(Str *s, const char *text);

bool str_equal(const char *a, const char *b);
bool str_starts_with(const char *s, const char *prefix);
bool str_ends_with(const char *s, const char *suffix);

/* Glob match with * and ? (fnmatch without special cases). */
bool str_matches(const char *s, const char *pattern);

/* The name in names[0..n) nearest to `found` by edit distance, or NULL when none is near enough to
 * suggest (more than a third of the letters differ). For "did you mean" in messages. */
const char *str_nearest(const char *found, const char *const *names, int n);

/* Whole-text conversions: false when the text is not exactly one number in range. */
bool str_to_int64(const char *s, long long *out);
bool str_to_double(const char *s, double *out); /* finite only */

#endif
