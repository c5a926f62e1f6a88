/* What an experiment would take: how many runs, what each costs, how long they last. `dgbench plan`
 * prints it; nothing is trained.
 *
 * A row is a dataset with a method. The runs of a row differ in the held-out set, the trial and the
 * draw; sets come in two kinds, of one domain and of more, whose runs cost the same on average.
 */
#ifndef HARNESS_PLAN_H
#define HARNESS_PLAN_H

#include "dataset.h"
#include "experiment.h"
#include "plan_budget.h"
#include "query.h"
#include "run.h"

#include <stdio.h>

typedef enum { SET_SINGLE, SET_LARGER, N_SET_KINDS } SetKind; /* domains held out: one, more */

typedef struct {
    const char *name; /* as the experiment names it */
    TextList domains;
    Dataset *data;     /* NULL: its images are not on this machine; only its runs are counted */
    const char *place; /* where they were looked for, one line */
} PlanDataset;

/* The runs of one trial and draw: one per held-out set. */
typedef struct {
    double train_images; /* of each source domain, in the whole run */
    double n_checkpoints;
    int n_left[N_SET_KINDS]; /* runs not stored yet */
} PlanDraw;

typedef struct {
    double train_seconds_per_image, eval_seconds_per_image;
    const char *source; /* what was measured; NULL: nothing is known */
} PlanTime;

typedef struct {
    int dataset, method;             /* indexes */
    RunSpec spec;                    /* of the first run */
    bool is_known;                   /* cost, draws and time mean something */
    RunPlan cost;                    /* of the first run */
    PlanDraw *draws;                 /* [n_trials x n_draws]; all the same: one */
    bool draws_differ;               /* draws holds one per trial and draw */
    double n_sources[N_SET_KINDS];   /* mean over the sets of the kind */
    double eval_images[N_SET_KINDS]; /* of a checkpoint, with every variant of the weights */
    PlanTime time;
} PlanRow;

typedef struct {
    const Experiment *experiment;
    ExperimentCount count;
    PlanDataset *datasets; /* [count.n_datasets] */
    PlanRow *rows;         /* [count.n_datasets x count.n_methods] */
    int n_rows;
    const char *results;   /* database that was looked at; NULL: there is none */
    int64_t *n_stored;     /* per dataset; NULL: not looked up, there are too many runs */
    int n_jobs, n_threads; /* of a sweep; of each run */
    Arena *arena;
} Plan;

/* Opens the datasets and counts. What is not on this machine is counted by its descriptor, when
 * that lists the domains. n_jobs: worker processes of the sweep. */
MUST_USE bool plan_open(Plan *out, const Experiment *e, int n_jobs, Arena *arena, Err *err);
void plan_close(Plan *plan);

/* Which runs are stored, what the others cost. Fails, after the counting, when a run does not fit
 * into this machine. */
MUST_USE bool plan_cost(Plan *plan, Err *err);

/* Seconds per image of every row: from finished runs of the results database, and by measuring a
 * few steps where force is set, or, with needed, where the database knows nothing. */
MUST_USE bool plan_time(Plan *plan, bool force, bool needed, Err *err);

/* One run of the row in that trial and draw. */
const PlanDraw *plan_draw(const Plan *plan, const PlanRow *row, int64_t trial, int64_t draw);
double plan_run_flops(const PlanRow *row, const PlanDraw *draw, SetKind kind);
double plan_run_seconds(const PlanRow *row, const PlanDraw *draw, SetKind kind);

/* Over the runs of a part of the row that are not stored yet. */
typedef struct {
    int64_t n_left;
    double flops, seconds, longest_seconds; /* seconds of work: divide by the jobs */
} PlanSum;
PlanSum plan_sum(const Plan *plan, const PlanRow *row, BudgetPart part);
BudgetPart plan_whole(const Plan *plan);

/* Wall clock of that much work, spread over the plan's jobs. */
double plan_wall_seconds(const Plan *plan, const PlanSum *sum);

void plan_print_runs(const Plan *plan, FILE *out);
void plan_print_cost(const Plan *plan, FILE *out);
void plan_print_time(const Plan *plan, FILE *out);

/* The sweep's command line without what selects a part of it; and what it says of held-out sets
 * (""; " --held-out a,b"). */
typedef struct {
    const char *command, *held_out;
} PlanCommand;

/* The largest part that fits into the seconds, and the command that makes it. Fails when nothing
 * fits, or when some time is not known. */
MUST_USE bool plan_print_budget(const Plan *plan, double seconds, const PlanCommand *command,
                                FILE *out, Err *err);

#endif
