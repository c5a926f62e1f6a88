/* Byte-pair encoding: a word's bytes are symbols, the last one marked as the end of the word; again
 * and again the pair of neighbours that comes first in merges.txt becomes one symbol. */
#include "tokenizer.h"

#include "arena.h"
#include "bpe_files.h"
#include "file.h"
#include "mem.h"
#include "str.h"
#include "tokenizer_text.h"
#include "unicode.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_FILE_BYTES = 64 << 20,
    MAX_TEXT_BYTES = 1 << 16 /* a prompt has some hundred */
};

struct Tokenizer {
    BpeTable table;
};

/* ---- opening ---- */

bool tokenizer_parse(Tokenizer **out, const TokenizerFiles *files, const char *place, Err *err)
{
    Tokenizer *tokenizer = mem_alloc(1, sizeof *tokenizer);
    if (!bpe_table_parse(&tokenizer->table, files, place, err)) {
        tokenizer_free(tokenizer);
        return false;
    }
    *out = tokenizer;
    return true;
}

bool tokenizer_open_folder(Tokenizer **out, const char *folder, Err *err)
{
    Arena *a = arena_new();
    char *vocab = NULL, *merges = NULL;
    TokenizerFiles files = {0};
    bool ok = file_read(&vocab, &files.vocab_bytes, file_join(a, folder, "vocab.json"),
                        MAX_FILE_BYTES, err) &&
              file_read(&merges, &files.merges_bytes, file_join(a, folder, "merges.txt"),
                        MAX_FILE_BYTES, err);
    files.vocab_json = vocab;
    files.merges = merges;
    if (!ok) {
        err_context(err, "tokenizer");
    } else {
        ok = tokenizer_parse(out, &files, folder, err);
    }
    free(vocab);
    free(merges);
    arena_free(a);
    return ok;
}

bool tokenizer_open(Tokenizer **out, const ModelDir *dir, Err *err)
{
    Tokenizer *tokenizer;
    const char *folder = model_dir_path(dir);
    if (!tokenizer_open_folder(&tokenizer, folder, err)) return false;
    int n = tokenizer_vocabulary(tokenizer), taken = model_dir_config(dir)->text.vocabulary;
    if (n > taken) {
        tokenizer_free(tokenizer);
        return err_set(err, ERR_FORMAT, "%s/vocab.json: %d tokens, the text tower has %d", folder,
                       n, taken);
    }
    *out = tokenizer;
    return true;
}

void tokenizer_free(Tokenizer *tokenizer)
{
    if (tokenizer == NULL) return;
    bpe_table_done(&tokenizer->table);
    free(tokenizer);
}

int tokenizer_vocabulary(const Tokenizer *tokenizer)
{
    return tokenizer->table.n_tokens;
}

/* ---- encoding ---- */

/* A growing list of ids. */
typedef struct {
    int *ids;
    int n, capacity;
} Ids;

static void ids_add(Ids *list, int id)
{
    mem_reserve(list->ids, list->capacity, list->n + 1);
    list->ids[list->n++] = id;
}

/* The pair of neighbours in ids[begin..] that is merged first; NULL: none is. */
static const BpeMerge *first_merge(const BpeTable *table, const Ids *list, int begin)
{
    const BpeMerge *first = NULL;
    for (int i = begin; i + 1 < list->n; i++) {
        const BpeMerge *merge = bpe_table_find(table, list->ids[i], list->ids[i + 1]);
        if (merge != NULL && (first == NULL || merge->rank < first->rank)) first = merge;
    }
    return first;
}

static void merge_all(Ids *list, int begin, const BpeMerge *merge)
{
    int n = begin;
    for (int i = begin; i < list->n; i++) {
        bool fits =
            i + 1 < list->n && list->ids[i] == merge->left && list->ids[i + 1] == merge->right;
        list->ids[n++] = fits ? merge->result : list->ids[i];
        i += fits;
    }
    list->n = n;
}

/* Adds the tokens of codes[0..n), n >= 1. */
static void add_word(const BpeTable *table, const uint32_t *codes, int n, Ids *list)
{
    int begin = list->n;
    uint8_t last = 0;
    for (int i = 0; i < n; i++) {
        char bytes[UTF8_MAX_BYTES];
        int n_bytes = utf8_encode(bytes, codes[i]);
        for (int k = 0; k < n_bytes; k++) {
            last = (uint8_t)bytes[k];
            ids_add(list, table->byte_ids[last]);
        }
    }
    list->ids[list->n - 1] = table->last_byte_ids[last];
    const BpeMerge *merge;
    while ((merge = first_merge(table, list, begin)) != NULL) merge_all(list, begin, merge);
}

static void add_text(const BpeTable *table, const char *text, Ids *list)
{
    CleanText clean;
    clean_text_init(&clean, text);
    WordScan scan = {.specials = table->special_words, .n_specials = BPE_SPECIALS};
    while (word_scan_next(&scan, &clean)) {
        if (scan.special >= 0) {
            ids_add(list, table->special_ids[scan.special]);
        } else {
            add_word(table, clean.codes + scan.begin, scan.end - scan.begin, list);
        }
    }
    clean_text_done(&clean);
}

bool tokenizer_encode(const Tokenizer *tokenizer, const char *text, int context, int *tokens,
                      Err *err)
{
    check(context >= 2, "context of %d tokens", context);
    const BpeTable *table = &tokenizer->table;
    size_t n_bytes = strlen(text);
    if (n_bytes > MAX_TEXT_BYTES) {
        return err_set(err, ERR_FORMAT, "text \"%.60s...\": %zu bytes, expected at most %d", text,
                       n_bytes, MAX_TEXT_BYTES);
    }
    Ids list = {0};
    ids_add(&list, table->special_ids[BPE_START]);
    add_text(table, text, &list);
    ids_add(&list, table->special_ids[BPE_END]);
    bool fits = list.n <= context;
    if (fits) {
        memset(tokens, 0, (size_t)context * sizeof *tokens);
        memcpy(tokens, list.ids, (size_t)list.n * sizeof *tokens);
    } else {
        err_set(err, ERR_FORMAT,
                "text \"%.200s\": %d tokens with start and end, expected at most %d", text, list.n,
                context);
    }
    free(list.ids);
    return fits;
}
