/* See numpy_sum.h. */
#include "numpy_sum.h"

#include "mem.h"

#include <math.h>
#include <stdlib.h>

enum { LANES = 8, BLOCK = 128 };

double numpy_sum(const double *values, int n)
{
    if (n < LANES) {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += values[i];
        return sum;
    }
    if (n > BLOCK) {
        int half = n / 2 - n / 2 % LANES;
        return numpy_sum(values, half) + numpy_sum(values + half, n - half);
    }
    double r[LANES];
    int i = 0;
    for (; i < LANES; i++) r[i] = values[i];
    for (; i < n - n % LANES; i += LANES) {
        for (int k = 0; k < LANES; k++) r[k] += values[i + k];
    }
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; i++) sum += values[i];
    return sum;
}

double numpy_mean(const double *values, int n)
{
    return numpy_sum(values, n) / n;
}

double numpy_std(const double *values, int n)
{
    double mean = numpy_mean(values, n);
    double *squares = mem_alloc((size_t)n, sizeof *squares);
    for (int i = 0; i < n; i++) squares[i] = (values[i] - mean) * (values[i] - mean);
    double variance = numpy_sum(squares, n) / n;
    free(squares);
    return sqrt(variance);
}
