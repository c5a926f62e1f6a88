/* Times of stored runs. */
#include "run_time.h"

#include "database.h"
#include "query_internal.h"

bool run_is_stored(Db *db, bool *out, const char *key, Err *err)
{
    DbRow row;
    const char *sql = "SELECT 1 FROM run WHERE key = ? AND status IN ('done', 'diverged')";
    if (!db_get_row(db, &row, sql, DB_VALUES(db_text(key)), err)) return false;
    *out = row.found;
    return true;
}

/* Images trained on: updates x images of a source domain x source domains. */
static const char TIMES[] =
    "WITH latest AS ("
    "  SELECT run.id, run.train_seconds + coalesce(run.data_seconds, 0) AS train_seconds,"
    "         coalesce(run.eval_seconds, 0) AS eval_seconds,"
    "         (run.last_step + 1) * json_extract(run.spec, '$.data.batch_size') *"
    "         (SELECT count(*) FROM run_domain"
    "          WHERE run_domain.run_id = run.id AND role = 'source') AS images"
    "  FROM run JOIN dataset ON dataset.id = run.dataset_id"
    "  JOIN environment ON environment.id = run.environment_id"
    "  WHERE dataset.fingerprint = :fingerprint AND run.method = :method AND run.status = 'done'"
    "    AND run.origin = 'dgbench' AND run.threads = :threads AND environment.cpu = :cpu"
    "    AND run.train_seconds > 0 AND json_extract(run.spec, '$.net.name') = :net"
    "    AND coalesce(json_extract(run.spec, '$.net.model'), '') = :model"
    "    AND json_extract(run.spec, '$.data.image_size') = :image_size"
    "  ORDER BY run.id DESC LIMIT 100) "
    "SELECT count(*), sum(train_seconds) / sum(images),"
    "       sum(eval_seconds) / (SELECT sum(eval.n) FROM latest AS one"
    "                            JOIN checkpoint ON checkpoint.run_id = one.id"
    "                            JOIN eval ON eval.checkpoint_id = checkpoint.id) "
    "FROM latest";

bool run_time_find(RunTime *out, Db *db, const RunTimeQuery *query, Err *err)
{
    char threads[16], size[24];
    snprintf(threads, sizeof threads, "%d", query->threads);
    snprintf(size, sizeof size, "%lld", (long long)query->image_size);
    const QueryParameter values[] = {{"fingerprint", query->fingerprint},
                                     {"method", query->method},
                                     {"net", query->net},
                                     {"model", query->model},
                                     {"image_size", size},
                                     {"cpu", query->cpu},
                                     {"threads", threads}};
    sqlite3_stmt *statement = NULL;
    bool row = false;
    if (!query_prepare(db, &statement, NULL, TIMES, (QueryParameters){values, 7}, err))
        return false;
    bool ok = query_step(db, statement, &row, err);
    if (ok && row) {
        *out = (RunTime){.n_runs = sqlite3_column_int(statement, 0),
                         .train_seconds_per_image = sqlite3_column_double(statement, 1),
                         .eval_seconds_per_image = sqlite3_column_double(statement, 2)};
    }
    sqlite3_finalize(statement);
    return ok;
}
