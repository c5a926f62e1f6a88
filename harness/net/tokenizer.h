/* CLIP's tokenizer: byte-level byte-pair encoding (Sennrich et al. 2016) of lower-cased text, from
 * the merges.txt and vocab.json of a model directory; any vocabulary.
 *
 *     Tokenizer *tokenizer;
 *     if (!tokenizer_open(&tokenizer, dir, err)) return false;
 *     int tokens[77];
 *     if (!tokenizer_encode(tokenizer, "a photo of a cat", 77, tokens, err)) return false;
 *
 * Text is UTF-8; bytes that are not become U+FFFD. As in the reference: white space is collapsed,
 * letters lower-cased, words split into runs of letters, single digits, runs of anything else, and
 * English contractions. Unlike there, HTML entities stay as they are and broken Unicode is not
 * repaired (ftfy).
 */
#ifndef NET_TOKENIZER_H
#define NET_TOKENIZER_H

#include "model_dir.h"

typedef struct Tokenizer Tokenizer;

/* A missing file, or one that is no tokenizer's: error. A vocabulary larger than the text tower's:
 * error. */
MUST_USE bool tokenizer_open(Tokenizer **out, const ModelDir *dir, Err *err);

/* The same for a folder with merges.txt and vocab.json, which need not be a model directory. */
MUST_USE bool tokenizer_open_folder(Tokenizer **out, const char *folder, Err *err);

/* The same from the files' contents. place is for messages. */
typedef struct {
    const char *vocab_json, *merges;
    size_t vocab_bytes, merges_bytes;
} TokenizerFiles;
MUST_USE bool tokenizer_parse(Tokenizer **out, const TokenizerFiles *files, const char *place,
                              Err *err);
void tokenizer_free(Tokenizer *tokenizer); /* NULL is fine */

int tokenizer_vocabulary(const Tokenizer *tokenizer); /* number of tokens: ids are below */

/* tokens: context ids: start, the text's, end, then zeros. A text of more than context tokens:
 * error that names it and their number. */
MUST_USE bool tokenizer_encode(const Tokenizer *tokenizer, const char *text, int context,
                               int *tokens, Err *err);

#endif
