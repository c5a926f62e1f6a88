/* See json_line.h. */
#include "json_line.h"

#include <string.h>

bool json_piece_equal(JsonPiece a, JsonPiece b)
{
    return a.text != NULL && b.text != NULL && a.n == b.n && memcmp(a.text, b.text, a.n) == 0;
}

/* Place behind the string that begins at s[0] == '"', or n when it does not end. */
static size_t string_end(const char *s, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        if (s[i] == '\\')
            i++;
        else if (s[i] == '"')
            return i + 1;
    }
    return n;
}

/* Place behind the object that begins at s[0] == '{', or 0 when it does not end. */
static size_t object_end(const char *s, size_t n)
{
    int depth = 0;
    for (size_t i = 0; i < n;) {
        if (s[i] == '"') {
            i += string_end(s + i, n - i);
            continue;
        }
        depth += s[i] == '{' || s[i] == '[';
        depth -= s[i] == '}' || s[i] == ']';
        i++;
        if (depth == 0) return i;
    }
    return 0;
}

static size_t skip(const char *line, size_t n, size_t at, const char *which)
{
    while (at < n && line[at] != '\0' && strchr(which, line[at]) != NULL) at++;
    return at;
}

JsonPiece json_line_object(const char *line, size_t n, const char *name)
{
    size_t n_name = strlen(name);
    size_t at = skip(line, n, 0, " \t");
    if (at >= n || line[at] != '{') return (JsonPiece){0};
    for (at++; at < n;) {
        if (line[at] == '{') { /* the value of another member */
            size_t length = object_end(line + at, n - at);
            if (length == 0) return (JsonPiece){0};
            at += length;
            continue;
        }
        if (line[at] != '"') {
            at++;
            continue;
        }
        size_t length = string_end(line + at, n - at);
        bool same = length == n_name + 2 && memcmp(line + at + 1, name, n_name) == 0;
        at = skip(line, n, at + length, " \t");
        if (!same || at >= n || line[at] != ':') continue; /* another name, or a value */
        at = skip(line, n, at + 1, " \t");
        size_t n_value = at < n && line[at] == '{' ? object_end(line + at, n - at) : 0;
        return n_value > 0 ? (JsonPiece){line + at, n_value} : (JsonPiece){0};
    }
    return (JsonPiece){0};
}

/* Length of a bare word that stands for a number that is not finite at s[0..n), or 0. */
static size_t not_finite_word(const char *s, size_t n)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if (n >= length && memcmp(s, words[i], length) == 0) return length;
    }
    return 0;
}

void json_line_add_legal(Str *out, const char *line, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t word = not_finite_word(line + i, n - i);
        if (word > 0) {
            str_add(out, "null");
            i += word;
            continue;
        }
        size_t length = line[i] == '"' ? string_end(line + i, n - i) : 1;
        str_add_n(out, line + i, length);
        i += length;
    }
}

bool json_line_may_be_illegal(const char *line, size_t n)
{
    const char *end = line + n;
    for (const char *first = "NI"; *first != '\0'; first++) {
        for (const char *s = line; (s = memchr(s, *first, (size_t)(end - s))) != NULL; s++) {
            if (not_finite_word(s, (size_t)(end - s)) > 0) return true;
        }
    }
    return false;
}
