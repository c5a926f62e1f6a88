/* Scores: see store_score.h. */
#include "store_score.h"

#include "digest.h"
#include "store_internal.h"

/* ---- scorers ---- */

static DbValue run_or_null(int64_t run)
{
    return run != 0 ? db_int(run) : db_text(NULL);
}

/* Id and name of the row of this content; *out 0: there is none. */
static bool find_content(Db *db, int64_t *out, Str *name, const StoreScorer *s, Err *err)
{
    static const char sql[] = "SELECT id FROM scorer WHERE model = ?1 AND weights = ?2"
                              " AND template = ?3 AND preprocessing = ?4 AND run_id IS ?5"
                              " ORDER BY id LIMIT 1";
    DbRow row;
    if (!db_get_row(db, &row, sql,
                    DB_VALUES(db_text(s->model), db_text(s->weights), db_text(s->template_text),
                              db_text(s->preprocessing), run_or_null(s->run)),
                    err)) {
        return false;
    }
    *out = row.at[0];
    if (!row.found) return true;
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db_handle(db), "SELECT name FROM scorer WHERE id = ?", -1, &statement,
                           NULL) != SQLITE_OK)
        return db_fail(db, err);
    bool ok = sqlite3_bind_int64(statement, 1, *out) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;
    if (ok) str_add(name, (const char *)sqlite3_column_text(statement, 0));
    if (!ok) db_fail(db, err);
    sqlite3_finalize(statement);
    return ok;
}

/* The first 8 digits of what the content's digest is. */
static void add_digest(Str *name, const StoreScorer *s)
{
    char hex[SHA256_HEX_SIZE];
    Sha256 *sha = sha256_new();
    sha256_add_str(sha, s->model);
    sha256_add_str(sha, s->weights);
    sha256_add_str(sha, s->template_text);
    sha256_add_str(sha, s->preprocessing);
    sha256_add(sha, &s->run, sizeof s->run);
    sha256_done_hex(sha, hex);
    str_addf(name, "@%.8s", hex);
}

static bool add_scorer(Db *db, int64_t *out, Str *name, const StoreScorer *s, Err *err)
{
    DbRow row;
    if (!db_get_row(db, &row, "SELECT id FROM scorer WHERE name = ?", DB_VALUES(db_text(s->name)),
                    err))
        return false;
    if (row.found && s->fixed_name) {
        return err_set(err, ERR_USAGE,
                       "%s: scorer \"%s\" is there already, with another model, template or"
                       " preprocessing; choose another name",
                       db_path(db), s->name);
    }
    str_add(name, s->name);
    if (row.found) add_digest(name, s);
    if (!db_get_row(db, &row,
                    "INSERT INTO scorer (name, model, weights, template, preprocessing, run_id)"
                    " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                    DB_VALUES(db_text(str_text(name)), db_text(s->model), db_text(s->weights),
                              db_text(s->template_text), db_text(s->preprocessing),
                              run_or_null(s->run)),
                    err))
        return false;
    *out = row.at[0];
    return true;
}

static bool find_or_add_scorer(Db *db, int64_t *out, Str *name, const StoreScorer *s, Err *err)
{
    if (!find_content(db, out, name, s, err)) return false;
    if (*out == 0) return add_scorer(db, out, name, s, err);
    if (!s->fixed_name || str_equal(str_text(name), s->name)) return true;
    return err_set(err, ERR_USAGE,
                   "%s: the same model, template and preprocessing is there as \"%s\", found"
                   " another name for it: \"%s\"",
                   db_path(db), str_text(name), s->name);
}

bool store_scorer(Store *store, int64_t *out, Str *out_name, const StoreScorer *scorer, Err *err)
{
    Str name = {0};
    bool ok = db_begin(store->db, err);
    if (ok && !find_or_add_scorer(store->db, out, &name, scorer, err)) {
        db_rollback(store->db);
        ok = false;
    }
    ok = ok && db_commit(store->db, err);
    if (ok) str_add(out_name, str_text(&name));
    str_done(&name);
    return ok;
}

/* ---- scores ---- */

static bool write_prompts(Db *db, const StoreScores *s, const StoreIds *classes, Err *err)
{
    bool ok = true;
    for (int64_t k = 0; ok && s->prompts != NULL && k < classes->n; k++) {
        ok = db_do(db,
                   "INSERT INTO class_prompt (scorer_id, class_id, prompt) VALUES (?, ?, ?)"
                   " ON CONFLICT DO UPDATE SET prompt = excluded.prompt"
                   " WHERE prompt <> excluded.prompt",
                   DB_VALUES(db_int(s->scorer), db_int(classes->first + k), db_text(s->prompts[k])),
                   err);
    }
    return ok;
}

/* A row that is there changes as a whole or not at all: its score, class and rank belong together.
 */
static const char alignment_sql[] =
    "INSERT INTO alignment (scorer_id, image_id, score, zero_shot_class_id, similarity, rank,"
    " zero_shot_score, nearest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    " ON CONFLICT DO UPDATE SET score = coalesce(excluded.score, score),"
    " zero_shot_class_id = coalesce(excluded.zero_shot_class_id, zero_shot_class_id),"
    " rank = coalesce(excluded.rank, rank),"
    " zero_shot_score = coalesce(excluded.zero_shot_score, zero_shot_score),"
    " nearest = CASE WHEN excluded.similarity IS NULL THEN nearest ELSE excluded.nearest END,"
    " similarity = coalesce(excluded.similarity, similarity)"
    " WHERE abs(coalesce(excluded.score, score) - coalesce(score, 9)) > ?9"
    " OR abs(coalesce(excluded.zero_shot_score, zero_shot_score) - coalesce(zero_shot_score, 9))"
    "    > ?9"
    " OR abs(coalesce(excluded.similarity, similarity) - coalesce(similarity, 9)) > ?9"
    " OR (zero_shot_class_id IS NULL AND excluded.zero_shot_class_id IS NOT NULL)"
    " OR (rank IS NULL AND excluded.rank IS NOT NULL)"
    " OR (nearest IS NULL AND excluded.nearest IS NOT NULL)";

static DbValue int_or_null(bool known, int64_t value)
{
    return known ? db_int(value) : db_text(NULL);
}

static void check_alignment(const StoreAlignment *a, const StoreIds *images,
                            const StoreIds *classes)
{
    check(a->image >= 0 && a->image < images->n, "image %d of %lld", a->image,
          (long long)images->n);
    check(a->zero_shot >= -1 && a->zero_shot < classes->n, "class %d of %lld", a->zero_shot,
          (long long)classes->n);
    check(isfinite(a->score) || isfinite(a->similarity), "nothing to store of image %d", a->image);
}

static bool write_scores(Store *store, const StoreScores *s, Err *err)
{
    StoreIds domains, classes, images;
    if (!store_dataset_ids(store, &domains, &classes, &images, s->dataset, err) ||
        !write_prompts(store->db, s, &classes, err))
        return false;
    bool ok = true;
    for (int i = 0; ok && i < s->n_images; i++) {
        const StoreAlignment *a = &s->images[i];
        check_alignment(a, &images, &classes);
        ok = db_do(store->db, alignment_sql,
                   DB_VALUES(db_int(s->scorer), db_int(images.first + a->image), db_real(a->score),
                             int_or_null(a->zero_shot >= 0, classes.first + a->zero_shot),
                             db_real(a->similarity), int_or_null(a->rank > 0, a->rank),
                             db_real(a->zero_shot_score), db_text(a->nearest),
                             db_real(STORE_SCORE_ROUNDING)),
                   err);
    }
    return ok;
}

bool store_scores(Store *store, int64_t *out_changed, const StoreScores *scores, Err *err)
{
    if (!db_begin(store->db, err)) return false;
    int64_t before = sqlite3_total_changes(db_handle(store->db));
    if (!write_scores(store, scores, err)) {
        db_rollback(store->db);
        return false;
    }
    *out_changed = sqlite3_total_changes(db_handle(store->db)) - before;
    return db_commit(store->db, err);
}

static bool write_run_scores(Store *store, const StoreScorer *scorer, StoreScores scores, Err *err)
{
    Str name = {0};
    bool ok = db_do(store->db, "DELETE FROM scorer WHERE run_id = ?",
                    DB_VALUES(db_int(scorer->run)), err) &&
              add_scorer(store->db, &scores.scorer, &name, scorer, err) &&
              write_scores(store, &scores, err);
    str_done(&name);
    return ok;
}

bool store_run_scores(Store *store, const StoreScorer *scorer, const StoreScores *scores, Err *err)
{
    check(scorer->run != 0, "scorer %s of no run", scorer->name);
    if (!db_begin(store->db, err)) return false;
    if (write_run_scores(store, scorer, *scores, err)) return db_commit(store->db, err);
    db_rollback(store->db);
    return false;
}

/* ---- rules ---- */

bool store_rule(Store *store, const StoreRule *rule, Err *err)
{
    check(rule->low <= rule->split && rule->split <= rule->high, "rule %s: %g, %g, %g", rule->name,
          rule->low, rule->split, rule->high);
    check(!rule->quantile || (rule->low >= 0 && rule->high <= 1), "rule %s: quantiles %g to %g",
          rule->name, rule->low, rule->high);
    return db_do(store->db,
                 "INSERT INTO ip_oop_rule (name, scorer, kind, low, split, high, source)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                 " scorer = excluded.scorer, kind = excluded.kind, low = excluded.low,"
                 " split = excluded.split, high = excluded.high, source = excluded.source",
                 DB_VALUES(db_text(rule->name), db_text(rule->scorer),
                           db_text(rule->quantile ? "quantile" : "threshold"), db_real(rule->low),
                           db_real(rule->split), db_real(rule->high), db_text(rule->source)),
                 err);
}
