/* Pool adjacent violators: see isotonic.h. */
#include "isotonic.h"

#include "err.h"
#include "mem.h"

#include <stdlib.h>

/* Points that share a value, their weighted mean: sum_wy / sum_w. */
typedef struct IsotonicBlock {
    double first, last; /* of their x */
    double sum_w, sum_wy;
} Block;

static void add_point(Block *block, double y, double w)
{
    block->sum_w += w;
    block->sum_wy += w * y;
}

/* The last two become one while the last is not above the one before. Returns how many are left. */
static int pool(Block *blocks, int n)
{
    while (n > 1) {
        Block *below = &blocks[n - 2], *top = &blocks[n - 1];
        if (below->sum_wy * top->sum_w < top->sum_wy * below->sum_w) break;
        below->last = top->last;
        below->sum_w += top->sum_w;
        below->sum_wy += top->sum_wy;
        n--;
    }
    return n;
}

static void add_knot(Isotonic *fit, double x, double y)
{
    fit->x[fit->n] = x;
    fit->y[fit->n++] = y;
}

void isotonic_fit(Isotonic *fit, const double *x, const double *y, const double *w, int n)
{
    if (n > fit->capacity) {
        fit->capacity = n;
        fit->x = mem_resize(fit->x, 2 * (size_t)n, sizeof *fit->x);
        fit->y = mem_resize(fit->y, 2 * (size_t)n, sizeof *fit->y);
        fit->blocks = mem_resize(fit->blocks, (size_t)n, sizeof *fit->blocks);
    }
    int n_blocks = 0;
    for (int i = 0; i < n; i++) {
        check(i == 0 || x[i] >= x[i - 1], "x %g after %g", x[i], x[i - 1]);
        if (w[i] <= 0) continue;
        if (n_blocks > 0 && fit->blocks[n_blocks - 1].last >= x[i]) {
            add_point(&fit->blocks[n_blocks - 1], y[i], w[i]);
            continue;
        }
        n_blocks = pool(fit->blocks, n_blocks);
        fit->blocks[n_blocks++] = (Block){x[i], x[i], w[i], w[i] * y[i]};
    }
    check(n_blocks > 0, "%d points, none with a weight", n);
    n_blocks = pool(fit->blocks, n_blocks);
    fit->n = 0;
    for (int i = 0; i < n_blocks; i++) {
        const Block *block = &fit->blocks[i];
        add_knot(fit, block->first, block->sum_wy / block->sum_w);
        if (block->last > block->first) add_knot(fit, block->last, block->sum_wy / block->sum_w);
    }
}

double isotonic_at(const Isotonic *fit, double x)
{
    int low = 0, high = fit->n - 1; /* x[low] <= x < x[high] */
    if (x <= fit->x[low]) return fit->y[low];
    if (x >= fit->x[high]) return fit->y[high];
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (fit->x[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    double part = (x - fit->x[low]) / (fit->x[high] - fit->x[low]);
    return fit->y[low] + part * (fit->y[high] - fit->y[low]);
}

void isotonic_done(Isotonic *fit)
{
    free(fit->x);
    free(fit->y);
    free(fit->blocks);
    *fit = (Isotonic){0};
}
