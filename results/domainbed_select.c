/* See domainbed_select.h. */
#include "domainbed_select.h"

#include "domainbed_registry.h"
#include "err.h"
#include "numpy_sum.h"

#include <math.h>
#include <stddef.h>

static bool holds_out_only(const SelectRecord *r, int env)
{
    return r->n_test_envs == 1 && r->test_env[0] == env && !isnan(r->in[0]);
}

/* The place of the other environment of a pair with env, or -1. */
static int other_of_pair(const SelectRecord *r, int env)
{
    if (r->n_test_envs != 2) return -1;
    return r->test_env[0] == env ? 1 : r->test_env[1] == env ? 0 : -1;
}

static Selected by_training_domains(const SelectRecord *records, int n, int env)
{
    Selected best = {0};
    for (int i = 0; i < n; i++) {
        const SelectRecord *r = &records[i];
        if (!holds_out_only(r, env) || isnan(r->source)) continue;
        if (!best.found || r->source > best.value) best = (Selected){true, r->source, r->in[0]};
    }
    return best;
}

/* Value of one step, when it counts. */
static Selected leave_one_out_at(const SelectRecord *records, int n, int64_t step, int env,
                                 int n_envs)
{
    double values[DOMAINBED_MAX_ENVS];
    int n_own = 0, n_values = 0;
    double accuracy = 0;
    for (int v = 0; v < n_envs; v++) values[v] = (double)NAN;
    for (int i = 0; i < n; i++) {
        const SelectRecord *r = &records[i];
        if (r->step != step) continue;
        int other = other_of_pair(r, env);
        if (other >= 0) values[r->test_env[other]] = r->in[other];
        if (!holds_out_only(r, env)) continue;
        n_own++;
        accuracy = r->in[0];
    }
    for (int v = 0; v < n_envs; v++) {
        if (v == env) continue;
        if (isnan(values[v])) return (Selected){0};
        values[n_values++] = values[v];
    }
    if (n_own != 1 || n_values == 0) return (Selected){0};
    return (Selected){true, numpy_sum(values, n_values) / n_values, accuracy};
}

/* The smallest step above `step` among the records that hold env out alone; -1: none. */
static int64_t next_step(const SelectRecord *records, int n, int64_t step, int env)
{
    int64_t next = -1;
    for (int i = 0; i < n; i++) {
        const SelectRecord *r = &records[i];
        if (holds_out_only(r, env) && r->step > step && (next < 0 || r->step < next))
            next = r->step;
    }
    return next;
}

static Selected by_leaving_one_out(const SelectRecord *records, int n, int env, int n_envs)
{
    Selected best = {0};
    for (int64_t step = -1; (step = next_step(records, n, step, env)) >= 0;) {
        Selected one = leave_one_out_at(records, n, step, env, n_envs);
        if (one.found && (!best.found || one.value > best.value)) best = one;
    }
    return best;
}

static Selected by_oracle(const SelectRecord *records, int n, int env)
{
    const SelectRecord *last = NULL;
    for (int i = 0; i < n; i++) {
        const SelectRecord *r = &records[i];
        if (holds_out_only(r, env) && (last == NULL || r->step >= last->step)) last = r;
    }
    if (last == NULL || isnan(last->out[0])) return (Selected){0};
    return (Selected){true, last->out[0], last->in[0]};
}

Selected domainbed_select(int rule, const SelectRecord *records, int n, int test_env, int n_envs)
{
    check(n_envs <= DOMAINBED_MAX_ENVS, "%d environments", n_envs);
    if (rule == SELECT_TRAINING) return by_training_domains(records, n, test_env);
    if (rule == SELECT_ORACLE) return by_oracle(records, n, test_env);
    return by_leaving_one_out(records, n, test_env, n_envs);
}
