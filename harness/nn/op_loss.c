/* Cross-entropy. With label smoothing e and class weights w, the target of a sample of class y is
 * c_k = (1-e) w_y [k = y] + e/K w_k, its loss sum_k c_k (log sum exp z - z_k), and the mean divides
 * by the sum of w_y: the definition in the documentation of torch.nn.CrossEntropyLoss. */
#include "ops.h"

#include "err.h"
#include "ranges.h"
#include "softmax_rows.h"

typedef struct {
    int n, k;
    NnCrossEntropy options;
    double weight_sum;  /* over classes */
    double denominator; /* of the mean; 1 for losses per sample */
    int *y;             /* [N] */
    double *losses;     /* [N] */
    const Real *z;
    Real *p; /* [N,K], softmax */
    const Real *dy;
    Real *dz;
    bool fresh;
} CrossEntropy;

static double class_weight(const CrossEntropy *c, int k)
{
    return c->options.class_weights != NULL ? c->options.class_weights[k] : 1;
}

static double sample_loss(const CrossEntropy *c, const Real *z, int y, double log_sum)
{
    double smoothing = c->options.label_smoothing;
    double loss = (1 - smoothing) * class_weight(c, y) * (log_sum - z[y]);
    if (smoothing == 0) return loss;
    double sum = 0;
    for (int k = 0; k < c->k; k++) sum += class_weight(c, k) * (log_sum - z[k]);
    return loss + smoothing / c->k * sum;
}

static void loss_forward(const void *context, size_t begin, size_t end)
{
    const CrossEntropy *c = context;
    for (size_t i = begin; i < end; i++) {
        const Real *z = c->z + i * (size_t)c->k;
        double log_sum = softmax_row(c->p + i * (size_t)c->k, z, (size_t)c->k);
        c->losses[i] = sample_loss(c, z, c->y[i], log_sum);
    }
}

/* dz_k = dy * (sum(c) * p_k - c_k) / denominator */
static void loss_backward(const void *context, size_t begin, size_t end)
{
    const CrossEntropy *c = context;
    double smoothing = c->options.label_smoothing;
    for (size_t i = begin; i < end; i++) {
        const Real *p = c->p + i * (size_t)c->k;
        Real *dz = c->dz + i * (size_t)c->k;
        double dy = c->dy[c->options.per_sample ? i : 0] / c->denominator;
        double hard = (1 - smoothing) * class_weight(c, c->y[i]);
        double total = hard + smoothing / c->k * c->weight_sum;
        for (int k = 0; k < c->k; k++) {
            double target = smoothing / c->k * class_weight(c, k) + (k == c->y[i] ? hard : 0);
            double d = dy * (total * p[k] - target);
            dz[k] = (Real)(c->fresh ? d : dz[k] + d);
        }
    }
}

static void cross_entropy_backward(Tape *t, Tensor *y)
{
    CrossEntropy *c = y->aux;
    c->dz = tape_grad_fresh(t, y->inputs[0], &c->fresh);
    c->dy = y->g;
    if (c->dz == NULL) return;
    ranges_run(tape_threads(t), (size_t)c->n, ranges_grain((size_t)c->k), loss_backward, c);
}

static void copy_labels(Tape *t, CrossEntropy *c, const int *y)
{
    c->y = tape_aux(t, (size_t)c->n * sizeof *c->y);
    double sum = 0;
    for (int i = 0; i < c->n; i++) {
        check(y[i] >= 0 && y[i] < c->k, "label %d of sample %d, with %d classes", y[i], i, c->k);
        c->y[i] = y[i];
        sum += class_weight(c, y[i]);
    }
    c->denominator = c->options.per_sample ? 1 : sum;
    for (int k = 0; k < c->k; k++) c->weight_sum += class_weight(c, k);
}

static void cross_entropy_forward(Tape *t, Tensor *y, CrossEntropy *c)
{
    c->losses = tape_aux(t, (size_t)c->n * sizeof *c->losses);
    ranges_run(tape_threads(t), (size_t)c->n, ranges_grain((size_t)c->k), loss_forward, c);
    double sum = 0;
    for (int i = 0; i < c->n; i++) {
        if (c->options.per_sample) y->v[i] = (Real)c->losses[i];
        sum += c->losses[i];
    }
    if (!c->options.per_sample) y->v[0] = (Real)(sum / c->denominator);
}

Tensor *nn_cross_entropy(Tape *t, Tensor *z, const int *y, const NnCrossEntropy *options)
{
    check(z->rank == 2, "cross_entropy: logits of rank %d", z->rank);
    CrossEntropy *c = tape_aux(t, sizeof *c);
    *c = (CrossEntropy){.n = z->dims[0], .k = z->dims[1], .z = z->v};
    if (options != NULL) c->options = *options;
    check(c->options.label_smoothing >= 0 && c->options.label_smoothing < 1, "label smoothing %g",
          c->options.label_smoothing);
    TapeOp op = {.op = "cross_entropy",
                 .backward = cross_entropy_backward,
                 .inputs = &z,
                 .n_inputs = 1,
                 .flops = 5.0 * (double)tensor_size(z)};
    int n_losses = c->options.per_sample ? c->n : 1;
    Tensor *loss = tape_result(t, &op, 1, &n_losses);
    loss->aux = c;
    c->p = tape_save(t, loss, tensor_size(z), sizeof *c->p);
    if (tape_planning(t)) return loss;
    copy_labels(t, c, y);
    cross_entropy_forward(t, loss, c);
    return loss;
}
