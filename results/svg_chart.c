/* Dot charts and curves as SVG: see svg_chart.h. */
#include "svg_chart.h"

#include "html.h"

#include <math.h>
#include <string.h>

enum { N_SHAPES = 4, N_COLOURS = 8, N_DASHES = 4 };

/* Pixels from the top of a dot chart; percent of its width. */
enum { LANE = 20, DOTS_TOP = 4, DOTS_AXIS = 20, LABEL_MIN = 20, LABEL_MAX = 34, PLOT_RIGHT = 65 };

/* The same for curves, whose plot is a picture of its own with units of 0..UNITS. */
enum { CURVES_HEIGHT = 150, CURVES_TOP = 6, CURVES_PLOT = 120, CURVES_LEFT = 15, UNITS = 1000 };
enum { CURVES_WIDTH = 98 - CURVES_LEFT };

/* ---- axes ------------------------------------------------------------------------------------ */

static double round_step(double raw)
{
    double power = pow(10.0, floor(log10(raw)));
    double mantissa = raw / power - 1e-9; /* rounding must not double a step */
    return power * (mantissa <= 1.0 ? 1.0 : mantissa <= 2.0 ? 2.0 : mantissa <= 5.0 ? 5.0 : 10.0);
}

Axis axis_make(double low, double high, int n_ticks)
{
    if (!isfinite(low) || !isfinite(high) || low > high) return (Axis){0.0, 1.0, 0.5};
    double room = high - low > 0.0 ? high - low : fmax(fabs(high) * 0.1, 1e-6);
    double step = round_step(room / n_ticks);
    double first = floor(low / step + 1e-9) * step, last = ceil(high / step - 1e-9) * step;
    if (last - first < step / 2) last = first + step;
    return (Axis){first, last, step};
}

void axis_include(double *low, double *high, double value)
{
    if (isnan(value)) return;
    *low = fmin(*low, value);
    *high = fmax(*high, value);
}

static int axis_n_ticks(const Axis *axis)
{
    return (int)floor((axis->high - axis->low) / axis->step + 1e-6) + 1;
}

static double axis_tick(const Axis *axis, int i)
{
    double value = axis->low + i * axis->step;
    return fabs(value) < axis->step * 1e-6 ? 0.0 : value;
}

/* Position of a value between two ends, cut to them. */
static double axis_place(const Axis *axis, double value, double from, double to)
{
    double t = (value - axis->low) / (axis->high - axis->low);
    return from + (to - from) * fmin(fmax(t, 0.0), 1.0);
}

/* ---- shared ---------------------------------------------------------------------------------- */

static void open_chart(Str *out, int height, const char *title, const char *desc)
{
    str_addf(out, "<svg class=\"chart\" role=\"img\" width=\"100%%\" height=\"%d\">", height);
    html_element(out, "title", NULL, title);
    html_element(out, "desc", NULL, desc);
}

void svg_shapes(Str *out)
{
    str_add(out, "<svg width=\"0\" height=\"0\" class=\"shapes\" aria-hidden=\"true\"><defs>"
                 "<circle id=\"shape0\" r=\"4.5\"/>"
                 "<rect id=\"shape1\" x=\"-4\" y=\"-4\" width=\"8\" height=\"8\"/>"
                 "<path id=\"shape2\" d=\"M0-5.5 5 4H-5z\"/>"
                 "<path id=\"shape3\" d=\"M0-5.8 5.8 0 0 5.8-5.8 0z\"/>"
                 "</defs></svg>\n");
}

/* The pair (colour, shape) is the same again only after 32 series. */
static int shape_of(int series)
{
    return (series + series / N_COLOURS) % N_SHAPES;
}

static int dash_of(int series)
{
    return (series + series / N_COLOURS) % N_DASHES;
}

void svg_line(Str *out, int series)
{
    str_addf(out,
             "<svg class=\"key s%d\" width=\"30\" height=\"14\" aria-hidden=\"true\">"
             "<path class=\"line d%d\" d=\"M1 7h28\"/></svg>",
             series % N_COLOURS, dash_of(series));
}

/* ---- dots ------------------------------------------------------------------------------------ */

/* Where labels end and the plot begins: room for the longest, about 1.8 % a letter. */
static double label_width(const DotChart *chart)
{
    size_t longest = 0;
    for (int i = 0; i < chart->n_lanes; i++) {
        size_t n = strlen(chart->lanes[i].label);
        if (n > longest) longest = n;
    }
    return fmin(fmax(1.8 * (double)longest + 2.0, LABEL_MIN), LABEL_MAX);
}

static double dots_x(const DotChart *chart, double value)
{
    return axis_place(&chart->axis, value, label_width(chart) + 1.5, PLOT_RIGHT);
}

static void dots_axis(Str *out, const DotChart *chart)
{
    int bottom = DOTS_TOP + LANE * chart->n_lanes;
    for (int i = 0; i < axis_n_ticks(&chart->axis); i++) {
        double value = axis_tick(&chart->axis, i), x = dots_x(chart, value);
        str_addf(out, "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>", x,
                 x, DOTS_TOP, bottom + 3);
        str_addf(out, "<text class=\"tick mid\" x=\"%.2f%%\" y=\"%d\">%g</text>", x, bottom + 15,
                 value);
    }
}

static void lane_numbers(Str *out, const DotLane *lane, int y)
{
    str_addf(out, "<text class=\"num\" x=\"100%%\" y=\"%d\">", y + 4);
    if (isnan(lane->value)) {
        str_add(out, "no run</text>");
        return;
    }
    if (!isnan(lane->reference)) str_addf(out, "%.1f \xe2\x86\x92 ", lane->reference);
    str_addf(out, "<tspan class=\"value\">%.1f</tspan>", lane->value);
    if (!isnan(lane->reference))
        str_addf(out, " (%+.1f)", lane->value - lane->reference);
    else if (!isnan(lane->low))
        str_addf(out, " [%.1f, %.1f]", lane->low, lane->high);
    str_add(out, "</text>");
}

static void draw_lane(Str *out, const DotChart *chart, const DotLane *lane, int y)
{
    /* A picture of its own cuts off what is too long. */
    str_addf(out, "<svg x=\"0\" y=\"%d\" width=\"%.1f%%\" height=\"%d\"><text y=\"%d\">",
             y - LANE / 2, label_width(chart), LANE, LANE / 2 + 4);
    html_text(out, lane->label);
    str_addf(out, "</text></svg><g class=\"s%d\">", lane->series % N_COLOURS);
    double x = isnan(lane->value) ? 0.0 : dots_x(chart, lane->value);
    if (!isnan(lane->reference)) {
        double from = dots_x(chart, lane->reference);
        str_addf(out, "<line class=\"join\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>",
                 from, x, y, y);
        str_addf(out, "<use class=\"hollow\" href=\"#shape%d\" x=\"%.2f%%\" y=\"%d\"/>",
                 shape_of(lane->series), from, y);
    }
    if (!isnan(lane->low))
        str_addf(out, "<line class=\"whisker\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>",
                 dots_x(chart, lane->low), dots_x(chart, lane->high), y, y);
    if (!isnan(lane->value))
        str_addf(out, "<use href=\"#shape%d\" x=\"%.2f%%\" y=\"%d\"/>", shape_of(lane->series), x,
                 y);
    str_add(out, "</g>");
    lane_numbers(out, lane, y);
}

void svg_dots(Str *out, const DotChart *chart)
{
    open_chart(out, DOTS_TOP + LANE * chart->n_lanes + DOTS_AXIS, chart->title, chart->desc);
    dots_axis(out, chart);
    for (int i = 0; i < chart->n_lanes; i++)
        draw_lane(out, chart, &chart->lanes[i], DOTS_TOP + LANE * i + LANE / 2);
    str_add(out, "</svg>\n");
}

/* ---- curves ---------------------------------------------------------------------------------- */

static double curves_y(const CurveChart *chart, double value)
{
    return axis_place(&chart->y, value, CURVES_TOP + CURVES_PLOT, CURVES_TOP);
}

static void curves_axes(Str *out, const CurveChart *chart)
{
    for (int i = 0; i < axis_n_ticks(&chart->y); i++) {
        double value = axis_tick(&chart->y, i), y = curves_y(chart, value);
        str_addf(out, "<line class=\"grid\" x1=\"%d%%\" x2=\"%d%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
                 CURVES_LEFT, CURVES_LEFT + CURVES_WIDTH, y, y);
        str_addf(out, "<text class=\"tick end\" x=\"%d%%\" y=\"%.1f\">%g</text>", CURVES_LEFT - 2,
                 y + 4, value);
    }
    for (int i = 0; i < axis_n_ticks(&chart->x); i++) {
        double value = axis_tick(&chart->x, i);
        double x = axis_place(&chart->x, value, CURVES_LEFT, CURVES_LEFT + CURVES_WIDTH);
        str_addf(out, "<text class=\"tick %s\" x=\"%.2f%%\" y=\"%d\">%g</text>",
                 x > CURVES_LEFT + 0.93 * CURVES_WIDTH ? "end" : "mid", x, CURVES_HEIGHT - 8,
                 value);
    }
}

static double unit_x(const CurveChart *chart, double x)
{
    return axis_place(&chart->x, x, 0.0, UNITS);
}

static double unit_y(const CurveChart *chart, double y)
{
    return axis_place(&chart->y, y, UNITS, 0.0);
}

static void draw_band(Str *out, const CurveChart *chart, const Curve *curve)
{
    if (curve->n < 2) return;
    str_addf(out, "<path class=\"band s%d\" d=\"", curve->series % N_COLOURS);
    for (int i = 0; i < curve->n; i++)
        str_addf(out, "%c%.0f %.0f", i == 0 ? 'M' : 'L', unit_x(chart, curve->points[i].x),
                 unit_y(chart, curve->points[i].low));
    for (int i = curve->n - 1; i >= 0; i--)
        str_addf(out, "L%.0f %.0f", unit_x(chart, curve->points[i].x),
                 unit_y(chart, curve->points[i].high));
    str_add(out, "z\"/>");
}

/* A single point is a line without length, which round ends make a dot. */
static void draw_curve(Str *out, const CurveChart *chart, const Curve *curve)
{
    str_addf(out, "<path class=\"line s%d d%d\" d=\"", curve->series % N_COLOURS,
             dash_of(curve->series));
    for (int i = 0; i < curve->n; i++)
        str_addf(out, "%c%.0f %.0f", i == 0 ? 'M' : 'L', unit_x(chart, curve->points[i].x),
                 unit_y(chart, curve->points[i].y));
    str_add(out, curve->n == 1 ? "h0\"/>" : "\"/>");
}

void svg_curves(Str *out, const CurveChart *chart)
{
    open_chart(out, CURVES_HEIGHT, chart->title, chart->desc);
    curves_axes(out, chart);
    str_addf(out,
             "<svg x=\"%d%%\" y=\"%d\" width=\"%d%%\" height=\"%d\" viewBox=\"0 0 %d %d\" "
             "preserveAspectRatio=\"none\" class=\"plot\">",
             CURVES_LEFT, CURVES_TOP, CURVES_WIDTH, CURVES_PLOT, UNITS, UNITS);
    for (int i = 0; i < chart->n_curves; i++) draw_band(out, chart, &chart->curves[i]);
    for (int i = 0; i < chart->n_curves; i++) draw_curve(out, chart, &chart->curves[i]);
    str_add(out, "</svg></svg>\n");
}
