/* `dgbench rotated-study`: the finetuning study of OP-LoRA on turned images. */
#include "commands.h"
#include "dataset.h"
#include "log.h"
#include "mem.h"
#include "query.h"
#include "read_results.h"
#include "rng.h"
#include "rotated.h"
#include "study_grid.h"
#include "transform.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What one call works with. */
typedef struct {
    RotatedProblem problem;
    RotatedData data;
    Real *upright, *turned; /* [n,d] */
    int *labels;
    char text[256]; /* the problem, in words */
    RotatedStudy *study;
} Rotated;

/* ---- images ---- */

static void take_pixels(Real *out, const uint8_t *pixels, int n)
{
    for (int i = 0; i < n; i++) out[i] = (Real)pixels[i] / 255;
}

/* Image i, and the same turned by an angle that only depends on i. */
MUST_USE static bool take_image(Rotated *r, const Dataset *d, int i, Image scratch[2], Err *err)
{
    ImageView view;
    if (!dataset_pixels(d, i, &view, &scratch[0], err)) return false;
    int size = view.width * view.height;
    if (view.channels != 1 || (r->data.d != 0 && r->data.d != size))
        return err_set(
            err, ERR_FORMAT,
            "%s: image %d has %d x %d pixels of %d channels, expected grey images of one "
            "size",
            d->name, i, view.width, view.height, view.channels);
    if (r->data.d == 0) {
        r->data.d = size;
        r->upright = mem_alloc((size_t)r->data.n * (size_t)size, sizeof *r->upright);
        r->turned = mem_alloc((size_t)r->data.n * (size_t)size, sizeof *r->turned);
    }
    double degrees = 360 * rng_uniform(rng_stream(0, "rotated/angle"), 0, (uint64_t)i);
    image_resize_storage(&scratch[1], view.width, view.height, 1);
    transform_rotate(&scratch[1], &view, degrees);
    take_pixels(r->upright + (size_t)i * (size_t)size, view.data, size);
    take_pixels(r->turned + (size_t)i * (size_t)size, scratch[1].data, size);
    r->labels[i] = d->images[i].label;
    return true;
}

/* The first images of the first domain, which is the upright one of the rotated datasets. */
MUST_USE static bool take_images(Rotated *r, const Dataset *d, int64_t n_images, Err *err)
{
    Image scratch[2] = {{0}, {0}};
    int n = d->first[1];
    r->data.n = n < n_images ? n : (int)n_images;
    r->data.n_classes = d->n_classes;
    r->labels = mem_alloc((size_t)r->data.n, sizeof *r->labels);
    bool ok = r->data.n >= r->problem.batch ||
              err_set(err, ERR_USAGE, "rotated-study: %d images, expected at least a batch of %d",
                      r->data.n, r->problem.batch);
    for (int i = 0; ok && i < r->data.n; i++) ok = take_image(r, d, i, scratch, err);
    image_done(&scratch[0]);
    image_done(&scratch[1]);
    return ok;
}

MUST_USE static bool load(Rotated *r, const Args *args, Err *err)
{
    int64_t n_images = 10000;
    Dataset *dataset;
    const char *name = args_text(args, "dataset");
    if (!args_int(args, &n_images, "images", 1, 1000000, err) ||
        !dataset_open(&dataset, name != NULL ? name : "rotated-fashion-mnist", NULL, err))
        return false;
    bool ok = take_images(r, dataset, n_images, err);
    const RotatedProblem *p = &r->problem;
    snprintf(r->text, sizeof r->text,
             "%s %.8s, %d images, hidden %d, rank %d, %d passes of batches of %d (warm-up 5 %%), "
             "pretrained %d passes, generators %d-%d",
             dataset->name, dataset->fingerprint, r->data.n, p->hidden, p->rank, p->passes,
             p->batch, p->pretrain_passes, p->generator_inputs, p->width);
    dataset_close(dataset);
    r->data.upright = r->upright;
    r->data.turned = r->turned;
    r->data.labels = r->labels;
    if (ok && p->rank > r->data.n_classes)
        return err_set(err, ERR_USAGE, "rotated-study: rank %d, expected at most the %d classes",
                       p->rank, r->data.n_classes);
    return ok;
}

/* ---- the command ---- */

MUST_USE static bool read_problem(RotatedProblem *out, const Args *args, Err *err)
{
    int64_t rank = 4, passes = 30, inputs = 128, width = 32, hidden = 512, pretrain = 120,
            batch = 100;
    if (!args_int(args, &rank, "rank", 1, 1024, err) ||
        !args_int(args, &passes, "passes", 1, 100000, err) ||
        !args_int(args, &pretrain, "pretrain-passes", 1, 100000, err) ||
        !args_int(args, &hidden, "hidden", rank, 65536, err) ||
        !args_int(args, &inputs, "inputs", 1, 65536, err) ||
        !args_int(args, &width, "width", 1, 65536, err) ||
        !args_int(args, &batch, "batch", 1, 65536, err))
        return false;
    *out = (RotatedProblem){.hidden = (int)hidden,
                            .rank = (int)rank,
                            .generator_inputs = (int)inputs,
                            .width = (int)width,
                            .batch = (int)batch,
                            .pretrain_passes = (int)pretrain,
                            .passes = (int)passes};
    return true;
}

static void prepare(void *context, ThreadPool *threads)
{
    Rotated *r = context;
    r->study = rotated_new(&r->problem, &r->data);
    log_info("pretraining on %d upright images", r->data.n);
    log_info("pretrained: loss %.3g", rotated_pretrain(r->study, threads));
}

static void run_cell(StudyOutcome *out, const void *context, const StudyCell *cell)
{
    const Rotated *r = context;
    rotated_cell(out, r->study, cell);
}

static bool run_rotated_study(const Args *args, Err *err)
{
    Rotated r = {0};
    Format format;
    const char *name = args_text(args, "format");
    bool ok = format_parse(&format, name != NULL ? name : "text", err) &&
              read_problem(&r.problem, args, err) && load(&r, args, err);
    StudyGrid grid = {
        .study = "rotated",
        .problem = r.text,
        .learned = "lora",
        .generated = "op-lora",
        .optimizers = "adam",
        .input_stds = "0.01,1",
        .n_seeds = 3,
        .half_decades =
            {[STUDY_SGD] = {-6, 4}, [STUDY_MOMENTUM] = {-8, 2}, [STUDY_ADAM] = {-12, 0}},
        .floor = NAN,
        .floor_rank = NAN,
        .prepare = prepare,
        .run = run_cell,
        .context = &r};
    ok = ok && study_grid_run(&grid, args, err) && study_grid_print(&grid, args, err);
    rotated_free(r.study);
    free(r.upright);
    free(r.turned);
    free(r.labels);
    return ok;
}

static const CliOption options[] = {
    OPTION_RESULTS,
    OPTIONS_STUDY_GRID("lora, op-lora", "adam", "0.01,1", "3"),
    {"dataset", 'd', "NAME",
     "grey images: those of its first domain (default: rotated-fashion-mnist)", 0},
    {"images", 0, "N", "at most so many (default: 10000)", 0},
    {"hidden", 0, "N", "hidden units of the network (default: 512)", 0},
    {"rank", 0, "N", "of the updates (default: 4)", 0},
    {"batch", 0, "N", "images of an update (default: 100)", 0},
    {"passes", 0, "N", "of finetuning, over all images (default: 30)", 0},
    {"pretrain-passes", 0, "N", "of training the network (default: 120)", 0},
    {"inputs", 0, "N", "learned inputs of each generator (default: 128)", 0},
    {"width", 0, "N", "hidden units of each generator (default: 32)", 0},
    OPTION_FORMAT,
    {0},
};

const Command command_rotated_study = {
    .name = "rotated-study",
    .operands = "",
    .help = "the finetuning study: LoRA and OP-LoRA on images that are turned",
    .about =
        "Trains a network of one hidden layer on grey images to a loss of about 0, freezes it, and "
        "finetunes updates of low rank on the same images, each turned by an angle of its own: "
        "factors learned themselves (lora) or made by a generator per layer (op-lora), over "
        "learning rates and seeds. Losses over all images, effective rank, gradients, and at the "
        "end the Hessian's top eigenvalue and the gradient along its eigenvector are stored "
        "(tables "
        "study_cell, study_step); cells that are there are not computed again.\n"
        "Prints table study: each parameterisation at its best learning rate. dgbench table "
        "study-rates: every rate.",
    .example = "dgbench rotated-study\ndgbench rotated-study --images 2000 --passes 5 --seeds 1",
    .options = options,
    .run = run_rotated_study,
};
