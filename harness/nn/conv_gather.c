/* Copies patches, whole kernel rows at a time where they are contiguous. */
#include "conv_gather.h"

#include <stddef.h>
#include <string.h>

int gather_columns(const Gather *g)
{
    return g->taps_h * g->taps_w * g->channels;
}

bool gather_is_identity(const Gather *g)
{
    return g->taps_h == 1 && g->taps_w == 1 && g->step == 1 && g->begin_h == 0 && g->begin_w == 0 &&
           g->grid_h == g->h && g->grid_w == g->w;
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* taps_w neighbouring pixels from column w0 of one source line. */
static void copy_line(const Gather *g, Real *out, const Real *line, int w0)
{
    size_t c = (size_t)g->channels, n = (size_t)g->taps_w * c;
    if (w0 >= 0 && w0 + g->taps_w <= g->w) {
        memcpy(out, line + (size_t)w0 * c, n * sizeof *out);
        return;
    }
    size_t begin = (size_t)clamp(-w0, 0, g->taps_w) * c;
    size_t end = (size_t)clamp(g->w - w0, 0, g->taps_w) * c;
    memset(out, 0, n * sizeof *out);
    if (begin >= end) return;
    memcpy(out + begin, line + (w0 < 0 ? 0 : (size_t)w0 * c), (end - begin) * sizeof *out);
}

/* The same with gaps: one tap at a time. */
static void copy_taps(const Gather *g, Real *out, const Real *line, int w0)
{
    size_t bytes = (size_t)g->channels * sizeof *out;
    for (int b = 0; b < g->taps_w; b++, out += g->channels) {
        int w = w0 + b * g->delta;
        if (w >= 0 && w < g->w) {
            memcpy(out, line + (ptrdiff_t)w * g->pixel_stride, bytes);
        } else {
            memset(out, 0, bytes);
        }
    }
}

static void gather_row(const Gather *g, Real *out, const Real *image, int h0, int w0)
{
    bool contiguous = g->delta == 1 && g->channels == g->pixel_stride;
    size_t line_columns = (size_t)g->taps_w * (size_t)g->channels;
    for (int a = 0; a < g->taps_h; a++, out += line_columns) {
        int h = h0 + a * g->delta;
        if (h < 0 || h >= g->h) {
            memset(out, 0, line_columns * sizeof *out);
            continue;
        }
        const Real *line = image + (size_t)h * (size_t)g->w * (size_t)g->pixel_stride;
        if (contiguous) {
            copy_line(g, out, line, w0);
        } else {
            copy_taps(g, out, line, w0);
        }
    }
}

void gather_rows(const Gather *g, Real *rows, const Real *source, int row_begin, int row_end)
{
    size_t image_size = (size_t)g->h * (size_t)g->w * (size_t)g->pixel_stride;
    size_t columns = (size_t)gather_columns(g);
    int grid = g->grid_h * g->grid_w;
    int n = row_begin / grid, i = row_begin % grid / g->grid_w, j = row_begin % g->grid_w;
    for (int row = row_begin; row < row_end; row++, rows += columns) {
        gather_row(g, rows, source + (size_t)n * image_size, i * g->step + g->begin_h,
                   j * g->step + g->begin_w);
        if (++j < g->grid_w) continue;
        j = 0;
        if (++i < g->grid_h) continue;
        i = 0;
        n++;
    }
}
