/* One axis after the other: first along rows, then across them. */
#include "positions.h"

#include "mem.h"

#include <math.h>
#include <stdlib.h>

static const double RADIUS = 2; /* of the cubic filter */

/* Keys' cubic with a = -1/2. */
static double cubic(double x)
{
    x = fabs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    if (x < RADIUS) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
    return 0;
}

/* weights [to,from]: a row per element of the result; each sums to 1. */
static void fill_weights(double *weights, int to, int from)
{
    double scale = (double)from / to, stretch = scale > 1 ? scale : 1;
    for (int i = 0; i < to; i++) {
        double *row = weights + (size_t)i * from, center = scale * (i + 0.5), sum = 0;
        for (int j = 0; j < from; j++) sum += row[j] = cubic((j + 0.5 - center) / stretch);
        for (int j = 0; j < from; j++) row[j] /= sum;
    }
}

/* out [n_outer,to,inner] = weights [to,from] times in [n_outer,from,inner] */
typedef struct {
    const double *weights;
    int n_outer, to, from, inner;
} Axis;

static void resize_axis(double *out, const double *in, const Axis *a)
{
    for (int o = 0; o < a->n_outer; o++) {
        for (int i = 0; i < a->to; i++) {
            double *y = out + ((size_t)o * a->to + i) * a->inner;
            for (int j = 0; j < a->from; j++) {
                double w = a->weights[(size_t)i * a->from + j];
                const double *x = in + ((size_t)o * a->from + j) * a->inner;
                for (int k = 0; w != 0 && k < a->inner; k++) y[k] += w * x[k];
            }
        }
    }
}

void positions_resize(Real *to, int to_side, const Real *from, int from_side, int width)
{
    size_t n_from = (size_t)from_side * from_side * width, n_to = (size_t)to_side * to_side * width;
    double *weights = mem_alloc((size_t)to_side * from_side, sizeof *weights);
    double *in = mem_alloc(n_from, sizeof *in), *out = mem_alloc(n_to, sizeof *out);
    double *rows = mem_alloc((size_t)from_side * to_side * width, sizeof *rows);
    for (size_t i = 0; i < n_from; i++) in[i] = (double)from[i];
    fill_weights(weights, to_side, from_side);
    resize_axis(rows, in, &(Axis){weights, from_side, to_side, from_side, width});
    resize_axis(out, rows, &(Axis){weights, 1, to_side, from_side, to_side * width});
    for (size_t i = 0; i < n_to; i++) to[i] = (Real)out[i];
    free(rows);
    free(out);
    free(in);
    free(weights);
}
