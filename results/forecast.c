/* Making forecasts: see forecast.h. The SQL is in forecast/; the arithmetic in calibration.c. */
#include "forecast.h"

#include "database.h"
#include "forecast_row.h"
#include "mem.h"
#include "query_internal.h"
#include "reading.h"
#include "report_rows.h"
#include "results_files.h"
#include "sql_file.h"
#include "str.h"

#include <math.h>
#include <stdlib.h>

enum { SEED = 1, MAX_PARAMETERS = 12 };

/* Images of a domain as forecast/outcomes.sql and scores.sql give them. */
typedef struct {
    CalibrationImage *items;
    int n, capacity;
    int64_t n_outcomes;
    double weight;                      /* of all */
    double zero_shot, zero_shot_weight; /* right; of images whose zero-shot class is known */
} Images;

/* One table of forecasts: a row of the second statement of forecast/runs.sql. */
typedef struct {
    Db *db;
    Arena *arena;
    ForecastRow shared; /* what all its rows share */
    QueryParameter parameters[MAX_PARAMETERS];
    int n_parameters;
    Rows targets; /* domains with scores: domain_id, unseen */
    bool unseen;
} Group;

static const char *forecast_sql(const char *name)
{
    for (const EmbeddedFile *file = forecast_files; file->name != NULL; file++) {
        if (str_equal(file->name, name)) return file->text;
    }
    check(false, "no file forecast/%s", name);
    return NULL;
}

/* ---- images ---------------------------------------------------------------------------------- */

static void images_add(Images *images, sqlite3_stmt *statement)
{
    CalibrationImage image = {.score = sqlite3_column_double(statement, 0),
                              .correct = sqlite3_column_double(statement, 1),
                              .weight = sqlite3_column_double(statement, 2)};
    mem_reserve(images->items, images->capacity, images->n + 1);
    images->items[images->n++] = image;
    images->weight += image.weight;
    images->n_outcomes += sqlite3_column_int64(statement, 3);
    if (sqlite3_column_type(statement, 4) == SQLITE_NULL) return;
    images->zero_shot += image.weight * sqlite3_column_int(statement, 4);
    images->zero_shot_weight += image.weight;
}

/* not_trained_on: a domain that these runs must not have trained on; NULL: any runs that held out
 * the domain alone. */
static bool read_images(Images *out, Group *group, const char *name, const char *domain,
                        const char *not_trained_on, Err *err)
{
    sqlite3_stmt *statement;
    bool row, ok;
    int n = group->n_parameters;
    group->parameters[n++] = (QueryParameter){"domain_id", domain};
    group->parameters[n++] = (QueryParameter){"target", not_trained_on};
    group->parameters[n++] = (QueryParameter){"single", not_trained_on == NULL ? "1" : "0"};
    *out = (Images){0};
    if (!query_prepare(group->db, &statement, NULL, forecast_sql(name),
                       (QueryParameters){group->parameters, n}, err))
        return false;
    while ((ok = query_step(group->db, statement, &row, err)) && row) images_add(out, statement);
    sqlite3_finalize(statement);
    if (!ok) {
        free(out->items);
        *out = (Images){0};
    }
    return ok;
}

/* ---- one target ------------------------------------------------------------------------------ */

static void add_row(Forecasts *forecasts, const Group *group, const char *target,
                    const Images *sources, int n_sources, const Images *asked)
{
    CalibrationDomain domain = {asked->items, asked->n};
    CalibrationDomain *known = mem_alloc((size_t)n_sources, sizeof *known);
    ForecastRow row = group->shared;
    long long id = 0;
    check(str_to_int64(target, &id), "domain \"%s\"", target);
    for (int s = 0; s < n_sources; s++) {
        known[s] = (CalibrationDomain){sources[s].items, sources[s].n};
        row.n_outcomes += sources[s].n_outcomes;
    }
    row.domain_id = id;
    row.n_sources = n_sources;
    row.n_images = asked->n;
    row.calibrated = calibration_predict(known, n_sources, &domain, SEED);
    row.actual = asked->n_outcomes > 0 ? calibration_accuracy(&domain) : NAN;
    row.n_trials =
        asked->n_outcomes > 0 ? llround(asked->weight) : 0; /* 1 for each (outcomes.sql) */
    row.zero_shot_accuracy =
        asked->zero_shot_weight > 0 ? asked->zero_shot / asked->zero_shot_weight : NAN;
    mem_reserve(forecasts->rows, forecasts->capacity, forecasts->n + 1);
    forecasts->rows[forecasts->n++] = row;
    free(known);
}

/* The target's own images: with their outcomes where a run held it out. */
static bool read_target(Images *out, Group *group, const char *target, Err *err)
{
    if (!read_images(out, group, "outcomes.sql", target, NULL, err)) return false;
    if (out->n > 0) return true;
    free(out->items);
    return read_images(out, group, "scores.sql", target, NULL, err);
}

static bool forecast_target(Forecasts *forecasts, Group *group, const char *target, Err *err)
{
    Images *sources = mem_alloc((size_t)group->targets.n_rows, sizeof *sources), asked = {0};
    int n = 0;
    bool ok = true;
    for (int i = 0; ok && i < group->targets.n_rows; i++) {
        const char *domain = rows_text(&group->targets, i, "domain_id");
        if (str_equal(domain, target)) continue;
        ok = read_images(&sources[n], group, "outcomes.sql", domain, group->unseen ? target : NULL,
                         err);
        if (ok && sources[n].n > 0) n++;
    }
    ok = ok && (n == 0 || read_target(&asked, group, target, err));
    if (ok && n > 0) add_row(forecasts, group, target, sources, n, &asked);
    for (int s = 0; s < n; s++) free(sources[s].items);
    free(sources);
    free(asked.items);
    return ok;
}

/* ---- groups ---------------------------------------------------------------------------------- */

static int64_t id_at(const Rows *rows, int row, const char *column)
{
    long long id = 0;
    check(str_to_int64(rows_text(rows, row, column), &id), "column %s", column);
    return id;
}

static Group group_of(Db *db, const Rows *rows, int row, Arena *arena)
{
    static const char *const SHARED[] = {"experiment", "dataset_id", "split_rule", "method",
                                         "variant",    "scored",     "scorer_id",  "feature"};
    const char *exclusion = db_left_out_name(db);
    Group group = {.db = db,
                   .arena = arena,
                   .shared = {.experiment = rows_text(rows, row, "experiment"),
                              .split_rule = rows_text(rows, row, "split_rule"),
                              .method = rows_text(rows, row, "method"),
                              .variant = rows_text(rows, row, "variant"),
                              .rule = rows_text(rows, row, "rule"),
                              .scored = rows_text(rows, row, "scored"),
                              .feature = rows_text(rows, row, "feature"),
                              .exclusion = exclusion != NULL ? arena_strdup(arena, exclusion) : "",
                              .dataset_id = id_at(rows, row, "dataset_id"),
                              .scorer_id = id_at(rows, row, "scorer_id")}};
    for (size_t i = 0; i < sizeof SHARED / sizeof SHARED[0]; i++)
        group.parameters[group.n_parameters++] =
            (QueryParameter){SHARED[i], rows_text(rows, row, SHARED[i])};
    return group;
}

/* Runs that never saw the target, where all targets have them, unless something is asked for. */
static void choose_calibration(Group *group, const char *asked)
{
    group->unseen = asked == NULL || str_equal(asked, "unseen");
    for (int i = 0; asked == NULL && i < group->targets.n_rows; i++)
        group->unseen = group->unseen && str_equal(rows_text(&group->targets, i, "unseen"), "1");
    group->shared.calibration = group->unseen ? "unseen" : "seen";
}

static bool forecast_group(Forecasts *forecasts, Group *group, const char *calibration, Err *err)
{
    QueryParameters parameters = {group->parameters, group->n_parameters};
    if (!rows_read(&group->targets, group->db, forecast_sql("targets.sql"), parameters,
                   group->arena, err))
        return false;
    choose_calibration(group, calibration);
    for (int i = 0; i < group->targets.n_rows; i++) {
        if (!forecast_target(forecasts, group, rows_text(&group->targets, i, "domain_id"), err))
            return false;
    }
    return true;
}

/* One way of reading the experiments. */
static bool forecast_reading(Forecasts *forecasts, Db *db, QueryParameters parameters,
                             const char *calibration, Err *err)
{
    const char *rest;
    Rows groups;
    if (!reading_keep_base(db, forecast_sql("runs.sql"), &rest, parameters, err) ||
        !rows_read(&groups, db, rest, parameters, forecasts->arena, err))
        return false;
    for (int i = 0; i < groups.n_rows; i++) {
        Group group = group_of(db, &groups, i, forecasts->arena);
        if (!forecast_group(forecasts, &group, calibration, err)) return false;
    }
    return true;
}

static bool forecast_all(Forecasts *forecasts, Db *db, const ForecastOptions *o, Err *err)
{
    const char *text = forecast_sql("runs.sql");
    const QueryParameter asked[] = {{"rule", o->rule},       {"scored", o->scored},
                                    {"scorer", o->scorer},   {"experiment", o->experiment},
                                    {"dataset", o->dataset}, {"method", o->method},
                                    {"feature", o->feature}};
    enum { N_ASKED = sizeof asked / sizeof asked[0] };
    QueryParameter given[N_ASKED];
    int n = 0;
    for (int i = 0; i < N_ASKED; i++) {
        if (asked[i].value != NULL) given[n++] = asked[i];
    }
    QueryParameters all;
    Readings readings;
    if (!sql_file_parameters(&all, "forecast", text, (QueryParameters){given, n}, forecasts->arena,
                             err) ||
        !readings_make(&readings, db, text, all, forecasts->arena, err))
        return false;
    for (int i = 0; i < readings.n; i++) {
        if (!forecast_reading(forecasts, db, readings.items[i], o->calibration, err)) return false;
    }
    return forecasts->n > 0 ||
           err_set(err, ERR_NOT_FOUND,
                   "%s: nothing to forecast from: expected alignment scores (dgbench score), and "
                   "predictions of runs that held out another domain of the same dataset%s",
                   db_path(db),
                   o->calibration != NULL && str_equal(o->calibration, "unseen")
                       ? " and never saw the target"
                       : "");
}

bool forecasts_make(Forecasts **out, Db *db, const ForecastOptions *options, Err *err)
{
    const char *kind = options->calibration;
    if (kind != NULL && !str_equal(kind, "seen") && !str_equal(kind, "unseen"))
        return err_set(err, ERR_USAGE, "forecast: calibration is \"%s\", expected unseen or seen",
                       kind);
    Forecasts *forecasts = mem_alloc(1, sizeof *forecasts);
    forecasts->arena = arena_new();
    if (!forecast_all(forecasts, db, options, err)) {
        forecasts_free(forecasts);
        return false;
    }
    *out = forecasts;
    return true;
}

int forecasts_n(const Forecasts *forecasts)
{
    return forecasts->n;
}

void forecasts_free(Forecasts *forecasts)
{
    if (forecasts == NULL) return;
    arena_free(forecasts->arena);
    free(forecasts->rows);
    free(forecasts);
}
