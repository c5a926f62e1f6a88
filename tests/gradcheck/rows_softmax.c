/* Softmax, attention, cross-entropy. */
#include "gradcheck.h"

#include "ops.h"

/* ---- softmax ---- */

static Tensor *build_softmax(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    return nn_softmax(t, in[0]);
}

static Tensor *build_log_softmax(Tape *t, Tensor **in, const void *options)
{
    (void)options;
    return nn_log_softmax(t, in[0]);
}

/* ---- attention ---- */

typedef struct {
    int heads;
    bool causal;
    int same; /* 1: k is v too; 2: q is k and v too */
} Heads;

static Tensor *build_attention(Tape *t, Tensor **in, const void *options)
{
    const Heads *h = options;
    Tensor *k = h->same == 2 ? in[0] : in[1];
    return nn_attention(t, in[0], k, h->same > 0 ? k : in[2], h->heads, h->causal);
}

/* q, k, v as slices of one tensor, as in a transformer. */
static Tensor *build_attention_qkv(Tape *t, Tensor **in, const void *options)
{
    const Heads *h = options;
    int d = tensor_columns(in[0]) / 3;
    Tensor *q = nn_slice(t, in[0], 2, 0, d), *k = nn_slice(t, in[0], 2, d, 2 * d);
    return nn_attention(t, q, k, nn_slice(t, in[0], 2, 2 * d, 3 * d), h->heads, h->causal);
}

static const Heads ONE_HEAD = {1, false, 0}, TWO_HEADS = {2, false, 0}, CAUSAL = {2, true, 0},
                   KEYS_ARE_VALUES = {2, false, 1}, ALL_SAME = {2, false, 2},
                   ALL_SAME_CAUSAL = {3, true, 2};

/* ---- cross-entropy ---- */

typedef struct {
    const int *labels;
    NnCrossEntropy options;
} Loss;

static Tensor *build_cross_entropy(Tape *t, Tensor **in, const void *options)
{
    const Loss *l = options;
    return nn_cross_entropy(t, in[0], l->labels, &l->options);
}

static Tensor *build_plain_cross_entropy(Tape *t, Tensor **in, const void *options)
{
    return nn_cross_entropy(t, in[0], ((const Loss *)options)->labels, NULL);
}

static const int LABELS[] = {2, 0, 1, 2, 2};
static const Real WEIGHTS[] = {0.5, 2, 1.25};
static const Loss PLAIN = {LABELS, {0}}, SMOOTH = {LABELS, {.label_smoothing = 0.1}},
                  WEIGHTED = {LABELS, {.class_weights = WEIGHTS}},
                  BOTH = {LABELS, {.label_smoothing = 0.3, .class_weights = WEIGHTS}},
                  EACH = {LABELS, {.per_sample = true}}, ALL = {LABELS, {0.2, WEIGHTS, true}};
static int many_labels[5000]; /* all 0 */
static const Loss MANY = {many_labels, {.label_smoothing = 0.1}};

static const GradRow ROWS[] = {
    {"softmax", build_softmax, {{2, {3, 5}, -3, 3}}},
    {"softmax, one column", build_softmax, {{2, {3, 1}}}},
    {"softmax, vector", build_softmax, {{1, {19}, -3, 3}}},
    {"softmax, rank 4", build_softmax, {{4, {2, 2, 3, 17}, -3, 3}}},
    {.name = "softmax, large",
     .build = build_softmax,
     .in = {{2, {501, 67}, -3, 3}},
     .directional = true},
    {"log softmax", build_log_softmax, {{2, {3, 5}, -3, 3}}},
    {"log softmax, one column", build_log_softmax, {{2, {3, 1}}}},
    {"log softmax, rank 3", build_log_softmax, {{3, {2, 3, 11}, -3, 3}}},
    {.name = "log softmax, large",
     .build = build_log_softmax,
     .in = {{2, {501, 67}, -3, 3}},
     .directional = true},
    {"attention", build_attention, {{3, {2, 3, 4}}, {3, {2, 3, 4}}, {3, {2, 3, 4}}}, &ONE_HEAD},
    {"attention, 2 heads",
     build_attention,
     {{3, {2, 5, 6}}, {3, {2, 5, 6}}, {3, {2, 5, 6}}},
     &TWO_HEADS},
    {"attention, one token",
     build_attention,
     {{3, {1, 1, 4}}, {3, {1, 1, 4}}, {3, {1, 1, 4}}},
     &TWO_HEADS},
    {"attention, 2 queries, 5 keys",
     build_attention,
     {{3, {2, 2, 6}}, {3, {2, 5, 6}}, {3, {2, 5, 6}}},
     &TWO_HEADS},
    {"attention, causal",
     build_attention,
     {{3, {2, 5, 6}}, {3, {2, 5, 6}}, {3, {2, 5, 6}}},
     &CAUSAL},
    {"attention, k = v", build_attention, {{3, {2, 2, 6}}, {3, {2, 3, 6}}}, &KEYS_ARE_VALUES},
    {"attention, q = k = v", build_attention, {{3, {2, 3, 6}}}, &ALL_SAME},
    {"attention, q = k = v, causal", build_attention, {{3, {2, 4, 6}}}, &ALL_SAME_CAUSAL},
    {"attention, slices of qkv", build_attention_qkv, {{3, {2, 3, 12}}}, &TWO_HEADS},
    {.name = "attention, large",
     .build = build_attention,
     .in = {{3, {2, 50, 64}}, {3, {2, 50, 64}}, {3, {2, 50, 64}}},
     .options = &CAUSAL,
     .directional = true},
    {"cross entropy", build_cross_entropy, {{2, {5, 3}, -2, 2}}, &PLAIN},
    {"cross entropy, no options", build_plain_cross_entropy, {{2, {5, 3}, -2, 2}}, &PLAIN},
    {"cross entropy, batch 1", build_cross_entropy, {{2, {1, 7}, -2, 2}}, &PLAIN},
    {"cross entropy, smoothing", build_cross_entropy, {{2, {5, 3}, -2, 2}}, &SMOOTH},
    {"cross entropy, class weights", build_cross_entropy, {{2, {5, 3}, -2, 2}}, &WEIGHTED},
    {"cross entropy, both", build_cross_entropy, {{2, {5, 3}, -2, 2}}, &BOTH},
    {"cross entropy, per sample", build_cross_entropy, {{2, {5, 3}, -2, 2}}, &EACH},
    {"cross entropy, all options", build_cross_entropy, {{2, {5, 3}, -2, 2}}, &ALL},
    {.name = "cross entropy, large",
     .build = build_cross_entropy,
     .in = {{2, {5000, 7}, -2, 2}},
     .options = &MANY,
     .directional = true},
};
const GradTable GRADCHECK_SOFTMAX = {ROWS, sizeof ROWS / sizeof *ROWS};
