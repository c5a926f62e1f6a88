/* Tables of a byte-pair encoding. */
#include "bpe_files.h"

#include "mem.h"
#include "str.h"
#include "unicode.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOKENS = 1 << 20 };

typedef struct {
    BpeTable *table;
    json_t *vocab;
    const char *place;
    int line; /* of merges.txt */
    Err *err;
} Parse;

/* ---- vocab.json ---- */

static bool find_id(const Parse *p, const char *token, int *id)
{
    const json_t *v = json_object_get(p->vocab, token);
    if (v == NULL) return false;
    *id = (int)json_integer_value(v);
    return true;
}

/* Ids are 0, 1, ...: each once. */
static bool check_ids(const Parse *p)
{
    size_t n = json_object_size(p->vocab);
    if (n < 1 || n > MAX_TOKENS) {
        return err_set(p->err, ERR_FORMAT, "%s/vocab.json: %zu tokens, expected 1 to %d", p->place,
                       n, MAX_TOKENS);
    }
    bool *seen = mem_alloc(n, sizeof *seen), ok = true;
    const char *token;
    json_t *v;
    json_object_foreach(p->vocab, token, v)
    {
        json_int_t id = json_is_integer(v) ? json_integer_value(v) : -1;
        ok = id >= 0 && (size_t)id < n && !seen[id];
        if (!ok) {
            err_set(p->err, ERR_FORMAT,
                    "%s/vocab.json: token \"%.40s\": its id is not one of 0 to %zu, each once",
                    p->place, token, n - 1);
            break;
        }
        seen[id] = true;
    }
    free(seen);
    p->table->n_tokens = (int)n;
    return ok;
}

static bool find_specials(const Parse *p)
{
    static const char *const words[][BPE_SPECIALS] = {{"<|startoftext|>", "<|endoftext|>"},
                                                      {"<start_of_text>", "<end_of_text>"}};
    BpeTable *t = p->table;
    bool found = false;
    for (size_t k = 0; k < sizeof words / sizeof *words && !found; k++) {
        found = find_id(p, words[k][BPE_START], &t->special_ids[BPE_START]) &&
                find_id(p, words[k][BPE_END], &t->special_ids[BPE_END]);
        memcpy(t->special_words, words[k], sizeof words[k]);
    }
    if (!found) {
        return err_set(p->err, ERR_FORMAT,
                       "%s/vocab.json: no \"<|startoftext|>\" and \"<|endoftext|>\": not CLIP's "
                       "tokenizer",
                       p->place);
    }
    if (t->special_ids[BPE_END] == t->n_tokens - 1) return true;
    return err_set(p->err, ERR_FORMAT,
                   "%s/vocab.json: the end of a text has id %d, expected the highest, %d", p->place,
                   t->special_ids[BPE_END], t->n_tokens - 1);
}

static bool is_printable(int byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

static bool find_bytes(const Parse *p)
{
    uint32_t next = 0x100;
    for (int byte = 0; byte < 256; byte++) {
        uint32_t code = is_printable(byte) ? (uint32_t)byte : next++;
        char token[UTF8_MAX_BYTES + 8] = "", last[UTF8_MAX_BYTES + 8];
        (void)utf8_encode(token, code);
        snprintf(last, sizeof last, "%.4s</w>", token);
        if (!find_id(p, token, &p->table->byte_ids[byte]) ||
            !find_id(p, last, &p->table->last_byte_ids[byte])) {
            return err_set(p->err, ERR_FORMAT,
                           "%s/vocab.json: no token \"%s\" or \"%s\", expected one for each byte",
                           p->place, token, last);
        }
    }
    return true;
}

static bool parse_vocab(Parse *p, const TokenizerFiles *files)
{
    json_error_t what;
    p->vocab = json_loadb(files->vocab_json, files->vocab_bytes, JSON_REJECT_DUPLICATES, &what);
    if (p->vocab == NULL) {
        return err_set(p->err, ERR_FORMAT, "%s/vocab.json:%d: %s", p->place, what.line, what.text);
    }
    if (!json_is_object(p->vocab)) {
        return err_set(p->err, ERR_FORMAT, "%s/vocab.json: not a JSON object", p->place);
    }
    return check_ids(p) && find_specials(p) && find_bytes(p);
}

/* ---- merges.txt ---- */

/* The slot of a pair: the pair's own, or a free one. */
static BpeMerge *find_slot(const BpeTable *t, int left, int right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    uint32_t mask = t->n_slots - 1;
    uint32_t i = (uint32_t)(key * 0x9E3779B97F4A7C15 >> 32) & mask; /* Fibonacci hashing */
    while (t->slots[i].rank >= 0 && (t->slots[i].left != left || t->slots[i].right != right)) {
        i = (i + 1) & mask;
    }
    return &t->slots[i];
}

const BpeMerge *bpe_table_find(const BpeTable *t, int left, int right)
{
    const BpeMerge *slot = find_slot(t, left, right);
    return slot->rank >= 0 ? slot : NULL;
}

static bool add_merge(Parse *p, const char *left, const char *right)
{
    BpeMerge merge = {.rank = p->line};
    Str result = {0};
    str_addf(&result, "%s%s", left, right);
    bool found = find_id(p, left, &merge.left) && find_id(p, right, &merge.right) &&
                 find_id(p, result.text, &merge.result);
    str_done(&result);
    if (!found) {
        return err_set(p->err, ERR_FORMAT,
                       "%s/merges.txt:%d: \"%.40s\" and \"%.40s\": they and what they make have to "
                       "be in vocab.json",
                       p->place, p->line, left, right);
    }
    *find_slot(p->table, merge.left, merge.right) = merge; /* given twice: the later, as there */
    return true;
}

/* line: ended by a zero, without newline; it is changed. */
static bool parse_line(Parse *p, char *line)
{
    size_t n = strlen(line);
    if (n > 0 && line[n - 1] == '\r') line[n - 1] = '\0';
    if (*line == '\0' || str_starts_with(line, "#version")) return true;
    char *space = strchr(line, ' ');
    if (space == NULL || space == line || space[1] == '\0' || strchr(space + 1, ' ') != NULL) {
        return err_set(p->err, ERR_FORMAT,
                       "%s/merges.txt:%d: \"%.40s\", expected two tokens with a blank between",
                       p->place, p->line, line);
    }
    *space = '\0';
    return add_merge(p, line, space + 1);
}

static uint32_t slots_for(size_t n_merges)
{
    uint32_t n = 16;
    while (n < 2 * n_merges) n *= 2;
    return n;
}

static bool parse_merges(Parse *p, const TokenizerFiles *files)
{
    BpeTable *t = p->table;
    size_t n_lines = 1;
    for (size_t i = 0; i < files->merges_bytes; i++) n_lines += files->merges[i] == '\n';
    if (n_lines > MAX_TOKENS) {
        return err_set(p->err, ERR_FORMAT, "%s/merges.txt: %zu lines, expected at most %d",
                       p->place, n_lines, MAX_TOKENS);
    }
    t->n_slots = slots_for(n_lines);
    t->slots = mem_alloc(t->n_slots, sizeof *t->slots);
    for (uint32_t i = 0; i < t->n_slots; i++) t->slots[i].rank = -1;
    char *text = mem_alloc(files->merges_bytes + 1, 1), *line = text;
    memcpy(text, files->merges, files->merges_bytes);
    bool ok = true;
    while (ok && line != NULL) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end++ = '\0';
        p->line++;
        ok = parse_line(p, line);
        line = end;
    }
    free(text);
    return ok;
}

bool bpe_table_parse(BpeTable *table, const TokenizerFiles *files, const char *place, Err *err)
{
    Parse p = {.table = table, .place = place, .err = err};
    bool ok = parse_vocab(&p, files) && parse_merges(&p, files);
    json_decref(p.vocab);
    return ok;
}

void bpe_table_done(BpeTable *table)
{
    free(table->slots);
    table->slots = NULL;
}
