/* CSV -> rows of phrases. */
#include "pairs_table.h"

#include "csv_table.h"
#include "descriptor.h"
#include "file.h"

#include <ctype.h>
#include <string.h>

static const char *const COLUMNS[N_WORDS] = {[WORDS_LABEL] = "label",
                                             [WORDS_KEYWORD] = "keywords",
                                             [WORDS_SUBGROUP] = "subgroup",
                                             [WORDS_GROUP] = "group",
                                             [WORDS_CAPTION] = "caption"};

typedef struct {
    CsvTable csv;
    const char *folder;       /* of its images */
    int path, words[N_WORDS]; /* column numbers; -1: not there */
    Arena *arena;
} Table;

static int find_column(const CsvTable *csv, const char *name)
{
    for (int i = 0; i < csv->n_columns; i++) {
        if (str_equal(csv->columns[i], name)) return i;
    }
    return -1;
}

/* A file of captions has nothing else to say. */
static bool find_columns(Table *t, Err *err)
{
    if (!csv_table_column(&t->path, &t->csv, "path", err)) return false;
    for (int k = 0; k < N_WORDS; k++) t->words[k] = find_column(&t->csv, COLUMNS[k]);
    if (t->words[WORDS_CAPTION] >= 0) {
        for (int k = 0; k < WORDS_CAPTION; k++) t->words[k] = -1;
        return true;
    }
    if (t->words[WORDS_LABEL] >= 0) return true;
    return err_set(err, ERR_FORMAT, "%s:1: no column \"caption\" or \"label\", expected one",
                   t->csv.place);
}

static bool is_blank(char c)
{
    return isspace((unsigned char)c) || c == '-' || c == '_';
}

static char lower(char c)
{
    return (char)tolower((unsigned char)c);
}

/* Words in lower case with one blank between them. */
static const char *clean_phrase(const char *text, size_t n, Arena *arena)
{
    char *out = arena_alloc(arena, n + 1, 1), *end = out;
    for (size_t i = 0; i < n; i++) {
        char c = ' ';
        if (!is_blank(text[i])) c = lower(text[i]);
        if (c != ' ' || (end > out && end[-1] != ' ')) *end++ = c;
    }
    if (end > out && end[-1] == ' ') end--;
    *end = '\0';
    return out;
}

static const char *clean_caption(const char *text, Arena *arena)
{
    while (isspace((unsigned char)*text)) text++;
    size_t n = strlen(text);
    while (n > 0 && isspace((unsigned char)text[n - 1])) n--;
    return arena_strndup(arena, text, n);
}

static bool is_repeated(const char **words, int n, const char *word)
{
    for (int i = 0; i < n; i++) {
        if (str_equal(words[i], word)) return true;
    }
    return false;
}

static int add_phrase(const char **words, int n, const char *phrase)
{
    if (phrase[0] == '\0' || is_repeated(words, n, phrase)) return n;
    words[n] = phrase;
    return n + 1;
}

/* Appends the phrases of one field to words; returns how many. by_word: and each word of them. */
static int split_phrases(const char **words, const char *cell, bool by_word, Arena *arena)
{
    int n = 0;
    while (*cell != '\0') {
        size_t length = strcspn(cell, ";");
        const char *phrase = clean_phrase(cell, length, arena);
        n = add_phrase(words, n, phrase);
        for (const char *word = phrase; by_word && *word != '\0';) {
            size_t letters = strcspn(word, " ");
            n = add_phrase(words, n, arena_strndup(arena, word, letters));
            word += letters + (word[letters] == ' ');
        }
        cell += length + (cell[length] == ';');
    }
    return n;
}

/* Phrases and words in a field at most. */
static int count_parts(const char *cell)
{
    int n = 2;
    for (; *cell != '\0'; cell++) n += 2 * (*cell == ';') + is_blank(*cell);
    return n;
}

static const char *cell_of(const Table *t, int row, int kind)
{
    return t->words[kind] >= 0 ? csv_table_cell(&t->csv, row, t->words[kind]) : "";
}

static bool read_words(PairRow *out, const Table *t, int row, Err *err)
{
    int n_most = 0, n = 0;
    for (int k = 0; k < N_WORDS; k++) n_most += count_parts(cell_of(t, row, k));
    out->words = arena_alloc(t->arena, (size_t)n_most, sizeof *out->words);
    for (int k = 0; k < WORDS_CAPTION; k++) {
        out->n_words[k] =
            split_phrases(out->words + n, cell_of(t, row, k), k == WORDS_SUBGROUP, t->arena);
        n += out->n_words[k];
    }
    const char *caption = clean_caption(cell_of(t, row, WORDS_CAPTION), t->arena);
    if (caption[0] != '\0') {
        out->n_words[WORDS_CAPTION] = 1;
        out->words[n++] = caption;
    }
    if (out->n_words[WORDS_LABEL] + out->n_words[WORDS_CAPTION] > 0) return true;
    return err_set(err, ERR_FORMAT, "%s:%d: no %s for %s, expected words", t->csv.place,
                   t->csv.lines[row], t->words[WORDS_CAPTION] >= 0 ? "caption" : "label",
                   out->shown);
}

static bool read_row(PairRow *out, const Table *t, int row, Err *err)
{
    const char *path = csv_table_cell(&t->csv, row, t->path);
    *out = (PairRow){.shown = path, .file = t->csv.place, .line = t->csv.lines[row]};
    if (path[0] == '\0') return err_set(err, ERR_FORMAT, "%s:%d: empty path", out->file, out->line);
    out->path = file_join(t->arena, t->folder, path);
    return read_words(out, t, row, err);
}

static bool read_table(Table *t, const char *path, Arena *arena, Err *err)
{
    const char *slash = strrchr(path, '/');
    *t = (Table){.arena = arena};
    t->folder = slash != NULL ? arena_strndup(arena, path, (size_t)(slash + 1 - path)) : "";
    return csv_table_read(&t->csv, path, arena, err) && find_columns(t, err);
}

bool pair_rows_read(PairRows *out, const TextList *files, const char *cache_dir, Arena *arena,
                    Err *err)
{
    Table *tables = arena_alloc(arena, (size_t)files->n, sizeof *tables);
    int n = 0;
    for (int i = 0; i < files->n; i++) {
        const char *path = descriptor_expand_path(files->items[i], "", cache_dir, arena);
        if (!read_table(&tables[i], path, arena, err)) return false;
        n += tables[i].csv.n_rows;
    }
    if (n == 0) return err_set(err, ERR_FORMAT, "%s: no pairs, expected some", files->items[0]);
    *out = (PairRows){.rows = arena_alloc(arena, (size_t)n, sizeof *out->rows)};
    for (int i = 0; i < files->n; i++) {
        for (int row = 0; row < tables[i].csv.n_rows; row++) {
            if (!read_row(&out->rows[out->n++], &tables[i], row, err)) return false;
        }
    }
    return true;
}
