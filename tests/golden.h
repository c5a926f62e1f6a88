/* Golden values in tests/golden/<name>.safetensors, made by scripts/golden with PyTorch. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "safetensors.h"
#include "test.h"

/* "<source folder>/tests/golden/<name>" into out; DGBENCH_SOURCE is set by meson. */
static inline const char *golden_path(char out[1024], const char *name)
{
    const char *source = getenv("DGBENCH_SOURCE");
    snprintf(out, 1024, "%s/tests/golden/%s", source != NULL ? source : ".", name);
    return out;
}

static inline SafeTensors *golden_open(const char *name)
{
    Err err = {0};
    char path[1024];
    SafeTensors *f = NULL;
    assert_ok(safetensors_open(&f, golden_path(path, name), &err));
    return f;
}

/* The values of one array (test_free them); *n, which may be NULL, is their number. */
static inline Real *golden_values(const SafeTensors *f, const char *name, size_t *n)
{
    Err err = {0};
    const SafeTensor *s = safetensors_find(f, name);
    if (s == NULL) fail_msg("no golden array \"%s\"", name);
    Real *values = test_malloc((s->n_elements + 1) * sizeof *values);
    assert_ok(safetensors_to_real(s, values, &err));
    if (n != NULL) *n = s->n_elements;
    return values;
}

/* Largest |got - want| / scale: fails above tol with name and index. The scale is the largest
 * |want| (single small elements are differences of large ones), but at least smallest_scale (an
 * array may be nothing but rounding errors). Returns it. */
static inline double golden_compare(const char *name, const Real *got, const Real *want, size_t n,
                                    double tol, double smallest_scale)
{
    double scale = smallest_scale, worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) scale = fmax(scale, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++) {
        double error = fabs((double)got[i] - (double)want[i]) / scale;
        if (!(error <= worst)) {
            worst = error;
            at = i;
        }
    }
    if (!(worst <= tol)) {
        fail_msg("%s[%zu] = %.9g, expected %.9g (off by %.3g of the scale, %.9g)", name, at,
                 (double)got[at], (double)want[at], worst, scale);
    }
    return worst;
}

#endif
