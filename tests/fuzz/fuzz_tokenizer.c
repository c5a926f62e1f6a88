/* Fuzz target: any bytes as a text for a small vocabulary, and as files of a tokenizer: vocab.json,
 * merges.txt and a text, with zero bytes between. */
#include "fuzz_target.h"
#include "json_text.h"
#include "mem.h"
#include "str.h"
#include "tokenizer.h"
#include "unicode.h"

#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 64 };

static void encode(const Tokenizer *tokenizer, const char *text)
{
    Err err = {0};
    int tokens[CONTEXT], n = tokenizer_vocabulary(tokenizer), last = n - 1, ends = 0;
    if (!tokenizer_encode(tokenizer, text, CONTEXT, tokens, &err)) {
        check(strchr(err.text, '\n') == NULL, "\"%s\" is not one line", err.text);
        return;
    }
    for (int i = 0; i < CONTEXT; i++) {
        check(tokens[i] >= 0 && tokens[i] < n, "id %d", tokens[i]);
        ends += tokens[i] == last;
    }
    check(ends >= 1, "a text without an end");
}

/* Every byte inside and at the end of a word, without any merge but two. */
static Tokenizer *small_tokenizer(void)
{
    Err err = {0};
    Str vocab = {0};
    str_add(&vocab, "{");
    int id = 0;
    for (int end = 0; end < 2; end++) {
        uint32_t next = 0x100;
        for (int byte = 0; byte < 256; byte++) {
            bool is_printable =
                (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
            char token[UTF8_MAX_BYTES + 8] = "";
            (void)utf8_encode(token, is_printable ? (uint32_t)byte : next++);
            if (end) strcat(token, "</w>");
            json_add_text(&vocab, token);
            str_addf(&vocab, ":%d,", id++);
        }
    }
    str_addf(&vocab, "\"th\":%d,\"the</w>\":%d,", id, id + 1);
    str_addf(&vocab, "\"<|startoftext|>\":%d,\"<|endoftext|>\":%d}", id + 2, id + 3);
    static const char merges[] = "#version: 0.2\nt h\nth e</w>\n";
    TokenizerFiles files = {vocab.text, merges, vocab.n, sizeof merges - 1};
    Tokenizer *tokenizer;
    bool ok = tokenizer_parse(&tokenizer, &files, "small", &err);
    check(ok, "%s", err.text);
    str_done(&vocab);
    return tokenizer;
}

/* The text up to the next zero byte; *rest: behind it, or at the closing zero. */
static const char *part(const char **rest, const char *end)
{
    const char *begin = *rest;
    *rest += strlen(begin);
    if (*rest < end) ++*rest;
    return begin;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Tokenizer *small;
    if (small == NULL) small = small_tokenizer();
    Err err = {0};
    char *copy = mem_alloc(size + 1, 1);
    memcpy(copy, data, size);
    encode(small, copy);
    const char *rest = copy;
    TokenizerFiles files = {0};
    files.vocab_json = part(&rest, copy + size);
    files.merges = part(&rest, copy + size);
    files.vocab_bytes = strlen(files.vocab_json);
    files.merges_bytes = strlen(files.merges);
    Tokenizer *tokenizer;
    if (tokenizer_parse(&tokenizer, &files, "fuzz", &err)) {
        encode(tokenizer, part(&rest, copy + size));
        tokenizer_free(tokenizer);
    }
    free(copy);
    return 0;
}
