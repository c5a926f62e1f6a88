#include "rotated.h"

#include "clock.h"
#include "err.h"
#include "factors.h"
#include "gemm.h"
#include "mem.h"
#include "ops.h"
#include "rng.h"
#include "sharpness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1000, SHARPNESS_ROUNDS = 40 };

/* Between two points of which gradients are compared: factors have norms of about 1, and smaller
 * differences lose float's digits. */
static const double DIFFERENCE = 1e-2;

struct RotatedStudy {
    RotatedProblem problem;
    RotatedData data;
    Params *net;        /* the frozen network */
    int w1, b1, w2, b2; /* ids: [hidden,d], [hidden], [classes,hidden], [classes] */
    Real *before;       /* [n,hidden]: turned W1^T + b1, which no update changes */
};

/* ---- the network ---- */

RotatedStudy *rotated_new(const RotatedProblem *problem, const RotatedData *data)
{
    check(problem->batch > 0 && problem->batch <= data->n, "batches of %d of %d images",
          problem->batch, data->n);
    int h = problem->hidden, d = data->d, k = data->n_classes;
    RotatedStudy *s = mem_alloc(1, sizeof *s);
    s->problem = *problem;
    s->data = *data;
    s->net = params_new();
    s->w1 = params_add(s->net, &(ParamSpec){"fc1.weight", 2, {h, d}, INIT_LINEAR_WEIGHT, 0, 0});
    s->b1 = params_add(s->net, &(ParamSpec){"fc1.bias", 1, {h}, INIT_LINEAR_BIAS, d, 0});
    s->w2 = params_add(s->net, &(ParamSpec){"fc2.weight", 2, {k, h}, INIT_LINEAR_WEIGHT, 0, 0});
    s->b2 = params_add(s->net, &(ParamSpec){"fc2.bias", 1, {k}, INIT_LINEAR_BIAS, h, 0});
    params_seal(s->net, problem->seed);
    s->before = mem_alloc((size_t)data->n * (size_t)h, sizeof *s->before);
    return s;
}

void rotated_free(RotatedStudy *s)
{
    if (s == NULL) return;
    params_free(s->net);
    free(s->before);
    free(s);
}

static Real *net_values(const RotatedStudy *s, int id)
{
    return params_values(s->net) + params_get(s->net, id)->offset;
}

static Tensor *net_loss(RotatedStudy *s, Tape *t, const Real *images, const int *labels, int n)
{
    Tensor *x = tape_input(t, images, 2, (int[]){n, s->data.d});
    Tensor *h = nn_relu(
        t, nn_linear(t, x, params_tensor(s->net, t, s->w1), params_tensor(s->net, t, s->b1)));
    Tensor *z = nn_linear(t, h, params_tensor(s->net, t, s->w2), params_tensor(s->net, t, s->b2));
    return nn_cross_entropy(t, z, labels, NULL);
}

/* Rows order[0..n) of source [.,d] into out [n,d]. */
static void gather(Real *out, const Real *source, const int *order, int n, int d)
{
    for (int i = 0; i < n; i++) {
        memcpy(out + (size_t)i * (size_t)d, source + (size_t)order[i] * (size_t)d,
               (size_t)d * sizeof *out);
    }
}

static void count_up(int *order, int n)
{
    for (int i = 0; i < n; i++) order[i] = i;
}

static double net_mean_loss(RotatedStudy *s, Tape *t)
{
    double sum = 0;
    for (int begin = 0; begin < s->data.n; begin += CHUNK) {
        int n = s->data.n - begin < CHUNK ? s->data.n - begin : CHUNK;
        tape_begin(t, 0, 0);
        Tensor *loss = net_loss(s, t, s->data.upright + (size_t)begin * (size_t)s->data.d,
                                s->data.labels + begin, n);
        sum += (double)loss->v[0] * n;
    }
    return sum / s->data.n;
}

static void pretrain_pass(RotatedStudy *s, Tape *t, Optimizer *o, int *order, int pass)
{
    int batch = s->problem.batch, n_batches = s->data.n / batch;
    int64_t steps = (int64_t)n_batches * s->problem.pretrain_passes;
    Real *x = mem_alloc((size_t)batch * (size_t)s->data.d, sizeof *x);
    int *y = mem_alloc((size_t)batch, sizeof *y);
    rng_shuffle(rng_stream(s->problem.seed, "rotated/pretrain"), (uint64_t)pass, order, s->data.n);
    for (int b = 0; b < n_batches; b++) {
        const int *rows = order + (size_t)b * (size_t)batch;
        int64_t step = (int64_t)pass * n_batches + b;
        gather(x, s->data.upright, rows, batch, s->data.d);
        for (int i = 0; i < batch; i++) y[i] = s->data.labels[rows[i]];
        tape_begin(t, TAPE_TRAINING | TAPE_GRADIENTS, (uint64_t)step);
        params_zero_gradients(s->net);
        tape_backward(t, net_loss(s, t, x, y, batch));
        optim_set_lr(o, 1e-3 * study_schedule(step, steps, 1));
        optim_step(o, s->net, tape_threads(t));
    }
    free(x);
    free(y);
}

double rotated_pretrain(RotatedStudy *s, ThreadPool *threads)
{
    int h = s->problem.hidden, n = s->data.n;
    Tape *t = tape_new(&(TapeOptions){.threads = threads});
    OptimOptions options = study_optim_options(STUDY_ADAM, 1e-3);
    Optimizer *o = optim_new(&options, s->net);
    int *order = mem_alloc((size_t)n, sizeof *order);
    count_up(order, n);
    for (int pass = 0; pass < s->problem.pretrain_passes; pass++)
        pretrain_pass(s, t, o, order, pass);
    double loss = net_mean_loss(s, t);
    const Real *b1 = net_values(s, s->b1);
    for (int i = 0; i < n; i++)
        memcpy(s->before + (size_t)i * (size_t)h, b1, (size_t)h * sizeof *b1);
    gemm_threads(threads, &(Gemm){.transpose_b = true,
                                  .m = n,
                                  .n = h,
                                  .k = s->data.d,
                                  .alpha = 1,
                                  .beta = 1,
                                  .a = s->data.turned,
                                  .b = net_values(s, s->w1),
                                  .c = s->before});
    free(order);
    optim_free(o);
    tape_free(t);
    return loss;
}

/* ---- the updates that are learned ---- */

enum { A1, B1, A2, B2, N_FACTORS };

struct RotatedModel {
    const RotatedStudy *of;
    Factors *factors;
    Tape *tape;
    Real *x, *before; /* [batch,d], [batch,hidden] */
    int *labels, *order;
    Real *last; /* [factors_size]: the gradient that the cosine compares with */
    int shapes[N_FACTORS][2];
};

RotatedModel *rotated_model_new(const RotatedStudy *s, const StudyCell *cell)
{
    int r = s->problem.rank, h = s->problem.hidden, d = s->data.d, k = s->data.n_classes;
    size_t batch = (size_t)s->problem.batch;
    const FactorSpec specs[] = {[A1] = {"A1", r, d, false, 0},
                                [B1] = {"B1", h, r, true, 0},
                                [A2] = {"A2", r, h, false, 1},
                                [B2] = {"B2", k, r, true, 1}};
    RotatedModel *m = mem_alloc(1, sizeof *m);
    m->of = s;
    for (int i = 0; i < N_FACTORS; i++) {
        m->shapes[i][0] = specs[i].rows;
        m->shapes[i][1] = specs[i].columns;
    }
    m->factors = factors_new(specs, N_FACTORS,
                             &(FactorOptions){.generated = cell->generated,
                                              .inputs = s->problem.generator_inputs,
                                              .width = s->problem.width,
                                              .input_std = cell->input_std,
                                              .seed = cell->seed});
    m->tape = tape_new(&(TapeOptions){0});
    m->x = mem_alloc(batch * (size_t)d, sizeof *m->x);
    m->before = mem_alloc(batch * (size_t)h, sizeof *m->before);
    m->labels = mem_alloc(batch, sizeof *m->labels);
    m->order = mem_alloc((size_t)s->data.n, sizeof *m->order);
    count_up(m->order, s->data.n);
    m->last = mem_alloc(factors_size(m->factors), sizeof *m->last);
    return m;
}

void rotated_model_free(RotatedModel *m)
{
    if (m == NULL) return;
    factors_free(m->factors);
    tape_free(m->tape);
    free(m->x);
    free(m->before);
    free(m->labels);
    free(m->order);
    free(m->last);
    free(m);
}

Params *rotated_model_params(RotatedModel *m)
{
    return factors_params(m->factors);
}

/* n images x [n,d], what the frozen first layer makes of them, and their labels. */
typedef struct {
    const Real *x, *before;
    const int *labels;
    int n;
} Rows;

static Tensor *factor(RotatedModel *m, int i)
{
    return tape_leaf(m->tape, "factor", factors_values(m->factors, i),
                     factors_gradients(m->factors, i), 2, m->shapes[i]);
}

/* Mean loss of the rows as the factors stand, [1]. */
static Tensor *rows_loss(RotatedModel *m, const Rows *rows)
{
    const RotatedStudy *s = m->of;
    Tape *t = m->tape;
    int h = s->problem.hidden, k = s->data.n_classes;
    Tensor *x = tape_input(t, rows->x, 2, (int[]){rows->n, s->data.d});
    Tensor *before = tape_input(t, rows->before, 2, (int[]){rows->n, h});
    Tensor *w2 = tape_input(t, net_values(s, s->w2), 2, (int[]){k, h});
    Tensor *b2 = tape_input(t, net_values(s, s->b2), 1, (int[]){k});
    Tensor *change = nn_linear(t, nn_linear(t, x, factor(m, A1), NULL), factor(m, B1), NULL);
    Tensor *hidden = nn_relu(t, nn_add(t, before, change));
    Tensor *z = nn_linear(t, hidden, w2, b2);
    change = nn_linear(t, nn_linear(t, hidden, factor(m, A2), NULL), factor(m, B2), NULL);
    return nn_cross_entropy(t, nn_add(t, z, change), rows->labels, NULL);
}

static void clear_gradients(RotatedModel *m)
{
    memset(factors_gradients(m->factors, 0), 0, factors_size(m->factors) * sizeof(Real));
}

/* Of the first n images, as the factors stand; with_gradient: sets the factors' gradients. */
static double first_loss(RotatedModel *m, int n, bool with_gradient)
{
    const RotatedStudy *s = m->of;
    double sum = 0;
    if (with_gradient) clear_gradients(m);
    for (int begin = 0; begin < n; begin += CHUNK) {
        Rows rows = {s->data.turned + (size_t)begin * (size_t)s->data.d,
                     s->before + (size_t)begin * (size_t)s->problem.hidden, s->data.labels + begin,
                     n - begin < CHUNK ? n - begin : CHUNK};
        tape_begin(m->tape, with_gradient ? TAPE_GRADIENTS : 0, 0);
        Tensor *loss = nn_affine(m->tape, rows_loss(m, &rows), (double)rows.n / n, 0);
        sum += (double)loss->v[0];
        if (with_gradient) tape_backward(m->tape, loss);
    }
    return sum;
}

double rotated_model_loss(RotatedModel *m, int n, bool with_gradient)
{
    factors_make(m->factors);
    double loss = first_loss(m, n, with_gradient);
    if (with_gradient) factors_backward(m->factors);
    return loss;
}

/* ---- a cell ---- */

static int probe_size(const RotatedModel *m)
{
    return m->of->data.n < ROTATED_PROBE ? m->of->data.n : ROTATED_PROBE;
}

static void log_pass(StudyOutcome *out, RotatedModel *m, int64_t step)
{
    const Factors *f = m->factors;
    const int r = m->of->problem.rank;
    StudyStep row = {.step = step, .loss = out->loss};
    row.effective_rank =
        study_product_rank(factors_values(m->factors, B1), factors_values(m->factors, A1),
                           m->of->problem.hidden, r, m->of->data.d);
    (void)first_loss(m, probe_size(m), true);
    row.gradient_norm = study_gradient(factors_gradients(m->factors, 0), m->last, factors_size(f),
                                       out->n_steps == 0, &row.gradient_cosine);
    study_outcome_add(out, row);
}

/* A point in the space of the factors. */
static void factor_gradient(void *context, Real *gradient, const Real *at)
{
    RotatedModel *m = context;
    size_t n_bytes = factors_size(m->factors) * sizeof(Real);
    memcpy(factors_values(m->factors, 0), at, n_bytes);
    (void)first_loss(m, probe_size(m), true);
    memcpy(gradient, factors_gradients(m->factors, 0), n_bytes);
}

/* A point in the space of what is learned. */
static void learned_gradient(void *context, Real *gradient, const Real *at)
{
    RotatedModel *m = context;
    Params *params = factors_params(m->factors);
    size_t n_bytes = params_size(params) * sizeof(Real);
    memcpy(params_values(params), at, n_bytes);
    (void)rotated_model_loss(m, probe_size(m), true);
    memcpy(gradient, params_gradients(params), n_bytes);
}

/* Curvature where the model stands, at [n], and the gradient along it. */
static StudySharpness sharpness_at(RotatedModel *m, SharpnessGradient *gradient, const Real *values,
                                   size_t n)
{
    Real *block = mem_alloc(3 * n, sizeof *block), *at = block, *v = at + n, *g = v + n;
    StudySharpness found = {NAN, NAN};
    memcpy(at, values, n * sizeof *at);
    found.curvature = sharpness_top(v, &(Sharpness){.gradient = gradient,
                                                    .context = m,
                                                    .at = at,
                                                    .n = n,
                                                    .difference = DIFFERENCE,
                                                    .max_rounds = SHARPNESS_ROUNDS});
    gradient(m, g, at); /* and stands there again */
    double along = 0;
    for (size_t i = 0; i < n; i++) along += (double)v[i] * (double)g[i];
    if (isfinite(found.curvature)) found.gradient = fabs(along);
    free(block);
    return found;
}

static void measure_sharpness(StudyOutcome *out, RotatedModel *m, bool generated)
{
    Params *params = factors_params(m->factors);
    out->factors =
        sharpness_at(m, factor_gradient, factors_values(m->factors, 0), factors_size(m->factors));
    out->learned = out->factors; /* the same space, where no generator stands between */
    if (generated)
        out->learned =
            sharpness_at(m, learned_gradient, params_values(params), params_size(params));
}

static void update(RotatedModel *m, Optimizer *o, const int *order, int64_t step)
{
    const RotatedStudy *s = m->of;
    int batch = s->problem.batch;
    Rows rows = {m->x, m->before, m->labels, batch};
    gather(m->x, s->data.turned, order, batch, s->data.d);
    gather(m->before, s->before, order, batch, s->problem.hidden);
    for (int i = 0; i < batch; i++) m->labels[i] = s->data.labels[order[i]];
    clear_gradients(m);
    tape_begin(m->tape, TAPE_TRAINING | TAPE_GRADIENTS, (uint64_t)step);
    tape_backward(m->tape, rows_loss(m, &rows));
    factors_backward(m->factors);
    optim_step(o, factors_params(m->factors), NULL);
    factors_make(m->factors);
}

/* False when it diverged. */
static bool train_pass(StudyOutcome *out, RotatedModel *m, Optimizer *o, const StudyCell *cell,
                       int pass)
{
    const RotatedProblem *p = &m->of->problem;
    int n = m->of->data.n, n_batches = n / p->batch;
    int64_t steps = (int64_t)n_batches * p->passes, step = (int64_t)pass * n_batches;
    rng_shuffle(rng_stream(cell->seed, "rotated/order"), (uint64_t)pass, m->order, n);
    for (int b = 0; b < n_batches; b++, step++) {
        optim_set_lr(o, cell->lr * study_schedule(step, steps, steps > 20 ? steps / 20 : 1));
        update(m, o, m->order + (size_t)b * (size_t)p->batch, step);
    }
    if (!study_outcome_loss(out, step, first_loss(m, n, false))) return false;
    log_pass(out, m, step);
    return true;
}

void rotated_cell(StudyOutcome *out, const RotatedStudy *s, const StudyCell *cell)
{
    double begin = clock_seconds();
    RotatedModel *m = rotated_model_new(s, cell);
    OptimOptions options = study_optim_options(cell->optimizer, cell->lr);
    Optimizer *o = optim_new(&options, factors_params(m->factors));
    study_outcome_init(out);
    out->n_parameters = (int64_t)params_trainable_size(factors_params(m->factors));
    factors_make(m->factors);
    bool ok = study_outcome_loss(out, 0, first_loss(m, s->data.n, false));
    if (ok) log_pass(out, m, 0);
    for (int pass = 0; ok && pass < s->problem.passes; pass++)
        ok = train_pass(out, m, o, cell, pass);
    if (ok) measure_sharpness(out, m, cell->generated);
    out->seconds = clock_seconds() - begin;
    optim_free(o);
    rotated_model_free(m);
}
