/* Pure bookkeeping; the trainer and the run act on it. */
#include "stages.h"

#include "err.h"

void stages_init(Stages *s, const StagesOptions *options)
{
    *s = (Stages){.steps = options->steps, .best_accuracy = -1};
    plateau_init(&s->plateau, options->lr);
}

double stages_lr(const Stages *s, const StagesOptions *options, int64_t step)
{
    double lr = options->lr;
    for (int i = 0; i < s->n_drops && step > s->drops[i]; i++) lr *= PLATEAU_FACTOR;
    return lr;
}

/* The port judges when its counter, one ahead of the step, is above linear_steps = warm_start - 1.
 */
static void judge_plateau(Stages *s, const StagesOptions *options, int64_t step, double nll)
{
    if (step + 1 < options->warm_start || !plateau_step(&s->plateau, nll)) return;
    s->drops[s->n_drops++] = step;
    if (s->n_drops == STAGES_DROPS) s->steps = step + 1;
}

void stages_checkpoint(Stages *s, const StagesOptions *options, int64_t step, Validation v)
{
    check(s->stage == STAGE_VALIDATED && step < s->steps, "validation of step %lld of %lld",
          (long long)step, (long long)s->steps);
    if (v.accuracy > s->best_accuracy) {
        s->best_accuracy = v.accuracy;
        s->best_step = step;
    }
    if (options->auto_lr) judge_plateau(s, options, step, v.nll);
}

int64_t stages_repeated_step(const Stages *s, const StagesOptions *options)
{
    check(s->best_accuracy >= 0, "no validation");
    if (!options->auto_lr) return s->best_step;
    return (s->stage == STAGE_VALIDATED ? s->steps : s->before) - 1;
}

bool stages_next(Stages *s, const StagesOptions *options)
{
    if (!options->full_data || s->stage == STAGE_FULL_DATA) return false;
    int64_t repeated = stages_repeated_step(s, options);
    s->stage = STAGE_FULL_DATA;
    s->before = s->steps;
    s->steps = repeated + 1;
    return true;
}

int64_t stages_most_updates(const StagesOptions *options)
{
    return options->full_data ? 2 * options->steps : options->steps;
}
