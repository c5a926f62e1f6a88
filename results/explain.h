/* Where a number of a table comes from: the runs, checkpoints, images and machines behind one cell,
 * or all that is stored of one run. What is shown are the files explain/cell_*.sql and
 * explain/run_*.sql, one section each; a new section is a new file.
 *
 *     ExplainQuery query = {.method = "erm", .held_out = "line"};
 *     ExplainCell cell;
 *     if (!explain_find_cell(&cell, db, &query, arena, err)) return false;
 *     explain_print_sections(db, stdout, &cell, FORMAT_TEXT, err);
 *
 * Texts live in the arena that was given.
 */
#ifndef RESULTS_EXPLAIN_H
#define RESULTS_EXPLAIN_H

#include "arena.h"
#include "query.h"
#include "str.h"

#include <stdint.h>
#include <stdio.h>

/* What the user says of a cell; NULL: not said. */
typedef struct {
    const char *experiment, *dataset, *split, *method, *held_out, *rule, *scored, *variant;
} ExplainQuery;

typedef struct {
    ExplainQuery name;     /* complete */
    double mean, error;    /* of the scores of its trials, as the table has them: fractions */
    const char *deviation; /* "population" or "sample": what the error is made from */
    int n_trials;
    int64_t *runs;      /* [n_trials]: selected, in the order of the trials */
    const char *chosen; /* the same with their checkpoints, as SQL */
} ExplainCell;

/* The one cell of single held-out domains that the query means; what an experiment says about
 * itself (rule, scored) stands in for what is not said. ERR_NOT_FOUND with the nearest name for an
 * unknown one; ERR_USAGE with all choices when several cells are meant. */
MUST_USE bool explain_find_cell(ExplainCell *out, Db *db, const ExplainQuery *query, Arena *arena,
                                Err *err);

typedef struct {
    int64_t id;
    const char *key, *origin, *status, *method, *held_out, *dataset, *fingerprint, *protocol;
    const char *spec; /* JSON */
    int threads;
    int64_t hparams_seed, trial;
    const char *version, *cpu, *blas;
} ExplainRun;

MUST_USE bool explain_read_run(ExplainRun *out, Db *db, int64_t run, Arena *arena, Err *err);

/* text: a run's id, or the beginning (4 digits or more) of one run's key. */
MUST_USE bool explain_find_run(ExplainRun *out, Db *db, const char *text, Arena *arena, Err *err);

/* Hyper-parameters as the database holds them: *n of them. */
typedef struct {
    const char *name, *value;
} ExplainValue;
MUST_USE bool explain_hparams(ExplainValue **out, int *n, Db *db, int64_t run, Arena *arena,
                              Err *err);

/* Arguments of DomainBed's train script as the command line that makes an imported run again;
 * appended to out. Nothing is appended when the spec holds none. */
MUST_USE bool explain_domainbed_command(Str *out, Db *db, int64_t run, Err *err);

/* All sections of a cell, or of a run: FORMAT_TEXT, each under its title, empty ones left out; or
 * FORMAT_JSON, members `"trials": [...],` of an object that the caller opens and closes. */
MUST_USE bool explain_cell_sections(Db *db, FILE *out, const ExplainCell *cell, Format format,
                                    Err *err);
MUST_USE bool explain_run_sections(Db *db, FILE *out, const ExplainRun *run, Format format,
                                   Err *err);

#endif
