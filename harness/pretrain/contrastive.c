/* Built of ops, which bring their gradients. */
#include "contrastive.h"

#include "err.h"

static const double NORM_EPS = 1e-12; /* torch.nn.functional.normalize */

void contrastive_targets(const ContrastiveTargets *out, const unsigned char *is_true, int n)
{
    size_t side = (size_t)n;
    for (size_t i = 0; i < side; i++) {
        int n_texts = 0, n_images = 0;
        check(is_true[i * side + i], "pair %zu does not belong together", i);
        for (size_t j = 0; j < side; j++) {
            n_texts += is_true[i * side + j];
            n_images += is_true[j * side + i];
        }
        for (size_t j = 0; j < side; j++) {
            out->images[i * side + j] = is_true[i * side + j] ? (Real)(1.0 / n_texts) : 0;
            out->texts[i * side + j] = is_true[j * side + i] ? (Real)(1.0 / n_images) : 0;
        }
    }
}

/* Pair i is number i: labels 0 .. n-1. */
static Tensor *own_loss(Tape *t, Tensor *z)
{
    int n = z->dims[0];
    int *labels = tape_aux(t, (size_t)n * sizeof *labels);
    for (int i = 0; i < n; i++) labels[i] = i;
    return nn_cross_entropy(t, z, labels, NULL);
}

static Tensor *shared_loss(Tape *t, Tensor *z, const Real *targets)
{
    Tensor *target = tape_input(t, targets, 2, z->dims);
    Tensor *likely = nn_mul(t, nn_log_softmax(t, z), target);
    return nn_affine(t, nn_sum(t, likely), -1.0 / z->dims[0], 0);
}

Tensor *contrastive_loss(Tape *t, Tensor *images, Tensor *texts, Tensor *log_scale,
                         const ContrastiveTargets *targets)
{
    check(images->rank == 2 && tensor_same_shape(images, texts), "images [%d,%d], texts [%d,%d]",
          images->dims[0], images->dims[1], texts->dims[0], texts->dims[1]);
    Tensor *scaled = nn_mul(t, nn_l2_normalise(t, images, NORM_EPS), nn_exp(t, log_scale));
    Tensor *z = nn_matmul(t, scaled, nn_l2_normalise(t, texts, NORM_EPS), true);
    Tensor *across = nn_permute(t, z, (int[]){1, 0});
    Tensor *of_images = targets != NULL ? shared_loss(t, z, targets->images) : own_loss(t, z);
    Tensor *of_texts =
        targets != NULL ? shared_loss(t, across, targets->texts) : own_loss(t, across);
    return nn_affine(t, nn_add(t, of_images, of_texts), 0.5, 0);
}
