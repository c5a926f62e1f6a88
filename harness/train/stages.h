/* Which passes a run makes over its sources, how long each is, and with which learning rates:
 * ERM++'s Auto-LR and full-data stage (DomainBed's port: scripts/train_autolr.py, algorithms.py
 * ERMPlusPlus). Plain values: a checkpoint file carries them.
 *
 *     Stages s;
 *     stages_init(&s, &options);
 *     do {
 *         for (step = 0; step < s.steps; step++) {
 *             ... an update with learning rate stages_lr(&s, &options, step) ...
 *             at a checkpoint of a validated stage: stages_checkpoint(&s, &options, step,
 * validation)
 *         }
 *     } while (stages_next(&s, &options));
 *
 * A run has one stage, or with full_data two: VALIDATED trains on the sources' in splits and
 * validates on their out splits, FULL_DATA trains a new model on both, with the learning rates and
 * the length that the first one found:
 *   auto_lr   a plateau of the validation loss, judged at checkpoints after the warm start, lowers
 *             the rate to a tenth; at the third drop the stage ends. FULL_DATA has the same rates
 * at the same steps, and the same length. otherwise the rate stays, VALIDATED has all its steps,
 * and FULL_DATA ends at the step with the best validation accuracy, the earliest of equals (the
 * erm_plusplus repository's way).
 *
 * Where we differ from the port: FULL_DATA is exactly as long as the stage it repeats (there it
 * stops one checkpoint earlier and reports the one before that, because the loop breaks before it
 * evaluates), and a stage that never meets its third plateau is repeated to its last step with its
 * last rate (there the list of rates runs out and the program fails).
 */
#ifndef TRAIN_STAGES_H
#define TRAIN_STAGES_H

#include "plateau.h"

#include <stdint.h>

enum { STAGES_DROPS = 3 }; /* the third change of the rate ends stage 1: train_autolr.py */

typedef struct {
    int64_t steps;      /* of a stage, at most */
    int64_t warm_start; /* updates whose checkpoints the plateau does not judge */
    double lr;
    bool auto_lr, full_data;
} StagesOptions;

typedef enum { STAGE_VALIDATED, STAGE_FULL_DATA } Stage;

typedef struct {
    Stage stage;
    int64_t steps;  /* of this stage; a checkpoint may shorten it to the steps done */
    int64_t before; /* updates of the stage before this one */
    Plateau plateau;
    int n_drops;
    int64_t drops[STAGES_DROPS]; /* steps after which the rate is lower */
    double best_accuracy;        /* of VALIDATED, at best_step; -1: no checkpoint yet */
    int64_t best_step;
} Stages;

/* Of the weights that the method reports: unweighted means over the sources' out splits. */
typedef struct {
    double accuracy, nll;
} Validation;

void stages_init(Stages *s, const StagesOptions *options);

double stages_lr(const Stages *s, const StagesOptions *options, int64_t step);

/* After update `step` of stage VALIDATED was evaluated. */
void stages_checkpoint(Stages *s, const StagesOptions *options, int64_t step, Validation v);

/* Is there a stage after this one? Then s is that one's. */
bool stages_next(Stages *s, const StagesOptions *options);

/* The checkpoint of VALIDATED that FULL_DATA repeats, and so what validates it. */
int64_t stages_repeated_step(const Stages *s, const StagesOptions *options);

/* Most updates that all stages together can take. */
int64_t stages_most_updates(const StagesOptions *options);

#endif
