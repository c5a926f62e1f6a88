/* Appending, and taking back what a resumed run will say again. */
#include "pretrain_log.h"

#include "file.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LOG_BYTES = 1 << 28 };

struct PretrainLog {
    FILE *file;
    char *path;
    int n_columns;
};

static void add_head(Str *out, const ZeroShotResult *columns, int n_columns)
{
    str_add(out, "step,loss,shared,lr,scale,seconds");
    for (int i = 0; i < n_columns; i++)
        str_addf(out, ",%s/%s", columns[i].dataset, columns[i].domain);
    str_add(out, "\n");
}

/* The lines of the old log up to last_step. */
static bool keep_lines(Str *out, const char *path, int64_t last_step, Err *err)
{
    char *text;
    if (last_step < 0 || !file_exists(path)) return true;
    if (!file_read(&text, NULL, path, MAX_LOG_BYTES, err)) return false;
    const char *line = strchr(text, '\n');
    while (line != NULL && line[1] != '\0') {
        const char *end = strchr(line + 1, '\n');
        if (end == NULL || strtoll(line + 1, NULL, 10) > last_step) break;
        str_add_n(out, line + 1, (size_t)(end - line));
        line = end;
    }
    free(text);
    return true;
}

bool pretrain_log_open(PretrainLog **out, const char *path, int64_t last_step,
                       const ZeroShotResult *columns, int n_columns, Err *err)
{
    Str text = {0};
    add_head(&text, columns, n_columns);
    bool ok = keep_lines(&text, path, last_step, err) &&
              file_write_atomic(path, str_text(&text), text.n, err);
    str_done(&text);
    if (!ok) return false;
    FILE *file = fopen(path, "a");
    if (file == NULL) return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    PretrainLog *log = mem_alloc(1, sizeof *log);
    *log = (PretrainLog){file, mem_strdup(path), n_columns};
    *out = log;
    return true;
}

void pretrain_log_close(PretrainLog *log)
{
    if (log == NULL) return;
    (void)fclose(log->file); /* every line was flushed */
    free(log->path);
    free(log);
}

bool pretrain_log_add(PretrainLog *log, const PretrainLine *line, const ZeroShotResult *results,
                      Err *err)
{
    Str text = {0};
    str_addf(&text, "%lld,%.5f,%.4f,%.6g,%.4f,%.1f", (long long)line->step, line->loss,
             line->shared, line->lr, line->scale, line->seconds);
    for (int i = 0; i < log->n_columns; i++) {
        str_add(&text, ",");
        if (results != NULL) str_addf(&text, "%.4f", (double)results[i].correct / results[i].n);
    }
    str_add(&text, "\n");
    errno = 0;
    bool ok = fwrite(str_text(&text), 1, text.n, log->file) == text.n && fflush(log->file) == 0;
    str_done(&text);
    return ok || err_set(err, ERR_IO, "%s: %s", log->path, strerror(errno));
}
