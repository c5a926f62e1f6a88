/* Both lists come in the same order, so one walk over the two finds what differs. */
#include "evaluation_diff.h"

#include "explain_internal.h"
#include "str.h"

#include <math.h>
#include <string.h>

enum { MAX_SHOWN = 10, N_NAMES = 3 };

static const char EVALUATIONS[] =
    "SELECT variant, domain, split, step, n, correct, nll, accuracy FROM eval_info "
    "WHERE run_id = (SELECT id FROM run WHERE key = :key) "
    "ORDER BY step, variant COLLATE BINARY, domain COLLATE BINARY, split COLLATE BINARY";

typedef struct {
    Db *db;
    sqlite3_stmt *statement;
    bool row;
} Walk;

static bool walk_next(Walk *w, Err *err)
{
    return query_step(w->db, w->statement, &w->row, err);
}

static bool walk_open(Walk *w, Db *db, const char *key, Err *err)
{
    TextParameter parameter = {":key", key};
    *w = (Walk){.db = db};
    return explain_prepare(db, &w->statement, EVALUATIONS, (TextParameters){&parameter, 1}, err) &&
           walk_next(w, err);
}

static const char *name_at(const Walk *w, int i)
{
    const unsigned char *text = sqlite3_column_text(w->statement, i);
    return text == NULL ? "" : (const char *)text;
}

/* Order of the two rows: below 0 when a comes first. One that has ended comes last. */
static int compare(const Walk *a, const Walk *b)
{
    if (!a->row || !b->row) return (a->row ? 0 : 1) - (b->row ? 0 : 1);
    sqlite3_int64 x = sqlite3_column_int64(a->statement, 3);
    sqlite3_int64 y = sqlite3_column_int64(b->statement, 3);
    if (x != y) return x < y ? -1 : 1;
    for (int i = 0; i < N_NAMES; i++) {
        int order = strcmp(name_at(a, i), name_at(b, i));
        if (order != 0) return order;
    }
    return 0;
}

static double difference(const Walk *a, const Walk *b, int column)
{
    return fabs(sqlite3_column_double(a->statement, column) -
                sqlite3_column_double(b->statement, column));
}

static bool same_value(const Walk *a, const Walk *b, int column)
{
    return sqlite3_column_type(a->statement, column) == sqlite3_column_type(b->statement, column) &&
           difference(a, b, column) == 0;
}

static void compare_values(EvaluationDiff *diff, FILE *out, const Walk *a, const Walk *b)
{
    if (same_value(a, b, 4) && same_value(a, b, 5) && same_value(a, b, 6)) return;
    double accuracy = difference(a, b, 7), nll = difference(a, b, 6);
    if (accuracy > diff->worst_accuracy) diff->worst_accuracy = accuracy;
    if (nll > diff->worst_nll) diff->worst_nll = nll;
    if (diff->n_differ++ >= MAX_SHOWN) return;
    fprintf(out,
            "step %lld, %s, %s, %s: %lld of %lld correct, then %lld of %lld; nll %.9g, then %.9g\n",
            (long long)sqlite3_column_int64(a->statement, 3), name_at(a, 0), name_at(a, 1),
            name_at(a, 2), (long long)sqlite3_column_int64(a->statement, 5),
            (long long)sqlite3_column_int64(a->statement, 4),
            (long long)sqlite3_column_int64(b->statement, 5),
            (long long)sqlite3_column_int64(b->statement, 4),
            sqlite3_column_double(a->statement, 6), sqlite3_column_double(b->statement, 6));
}

static bool walk_both(EvaluationDiff *diff, FILE *out, Walk *a, Walk *b, Err *err)
{
    while (a->row || b->row) {
        int order = compare(a, b);
        if (order == 0) compare_values(diff, out, a, b);
        diff->n_rows += order <= 0;
        diff->n_missing += order < 0;
        diff->n_more += order > 0;
        if (order <= 0 && !walk_next(a, err)) return false;
        if (order >= 0 && !walk_next(b, err)) return false;
    }
    return true;
}

bool evaluation_diff(EvaluationDiff *out, FILE *differing, Db *first, Db *second, const char *key,
                     Err *err)
{
    Walk a = {0}, b = {0};
    EvaluationDiff diff = {0};
    bool ok = walk_open(&a, first, key, err) && walk_open(&b, second, key, err) &&
              walk_both(&diff, differing, &a, &b, err);
    sqlite3_finalize(a.statement);
    sqlite3_finalize(b.statement);
    if (ok) *out = diff;
    return ok;
}
