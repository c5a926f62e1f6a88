/* Text buffer, matching, suggestions, number parsing. */
#include "str.h"

#include "mem.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEAREST_MAX_LENGTH = 63 };

void str_done(Str *s)
{
    free(s->text);
    *s = (Str){0};
}

void str_clear(Str *s)
{
    s->n = 0;
    if (s->text != NULL) s->text[0] = '\0';
}

void str_add_n(Str *s, const char *text, size_t n)
{
    mem_reserve(s->text, s->capacity, s->n + n + 1);
    memcpy(s->text + s->n, text, n);
    s->n += n;
    s->text[s->n] = '\0';
}

void str_add(Str *s, const char *text)
{
    str_add_n(s, text, strlen(text));
}

void str_addf(Str *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    check(n >= 0, "cannot format \"%s\"", fmt);
    mem_reserve(s->text, s->capacity, s->n + (size_t)n + 1);
    vsnprintf(s->text + s->n, (size_t)n + 1, fmt, again);
    va_end(again);
    s->n += (size_t)n;
}

const char *str_text(const Str *s)
{
    return s->text != NULL ? s->text : "";
}

void str_add_shell_word(Str *s, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=.,:/@%";
    bool is_plain = text[0] != '\0' && text[strspn(text, plain)] == '\0';
    if (is_plain) {
        str_add(s, text);
        return;
    }
    str_add(s, "'");
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            str_add(s, "'\\''");
        else
            str_add_n(s, text, 1);
    }
    str_add(s, "'");
}

bool str_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool str_starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcmp(s + n - m, suffix) == 0;
}

bool str_matches(const char *s, const char *pattern)
{
    return fnmatch(pattern, s, 0) == 0;
}

static int least(int a, int b, int c)
{
    int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Levenshtein distance, case ignored; both texts at most NEAREST_MAX_LENGTH long. */
static int edit_distance(const char *a, const char *b)
{
    int row[NEAREST_MAX_LENGTH + 1];
    int n = (int)strlen(b);
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 0; a[i] != '\0'; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 0; j < n; j++) {
            int cost = least(diagonal + !same_letter(a[i], b[j]), row[j] + 1, row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = cost;
        }
    }
    return row[n];
}

const char *str_nearest(const char *found, const char *const *names, int n)
{
    const char *best = NULL;
    size_t length = strlen(found);
    if (length > NEAREST_MAX_LENGTH) return NULL;
    int best_distance = (int)(length + 2) / 3 + 1;
    for (int i = 0; i < n; i++) {
        if (strlen(names[i]) > NEAREST_MAX_LENGTH) continue;
        int distance = edit_distance(found, names[i]);
        if (distance < best_distance) {
            best = names[i];
            best_distance = distance;
        }
    }
    return best;
}

bool str_to_int64(const char *s, long long *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(s, &end, 10);
    if (end == s || *end != '\0' || errno != 0 || isspace((unsigned char)s[0])) return false;
    *out = value;
    return true;
}

bool str_to_double(const char *s, double *out)
{
    char *end;
    errno = 0;
    double value = strtod(s, &end);
    if (end == s || *end != '\0' || !isfinite(value) || isspace((unsigned char)s[0])) return false;
    *out = value;
    return true;
}
