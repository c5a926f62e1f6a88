/* The checks behind each row. */
#include "gradcheck.h"

#include "gradcheck_case.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double EPS = 1e-5;       /* of the central difference: STYLE B.1 */
static const double TOLERANCE = 1e-6; /* relative */
static const double SAME = 1e-12;     /* relative: the same sum in another order */
static const double KINK = 1e-3;      /* relative difference of the slopes to the left and right */
enum { N_DIRECTIONS = 3 };

/* ---- gradients kept for comparison ---- */

typedef struct {
    Real *g[GRAD_MAX_INPUTS];
    Real *output;
} Kept;

static Real *copy_of(const Real *v, size_t n)
{
    Real *copy = mem_alloc(n, sizeof *copy);
    return memcpy(copy, v, n * sizeof *copy);
}

static Kept keep(const Case *c)
{
    Kept k = {.output = copy_of(c->output, c->n_weights)};
    for (int i = 0; i < GRAD_MAX_INPUTS; i++) {
        if (c->gradients[i] != NULL) k.g[i] = copy_of(c->gradients[i], c->sizes[i]);
    }
    return k;
}

static void kept_done(Kept *k)
{
    for (int i = 0; i < GRAD_MAX_INPUTS; i++) free(k->g[i]);
    free(k->output);
}

/* Every gradient has to be scale * kept + shift (to a relative tolerance; 0: the same bits). */
typedef struct {
    double scale, shift, tolerance;
    int without; /* 1 + an input that is left out; 0: none */
} Expected;

static double norm_of_difference(const Real *a, const Real *b, const Expected *e, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = a[i] - (e->scale * b[i] + e->shift);
        sum += d * d;
    }
    return sqrt(sum);
}

static double norm(const Real *a, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * a[i];
    return sqrt(sum);
}

static void compare_output(Case *c, const Kept *k, double tol, const char *what)
{
    double d = norm_of_difference(c->output, k->output, &(Expected){.scale = 1}, c->n_weights);
    if (!(d <= tol * (norm(k->output, c->n_weights) + 1e-3))) case_fail(c, what, d);
}

static void compare(Case *c, const Kept *k, Expected e, const char *what)
{
    for (int i = 0; i < GRAD_MAX_INPUTS; i++) {
        if (k->g[i] == NULL || c->row->in[i].constant || e.without == i + 1) continue;
        double d = norm_of_difference(c->gradients[i], k->g[i], &e, c->sizes[i]);
        double size = norm(k->g[i], c->sizes[i]) + fabs(e.shift) + 1e-3;
        if (!(d <= e.tolerance * size)) case_fail(c, what, d / size);
    }
    compare_output(c, k, e.tolerance, what);
}

/* ---- central differences ---- */

/* One input of a case, and the direction it is moved in. */
typedef struct {
    Case *c;
    Tape *t;
    int input;
    Real *at;        /* the values to move from */
    Real *direction; /* 1 at one element, or random */
    double loss;     /* at `at` */
} Probe;

static double loss_moved(const Probe *p, double step)
{
    Real *x = p->c->values[p->input];
    size_t n = p->c->sizes[p->input];
    for (size_t k = 0; k < n; k++) x[k] = p->at[k] + step * p->direction[k];
    double loss = case_run(p->c, p->t, &(How){.no_record = true});
    memcpy(x, p->at, n * sizeof *x);
    return loss;
}

/* Slope of the loss along the direction. *is_kink: it differs from left to right. */
static double slope(const Probe *p, bool *is_kink)
{
    double up = loss_moved(p, EPS), down = loss_moved(p, -EPS);
    double right = (up - p->loss) / EPS, left = (p->loss - down) / EPS;
    *is_kink = fabs(right - left) > KINK * (fabs(right) + fabs(left) + 1);
    return (up - down) / (2 * EPS);
}

/* Worst relative error over the elements, each against its own size but at least 1 % of the
 * largest, and of the vectors as a whole. Elements with NaN in `found` are skipped (kinks). */
static double worst_error(const Real *analytic, const Real *found, size_t n)
{
    double largest = 0, worst = 0, sum_d = 0, sum = 0;
    for (size_t k = 0; k < n; k++) largest = fmax(largest, fabs(analytic[k]));
    double floor = fmax(1e-2, 1e-2 * largest);
    for (size_t k = 0; k < n; k++) {
        if (isnan(found[k]) && !isnan(analytic[k])) continue;
        double d = fabs(analytic[k] - found[k]);
        double error = d / fmax(fabs(analytic[k]), floor);
        if (!(error <= worst)) worst = error;
        sum_d += d * d;
        sum += found[k] * found[k];
    }
    double whole = sqrt(sum_d) / fmax(sqrt(sum), 1e-2);
    return whole <= worst ? worst : whole;
}

static double check_elements(Probe *p, const Real *analytic, int *n_kinks)
{
    size_t n = p->c->sizes[p->input];
    Real *found = mem_alloc(n, sizeof *found);
    for (size_t k = 0; k < n; k++) {
        bool is_kink;
        memset(p->direction, 0, n * sizeof *p->direction);
        p->direction[k] = 1;
        found[k] = slope(p, &is_kink);
        if (!is_kink || *n_kinks >= p->c->row->max_kinks) continue;
        found[k] = NAN;
        ++*n_kinks;
    }
    double worst = worst_error(analytic, found, n);
    free(found);
    return worst;
}

static double check_directions(Probe *p, const Real *analytic)
{
    size_t n = p->c->sizes[p->input];
    double worst = 0;
    for (int d = 0; d < N_DIRECTIONS; d++) {
        RngStream s = rng_sub(rng_sub(p->c->random, 100 + (uint64_t)p->input), (uint64_t)d);
        Real expected = 0;
        for (size_t k = 0; k < n; k++) {
            p->direction[k] = 2 * rng_uniform(s, 0, k) - 1;
            expected += analytic[k] * p->direction[k];
        }
        bool is_kink;
        Real found = slope(p, &is_kink);
        double error = worst_error(&expected, &found, 1);
        if (!(error <= worst)) worst = error;
    }
    return worst;
}

static double check_input(Case *c, Tape *t, int i, const Real *analytic, int *n_kinks)
{
    Probe p = {.c = c, .t = t, .input = i, .at = copy_of(c->values[i], c->sizes[i])};
    p.direction = mem_alloc(c->sizes[i], sizeof *p.direction);
    p.loss = case_run(c, t, &(How){.no_record = true});
    double worst = c->row->directional ? check_directions(&p, analytic)
                                       : check_elements(&p, analytic, n_kinks);
    free(p.at);
    free(p.direction);
    return worst;
}

static double check_against_differences(Case *c, const Kept *k)
{
    Tape *t = tape_new(&(TapeOptions){.seed = 5});
    double worst = 0;
    int n_kinks = 0;
    for (int i = 0; i < GRAD_MAX_INPUTS; i++) {
        if (k->g[i] == NULL || c->row->in[i].constant) continue;
        double error = check_input(c, t, i, k->g[i], &n_kinks);
        if (!(error <= worst)) worst = error;
    }
    tape_free(t);
    if (!(worst <= TOLERANCE)) case_fail(c, "gradient differs from central differences", worst);
    return worst;
}

/* ---- the other promises ---- */

static void check_again(Case *c, const Kept *k)
{
    Tape *t = tape_new(&(TapeOptions){.seed = 5});
    for (int i = 0; i < 2; i++) {
        (void)case_run(c, t, &(How){0});
        compare(c, k, (Expected){.scale = 1}, "another run of the same has other bits");
    }
    tape_free(t);
    memset(c->output, 0, c->n_weights * sizeof *c->output);
    (void)case_run_new(c, &(How){.no_record = true});
    compare_output(c, k, 0, "without recording the output has other bits");
}

static void check_ways(Case *c, const Kept *k)
{
    (void)case_run_new(c, &(How){.relay = true});
    compare(c, k, (Expected){.scale = 1, .tolerance = SAME},
            "an assigned gradient differs from an added one");
    (void)case_run_new(c, &(How){.prefill = 3});
    compare(c, k, (Expected){.scale = 1, .shift = 3, .tolerance = SAME},
            "the gradient is not added to what was there");
    if (!c->row->random) {
        (void)case_run_new(c, &(How){.twice = true, .relay = true});
        compare(c, k, (Expected){.scale = 2, .tolerance = SAME},
                "an input used twice does not get twice the gradient");
    }
    for (int i = 0; i < GRAD_MAX_INPUTS; i++) {
        if (c->values[i] == NULL || c->row->in[i].constant) continue;
        (void)case_run_new(c, &(How){.relay = true, .without = i + 1});
        compare(c, k, (Expected){.scale = 1, .tolerance = SAME, .without = i + 1},
                "a gradient depends on whether another one is wanted");
    }
}

static void check_threads(Case *c, const Kept *k)
{
    ThreadPool *two = thread_pool_new(2);
    (void)case_run_new(c, &(How){.threads = two});
    compare(c, k, (Expected){.scale = 1, .tolerance = SAME}, "two threads differ from one");
    (void)case_run_new(c, &(How){.threads = two, .relay = true});
    compare(c, k, (Expected){.scale = 1, .tolerance = SAME},
            "two threads differ from one (assigned)");
    thread_pool_free(two);
}

static void check_plan(Case *c, const How *how)
{
    CaseCost real = case_cost(c, how, false), plan = case_cost(c, how, true);
    if (real.rank != plan.rank || memcmp(real.dims, plan.dims, sizeof real.dims) != 0) {
        case_fail(c, "a plan sees another shape", plan.rank);
    }
    if (real.cost.forward_flops != plan.cost.forward_flops ||
        real.cost.backward_flops != plan.cost.backward_flops) {
        case_fail(c, "a plan counts other FLOPs", plan.cost.forward_flops);
    }
    if (real.cost.n_tensors != plan.cost.n_tensors) {
        case_fail(c, "a plan makes another number of tensors", plan.cost.n_tensors);
    }
    if (real.cost.peak_bytes != plan.cost.peak_bytes) {
        case_fail(c, "a plan's peak memory is off by this many bytes",
                  (double)plan.cost.peak_bytes - (double)real.cost.peak_bytes);
    }
}

double gradcheck_row(const GradRow *row, uint64_t seed, bool *failed)
{
    Case c;
    case_init(&c, row, seed);
    (void)case_run_new(&c, &(How){0});
    Kept k = keep(&c);
    double worst = check_against_differences(&c, &k);
    check_again(&c, &k);
    check_ways(&c, &k);
    check_threads(&c, &k);
    check_plan(&c, &(How){.relay = true});
    check_plan(&c, &(How){.no_record = true, .relay = true});
    *failed = c.failed;
    kept_done(&k);
    case_done(&c);
    return worst;
}
