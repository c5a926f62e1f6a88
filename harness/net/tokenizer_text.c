/* Cleaning and cutting of texts. */
#include "tokenizer_text.h"

#include "mem.h"
#include "unicode.h"

#include <stdlib.h>
#include <string.h>

enum {
    LONG_S = 0x17F, /* its capital is S: the reference ignores case, so it makes 's, too */
    DOTTED_I = 0x130,
    DOT_ABOVE = 0x307,
    SIGMA = 0x3A3,
    SMALL_SIGMA = 0x3C3,
    FINAL_SIGMA = 0x3C2
};

/* ---- cleaning ---- */

/* Python strips the four separators of ASCII, too, but does not collapse them. */
static bool is_stripped(uint32_t code)
{
    return unicode_is_space(code) || (code >= 0x1C && code <= 0x1F);
}

/* All code points, as they are. */
static void decode(CleanText *t, const char *text)
{
    size_t n_bytes = strlen(text), used;
    t->codes = mem_alloc(2 * n_bytes + 1, sizeof *t->codes); /* lower case may take two */
    for (size_t i = 0; i < n_bytes; i += used) {
        t->codes[t->n++] = utf8_decode(text + i, n_bytes - i, &used);
    }
}

static void collapse(CleanText *t)
{
    int begin = 0, end = t->n, n = 0;
    while (begin < end && is_stripped(t->codes[begin])) begin++;
    while (end > begin && is_stripped(t->codes[end - 1])) end--;
    for (int i = begin; i < end; i++) {
        bool is_space = unicode_is_space(t->codes[i]);
        if (is_space && unicode_is_space(t->codes[i - 1])) continue; /* the first is none */
        t->codes[n++] = is_space ? ' ' : t->codes[i];
    }
    t->n = n;
}

static bool is_letter_at(const CleanText *t, int i)
{
    return i >= 0 && i < t->n && unicode_is_letter(t->codes[i]);
}

static void lower(CleanText *t)
{
    CleanText from = {.codes = mem_alloc((size_t)t->n, sizeof *from.codes), .n = t->n};
    memcpy(from.codes, t->codes, (size_t)t->n * sizeof *from.codes);
    t->n = 0;
    for (int i = 0; i < from.n; i++) {
        uint32_t code = from.codes[i];
        if (code == SIGMA) {
            bool ends_word = is_letter_at(&from, i - 1) && !is_letter_at(&from, i + 1);
            t->codes[t->n++] = ends_word ? FINAL_SIGMA : SMALL_SIGMA;
        } else if (code == DOTTED_I) {
            t->codes[t->n++] = 'i';
            t->codes[t->n++] = DOT_ABOVE;
        } else {
            t->codes[t->n++] = unicode_lower(code);
        }
    }
    clean_text_done(&from);
}

void clean_text_init(CleanText *t, const char *text)
{
    *t = (CleanText){0};
    decode(t, text);
    collapse(t);
    lower(t);
}

void clean_text_done(CleanText *t)
{
    free(t->codes);
    *t = (CleanText){0};
}

/* ---- words ---- */

/* The length of an ASCII word at i, or 0. */
static int match(const CleanText *t, int i, const char *word)
{
    int n = 0;
    for (; word[n] != '\0'; n++) {
        if (i + n >= t->n) return 0;
        if (t->codes[i + n] != (unsigned char)word[n]) return 0;
    }
    return n;
}

static int match_contraction(const CleanText *t, int i)
{
    static const char *const contractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    if (t->codes[i] != '\'') return 0;
    int n = i + 1 < t->n && t->codes[i + 1] == LONG_S ? 2 : 0;
    for (size_t k = 0; k < sizeof contractions / sizeof *contractions && n == 0; k++) {
        n = match(t, i, contractions[k]);
    }
    return n;
}

static bool is_other(uint32_t code)
{
    return !unicode_is_space(code) && !unicode_is_letter(code) && !unicode_is_number(code);
}

static int run_end(const CleanText *t, int i, bool (*is_part)(uint32_t code))
{
    while (i < t->n && is_part(t->codes[i])) i++;
    return i;
}

bool word_scan_next(WordScan *s, const CleanText *t)
{
    int i = s->position;
    while (i < t->n && unicode_is_space(t->codes[i])) i++;
    if (i >= t->n) return false;
    int length = 0;
    s->special = -1;
    for (int k = 0; k < s->n_specials && length == 0; k++) {
        length = match(t, i, s->specials[k]);
        if (length > 0) s->special = k;
    }
    if (length == 0) length = match_contraction(t, i);
    if (length > 0) {
        s->end = i + length;
    } else if (unicode_is_letter(t->codes[i])) {
        s->end = run_end(t, i, unicode_is_letter);
    } else if (unicode_is_number(t->codes[i])) {
        s->end = i + 1;
    } else {
        s->end = run_end(t, i, is_other);
    }
    s->begin = i;
    s->position = s->end;
    return true;
}
