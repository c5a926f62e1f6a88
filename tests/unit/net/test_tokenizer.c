/* The tokenizer: ids of an independent one in Python (scripts/golden/tokenizer.py) for odd texts,
 * and every way its files can be wrong. */
#include "file.h"
#include "golden.h"
#include "mem.h"
#include "str.h"
#include "tokenizer.h"
#include "unicode.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONTEXT = 200, START = 632, END = 633, N_TOKENS = 634 };

static int setup(void **state)
{
    Err err = {0};
    char path[1024];
    Tokenizer *tokenizer = NULL;
    assert_ok(tokenizer_open_folder(&tokenizer, golden_path(path, "tokenizer"), &err));
    *state = tokenizer;
    return 0;
}

static int teardown(void **state)
{
    tokenizer_free(*state);
    return 0;
}

/* ---- texts ---- */

static char *from_hex(const char *hex)
{
    size_t n = strlen(hex) / 2;
    char *text = test_calloc(n + 1, 1);
    for (size_t i = 0; i < n; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        text[i] = (char)strtol(digits, NULL, 16);
    }
    return text;
}

static void compare_row(const Tokenizer *tokenizer, const json_t *row)
{
    Err err = {0};
    const json_t *ids = json_object_get(row, "ids");
    char *text = from_hex(json_string_value(json_object_get(row, "hex")));
    int tokens[CONTEXT];
    assert_ok(tokenizer_encode(tokenizer, text, CONTEXT, tokens, &err));
    for (size_t i = 0; i < CONTEXT; i++) {
        int want = i < json_array_size(ids) ? (int)json_integer_value(json_array_get(ids, i)) : 0;
        if (tokens[i] != want) {
            fail_msg("\"%s\": token %zu is %d, expected %d", text, i, tokens[i], want);
        }
    }
    test_free(text);
}

static void test_ids_as_the_reference(void **state)
{
    Err err = {0};
    char path[1024], *text = NULL;
    assert_ok(file_read(&text, NULL, golden_path(path, "tokenizer/texts.json"), 1 << 20, &err));
    json_t *rows = json_loads(text, 0, NULL);
    assert_true(json_array_size(rows) > 40);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        compare_row(*state, json_array_get(rows, i));
    }
    json_decref(rows);
    free(text);
}

static void test_vocabulary(void **state)
{
    assert_int_equal(tokenizer_vocabulary(*state), N_TOKENS);
}

static void test_empty_text_is_start_and_end(void **state)
{
    Err err = {0};
    int tokens[4] = {7, 7, 7, 7};
    assert_ok(tokenizer_encode(*state, "", 4, tokens, &err));
    assert_true(tokens[0] == START && tokens[1] == END && tokens[2] == 0 && tokens[3] == 0);
}

static void test_text_that_just_fits_and_one_too_long(void **state)
{
    Err err = {0};
    int tokens[5];
    assert_ok(tokenizer_encode(*state, "the the the", 5, tokens, &err));
    assert_int_equal(tokens[4], END);
    assert_fails(tokenizer_encode(*state, "the the the the", 5, tokens, &err),
                 "text \"the the the the\": 6 tokens with start and end, expected at most 5");
    char *huge = test_malloc(100001);
    memset(huge, 'a', 100000);
    huge[100000] = '\0';
    assert_fails(tokenizer_encode(*state, huge, 5, tokens, &err),
                 "...\": 100000 bytes, expected at most 65536");
    test_free(huge);
}

/* ---- Unicode ---- */

static void test_utf8_round_trip(void **state)
{
    (void)state;
    for (uint32_t code = 1; code < 0x110000; code++) {
        if (code >= 0xD800 && code < 0xE000) continue;
        char bytes[UTF8_MAX_BYTES];
        size_t used;
        size_t n = (size_t)utf8_encode(bytes, code);
        assert_int_equal(utf8_decode(bytes, n, &used), code);
        assert_int_equal(used, n);
        if (n > 1) assert_int_equal(utf8_decode(bytes, n - 1, &used), UNICODE_REPLACEMENT);
    }
}

static void test_classes_and_lower_case(void **state)
{
    (void)state;
    int letters = 0, numbers = 0, changed = 0;
    for (uint32_t code = 0; code < 0x110000; code++) {
        letters += unicode_is_letter(code);
        numbers += unicode_is_number(code);
        changed += unicode_lower(code) != code;
        assert_false(unicode_is_letter(code) && unicode_is_number(code));
    }
    /* Unicode 14.0's DerivedGeneralCategory.txt: Lu 1831, Ll 2227, Lt 31, Lm 334, Lo 127333; Nd
     * 660, Nl 236, No 895. Lower case: UnicodeData.txt without U+0130, which becomes two. */
    assert_int_equal(letters, 1831 + 2227 + 31 + 334 + 127333);
    assert_int_equal(numbers, 660 + 236 + 895);
    assert_int_equal(changed, 1432);
    assert_int_equal(unicode_lower(0xC4), 0xE4);
    assert_int_equal(unicode_lower(0x101), 0x101);
    assert_int_equal(unicode_lower(0x10400), 0x10428);
}

/* ---- files ---- */

static void test_missing_files(void **state)
{
    (void)state;
    Err err = {0};
    Tokenizer *tokenizer;
    assert_fails(tokenizer_open_folder(&tokenizer, "no_such_folder", &err),
                 "tokenizer: no_such_folder/vocab.json: ");
    assert_int_equal(mkdir("test_tokenizer.tmp", 0777), 0);
    assert_ok(file_write_atomic("test_tokenizer.tmp/vocab.json", "{}", 2, &err));
    assert_fails(tokenizer_open_folder(&tokenizer, "test_tokenizer.tmp", &err),
                 "tokenizer: test_tokenizer.tmp/merges.txt: ");
    (void)remove("test_tokenizer.tmp/vocab.json");
    (void)rmdir("test_tokenizer.tmp");
}

typedef struct {
    char *vocab, *merges;
} Contents;

static Contents golden_contents(void)
{
    Err err = {0};
    char path[1024];
    Contents c = {0};
    assert_ok(file_read(&c.vocab, NULL, golden_path(path, "tokenizer/vocab.json"), 1 << 20, &err));
    assert_ok(file_read(&c.merges, NULL, golden_path(path, "tokenizer/merges.txt"), 1 << 20, &err));
    return c;
}

static void contents_done(Contents *c)
{
    free(c->vocab);
    free(c->merges);
}

/* The text with its first `from` replaced; to be freed by test_free. */
static char *replaced(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    char *out = test_malloc(strlen(text) + strlen(to) + 1);
    sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

static void assert_refused(const char *vocab, const char *merges, const char *message)
{
    Err err = {0};
    Tokenizer *tokenizer = NULL;
    TokenizerFiles files = {.vocab_json = vocab,
                            .merges = merges,
                            .vocab_bytes = strlen(vocab),
                            .merges_bytes = strlen(merges)};
    assert_fails(tokenizer_parse(&tokenizer, &files, "m", &err), message);
    assert_null(tokenizer);
}

static void test_vocabularies_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message;
    } rows[] = {
        {"\"!\":0", "\"!\":1",
         "m/vocab.json: token \"\"\": its id is not one of 0 to 633, each once"},
        {"\"!\":0", "\"!\":-1", "token \"!\": its id is not one of 0 to 633"},
        {"\"!\":0", "\"!\":634", "token \"!\": its id is not"},
        {"\"!\":0", "\"!\":0.0", "token \"!\": its id is not"},
        {"\"!\":0", "\"!\":\"0\"", "token \"!\": its id is not"},
        {"\"!\":0", "\"bang\":0", "no token \"!\" or \"!</w>\", expected one for each byte"},
        {"\"!\":0,", "\"\\\"\":0,", "m/vocab.json:1: duplicate object key"},
        {"<|endoftext|>", "<|end|>", "no \"<|startoftext|>\" and \"<|endoftext|>\": not CLIP's"},
        {"\"!\":0", "\"!\":633", "each once"},
        {"{", "[", "m/vocab.json:1: "},
    };
    Contents c = golden_contents();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *vocab = replaced(c.vocab, rows[i].from, rows[i].to);
        assert_refused(vocab, c.merges, rows[i].message);
        test_free(vocab);
    }
    assert_refused("[]", c.merges, "m/vocab.json: not a JSON object");
    assert_refused("{}", c.merges, "m/vocab.json: 0 tokens, expected 1 to 1048576");
    char *swapped = replaced(c.vocab, "<|startoftext|>", "<|x|>");
    char *twice = replaced(swapped, "<|endoftext|>", "<|startoftext|>");
    char *thrice = replaced(twice, "<|x|>", "<|endoftext|>");
    assert_refused(thrice, c.merges, "the end of a text has id 632, expected the highest, 633");
    test_free(swapped);
    test_free(twice);
    test_free(thrice);
    contents_done(&c);
}

static void test_merges_that_are_refused(void **state)
{
    (void)state;
    Contents c = golden_contents();
    assert_refused(c.vocab, "a", "m/merges.txt:1: \"a\", expected two tokens with a blank between");
    assert_refused(c.vocab, "#version: 0.2\na b c", "m/merges.txt:2: \"a b c\", expected two");
    assert_refused(c.vocab, "t h\n a", "m/merges.txt:2: \" a\", expected two");
    assert_refused(c.vocab, "a ", "m/merges.txt:1: \"a \", expected two");
    assert_refused(c.vocab, "\n\nq x\r\n",
                   "m/merges.txt:3: \"q\" and \"x\": they and what they make have to be in");
    contents_done(&c);
}

/* Special words as open_clip has them, no merges at all, empty lines and a carriage return. */
static void test_other_specials_and_no_merges(void **state)
{
    (void)state;
    Err err = {0};
    Contents c = golden_contents();
    char *half = replaced(c.vocab, "<|startoftext|>", "<start_of_text>");
    char *vocab = replaced(half, "<|endoftext|>", "<end_of_text>");
    TokenizerFiles files = {
        .vocab_json = vocab, .vocab_bytes = strlen(vocab), .merges = "\r\n", .merges_bytes = 2};
    Tokenizer *tokenizer = NULL;
    int tokens[8];
    assert_ok(tokenizer_parse(&tokenizer, &files, "m", &err));
    assert_ok(tokenizer_encode(tokenizer, "at <END_of_text>", 8, tokens, &err));
    const int want[] = {START, 'a' - '!', 256 + 't' - '!', END, END, 0, 0, 0};
    assert_memory_equal(tokens, want, sizeof want);
    tokenizer_free(tokenizer);
    test_free(half);
    test_free(vocab);
    contents_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ids_as_the_reference, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vocabulary, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_text_is_start_and_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_that_just_fits_and_one_too_long, setup, teardown),
        cmocka_unit_test(test_utf8_round_trip),
        cmocka_unit_test(test_classes_and_lower_case),
        cmocka_unit_test(test_missing_files),
        cmocka_unit_test(test_vocabularies_that_are_refused),
        cmocka_unit_test(test_merges_that_are_refused),
        cmocka_unit_test(test_other_specials_and_no_merges),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, NULL, NULL);
}
