/* The finetuning study of OP-LoRA (arXiv 2412.10362, section 3.3): a network of one hidden layer is
 * trained on images to a loss of about 0 and frozen; updates B A of low rank to both its weights
 * are then learned on the same images, each turned by an angle of its own. LoRA learns A and B of a
 * layer, OP-LoRA a generator that makes both. Adam or plain descent, on batches.
 *
 *     RotatedStudy *s = rotated_new(&problem, &data);
 *     rotated_pretrain(s, threads);
 *     rotated_cell(&outcome, s, &cell);     // by any number of threads, each with its own cell
 *     rotated_free(s);
 */
#ifndef STUDY_ROTATED_H
#define STUDY_ROTATED_H

#include "study.h"
#include "thread_pool.h"

/* n images of d numbers in [0,1], upright and turned, [n,d] each. Borrowed. */
typedef struct {
    int n, d, n_classes;
    const Real *upright, *turned;
    const int *labels;
} RotatedData;

typedef struct {
    int hidden, rank;            /* 512, 4 in the paper; scale alpha / r is 1 */
    int generator_inputs, width; /* Z, H of each layer's generator */
    int batch;                   /* images of an update, at most n */
    int pretrain_passes, passes; /* over all images */
    uint64_t seed;               /* of the network */
} RotatedProblem;

typedef struct RotatedStudy RotatedStudy;

RotatedStudy *rotated_new(const RotatedProblem *problem, const RotatedData *data);
void rotated_free(RotatedStudy *s); /* NULL is fine */

/* Trains the network on the upright images (Adam, linear decay) and freezes it. Returns its mean
 * loss on them in nats. Before any cell. */
double rotated_pretrain(RotatedStudy *s, ThreadPool *threads);

/* Losses are means over all turned images; logged before the first update and after every pass,
 * with the effective rank of the first layer's update. Gradients and curvature are those of the
 * first ROTATED_PROBE images; gradients in A and B of both layers. out needs no init. */
enum { ROTATED_PROBE = 2000 };
void rotated_cell(StudyOutcome *out, const RotatedStudy *s, const StudyCell *cell);

/* ---- the parts of a cell, for tests ---- */

typedef struct RotatedModel RotatedModel;

RotatedModel *rotated_model_new(const RotatedStudy *s, const StudyCell *cell);
void rotated_model_free(RotatedModel *m);
Params *rotated_model_params(RotatedModel *m);

/* Mean loss on the first n turned images as the parameters stand; with_gradient: their gradients
 * are set. */
double rotated_model_loss(RotatedModel *m, int n, bool with_gradient);

#endif
