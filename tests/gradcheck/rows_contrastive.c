/* The contrastive loss over images, texts and temperature. */
#include "gradcheck.h"

#include "contrastive.h"

static Tensor *build_contrastive(Tape *t, Tensor **in, const void *options)
{
    return contrastive_loss(t, in[0], in[1], in[2], options);
}

/* Texts 0 and 2 are true for image 0, text 2 for image 1, too. */
static Real of_images[] = {0.5, 0, 0.5, 0, 0, 0.5, 0.5, 0, 0, 0, 1, 0, 0, 0, 0, 1};
static Real of_texts[] = {1, 0, 0, 0, 0, 1, 0, 0, 1. / 3, 1. / 3, 1. / 3, 0, 0, 0, 0, 1};
static const ContrastiveTargets SHARED = {of_images, of_texts};

static const GradRow ROWS[] = {
    {"contrastive", build_contrastive, {{2, {4, 3}}, {2, {4, 3}}, {1, {1}, 0.5, 2}}},
    {"contrastive, 2 pairs", build_contrastive, {{2, {2, 7}}, {2, {2, 7}}, {1, {1}, 0.5, 2}}},
    {"contrastive, shared targets",
     build_contrastive,
     {{2, {4, 5}}, {2, {4, 5}}, {1, {1}, 0.5, 2}},
     &SHARED},
};
const GradTable GRADCHECK_CONTRASTIVE = {ROWS, sizeof ROWS / sizeof *ROWS};
