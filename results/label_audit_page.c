/* The contact sheet: see label_audit.h. Filters are radio buttons in front of the cards, and style
 * rules that hide what the checked ones do not fit: no script. */
#include "label_audit.h"

#include "arena.h"
#include "html.h"
#include "results_files.h"

#include <math.h>
#include <string.h>

enum { FEW_CHOICES = 12 }; /* more are folded up */

/* One question that cards are filtered by: the values that occur, in order of appearance. */
typedef struct {
    const char *id, *title, *all;
    const char **values;
    int *counts;
    int n;
    const char *(*of)(const Suspect *suspect);
} Filter;

enum { N_FILTERS = 3 };

typedef struct {
    Str *out;
    const LabelAudit *audit;
    Filter filters[N_FILTERS];
    Arena *arena;
} Sheet;

/* ---- filters --------------------------------------------------------------------------------- */

static const char *domain_of(const Suspect *s)
{
    return s->domain;
}

static const char *class_of(const Suspect *s)
{
    return s->class_name;
}

static const char *sign_of(const Suspect *s)
{
    bool both = s->n_agreeing > 0 && s->zero_shot[0] != '\0';
    return both && str_equal(s->suggested, s->zero_shot) ? "runs and scorer name the same class"
           : s->n_agreeing > 0                           ? "runs name another class"
                                                         : "low alignment only";
}

static int filter_find(const Filter *filter, const char *value)
{
    int i = 0;
    while (i < filter->n && !str_equal(filter->values[i], value)) i++;
    return i;
}

static Filter filter_make(const Sheet *sheet, Filter filter)
{
    size_t most = (size_t)label_audit_n(sheet->audit);
    filter.values = arena_alloc(sheet->arena, most, sizeof *filter.values);
    filter.counts = arena_alloc(sheet->arena, most, sizeof *filter.counts);
    for (int i = 0; i < label_audit_n(sheet->audit); i++) {
        const char *value = filter.of(label_audit_suspect(sheet->audit, i));
        int at = filter_find(&filter, value);
        if (at == filter.n) filter.values[filter.n++] = value;
        filter.counts[at]++;
    }
    return filter;
}

/* A checked button hides the cards that are not of its value, and its label stands out. */
static void write_filter_style(const Sheet *sheet, const Filter *filter)
{
    for (int i = -1; i < filter->n; i++) {
        const char *button = i < 0 ? arena_printf(sheet->arena, "%s-all", filter->id)
                                   : arena_printf(sheet->arena, "%s-%d", filter->id, i);
        if (i >= 0)
            str_addf(sheet->out, "#%s:checked ~ .cards .card:not(.%s) { display: none; }\n", button,
                     button);
        str_addf(sheet->out,
                 "#%s:checked ~ .filters label[for=%s] { background: var(--accent); color: "
                 "var(--back); border-color: var(--accent); }\n"
                 "#%s:focus-visible ~ .filters label[for=%s] { outline: 2px solid var(--ink); "
                 "outline-offset: 2px; }\n",
                 button, button, button, button);
    }
}

static void write_buttons(const Sheet *sheet, const Filter *filter)
{
    str_addf(sheet->out,
             "<input class=\"pick\" type=\"radio\" name=\"%s\" id=\"%s-all\" checked>\n",
             filter->id, filter->id);
    for (int i = 0; i < filter->n; i++)
        str_addf(sheet->out, "<input class=\"pick\" type=\"radio\" name=\"%s\" id=\"%s-%d\">\n",
                 filter->id, filter->id, i);
}

static void write_choices(const Sheet *sheet, const Filter *filter)
{
    bool few = filter->n <= FEW_CHOICES;
    Str *out = sheet->out;
    str_addf(out, few ? "<fieldset><legend>%s</legend>" : "<details><summary>%s</summary>",
             filter->title);
    str_addf(out, "<div class=\"choices\">\n<label for=\"%s-all\">%s</label>\n", filter->id,
             filter->all);
    for (int i = 0; i < filter->n; i++) {
        str_addf(out, "<label for=\"%s-%d\">", filter->id, i);
        html_text(out, filter->values[i]);
        str_addf(out, " <small>%d</small></label>\n", filter->counts[i]);
    }
    str_addf(out, "</div>%s\n", few ? "</fieldset>" : "</details>");
}

static void make_filters(Sheet *sheet)
{
    sheet->filters[0] = filter_make(
        sheet, (Filter){.id = "domain", .title = "Domain", .all = "all", .of = domain_of});
    sheet->filters[1] =
        filter_make(sheet, (Filter){.id = "sign", .title = "Signs", .all = "all", .of = sign_of});
    sheet->filters[2] = filter_make(
        sheet, (Filter){.id = "class", .title = "Labelled", .all = "all", .of = class_of});
}

/* ---- the page -------------------------------------------------------------------------------- */

static const char *style_file(const char *name)
{
    for (const EmbeddedFile *file = report_files; file->name != NULL; file++) {
        if (str_equal(file->name, name)) return file->text;
    }
    check(false, "no file report/%s", name);
    return NULL;
}

static void write_head(const Sheet *sheet)
{
    str_add(sheet->out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "style-src 'unsafe-inline'; img-src data:\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<link rel=\"icon\" href=\"data:,\">\n<title>dgbench audit</title>\n<style>\n");
    str_add(sheet->out, style_file("report.css"));
    str_add(sheet->out, style_file("sheet.css"));
    for (int i = 0; i < N_FILTERS; i++) write_filter_style(sheet, &sheet->filters[i]);
    str_add(sheet->out, "</style>\n</head>\n<body class=\"sheet\">\n<a class=\"skip\" "
                        "href=\"#main\">Skip to the images</a>\n");
}

static void write_introduction(const Sheet *sheet, const char *csv_name)
{
    const LabelAudit *audit = sheet->audit;
    const char *scorer = label_audit_scorer(audit);
    bool has_runs = label_audit_suspect(audit, 0)->n_runs > 0;
    Str *out = sheet->out;
    str_add(out, "<header>\n<h1>Labels to look at again: ");
    html_text(out, label_audit_dataset(audit).name);
    str_addf(out,
             "</h1>\n<p>The %d most suspicious of %d images, first the worst. Suspicion = %s%s%s. ",
             label_audit_n(audit), label_audit_n_ranked(audit),
             scorer != NULL ? "(1 &minus; percentile)" : "",
             scorer != NULL && has_runs ? " &times; " : "", has_runs ? "agreement" : "");
    if (scorer != NULL) {
        str_add(out, "Percentile: the fraction of its domain's images whose alignment with their "
                     "label is lower (scorer <b>");
        html_text(out, scorer);
        str_add(out, "</b>). ");
    }
    if (has_runs)
        str_add(out,
                "Agreement: over the runs that held the domain out, the summed confidence of those "
                "that name the same other class, divided by all runs. ");
    str_add(out,
            "A low rank is no proof: hard images look the same.</p>\n<p>To leave images out of "
            "tables, write <b>exclude</b> or <b>keep</b> into the column verdict of <b>");
    html_text(out, csv_name);
    str_add(out,
            "</b> (the numbers are its column place), then <code>dgbench audit --apply</code> it, "
            "and give tables <code>--excluding</code>.</p>\n</header>\n");
}

/* A class that someone names, bold when it is not the label. */
static void write_fact(Str *out, const Suspect *s, const char *name, const char *value,
                       const char *more)
{
    str_addf(out, "<dt>%s</dt><dd>", name);
    html_element(out, str_equal(value, s->class_name) ? "span" : "b", NULL, value);
    str_addf(out, " <small>%s</small></dd>\n", more);
}

static void write_facts(const Sheet *sheet, const Suspect *s)
{
    Str *out = sheet->out;
    Arena *arena = sheet->arena;
    str_add(out, "<dl>\n");
    if (s->n_agreeing > 0)
        write_fact(out, s, "runs", s->suggested,
                   arena_printf(arena, "%d of %d runs, %.0f&nbsp;%% sure", s->n_agreeing, s->n_runs,
                                100 * s->confidence));
    if (s->zero_shot[0] != '\0')
        write_fact(out, s, "scorer", s->zero_shot,
                   s->zero_shot_rank > 0 ? arena_printf(arena, "label no. %d", s->zero_shot_rank)
                                         : "");
    if (!isnan(s->alignment))
        str_addf(out, "<dt>alignment</dt><dd>%.3f <small>percentile %.0f</small></dd>\n",
                 s->alignment, 100 * s->percentile);
    str_add(out, "</dl>\n");
}

static bool write_card(const Sheet *sheet, int i, const LabelAuditPictures *pictures, Err *err)
{
    const Suspect *s = label_audit_suspect(sheet->audit, i);
    Str *out = sheet->out;
    str_add(out, "<li class=\"card");
    for (int f = 0; f < N_FILTERS; f++) {
        const Filter *filter = &sheet->filters[f];
        str_addf(out, " %s-%d", filter->id, filter_find(filter, filter->of(s)));
    }
    str_add(out, "\">\n<div class=\"picture\"><img alt=\"");
    html_text(out, s->path);
    str_add(out, "\" src=\"");
    if (!pictures->add(out, pictures->context, s->position, err)) return false;
    str_add(out, "\"></div>\n<div class=\"said\"><h3>");
    html_text(out, s->class_name);
    str_addf(out, " <span>no. %d &middot; %.2f</span></h3>\n", i + 1, s->suspicion);
    write_facts(sheet, s);
    html_element(out, "p", "path", s->path);
    str_add(out, "</div>\n</li>\n");
    return true;
}

bool label_audit_page(Str *out, const LabelAudit *audit, const char *csv_name,
                      const LabelAuditPictures *pictures, Err *err)
{
    Sheet sheet = {.out = out, .audit = audit, .arena = arena_new()};
    make_filters(&sheet);
    write_head(&sheet);
    write_introduction(&sheet, csv_name);
    str_add(out, "<main id=\"main\">\n<h2>Images</h2>\n");
    for (int i = 0; i < N_FILTERS; i++) write_buttons(&sheet, &sheet.filters[i]);
    str_add(out, "<div class=\"filters\">\n");
    for (int i = 0; i < N_FILTERS; i++) write_choices(&sheet, &sheet.filters[i]);
    str_add(out, "</div>\n<ol class=\"cards\">\n");
    bool ok = true;
    for (int i = 0; ok && i < label_audit_n(audit); i++) ok = write_card(&sheet, i, pictures, err);
    str_add(out, "</ol>\n</main>\n</body>\n</html>\n");
    arena_free(sheet.arena);
    return ok;
}
