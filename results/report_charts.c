/* Parts of the report that are charts: see report_parts.h. */
#include "report_parts.h"

#include "html.h"
#include "sql_file.h"
#include "svg_chart.h"

#include <math.h>

enum { MAX_SERIES = 12, MAX_POINTS = 80 }; /* of one chart, so that pages stay small and legible */

static void legend(const Part *part, RowSpan span)
{
    int n;
    const char **lanes = rows_labels(&n, part->rows, span, "lane", "lane_order", part->arena);
    if (n < 2) return;
    str_add(part->out, "<ul class=\"legend\">");
    for (int i = 0; i < n && i < MAX_SERIES; i++) {
        int r = span.first;
        while (!str_equal(rows_text(part->rows, r, "lane"), lanes[i])) r++;
        str_add(part->out, "<li>");
        svg_line(part->out, (int)rows_number(part->rows, r, "series"));
        html_text(part->out, lanes[i]);
        str_add(part->out, "</li>");
    }
    str_add(part->out, "</ul>\n");
    if (n > MAX_SERIES)
        str_addf(part->out, "<p class=\"note\">The first %d of %d methods are drawn.</p>\n",
                 (int)MAX_SERIES, n);
}

static Axis axis_of(const Part *part, RowSpan span, const char *const *columns, int n_ticks)
{
    double low = INFINITY, high = -INFINITY;
    for (int r = span.first; r < span.end; r++) {
        for (int c = 0; columns[c] != NULL; c++)
            axis_include(&low, &high, rows_number(part->rows, r, columns[c]));
    }
    return axis_make(low, high, n_ticks);
}

/* ---- dots ------------------------------------------------------------------------------------ */

/* Intervals may leave the range of accuracies, which the axis does not. */
static Axis percent_axis(Axis axis)
{
    return axis_make(fmax(axis.low, 0.0), fmin(axis.high, 100.0), 4);
}

static void dots_panel(const Part *part, RowSpan span, const char *title, const char *lane_column,
                       Axis axis)
{
    int n = span.end - span.first;
    DotLane *lanes = arena_alloc(part->arena, (size_t)n, sizeof *lanes);
    for (int i = 0; i < n; i++) {
        int r = span.first + i;
        lanes[i] = (DotLane){.label = rows_text(part->rows, r, lane_column),
                             .value = rows_number(part->rows, r, "value"),
                             .low = rows_number(part->rows, r, "low"),
                             .high = rows_number(part->rows, r, "high"),
                             .reference = rows_number(part->rows, r, "reference"),
                             .series = (int)rows_number(part->rows, r, "series")};
    }
    const char *name = sql_file_key(part->text, "axis", part->arena);
    str_add(part->out, "<div class=\"panel\">");
    html_element(part->out, "h4", NULL, title);
    svg_dots(part->out, &(DotChart){.title = arena_printf(part->arena, "%s, %s: %s", part->section,
                                                          title, name != NULL ? name : ""),
                                    .desc = "One line per row: its name, its mark, its numbers.",
                                    .lanes = lanes,
                                    .n_lanes = n,
                                    .axis = axis});
    str_add(part->out, "</div>\n");
}

/* One lane per panel is one chart with the panels as lanes. */
static bool single_lanes(const Part *part)
{
    for (RowSpan s = {0}; rows_next_span(&s, part->rows, part->span, "panel");) {
        if (s.end - s.first > 1) return false;
    }
    return true;
}

void part_dots(const Part *part)
{
    static const char *const COLUMNS[] = {"value", "low", "high", "reference", NULL};
    Axis axis = percent_axis(axis_of(part, part->span, COLUMNS, 4));
    html_element(part->out, "h3", NULL, part->section);
    str_add(part->out, "<figure><div class=\"panels\">\n");
    if (single_lanes(part)) {
        dots_panel(part, part->span, rows_text(part->rows, part->span.first, "lane"), "panel",
                   axis);
    } else {
        for (RowSpan s = {0}; rows_next_span(&s, part->rows, part->span, "panel");)
            dots_panel(part, s, rows_text(part->rows, s.first, "panel"), "lane", axis);
    }
    str_add(part->out, "</div><figcaption>Horizontal: ");
    html_text(part->out, sql_file_key(part->text, "axis", part->arena));
    str_add(part->out, "</figcaption></figure>\n");
}

/* ---- curves ---------------------------------------------------------------------------------- */

/* Points of one method in one panel, every k-th and the last when there are many. */
static Curve read_curve(const Part *part, RowSpan span)
{
    int n = span.end - span.first, every = (n + MAX_POINTS - 1) / MAX_POINTS, kept = 0;
    CurvePoint *points = arena_alloc(part->arena, (size_t)n, sizeof *points);
    for (int i = 0; i < n; i++) {
        int r = span.first + i;
        if (i % every != 0 && i != n - 1) continue;
        points[kept++] = (CurvePoint){.x = rows_number(part->rows, r, "x"),
                                      .y = rows_number(part->rows, r, "y"),
                                      .low = rows_number(part->rows, r, "low"),
                                      .high = rows_number(part->rows, r, "high")};
    }
    return (Curve){points, kept, (int)rows_number(part->rows, span.first, "series")};
}

static void curves_panel(const Part *part, RowSpan span, const char *figure, Axis x, Axis y)
{
    Curve curves[MAX_SERIES];
    int n = 0;
    for (RowSpan s = {0}; rows_next_span(&s, part->rows, span, "lane");) {
        if (rows_number(part->rows, s.first, "series") < MAX_SERIES && n < MAX_SERIES)
            curves[n++] = read_curve(part, s);
    }
    const char *title = rows_text(part->rows, span.first, "panel");
    str_add(part->out, "<div class=\"panel\">");
    html_element(part->out, "h5", NULL, title);
    svg_curves(part->out,
               &(CurveChart){
                   .title = arena_printf(part->arena, "%s, %s: %s", part->section, title, figure),
                   .desc = "Vertical over training steps; a line and a band per method.",
                   .curves = curves,
                   .n_curves = n,
                   .x = x,
                   .y = y});
    str_add(part->out, "</div>\n");
}

/* From 0 to the last step, which are its only ticks: panels are small. */
static Axis steps_axis(const Part *part, RowSpan span)
{
    double low = 0.0, high = 1.0;
    for (int r = span.first; r < span.end; r++)
        axis_include(&low, &high, rows_number(part->rows, r, "x"));
    return (Axis){0.0, high, high};
}

static void curves_figure(const Part *part, RowSpan span)
{
    static const char *const Y[] = {"y", "low", "high", NULL};
    const char *figure = rows_text(part->rows, span.first, "figure");
    Axis x = steps_axis(part, span), y = axis_of(part, span, Y, 4);
    str_add(part->out, "<figure>");
    html_element(part->out, "h4", NULL, figure);
    str_add(part->out, "<div class=\"panels small\">\n");
    for (RowSpan s = {0}; rows_next_span(&s, part->rows, span, "panel");)
        curves_panel(part, s, figure, x, y);
    str_add(part->out, "</div></figure>\n");
}

void part_curves(const Part *part)
{
    html_element(part->out, "h3", NULL, part->section);
    legend(part, part->span);
    for (RowSpan s = {0}; rows_next_span(&s, part->rows, part->span, "figure");)
        curves_figure(part, s);
}
