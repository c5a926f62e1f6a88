/* `dgbench plan` on paper: 80 to 100 columns. */
#include "clock.h"
#include "plan.h"
#include "plan_budget.h"

#include <string.h>

enum { NUMBER_SIZE = 32, DATASET_WIDTH = 16, METHOD_WIDTH = 10 /* at least */ };

/* 438600 as "438,600" */
static const char *whole_number(char out[NUMBER_SIZE], int64_t value)
{
    char digits[NUMBER_SIZE];
    int n = snprintf(digits, sizeof digits, "%lld", (long long)value), k = 0;
    for (int i = 0; i < n && k < NUMBER_SIZE - 2; i++) {
        out[k++] = digits[i];
        if ((n - 1 - i) % 3 == 0 && i + 1 < n && digits[i] != '-') out[k++] = ',';
    }
    out[k] = '\0';
    return out;
}

/* Room for the longest label, so that the columns behind it stay in line. */
static int method_width(const Plan *plan)
{
    size_t width = METHOD_WIDTH;
    for (int m = 0; m < plan->count.n_methods; m++) {
        size_t n = strlen(plan->count.methods[m]);
        if (n > width) width = n;
    }
    return (int)width;
}

/* ---- runs ---- */

static void describe_sets(Str *out, const ExperimentSets *sets)
{
    int n_larger = sets->n - sets->n_single;
    bool pairs = true;
    for (int i = 0; i < sets->n; i++) pairs &= sets->sets[i].n <= 2;
    if (sets->n_single > 0) str_addf(out, "%d single", sets->n_single);
    if (n_larger == 0) return;
    str_addf(out, "%s%d ", sets->n_single > 0 ? " + " : "", n_larger);
    str_add(out, pairs ? (n_larger > 1 ? "pairs" : "pair") : "larger");
}

static void print_sets_row(const Plan *plan, int d, FILE *out)
{
    const ExperimentSets *sets = &plan->count.datasets[d];
    Str text = {0};
    char runs[NUMBER_SIZE], stored[NUMBER_SIZE] = "?";
    describe_sets(&text, sets);
    if (plan->n_stored != NULL) whole_number(stored, plan->n_stored[d]);
    fprintf(out, "%-*s %8d  %-20s %6lld %7lld %12s %9s\n", DATASET_WIDTH, sets->dataset,
            plan->count.n_methods, str_text(&text), (long long)plan->count.hparams,
            (long long)plan->count.trials, whole_number(runs, sets->n_runs), stored);
    str_done(&text);
}

static int64_t stored_in_all(const Plan *plan)
{
    int64_t n = 0;
    for (int d = 0; d < plan->count.n_datasets; d++) n += plan->n_stored[d];
    return n;
}

void plan_print_runs(const Plan *plan, FILE *out)
{
    char runs[NUMBER_SIZE], stored[NUMBER_SIZE] = "?";
    fprintf(out, "%-*s %8s  %-20s %6s %7s %12s %9s\n", DATASET_WIDTH, "dataset", "methods",
            "held-out sets", "draws", "trials", "runs", "stored");
    for (int d = 0; d < plan->count.n_datasets; d++) print_sets_row(plan, d, out);
    if (plan->n_stored != NULL) whole_number(stored, stored_in_all(plan));
    fprintf(out, "%-*s %45s %12s %9s\n", DATASET_WIDTH, "in all", "",
            whole_number(runs, plan->count.n_runs), stored);
    for (int d = 0; d < plan->count.n_datasets; d++) {
        if (plan->datasets[d].data != NULL) continue;
        fprintf(out, "not on this machine, FLOPs and time are not known: %s\n",
                plan->datasets[d].place);
    }
}

/* ---- cost ---- */

void plan_print_cost(const Plan *plan, FILE *out)
{
    bool is_first = true;
    double flops = 0;
    for (int i = 0; i < plan->n_rows; i++) {
        const PlanRow *row = &plan->rows[i];
        if (!row->is_known) continue;
        if (is_first) {
            fprintf(out, "\n%-*s %-*s %-18s %9s %11s %9s %8s\n", DATASET_WIDTH, "dataset",
                    method_width(plan), "method", "network at pixels", "M params", "GFLOP/step",
                    "TFLOP/run", "MiB/run");
        }
        is_first = false;
        const PlanDraw *draw = plan_draw(plan, row, 0, 0);
        bool has_single = plan->count.datasets[row->dataset].n_single > 0;
        char net[64];
        snprintf(net, sizeof net, "%s at %lld", row->spec.net.name,
                 (long long)row->cost.image_size);
        fprintf(out, "%-*s %-*s %-18s %9.3f %11.3f %9.3f %8.1f\n", DATASET_WIDTH,
                plan->datasets[row->dataset].name, method_width(plan),
                plan->count.methods[row->method], net, (double)row->cost.n_parameters / 1e6,
                row->cost.step_flops / 1e9,
                plan_run_flops(row, draw, has_single ? SET_SINGLE : SET_LARGER) / 1e12,
                (double)row->cost.total_peak_bytes / 0x1p20);
        flops += plan_sum(plan, row, plan_whole(plan)).flops;
    }
    if (!is_first) fprintf(out, "FLOPs of the runs left: %.3f trillion\n", flops / 1e12);
}

/* ---- time ---- */

static void print_time_row(const Plan *plan, const PlanRow *row, const PlanSum *sum, FILE *out)
{
    char run[NUMBER_SIZE], all[NUMBER_SIZE], left[NUMBER_SIZE];
    bool has_single = plan->count.datasets[row->dataset].n_single > 0;
    double seconds =
        plan_run_seconds(row, plan_draw(plan, row, 0, 0), has_single ? SET_SINGLE : SET_LARGER);
    clock_format(run, sizeof run, seconds);
    clock_format(all, sizeof all, plan_wall_seconds(plan, sum));
    fprintf(out, "%-*s %-*s %8.3f %12s %9s %12s  %s\n", DATASET_WIDTH,
            plan->datasets[row->dataset].name, method_width(plan), plan->count.methods[row->method],
            row->time.train_seconds_per_image * row->cost.step_images, run,
            whole_number(left, sum->n_left), all, row->time.source);
}

static void add_sum(PlanSum *all, const PlanSum *one)
{
    all->n_left += one->n_left;
    all->flops += one->flops;
    all->seconds += one->seconds;
    if (one->longest_seconds > all->longest_seconds) all->longest_seconds = one->longest_seconds;
}

static PlanSum sum_all(const Plan *plan, BudgetPart part)
{
    PlanSum all = {0};
    for (int i = 0; i < plan->n_rows; i++) {
        PlanSum one = plan_sum(plan, &plan->rows[i], part);
        add_sum(&all, &one);
    }
    return all;
}

/* "1 job", "2 jobs of 4 threads" */
static void describe_jobs(char out[64], const Plan *plan)
{
    int n = snprintf(out, 64, "%d job%s", plan->n_jobs, plan->n_jobs > 1 ? "s" : "");
    if (plan->n_threads > 1) snprintf(out + n, 64 - (size_t)n, " of %d threads", plan->n_threads);
}

void plan_print_time(const Plan *plan, FILE *out)
{
    BudgetPart whole = plan_whole(plan);
    PlanSum all = {0};
    int n_timed = 0, n_known = 0;
    char jobs[64], time[NUMBER_SIZE];
    describe_jobs(jobs, plan);
    for (int i = 0; i < plan->n_rows; i++) {
        const PlanRow *row = &plan->rows[i];
        n_known += row->is_known;
        if (row->time.source == NULL) continue;
        if (n_timed++ == 0) {
            fprintf(out, "\n%-*s %-*s %8s %12s %9s %12s  %s\n", DATASET_WIDTH, "dataset",
                    method_width(plan), "method", "s/step", "a run", "runs left", "time left",
                    "measured");
        }
        PlanSum one = plan_sum(plan, row, whole);
        print_time_row(plan, row, &one, out);
        add_sum(&all, &one);
    }
    clock_format(time, sizeof time, plan_wall_seconds(plan, &all));
    if (n_timed > 0) fprintf(out, "time of the runs left at %s: about %s\n", jobs, time);
    if (n_timed < n_known) {
        fprintf(out,
                "time%s: not known, no finished runs like these on this machine%s%s; "
                "--measure times a few steps\n",
                n_timed > 0 ? " of the others" : "", plan->results != NULL ? " in " : "",
                plan->results != NULL ? plan->results : "");
    }
}

/* ---- budget ---- */

static double part_seconds(const void *context, BudgetPart part)
{
    PlanSum sum = sum_all(context, part);
    return plan_wall_seconds(context, &sum);
}

static bool check_known(const Plan *plan, Err *err)
{
    for (int i = 0; i < plan->n_rows; i++) {
        const PlanRow *row = &plan->rows[i];
        if (row->time.source != NULL) continue;
        return err_set(err, ERR_NOT_FOUND,
                       "--budget: nothing is known about the time of %s on %s: %s",
                       plan->count.methods[row->method], plan->datasets[row->dataset].name,
                       plan->datasets[row->dataset].place);
    }
    return true;
}

/* What is left of one number: "draws 20 -> 5", "trials 3 (all)" */
static void print_cut(const char *name, int64_t whole, int64_t part, FILE *out)
{
    if (part == whole)
        fprintf(out, "%s %lld (all)", name, (long long)whole);
    else
        fprintf(out, "%s %lld -> %lld", name, (long long)whole, (long long)part);
}

/* Every set of one domain, by name, when the file lists its sets; else its mode. */
static void add_singles(Str *command, const Plan *plan)
{
    const ExperimentSets *sets = &plan->count.datasets[0];
    int n_domains = plan->datasets[0].domains.n;
    if (sets->n_single == n_domains) {
        str_add(command, " --set sweep.held_out=each");
        return;
    }
    Str names = {0};
    for (int i = 0; i < sets->n; i++) {
        if (sets->sets[i].n > 1) continue;
        str_addf(&names, "%s%s", names.n > 0 ? "," : "", sets->sets[i].items[0]);
    }
    str_add(command, " --held-out ");
    str_add_shell_word(command, str_text(&names));
    str_done(&names);
}

static void print_command(const Plan *plan, BudgetPart whole, BudgetPart part,
                          const PlanCommand *command, FILE *out)
{
    Str text = {0};
    str_add(&text, command->command);
    if (part.larger_sets == whole.larger_sets)
        str_add(&text, command->held_out);
    else
        add_singles(&text, plan);
    str_addf(&text, " --hparams %lld --trials %lld --jobs %d", (long long)part.draws,
             (long long)part.trials, plan->n_jobs);
    fprintf(out, "  %s\n", str_text(&text));
    str_done(&text);
}

static bool can_drop_larger(const Plan *plan)
{
    for (int d = 0; d < plan->count.n_datasets; d++) {
        if (plan->count.datasets[d].n_single == 0) return false;
    }
    return true;
}

static void print_part(const Plan *plan, BudgetPart whole, BudgetPart part, const char *budget,
                       FILE *out)
{
    char time[NUMBER_SIZE], n[NUMBER_SIZE], n_all[NUMBER_SIZE], jobs[64];
    PlanSum sum = sum_all(plan, part), all = sum_all(plan, whole);
    describe_jobs(jobs, plan);
    clock_format(time, sizeof time, plan_wall_seconds(plan, &sum));
    fprintf(out, "\nbudget %s at %s: %s of %s runs left fit, about %s\n", budget, jobs,
            whole_number(n, sum.n_left), whole_number(n_all, all.n_left), time);
    print_cut("  draws", whole.draws, part.draws, out);
    print_cut(", trials", whole.trials, part.trials, out);
    if (whole.larger_sets) {
        fprintf(out, ", held out: %s",
                part.larger_sets ? "singles and larger sets (all)"
                                 : "singles, without larger sets");
    }
    fprintf(out, "; all datasets, methods and domains\n"
                 "  (cut in this order: draws, then trials, then sets of more than one domain)\n");
}

bool plan_print_budget(const Plan *plan, double seconds, const PlanCommand *command, FILE *out,
                       Err *err)
{
    BudgetPart whole = plan_whole(plan), part, least = {1, 1, false};
    char budget[NUMBER_SIZE], time[NUMBER_SIZE];
    if (!check_known(plan, err)) return false;
    bool can_drop = can_drop_larger(plan);
    clock_format(budget, sizeof budget, seconds);
    if (!budget_fit(&part, whole, can_drop, seconds, part_seconds, plan)) {
        least.larger_sets = whole.larger_sets && !can_drop;
        clock_format(time, sizeof time, part_seconds(plan, least));
        return err_set(err, ERR_FORMAT,
                       "--budget: even one draw and one trial take about %s, more than %s", time,
                       budget);
    }
    print_part(plan, whole, part, budget, out);
    print_command(plan, whole, part, command, out);
    return true;
}
