/* Charts as inline SVG, appended to a Str. They are as wide as the element around them: everything
 * horizontal is in percent, so that text keeps its size on a phone, on a desktop and on paper.
 * Colours and strokes are the style sheet's (report/report.css): series i has the class s{i % 8};
 * shapes of marks and dashes of lines tell series apart without colour, too. Internal to results/.
 *
 *     Axis axis = axis_make(low, high, 5);
 *     DotLane lanes[] = {{.label = "erm", .value = 61.1, .low = 59.8, .high = 62.4}};
 *     svg_dots(out, &(DotChart){.title = "photo", .lanes = lanes, .n_lanes = 1, .axis = axis});
 */
#ifndef RESULTS_SVG_CHART_H
#define RESULTS_SVG_CHART_H

#include "str.h"

/* A scale with ticks at low, low + step, ..., up to high. */
typedef struct {
    double low, high, step;
} Axis;

/* The range widened to round numbers (1, 2 or 5 times a power of ten), about n_ticks of them.
 * low > high, or a value that is not finite: 0 to 1. */
Axis axis_make(double low, double high, int n_ticks);

/* Widens a range (begin with low = INFINITY, high = -INFINITY); NAN changes nothing. */
void axis_include(double *low, double *high, double value);

/* One line of a dot chart: a mark, its interval, and a hollow mark joined to it. NAN: none. */
typedef struct {
    const char *label;
    double value, low, high, reference;
    int series; /* colour and shape */
} DotLane;

typedef struct {
    const char *title, *desc; /* for those who can't see it */
    const DotLane *lanes;
    int n_lanes;
    Axis axis;
} DotChart;

/* Lanes below each other: label, mark with interval, numbers ("61.1 [59.8, 62.4]"). */
void svg_dots(Str *out, const DotChart *chart);

typedef struct {
    double x, y, low, high; /* low, high: the band around y; NAN: none */
} CurvePoint;

typedef struct {
    const CurvePoint *points; /* by increasing x */
    int n;
    int series;
} Curve;

typedef struct {
    const char *title, *desc;
    const Curve *curves;
    int n_curves;
    Axis x, y;
} CurveChart;

void svg_curves(Str *out, const CurveChart *chart);

/* The shapes that marks refer to; once in a page, before any chart. */
void svg_shapes(Str *out);

/* A small picture of a series' line, for legends. */
void svg_line(Str *out, int series);

#endif
