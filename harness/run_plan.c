/* What a run would cost: the same code in plan mode. */
#include "run.h"
#include "run_setup.h"
#include "trainer.h"

/* Images of one checkpoint's evaluation, times the weight variants. */
static int64_t images_per_checkpoint(const RunSetup *s)
{
    int64_t n = 0;
    for (int d = 0; d < s->dataset->n_domains; d++) {
        n += s->splits[d].n_out + s->splits[d].n_uda;
        if (s->held_out[d] || s->spec->eval.source_train) n += s->splits[d].n_in;
    }
    return n * learner_n_variants(s->learner);
}

static void count_images(RunPlan *plan, const RunSetup *s)
{
    for (int d = 0; d < s->dataset->n_domains; d++) {
        if (s->held_out[d]) {
            plan->n_target_images += s->splits[d].n_in + s->splits[d].n_out + s->splits[d].n_uda;
        } else {
            plan->n_source_images += s->splits[d].n_in;
        }
    }
}

static void fill_plan(RunPlan *plan, RunSetup *s)
{
    const RunSpec *spec = s->spec;
    int n = s->n_sources * (int)spec->data.batch_size;
    TapeCost step = learner_plan_update(s->learner, n, s->n_sources);
    TapeCost image = learner_plan_predict(s->learner, 1);
    Params *params = learner_params(s->learner);
    plan->n_parameters = (int64_t)params_learned_size(params);
    plan->n_trainable = (int64_t)params_trainable_size(params);
    plan->step_flops = step.forward_flops + step.backward_flops;
    plan->n_variants = learner_n_variants(s->learner);
    plan->eval_images = images_per_checkpoint(s);
    plan->eval_flops = image.forward_flops * (double)plan->eval_images;
    int n_stages = spec->method.full_data ? 2 : 1;
    plan->n_updates = stages_most_updates(&s->stages);
    plan->n_checkpoints =
        n_stages * (int)trainer_n_checkpoints(spec->train.steps, spec->train.checkpoint_freq);
    plan->total_flops = n_stages * run_setup_train_flops(s, spec->train.steps) +
                        plan->eval_flops * plan->n_checkpoints;
    plan->step_peak_bytes = (int64_t)step.peak_bytes;
    plan->total_peak_bytes = (int64_t)(step.peak_bytes + learner_state_bytes(s->learner));
    plan->step_images = n;
    plan->image_size = spec->data.image_size;
    plan->channels = s->dataset->channels;
    plan->n_classes = s->dataset->n_classes;
    count_images(plan, s);
}

bool run_plan(RunPlan *out, const RunSpec *spec, Err *err)
{
    RunSetup setup;
    if (!run_spec_check_ready(spec, "plan", err) || !run_spec_check_weights(spec, "plan", err) ||
        !run_setup_open(&setup, spec, err)) {
        return false;
    }
    setup.planning = true;
    bool ok = run_setup_learner(&setup, err);
    if (ok) {
        *out = (RunPlan){0};
        fill_plan(out, &setup);
    }
    run_setup_close(&setup);
    return ok;
}
