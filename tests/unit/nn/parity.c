/* One fixture, which the teardown frees also when an assertion leaves a test. */
#include "parity.h"

#include "golden.h"
#include "ops.h"

enum { MAX_NAME = 64 };

static const double TOLERANCE = 1e-5;      /* of the largest value of an array */
static const double SMALLEST_SCALE = 1e-3; /* of arrays that are nothing but small */

static struct {
    SafeTensors *golden;
    Tape *tape;
    ThreadPool *threads;
    Real *in[PARITY_MAX_INPUTS], *gradient[PARITY_MAX_INPUTS], *dy;
    Real *mean, *var;
} fixture;

static const SafeTensor *find(const ParityCase *c, const char *part, char name[MAX_NAME])
{
    snprintf(name, MAX_NAME, "%s.%s", c->name, part);
    return safetensors_find(fixture.golden, name);
}

static Real *load(const ParityCase *c, const char *part, size_t *n)
{
    char name[MAX_NAME];
    return find(c, part, name) != NULL ? golden_values(fixture.golden, name, n) : NULL;
}

static void compare(const ParityCase *c, const char *part, const Real *got)
{
    char name[MAX_NAME];
    size_t n;
    if (find(c, part, name) == NULL) fail_msg("no golden array \"%s\"", name);
    Real *want = golden_values(fixture.golden, name, &n);
    golden_compare(name, got, want, n, TOLERANCE, SMALLEST_SCALE);
    test_free(want);
}

static Tensor *leaf(const ParityCase *c, int i)
{
    char part[8], name[MAX_NAME];
    snprintf(part, sizeof part, "in%d", i);
    const SafeTensor *s = find(c, part, name);
    if (s == NULL) return NULL;
    size_t n;
    fixture.in[i] = golden_values(fixture.golden, name, &n);
    fixture.gradient[i] = test_calloc(n, sizeof *fixture.gradient[i]);
    int dims[TENSOR_MAX_RANK];
    for (int d = 0; d < s->rank; d++) dims[d] = (int)s->dims[d];
    return tape_leaf(fixture.tape, "param", fixture.in[i], fixture.gradient[i], s->rank, dims);
}

static void release(Real **p)
{
    if (*p != NULL) test_free(*p);
    *p = NULL;
}

static void release_case(void)
{
    for (int i = 0; i < PARITY_MAX_INPUTS; i++) {
        release(&fixture.in[i]);
        release(&fixture.gradient[i]);
    }
    release(&fixture.dy);
    release(&fixture.mean);
    release(&fixture.var);
}

static void go_backward(const ParityCase *c, Tensor *y)
{
    size_t n;
    fixture.dy = load(c, "dy", &n);
    assert_int_equal(n, tensor_size(y));
    Tensor *row = tape_view(fixture.tape, "view", y, 2, (int[]){1, (int)n});
    Tensor *dy = tape_input(fixture.tape, fixture.dy, 2, (int[]){(int)n, 1});
    tape_backward(fixture.tape, nn_matmul(fixture.tape, row, dy, false));
}

static void run_case(const ParityCase *c)
{
    unsigned mode = c->evaluation ? TAPE_GRADIENTS : TAPE_TRAINING | TAPE_GRADIENTS;
    tape_begin(fixture.tape, mode, 0);
    ParityInputs inputs;
    for (int i = 0; i < PARITY_MAX_INPUTS; i++) inputs.in[i] = leaf(c, i);
    inputs.mean = fixture.mean = load(c, "mean", NULL);
    inputs.var = fixture.var = load(c, "var", NULL);
    Tensor *y = c->build(fixture.tape, &inputs, c->options);
    compare(c, "y", y->v);
    go_backward(c, y);
    for (int i = 0; i < PARITY_MAX_INPUTS; i++) {
        char part[8];
        snprintf(part, sizeof part, "d%d", i);
        if (inputs.in[i] != NULL) compare(c, part, fixture.gradient[i]);
    }
    if (fixture.mean != NULL) compare(c, "mean_after", fixture.mean);
    if (fixture.var != NULL) compare(c, "var_after", fixture.var);
    release_case();
}

void parity_run(const char *file, const ParityCase *cases, size_t n)
{
    fixture.golden = golden_open(file);
    for (int n_threads = 1; n_threads <= 3; n_threads += 2) {
        fixture.threads = thread_pool_new(n_threads);
        fixture.tape = tape_new(&(TapeOptions){.threads = fixture.threads});
        for (size_t i = 0; i < n; i++) run_case(&cases[i]);
        tape_free(fixture.tape);
        thread_pool_free(fixture.threads);
        fixture.tape = NULL;
        fixture.threads = NULL;
    }
}

int parity_teardown(void **state)
{
    (void)state;
    release_case();
    tape_free(fixture.tape);
    thread_pool_free(fixture.threads);
    safetensors_close(fixture.golden);
    memset(&fixture, 0, sizeof fixture);
    return 0;
}
