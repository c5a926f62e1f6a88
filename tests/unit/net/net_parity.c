/* Comparisons with golden files of scripts/golden/nets.py and clip.py. */
#include "net_parity.h"

#include "mem.h"
#include "net_case.h"

#ifdef NN_DOUBLE
const double PARITY_TOLERANCE = 1e-9;
#else
const double PARITY_TOLERANCE = 1e-4;
#endif

enum { SAMPLES = 8, ROW = 1 + SAMPLES }; /* as scripts/golden/nets.py: norm, then elements */

double parity_worst(double a, double b)
{
    return a > b ? a : b;
}

static void summarise(const Param *q, const Real *v, Real row[ROW])
{
    double sum = 0;
    for (size_t i = 0; i < q->size; i++) sum += (double)v[i] * (double)v[i];
    row[0] = (Real)sqrt(sum);
    for (size_t k = 0; k < SAMPLES; k++) {
        row[1 + k] = v[net_case_position(q, k * q->size / SAMPLES)];
    }
}

/* The bias of a convolution before a batch norm has a gradient of exactly 0, rounding errors apart:
 * hence a scale of at least a thousandth of the largest norm. */
double parity_rows(const SafeTensors *f, const char *what, const Params *p, const Real *values)
{
    const char *text = safetensors_metadata(f, what);
    if (text == NULL) return 0;
    size_t n;
    Real *want = golden_values(f, what, &n);
    char *names = mem_strdup(text);
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i += ROW) largest = parity_worst(largest, (double)want[i]);
    int row = 0;
    for (char *name = strtok(names, "\n"); name != NULL; name = strtok(NULL, "\n"), row++) {
        int id = params_find(p, name);
        if (id < 0) fail_msg("%s: no such parameter", name);
        Real got[ROW];
        summarise(params_get(p, id), values + params_get(p, id)->offset, got);
        worst = parity_worst(worst, golden_compare(name, got, want + (size_t)row * ROW, ROW,
                                                   PARITY_TOLERANCE, 1e-3 * largest));
    }
    free(names);
    test_free(want);
    return worst;
}

double parity_array(const SafeTensors *f, const char *name, const Real *got)
{
    size_t n;
    Real *want = golden_values(f, name, &n);
    double worst = golden_compare(name, got, want, n, PARITY_TOLERANCE, 1e-3);
    test_free(want);
    return worst;
}

int parity_count_names(const char *text)
{
    int n = text != NULL && *text != '\0';
    for (const char *c = text; c != NULL && *c != '\0'; c++) n += *c == '\n';
    return n;
}

double parity_direction(Params *p, double step, double (*loss_of)(void *context), void *context)
{
    size_t n = params_size(p);
    Real *start = test_malloc(n * sizeof *start), *direction = test_calloc(n, sizeof *direction);
    memcpy(start, params_values(p), n * sizeof *start);
    double slope = 0;
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        if (q->flags & PARAM_BUFFER) continue;
        for (size_t j = q->offset; j < q->offset + q->size; j++) {
            direction[j] = (Real)(net_case_draw("direction", j) / sqrt((double)q->size));
            slope += (double)direction[j] * (double)params_gradients(p)[j];
        }
    }
    double loss[2];
    for (int side = 0; side < 2; side++) {
        for (size_t j = 0; j < n; j++) {
            params_values(p)[j] = (Real)(start[j] + (side == 0 ? step : -step) * direction[j]);
        }
        loss[side] = loss_of(context);
    }
    double difference = (loss[0] - loss[1]) / (2 * step);
    assert_close(slope, difference, 1e-6, 0);
    test_free(start);
    test_free(direction);
    return fabs(slope - difference) / fabs(slope);
}
