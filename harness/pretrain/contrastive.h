/* The loss of CLIP (Radford et al. 2021, figure 3): cross-entropy over cosines of all images and
 * texts of a batch, from images to texts and from texts to images, the mean of both.
 *
 * A text that is true for several images of the batch is a false negative there. With targets, all
 * true ones share a row's mass evenly, as in UniCL (Yang et al. 2022, eq. 2, 3) and SupCon (Khosla
 * et al. 2020, L_out): - 1/N sum_i 1/|P(i)| sum_(j in P(i)) log softmax(z_i)_j.
 */
#ifndef PRETRAIN_CONTRASTIVE_H
#define PRETRAIN_CONTRASTIVE_H

#include "ops.h"

typedef struct {
    Real *images; /* [N,N]: row i: of image i over the texts; sums to 1 */
    Real *texts;  /* [N,N]: row j: of text j over the images */
} ContrastiveTargets;

/* is_true [N,N]: text j is true for image i; its diagonal is set. */
void contrastive_targets(const ContrastiveTargets *out, const unsigned char *is_true, int n);

/* images, texts [N,D] embeddings, not normalised; log_scale [1]; targets NULL: pair i belongs
 * together, nothing else. Borrowed through the step -> [1], in nats */
Tensor *contrastive_loss(Tape *t, Tensor *images, Tensor *texts, Tensor *log_scale,
                         const ContrastiveTargets *targets);

#endif
