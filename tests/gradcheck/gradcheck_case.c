/* Leaves, the weighted loss, one run. The leaves go through two ways: as they are (a leaf's
 * gradient array is there, ops add to it) and behind a relay op (the gradient is new, ops assign
 * it). */
#include "gradcheck_case.h"

#include "err.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEP = 7 }; /* keys random ops */

void case_fail(Case *c, const char *what, double found)
{
    if (!c->failed) printf("# %s: %s (%.3e)\n", c->row->name, what, found);
    c->failed = true;
}

/* ---- ops of the framework ---- */

static void relay_backward(Tape *t, Tensor *y)
{
    Real *dx = tape_grad(t, y->inputs[0]);
    for (size_t i = 0; dx != NULL && i < tensor_size(y); i++) dx[i] += y->g[i];
}

static Tensor *relay(Tape *t, Tensor *x)
{
    Tensor *y =
        tape_result(t, &(TapeOp){"relay", relay_backward, &x, 1, 0, false, 0, 0}, x->rank, x->dims);
    if (!tape_planning(t)) memcpy(y->v, x->v, tensor_size(x) * sizeof *y->v);
    return y;
}

static void loss_backward(Tape *t, Tensor *y)
{
    const Case *c = *(const Case **)y->aux;
    for (int k = 0; k < y->n_inputs; k++) {
        Real *dx = tape_grad(t, y->inputs[k]);
        for (size_t i = 0; dx != NULL && i < c->n_weights; i++) dx[i] += y->g[0] * c->weights[i];
    }
}

/* Sum over parts (one or two outputs) of the output times the case's weights. */
static Tensor *weighted_loss(Tape *t, const Case *c, Tensor **parts, int n)
{
    Tensor *y = tape_result(t, &(TapeOp){"weighted_loss", loss_backward, parts, n, 0, false, 0, 0},
                            1, (int[]){1});
    const Case **aux = tape_aux(t, sizeof *aux);
    *aux = c;
    y->aux = aux;
    if (tape_planning(t)) return y;
    y->v[0] = 0;
    for (int k = 0; k < n; k++) {
        for (size_t i = 0; i < c->n_weights; i++) y->v[0] += c->weights[i] * parts[k]->v[i];
    }
    return y;
}

/* ---- making a case ---- */

static void fill_spread(Real *values, size_t n, const GradInput *in, RngStream s)
{
    int *order = mem_alloc(n, sizeof *order);
    for (size_t i = 0; i < n; i++) order[i] = (int)i;
    rng_shuffle(s, 0, order, (int)n);
    size_t cells = n + n % 2; /* an even number of cells: their middles miss the centre */
    for (size_t i = 0; i < n; i++) {
        values[i] = in->low + (in->high - in->low) * (order[i] + 0.5) / (double)cells;
    }
    free(order);
}

static void fill_input(Case *c, int i)
{
    GradInput in = c->row->in[i];
    if (in.low == 0 && in.high == 0) {
        in.low = -1;
        in.high = 1;
    }
    c->sizes[i] = 1;
    for (int k = 0; k < in.rank; k++) c->sizes[i] *= (size_t)in.dims[k];
    c->values[i] = mem_alloc(c->sizes[i], sizeof *c->values[i]);
    c->gradients[i] = mem_alloc(c->sizes[i], sizeof *c->gradients[i]);
    RngStream s = rng_sub(c->random, (uint64_t)i);
    if (in.spread) {
        fill_spread(c->values[i], c->sizes[i], &in, s);
        return;
    }
    for (size_t k = 0; k < c->sizes[i]; k++) {
        c->values[i][k] = in.low + (in.high - in.low) * rng_uniform(s, 0, k);
    }
}

/* The output's size is known after the first run. */
static void fill_weights(Case *c, const Tensor *y)
{
    if (c->weights != NULL) {
        check(c->n_weights == tensor_size(y), "%s: shape changed", c->row->name);
        return;
    }
    c->n_weights = tensor_size(y);
    c->weights = mem_alloc(c->n_weights, sizeof *c->weights);
    c->output = mem_alloc(c->n_weights, sizeof *c->output);
    RngStream s = rng_sub(c->random, GRAD_MAX_INPUTS);
    for (size_t i = 0; i < c->n_weights; i++) c->weights[i] = 2 * rng_uniform(s, 0, i) - 1;
}

void case_init(Case *c, const GradRow *row, uint64_t seed)
{
    *c = (Case){.row = row, .random = rng_stream(seed, row->name)};
    for (int i = 0; i < GRAD_MAX_INPUTS; i++) {
        if (row->in[i].rank > 0) fill_input(c, i);
    }
}

void case_done(Case *c)
{
    for (int i = 0; i < GRAD_MAX_INPUTS; i++) {
        free(c->values[i]);
        free(c->gradients[i]);
    }
    free(c->weights);
    free(c->output);
}

/* ---- running ---- */

static unsigned mode_of(const Case *c, const How *how)
{
    return (c->row->evaluation ? 0u : (unsigned)TAPE_TRAINING) |
           (how->no_record ? 0u : (unsigned)TAPE_GRADIENTS);
}

static bool gets_gradient(const Case *c, const How *how, int i)
{
    return !c->row->in[i].constant && how->without != i + 1;
}

static void make_leaves(Case *c, Tape *t, const How *how, Tensor **in)
{
    for (int i = 0; i < GRAD_MAX_INPUTS; i++) {
        const GradInput *input = &c->row->in[i];
        in[i] = NULL;
        if (input->rank == 0) continue;
        for (size_t k = 0; k < c->sizes[i]; k++) c->gradients[i][k] = how->prefill;
        in[i] = gets_gradient(c, how, i)
                    ? tape_leaf(t, "leaf", c->values[i], c->gradients[i], input->rank, input->dims)
                    : tape_input(t, c->values[i], input->rank, input->dims);
        if (how->relay) in[i] = relay(t, in[i]);
    }
}

static void check_no_gradient(Case *c, const How *how, Tensor **in)
{
    for (int i = 0; i < GRAD_MAX_INPUTS; i++) {
        if (in[i] == NULL || gets_gradient(c, how, i)) continue;
        if (in[i]->g != NULL)
            case_fail(c, "a gradient was computed for an input that needs none", i);
    }
}

/* The tape has begun. Returns the loss; *y is the output. */
static Tensor *run(Case *c, Tape *t, const How *how, Tensor **y)
{
    Tensor *in[GRAD_MAX_INPUTS], *outputs[2];
    make_leaves(c, t, how, in);
    int n = how->twice ? 2 : 1;
    for (int k = 0; k < n; k++) outputs[k] = c->row->build(t, in, c->row->options);
    *y = outputs[0];
    fill_weights(c, outputs[0]);
    if (!tape_planning(t)) memcpy(c->output, outputs[0]->v, c->n_weights * sizeof *c->output);
    Tensor *loss = weighted_loss(t, c, outputs, n);
    if (how->no_record) return loss;
    tape_backward(t, loss);
    check_no_gradient(c, how, in);
    return loss;
}

double case_run(Case *c, Tape *t, const How *how)
{
    Tensor *y;
    tape_begin(t, mode_of(c, how), STEP);
    return run(c, t, how, &y)->v[0];
}

double case_run_new(Case *c, const How *how)
{
    Tape *t = tape_new(&(TapeOptions){.threads = how->threads, .seed = 5});
    double loss = case_run(c, t, how);
    tape_free(t);
    return loss;
}

CaseCost case_cost(Case *c, const How *how, bool planning)
{
    Tape *t = tape_new(&(TapeOptions){.threads = how->threads, .seed = 5});
    tape_begin(t, mode_of(c, how) | (planning ? (unsigned)TAPE_PLAN : 0u), STEP);
    Tensor *y;
    (void)run(c, t, how, &y);
    CaseCost cost = {.cost = tape_cost(t), .rank = y->rank};
    memcpy(cost.dims, y->dims, sizeof cost.dims);
    tape_free(t);
    return cost;
}
