/* vocab.json and merges.txt of a byte-level byte-pair encoding, checked and put into tables. For
 * tokenizer.c.
 *
 * vocab.json: {"token": id}; ids are 0, 1, ... without gaps, the end token's is the highest. Tokens
 * are texts of characters that stand for bytes (printable ones of Latin-1 for themselves, the
 * others for U+0100, U+0101, ... in their order); "</w>" marks the end of a word. All bytes and all
 * results of merges are tokens. merges.txt: "left right" a line, the first merge first; lines that
 * begin with "#version" are skipped.
 */
#ifndef NET_BPE_FILES_H
#define NET_BPE_FILES_H

#include "tokenizer.h"

typedef struct {
    int left, right, result; /* ids */
    int rank;                /* lower is merged first */
} BpeMerge;

enum { BPE_START, BPE_END, BPE_SPECIALS };

typedef struct {
    int n_tokens;
    int byte_ids[256], last_byte_ids[256]; /* of a byte inside a word and at its end */
    const char *special_words[BPE_SPECIALS];
    int special_ids[BPE_SPECIALS];
    BpeMerge *slots; /* [n_slots], a power of two: a hash table by (left, right); rank -1: free */
    uint32_t n_slots;
} BpeTable;

MUST_USE bool bpe_table_parse(BpeTable *table, const TokenizerFiles *files, const char *place,
                              Err *err);
void bpe_table_done(BpeTable *table); /* a zeroed one is fine */

const BpeMerge *bpe_table_find(const BpeTable *table, int left, int right); /* NULL: none */

#endif
