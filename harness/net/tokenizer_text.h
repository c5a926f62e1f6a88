/* A text as CLIP's tokenizer sees it before it looks into its vocabulary: cleaned, lower-cased, cut
 * into words. For tokenizer.c.
 */
#ifndef NET_TOKENIZER_TEXT_H
#define NET_TOKENIZER_TEXT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t *codes; /* code points */
    int n;
} CleanText;

/* text: any bytes; those that are no UTF-8 become U+FFFD. White space is collapsed to single
 * blanks, none at the ends; lower case as Python's str.lower(). */
void clean_text_init(CleanText *t, const char *text);
void clean_text_done(CleanText *t);

/* Words are cut as by the reference's regular expression, from left to right the first that fits:
 * one of the special words, 's 't 're 've 'm 'll 'd, a run of letters, one number, a run of
 * anything else but white space. */
typedef struct {
    const char *const *specials; /* ASCII */
    int n_specials;
    int position; /* where the next word is looked for; begins as 0 */
    int begin, end;
    int special; /* index of the special word, or -1 */
} WordScan;

bool word_scan_next(WordScan *scan, const CleanText *t); /* false: there is none */

#endif
