/* `dgbench factorize`: the matrix-factorisation study of OP-LoRA. */
#include "commands.h"
#include "factorize.h"
#include "query.h"
#include "read_results.h"
#include "study_grid.h"

#include <stdio.h>

static void run_cell(StudyOutcome *out, const void *context, const StudyCell *cell)
{
    factorize_cell(out, context, cell);
}

/* As the paper's appendix B.2, where nothing else is asked for. */
MUST_USE static bool read_problem(FactorProblem *out, const Args *args, Err *err)
{
    int64_t size = 100, rank = 8, inputs = 128, width = 32;
    out->steps = 1000;
    if (!args_int(args, &size, "size", 2, 4096, err) ||
        !args_int(args, &rank, "rank", 1, size, err) ||
        !args_int(args, &out->steps, "steps", 2, 10000000, err) ||
        !args_int(args, &inputs, "inputs", 1, 65536, err) ||
        !args_int(args, &width, "width", 1, 65536, err))
        return false;
    out->size = (int)size;
    out->rank = (int)rank;
    out->warm_up = out->steps > 50 ? 50 : 1;
    out->generator_inputs = (int)inputs;
    out->width = (int)width;
    return true;
}

static bool run_factorize(const Args *args, Err *err)
{
    FactorProblem p = {0};
    Format format;
    char problem[256];
    const char *name = args_text(args, "format");
    if (!format_parse(&format, name != NULL ? name : "text", err) || !read_problem(&p, args, err))
        return false;
    snprintf(problem, sizeof problem,
             "%d x %d, rank %d, %lld steps (warm-up %lld), generators %d-%d", p.size, p.size,
             p.rank, (long long)p.steps, (long long)p.warm_up, p.generator_inputs, p.width);
    Factorization *f = factorize_new(&p);
    StudyGrid grid = {
        .study = "factorize",
        .problem = problem,
        .learned = "mf",
        .generated = "op-mf",
        .optimizers = "sgd,momentum,adam",
        .input_stds = "0.01,1",
        .n_seeds = 3,
        .half_decades =
            {[STUDY_SGD] = {-4, 6}, [STUDY_MOMENTUM] = {-6, 5}, [STUDY_ADAM] = {-10, 2}},
        .floor = factorize_floor(f),
        .floor_rank = factorize_floor_rank(f),
        .run = run_cell,
        .context = f};
    bool ok = study_grid_run(&grid, args, err) && study_grid_print(&grid, args, err);
    factorize_free(f);
    return ok;
}

static const CliOption options[] = {
    OPTION_RESULTS,
    OPTIONS_STUDY_GRID("mf, op-mf", "all three", "0.01,1", "3"),
    {"size", 0, "N", "rows and columns of the matrix (default: 100)", 0},
    {"rank", 0, "N", "of the factors (default: 8)", 0},
    {"steps", 0, "N", "updates, 50 of them warm-up (default: 1000)", 0},
    {"inputs", 0, "N", "learned inputs of each generator (default: 128)", 0},
    {"width", 0, "N", "hidden units of each generator (default: 32)", 0},
    OPTION_FORMAT,
    {0},
};

const Command command_factorize = {
    .name = "factorize",
    .operands = "",
    .help = "the matrix-factorisation study: low-rank factors learned, or made by generators",
    .about =
        "Fits a random matrix by B A of low rank, with A and B learned themselves (mf) or each "
        "made by a small network (op-mf, as OP-LoRA does), over optimisers, learning rates and "
        "seeds. Mean squared error, effective rank, gradient norm and the cosine of gradients 10 "
        "steps apart are stored (tables study_cell, study_step); cells that are there are not "
        "computed again.\n"
        "Prints table study: each parameterisation at its best learning rate, beside the floor "
        "that the singular value decomposition gives. dgbench table study-rates: every rate.",
    .example = "dgbench factorize\ndgbench factorize --optimizer adam --lr 0.001,0.01 --seeds 10",
    .options = options,
    .run = run_factorize,
};
