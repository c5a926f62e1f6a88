/* Named SQL texts and the comment lines that describe them: see sql_file.h. */
#include "sql_file.h"

#include "mem.h"
#include "str.h"

#include <stdlib.h>
#include <string.h>

/* Name without ".sql", in the arena. */
static const char *file_name(const EmbeddedFile *file, Arena *arena)
{
    return arena_strndup(arena, file->name, strlen(file->name) - strlen(".sql"));
}

static bool no_such_file(const EmbeddedFile *files, const char *kind, const char *name, Err *err)
{
    Arena *arena = arena_new();
    int n = 0;
    while (files[n].name != NULL) n++;
    const char **names = arena_alloc(arena, (size_t)n, sizeof *names);
    for (int i = 0; i < n; i++) names[i] = file_name(&files[i], arena);
    const char *nearest = str_nearest(name, names, n);
    if (nearest != NULL)
        err_set(err, ERR_USAGE, "no %s \"%s\" (did you mean \"%s\"?)", kind, name, nearest);
    else
        err_set(err, ERR_USAGE, "no %s \"%s\", expected one of the list", kind, name);
    arena_free(arena);
    return false;
}

bool sql_file_find(const char **out_text, const EmbeddedFile *files, const char *kind,
                   const char *name, Err *err)
{
    size_t n = strlen(name);
    for (const EmbeddedFile *file = files; file->name != NULL; file++) {
        if (strncmp(file->name, name, n) != 0 || !str_equal(file->name + n, ".sql")) continue;
        *out_text = file->text;
        return true;
    }
    return no_such_file(files, kind, name, err);
}

/* The next line of the header, without "-- ": start and length; false at its end. *cursor walks. */
static bool next_line(const char **cursor, const char **line, size_t *length)
{
    if (!str_starts_with(*cursor, "-- ")) return false;
    *line = *cursor + 3;
    *length = strcspn(*line, "\n");
    *cursor = *line + *length + ((*line)[*length] == '\n');
    return true;
}

char *sql_file_key(const char *text, const char *key, Arena *arena)
{
    const char *line;
    size_t length, n = strlen(key);
    while (next_line(&text, &line, &length)) {
        if (length > n + 2 && strncmp(line, key, n) == 0 && line[n] == ':' && line[n + 1] == ' ') {
            return arena_strndup(arena, line + n + 2, length - n - 2);
        }
    }
    return NULL;
}

/* `:name=default  {a|b} help`, read. */
typedef struct {
    char *name, *value; /* value: the default, NULL when there is none */
    char *choices;      /* "a|b", NULL when any value will do */
} Documented;

static Documented read_documented(const char *line, size_t length, Arena *arena)
{
    char *text = arena_strndup(arena, line + 1, length - 1);
    size_t n_word = strcspn(text, " ");
    char *help = text + n_word + strspn(text + n_word, " ");
    Documented result = {.name = arena_strndup(arena, text, n_word)};
    char *equals = strchr(result.name, '=');
    if (equals != NULL) {
        *equals = '\0';
        result.value = equals + 1;
    }
    if (help[0] == '{') result.choices = arena_strndup(arena, help + 1, strcspn(help + 1, "}"));
    return result;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, value, n) == 0 && (at[n] == '|' || at[n] == '\0')) return true;
    }
    return false;
}

static bool set_given(QueryParameter *parameters, const Documented *known, int n, const char *place,
                      const QueryParameter *given, Err *err)
{
    Str names = {0};
    for (int i = 0; i < n; i++) {
        str_addf(&names, "%s%s", i == 0 ? "" : ", ", known[i].name);
        if (!str_equal(known[i].name, given->name)) continue;
        str_done(&names);
        parameters[i].value = given->value;
        return known[i].choices == NULL || is_choice(known[i].choices, given->value) ||
               err_set(err, ERR_USAGE, "%s: %s is \"%s\", expected one of %s", place, given->name,
                       given->value, known[i].choices);
    }
    err_set(err, ERR_USAGE, "%s: no parameter \"%s\", expected one of: %s", place, given->name,
            str_text(&names));
    str_done(&names);
    return false;
}

bool sql_file_parameters(QueryParameters *out, const char *place, const char *text,
                         QueryParameters given, Arena *arena, Err *err)
{
    const char *cursor = text, *line;
    size_t length;
    int n = 0;
    while (next_line(&cursor, &line, &length)) n += line[0] == ':';
    Documented *known = arena_alloc(arena, (size_t)n, sizeof *known);
    QueryParameter *parameters = arena_alloc(arena, (size_t)n, sizeof *parameters);
    cursor = text;
    for (int i = 0; i < n && next_line(&cursor, &line, &length);) {
        if (line[0] != ':') continue;
        known[i] = read_documented(line, length, arena);
        parameters[i] = (QueryParameter){known[i].name, known[i].value};
        i++;
    }
    for (int i = 0; i < given.n; i++) {
        if (!set_given(parameters, known, n, place, &given.items[i], err)) return false;
    }
    *out = (QueryParameters){parameters, n};
    return true;
}

void sql_file_list(FILE *out, const EmbeddedFile *files)
{
    Arena *arena = arena_new();
    for (const EmbeddedFile *file = files; file->name != NULL; file++) {
        const char *title = sql_file_key(file->text, "title", arena);
        fprintf(out, "%-16s %s\n", file_name(file, arena), title != NULL ? title : "");
        const char *cursor = file->text, *line;
        size_t length;
        while (next_line(&cursor, &line, &length)) {
            if (line[0] == ':') fprintf(out, "    %.*s\n", (int)length, line);
        }
    }
    arena_free(arena);
}
