/* The ranking read into memory, and written as CSV: see label_audit.h. */
#include "label_audit.h"

#include "database.h"
#include "grid.h"
#include "mem.h"
#include "report_rows.h"
#include "results_files.h"
#include "sql_file.h"

#include <math.h>
#include <stdlib.h>

struct LabelAudit {
    Arena *arena;
    AuditedDataset dataset;
    const char *scorer;
    Suspect *suspects;
    int n, n_ranked, n_images;
};

/* ---- which ----------------------------------------------------------------------------------- */

/* What has to be chosen: kind is its word, and the option's name. asked: NULL when it is not given.
 */
typedef struct {
    Db *db;
    Arena *arena;
    const char *kind, *asked;
} Choice;

static bool which(const Choice *choice, const Rows *names, Err *err)
{
    Str all = {0};
    for (int i = 0; i < names->n_rows; i++)
        str_addf(&all, "%s%s", i > 0 ? ", " : "", rows_text(names, i, "name"));
    err_set(err, ERR_USAGE, "%s: which %s? --%s is one of %s", db_path(choice->db), choice->kind,
            choice->kind, str_text(&all));
    str_done(&all);
    return false;
}

/* The name asked for, or the only one of the rows; NULL in *out when there are none and none is
 * asked for. */
static bool choose(const char **out, const Choice *choice, const Rows *names, Err *err)
{
    *out = NULL;
    if (choice->asked == NULL && names->n_rows > 1) return which(choice, names, err);
    const char **texts = arena_alloc(choice->arena, (size_t)names->n_rows, sizeof *texts);
    for (int i = 0; i < names->n_rows; i++) {
        texts[i] = rows_text(names, i, "name");
        if (choice->asked == NULL || str_equal(texts[i], choice->asked)) *out = texts[i];
    }
    if (choice->asked == NULL || *out != NULL) return true;
    const char *near = str_nearest(choice->asked, texts, names->n_rows);
    return err_set(err, ERR_USAGE, "%s: no %s \"%s\"%s%s%s", db_path(choice->db), choice->kind,
                   choice->asked, near ? " (did you mean \"" : "", near ? near : "",
                   near ? "\"?)" : "");
}

static bool choose_dataset(LabelAudit *audit, Db *db, const LabelAuditOptions *options, Err *err)
{
    static const char SQL[] =
        "SELECT name, fingerprint, n_images,"
        " coalesce((SELECT json_extract(spec, '$.dataset') FROM run WHERE dataset_id = dataset.id"
        "           ORDER BY id DESC LIMIT 1), name) AS descriptor,"
        " (SELECT json_extract(spec, '$.data.root') FROM run WHERE dataset_id = dataset.id"
        "  ORDER BY id DESC LIMIT 1) AS root FROM dataset ORDER BY id";
    Rows rows;
    const char *name;
    if (!rows_read(&rows, db, SQL, (QueryParameters){0}, audit->arena, err) ||
        !choose(&name, &(Choice){db, audit->arena, "dataset", options->dataset}, &rows, err))
        return false;
    if (name == NULL)
        return err_set(err, ERR_NOT_FOUND, "%s: no dataset in it, expected runs or scores",
                       db_path(db));
    int i = 0;
    while (!str_equal(rows_text(&rows, i, "name"), name)) i++;
    audit->dataset =
        (AuditedDataset){name, rows_text(&rows, i, "fingerprint"),
                         rows_text(&rows, i, "descriptor"), rows_text(&rows, i, "root")};
    audit->n_images = (int)rows_number(&rows, i, "n_images");
    return true;
}

static bool choose_scorer(LabelAudit *audit, Db *db, const LabelAuditOptions *options, Err *err)
{
    static const char SQL[] =
        "SELECT name FROM scorer WHERE (run_id IS NULL OR name = :asked) AND EXISTS ("
        " SELECT 1 FROM alignment JOIN image ON image.id = image_id JOIN dataset ON dataset.id = "
        "dataset_id"
        " WHERE scorer_id = scorer.id AND score IS NOT NULL AND dataset.name = :dataset) ORDER BY "
        "id";
    const QueryParameter items[] = {{"dataset", audit->dataset.name}, {"asked", options->scorer}};
    Rows rows;
    return rows_read(&rows, db, SQL, (QueryParameters){items, 2}, audit->arena, err) &&
           choose(&audit->scorer, &(Choice){db, audit->arena, "scorer", options->scorer}, &rows,
                  err);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int count_in(const Rows *rows, int i, const char *column)
{
    double value = rows_number(rows, i, column);
    return isnan(value) ? 0 : (int)value;
}

static Suspect suspect_of(const Rows *rows, int i)
{
    return (Suspect){.path = rows_text(rows, i, "path"),
                     .domain = rows_text(rows, i, "domain"),
                     .class_name = rows_text(rows, i, "class"),
                     .suggested = rows_text(rows, i, "suggested"),
                     .zero_shot = rows_text(rows, i, "zero_shot"),
                     .suspicion = rows_number(rows, i, "suspicion"),
                     .alignment = rows_number(rows, i, "alignment"),
                     .percentile = rows_number(rows, i, "percentile"),
                     .zero_shot_rank = count_in(rows, i, "zero_shot_rank"),
                     .n_runs = count_in(rows, i, "runs"),
                     .n_wrong = count_in(rows, i, "wrong"),
                     .n_agreeing = count_in(rows, i, "agreeing"),
                     .confidence = rows_number(rows, i, "confidence"),
                     .position = count_in(rows, i, "position")};
}

static bool read_suspects(LabelAudit *audit, Db *db, const LabelAuditOptions *options, Err *err)
{
    const char *text;
    Rows rows;
    const QueryParameter given[] = {
        {"dataset", audit->dataset.name},
        {"scorer", audit->scorer},
        {"experiment", options->experiment},
        {"rule", options->rule != NULL ? options->rule : "training-domain"},
        {"limit", arena_printf(audit->arena, "%d", options->top)}};
    QueryParameters all;
    if (!sql_file_find(&text, query_files, "query", "suspects", err) ||
        !sql_file_parameters(&all, "audit", text, (QueryParameters){given, 5}, audit->arena, err) ||
        !rows_read(&rows, db, text, all, audit->arena, err))
        return false;
    if (rows.n_rows == 0)
        return err_set(err, ERR_NOT_FOUND,
                       "%s: dataset %s has neither alignment scores nor predictions of runs that "
                       "are done%s%s",
                       db_path(db), audit->dataset.name,
                       options->experiment != NULL ? " in experiment " : "",
                       options->experiment != NULL ? options->experiment : "");
    audit->n = rows.n_rows;
    audit->n_ranked = count_in(&rows, 0, "n_ranked");
    audit->suspects = arena_alloc(audit->arena, (size_t)audit->n, sizeof *audit->suspects);
    for (int i = 0; i < audit->n; i++) audit->suspects[i] = suspect_of(&rows, i);
    return true;
}

bool label_audit_make(LabelAudit **out, Db *db, const LabelAuditOptions *options, Err *err)
{
    LabelAudit *audit = mem_alloc(1, sizeof *audit);
    audit->arena = arena_new();
    if (!choose_dataset(audit, db, options, err) || !choose_scorer(audit, db, options, err) ||
        !read_suspects(audit, db, options, err)) {
        label_audit_free(audit);
        return false;
    }
    *out = audit;
    return true;
}

void label_audit_free(LabelAudit *audit)
{
    if (audit == NULL) return;
    arena_free(audit->arena);
    free(audit);
}

int label_audit_n(const LabelAudit *audit)
{
    return audit->n;
}

const Suspect *label_audit_suspect(const LabelAudit *audit, int i)
{
    check(i >= 0 && i < audit->n, "image %d of %d", i, audit->n);
    return &audit->suspects[i];
}

int label_audit_n_ranked(const LabelAudit *audit)
{
    return audit->n_ranked;
}

int label_audit_n_unranked(const LabelAudit *audit)
{
    return audit->n_images - audit->n_ranked;
}

const char *label_audit_scorer(const LabelAudit *audit)
{
    return audit->scorer;
}

AuditedDataset label_audit_dataset(const LabelAudit *audit)
{
    return audit->dataset;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_text(FILE *out, const char *text)
{
    fputc(',', out);
    csv_field(out, text);
}

static void put_fraction(FILE *out, double value)
{
    fputc(',', out);
    if (!isnan(value)) fprintf(out, "%.4f", value);
}

static void put_row(FILE *out, const LabelAudit *audit, int i)
{
    const Suspect *s = &audit->suspects[i];
    fprintf(out, "%d", i + 1);
    put_text(out, audit->dataset.name);
    put_text(out, s->path);
    put_text(out, s->domain);
    put_text(out, s->class_name);
    put_text(out, s->suggested);
    put_fraction(out, s->suspicion);
    put_fraction(out, s->alignment);
    put_fraction(out, s->percentile);
    put_text(out, s->zero_shot);
    fputc(',', out);
    if (s->zero_shot_rank > 0) fprintf(out, "%d", s->zero_shot_rank);
    fprintf(out, ",%d,%d,%d", s->n_runs, s->n_wrong, s->n_agreeing);
    put_fraction(out, s->confidence);
    fputs(",,\n", out);
}

void label_audit_csv(FILE *out, const LabelAudit *audit)
{
    fputs("place,dataset,path,domain,class,suggested,suspicion,alignment,percentile,zero_shot,"
          "zero_shot_rank,runs,wrong,agreeing,confidence,verdict,reason\n",
          out);
    for (int i = 0; i < audit->n; i++) put_row(out, audit, i);
}
