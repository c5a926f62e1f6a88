/* Images with the words that say what is in them: what a contrastive pretraining learns from.
 *
 * CSV files, images beside them:
 * - path,caption: the caption stands as it is;
 * - path,label,keywords,subgroup,group: words that captions are made of (captions.h). All but label
 *   may be empty or missing; a field holds one phrase or several with ";" between them. Letters are
 *   lower-cased, "-" and "_" are blanks. Of a subgroup each word is a phrase, too: "animal-mammal"
 *   gives "animal mammal", "animal" and "mammal".
 *
 * Everything in the struct is owned by the pairs, read-only, and may be read by many threads.
 */
#ifndef PRETRAIN_PAIRS_H
#define PRETRAIN_PAIRS_H

#include "digest.h"
#include "image.h"
#include "pretrain_spec.h"
#include "thread_pool.h"

typedef enum {
    WORDS_LABEL,
    WORDS_KEYWORD,
    WORDS_SUBGROUP,
    WORDS_GROUP,
    WORDS_CAPTION, /* a whole caption */
    N_WORDS
} WordsKind;

typedef struct PairsImages PairsImages;

typedef struct {
    int n;
    int n_phrases;
    const char *const *phrases; /* [n_phrases], all different */
    const bool *is_caption;     /* [n_phrases]: stands as it is */
    const int *words; /* phrase ids; pair i has those of kind k from first[i * N_WORDS + k] to the
                         next entry of first */
    const int *first; /* [n * N_WORDS + 1] */
    int n_bad;        /* images left out: missing or not readable */
    char fingerprint[SHA256_HEX_SIZE]; /* of all phrases and every image's content; of no path
                                          outside the CSV's folder */
    PairsImages *images;
} Pairs;

typedef struct {
    const TextList *files; /* ${cache} is replaced */
    int bad_images;        /* BadImages */
    const char *cache_dir; /* NULL: file_cache_dir() */
    ThreadPool *pool;      /* for decoding while packing; NULL: the caller's thread only */
} PairsOptions;

/* The first opening packs the images (datasets/pack.h), with progress. Bad images are named (the
 * first few) and counted. */
MUST_USE bool pairs_open(Pairs **out, const PairsOptions *options, Err *err);
void pairs_close(Pairs *pairs); /* NULL is fine */

/* Number of the pair's phrases of a kind, and the first of them. */
int pairs_words(const Pairs *pairs, int pair, WordsKind kind, const int **words);

/* Has the pair this phrase, of whatever kind? */
bool pairs_has_phrase(const Pairs *pairs, int pair, int phrase);

/* The phrase that says what the pair shows: its label, or its caption. */
int pairs_label(const Pairs *pairs, int pair);

/* As dataset_pixels. */
MUST_USE bool pairs_pixels(const Pairs *pairs, int pair, ImageView *out, Image *scratch, Err *err);

#endif
