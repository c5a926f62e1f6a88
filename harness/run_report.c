/* Two queries about one run. */
#include "run_report.h"

#include "query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SELECTED_EVALUATIONS                                                                       \
    " FROM (SELECT DISTINCT rule, run_id, variant, checkpoint_id FROM candidate) AS candidate "    \
    "JOIN run ON run.id = candidate.run_id AND run.variant = candidate.variant "                   \
    "JOIN eval_info ON eval_info.checkpoint_id = candidate.checkpoint_id "                         \
    "JOIN domain ON domain.id = eval_info.domain_id "                                              \
    "WHERE candidate.rule = 'training-domain' AND run.key = :key "

static bool query_run_key(FILE *out, const char *sql, const char *results, const char *key,
                          Format format, Err *err)
{
    Db *db = NULL;
    if (!results_open(&db, results, err)) return false;
    QueryParameter parameter = {"key", key};
    bool ok = query_run(db, out, sql, (QueryParameters){&parameter, 1}, format, err);
    results_close(db);
    return ok;
}

bool run_report_print(FILE *out, const char *results, const char *key, Err *err)
{
    return query_run_key(out,
                         "SELECT eval_info.domain, role, split, n, "
                         "round(100 * accuracy, 1) AS \"accuracy %\", eval_info.step" //
                         SELECTED_EVALUATIONS "ORDER BY role, domain.position, split",
                         results, key, FORMAT_TEXT, err);
}

bool run_report_held_out(Str *out, const char *results, const char *key, Err *err)
{
    char *text = NULL;
    size_t n = 0;
    FILE *stream = open_memstream(&text, &n);
    if (stream == NULL) return err_set(err, ERR_IO, "memory stream: %s", strerror(errno));
    bool ok = query_run_key(stream,
                            "SELECT group_concat(printf('%s %.1f %%', eval_info.domain, "
                            "100 * accuracy), ' + ') AS accuracy" //
                            SELECTED_EVALUATIONS "AND role = 'held_out' AND split = 'in'",
                            results, key, FORMAT_CSV, err);
    (void)fclose(stream); /* memory */
    if (ok) {
        const char *value = text + strcspn(text, "\n"); /* below the name of the column */
        value += strspn(value, "\n");
        str_add_n(out, value, strcspn(value, "\n"));
    }
    free(text);
    return ok;
}
