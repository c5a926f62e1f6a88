/* One run: found by id or key, read, and the command line that makes an imported one again. */
#include "explain.h"

#include "explain_internal.h"

#include <string.h>

enum { LEAST_KEY_DIGITS = 4, MAX_VALUES = 1000 };

enum { MAX_TEXTS = 16 };

bool explain_prepare(Db *db, sqlite3_stmt **out, const char *sql, TextParameters texts, Err *err)
{
    QueryParameter none[MAX_TEXTS];
    check(texts.n <= MAX_TEXTS, "%d parameters", texts.n);
    for (int i = 0; i < texts.n; i++) none[i] = (QueryParameter){texts.items[i].name + 1, NULL};
    if (!query_prepare(db, out, NULL, sql, (QueryParameters){none, texts.n}, err)) return false;
    for (int i = 0; i < texts.n; i++) {
        int at = sqlite3_bind_parameter_index(*out, texts.items[i].name);
        const char *value = texts.items[i].value;
        if (at > 0 && value != NULL) sqlite3_bind_text(*out, at, value, -1, SQLITE_TRANSIENT);
    }
    return true;
}

const char *explain_column(sqlite3_stmt *statement, int i, Arena *arena)
{
    const unsigned char *text = sqlite3_column_text(statement, i);
    return arena_strdup(arena, text == NULL ? "" : (const char *)text);
}

/* ---- the run ---- */

static void fill_run(ExplainRun *out, sqlite3_stmt *s, Arena *arena)
{
    *out = (ExplainRun){
        .id = sqlite3_column_int64(s, 0),
        .key = explain_column(s, 1, arena),
        .origin = explain_column(s, 2, arena),
        .status = explain_column(s, 3, arena),
        .method = explain_column(s, 4, arena),
        .held_out = explain_column(s, 5, arena),
        .dataset = explain_column(s, 6, arena),
        .fingerprint = explain_column(s, 7, arena),
        .protocol = explain_column(s, 8, arena),
        .spec = explain_column(s, 9, arena),
        .threads = sqlite3_column_int(s, 10),
        .hparams_seed = sqlite3_column_int64(s, 11),
        .trial = sqlite3_column_int64(s, 12),
        .version = explain_column(s, 13, arena),
        .cpu = explain_column(s, 14, arena),
        .blas = explain_column(s, 15, arena),
    };
}

#define SELECT_RUN                                                                                 \
    "SELECT run.id, run.key, run.origin, run.status, run.method, run.held_out, dataset.name,"      \
    " dataset.fingerprint, run.protocol, run.spec, run.threads, run.hparams_seed, run.trial,"      \
    " environment.version, environment.cpu, environment.blas FROM run"                             \
    " JOIN dataset ON dataset.id = run.dataset_id"                                                 \
    " JOIN environment ON environment.id = run.environment_id "

typedef struct {
    ExplainRun run; /* the first */
    int n;
} Found;

static bool read_runs(Found *out, Db *db, const char *sql, const char *text, Arena *arena, Err *err)
{
    sqlite3_stmt *statement;
    TextParameter parameter = {":text", text};
    if (!explain_prepare(db, &statement, sql, (TextParameters){&parameter, 1}, err)) return false;
    bool row = false, ok;
    out->n = 0;
    while ((ok = query_step(db, statement, &row, err)) && row) {
        if (out->n++ == 0) fill_run(&out->run, statement, arena);
    }
    sqlite3_finalize(statement);
    return ok;
}

bool explain_read_run(ExplainRun *out, Db *db, int64_t run, Arena *arena, Err *err)
{
    char id[32];
    Found found;
    snprintf(id, sizeof id, "%lld", (long long)run);
    const char *sql = SELECT_RUN "WHERE run.id = CAST(:text AS INTEGER)";
    if (!read_runs(&found, db, sql, id, arena, err)) return false;
    if (found.n != 1) return err_set(err, ERR_NOT_FOUND, "no run %s", id);
    *out = found.run;
    return true;
}

static bool is_of(const char *text, const char *digits)
{
    return text[0] != '\0' && text[strspn(text, digits)] == '\0';
}

bool explain_find_run(ExplainRun *out, Db *db, const char *text, Arena *arena, Err *err)
{
    Found found = {.n = 0};
    const char *by_id = SELECT_RUN "WHERE run.id = CAST(:text AS INTEGER)";
    const char *by_key = SELECT_RUN "WHERE substr(run.key, 1, length(:text)) = :text LIMIT 2";
    if (is_of(text, "0123456789") && strlen(text) < 16 &&
        !read_runs(&found, db, by_id, text, arena, err)) {
        return false;
    }
    bool is_key = is_of(text, "0123456789abcdef") && strlen(text) >= LEAST_KEY_DIGITS;
    if (found.n == 0 && is_key && !read_runs(&found, db, by_key, text, arena, err)) return false;
    if (found.n > 1) {
        return err_set(err, ERR_USAGE,
                       "several runs have keys that begin with %s, expected more "
                       "digits",
                       text);
    }
    if (found.n == 0) {
        return err_set(err, ERR_NOT_FOUND,
                       "no run \"%s\", expected a run's number or the beginning of its key (at "
                       "least %d digits; see dgbench query runs)",
                       text, (int)LEAST_KEY_DIGITS);
    }
    *out = found.run;
    return true;
}

bool explain_hparams(ExplainValue **out, int *n, Db *db, int64_t run, Arena *arena, Err *err)
{
    sqlite3_stmt *statement;
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)run);
    TextParameter parameter = {":run", id};
    const char *sql = "SELECT name, value FROM hparam WHERE run_id = CAST(:run AS INTEGER) "
                      "ORDER BY name LIMIT 1000";
    if (!explain_prepare(db, &statement, sql, (TextParameters){&parameter, 1}, err)) return false;
    bool row = false, ok;
    *out = arena_alloc(arena, MAX_VALUES, sizeof **out);
    *n = 0;
    while ((ok = query_step(db, statement, &row, err)) && row) {
        (*out)[(*n)++] = (ExplainValue){explain_column(statement, 0, arena),
                                        explain_column(statement, 1, arena)};
    }
    sqlite3_finalize(statement);
    return ok;
}

/* ---- DomainBed's command line ---- */

/* Arguments in the order of their names: a switch when true, nothing when false or null, several
 * words for a list. */
static const char ARGUMENTS[] =
    "SELECT '--' || arg.key, CASE WHEN arg.type = 'array' THEN item.value ELSE arg.value END,"
    "       arg.type "
    "FROM run, json_each(run.spec, '$.args') AS arg "
    "LEFT JOIN json_each(CASE WHEN arg.type = 'array' THEN arg.value ELSE '[null]' END) AS item "
    "WHERE run.id = CAST(:run AS INTEGER) AND arg.type NOT IN ('null', 'false') "
    "ORDER BY arg.key, item.id";

static void add_argument(Str *out, sqlite3_stmt *s, Str *last)
{
    const char *option = (const char *)sqlite3_column_text(s, 0);
    const char *value = (const char *)sqlite3_column_text(s, 1);
    const char *type = (const char *)sqlite3_column_text(s, 2);
    if (!str_equal(str_text(last), option)) {
        str_add(out, out->n == 0 ? "python -m domainbed.scripts.train " : " ");
        str_add(out, option);
    }
    str_clear(last);
    str_add(last, option);
    if (str_equal(type, "true")) return;
    str_add(out, " ");
    str_add_shell_word(out, value != NULL ? value : "");
}

bool explain_domainbed_command(Str *out, Db *db, int64_t run, Err *err)
{
    sqlite3_stmt *statement;
    char id[32];
    snprintf(id, sizeof id, "%lld", (long long)run);
    TextParameter parameter = {":run", id};
    if (!explain_prepare(db, &statement, ARGUMENTS, (TextParameters){&parameter, 1}, err))
        return false;
    Str command = {0}, last = {0};
    bool row = false, ok;
    while ((ok = query_step(db, statement, &row, err)) && row) {
        add_argument(&command, statement, &last);
    }
    sqlite3_finalize(statement);
    if (ok) str_add(out, str_text(&command));
    str_done(&command);
    str_done(&last);
    return ok;
}
