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

/* `:name=default  help` -> name and default (NULL when there is none). */
static QueryParameter read_parameter(const char *line, size_t length, Arena *arena)
{
    size_t n_word = 0;
    while (n_word < length && line[n_word] != ' ') n_word++;
    char *word = arena_strndup(arena, line + 1, n_word - 1);
    char *equals = strchr(word, '=');
    if (equals != NULL) *equals = '\0';
    return (QueryParameter){.name = word, .value = equals != NULL ? equals + 1 : NULL};
}

static bool set_given(QueryParameter *parameters, int n, const char *place,
                      const QueryParameter *given, Err *err)
{
    Str known = {0};
    for (int i = 0; i < n; i++) {
        if (str_equal(parameters[i].name, given->name)) {
            parameters[i].value = given->value;
            str_done(&known);
            return true;
        }
        str_addf(&known, "%s%s", i == 0 ? "" : ", ", parameters[i].name);
    }
    err_set(err, ERR_USAGE, "%s: no parameter \"%s\", expected one of: %s", place, given->name,
            str_text(&known));
    str_done(&known);
    return false;
}

bool sql_file_parameters(QueryParameter **out, int *out_n, const char *place, const char *text,
                         const QueryParameter *given, int n_given, Arena *arena, Err *err)
{
    const char *cursor = text, *line;
    size_t length;
    int n = 0;
    while (next_line(&cursor, &line, &length)) n += line[0] == ':';
    QueryParameter *parameters = arena_alloc(arena, (size_t)n, sizeof *parameters);
    cursor = text;
    for (int i = 0; i < n && next_line(&cursor, &line, &length);) {
        if (line[0] == ':') parameters[i++] = read_parameter(line, length, arena);
    }
    for (int i = 0; i < n_given; i++) {
        if (!set_given(parameters, n, place, &given[i], err)) return false;
    }
    *out = parameters;
    *out_n = n;
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
