/* Scaled dot-product attention (Vaswani et al. 2017, eq. 1). One task is one head of one sample;
 * its slices of q, k, v and the output are matrices of d columns with row stride D. */
#include "ops.h"

#include "err.h"
#include "gemm.h"
#include "softmax_rows.h"

#include <math.h>
#include <string.h>

typedef struct {
    int heads, head_size;  /* D = heads * head_size */
    int n_queries, n_keys; /* Tq, Tk */
    bool causal;
    Real scale;
    const Real *q, *k, *v;
    Real *y; /* [N,Tq,D] */
    Real *p; /* probabilities [N,heads,Tq,Tk] when recording; else scratch [threads,Tq,Tk] */
    bool p_is_saved;
    /* backward */
    const Real *dy;
    Real *dq, *dk, *dv; /* NULL: not wanted */
    bool fresh_q, fresh_k, fresh_v;
    Real *dp; /* scratch [threads,Tq,Tk] */
} Attention;

static size_t query_offset(const Attention *a, int task)
{
    size_t n = (size_t)(task / a->heads), head = (size_t)(task % a->heads);
    return (n * (size_t)a->n_queries * (size_t)a->heads + head) * (size_t)a->head_size;
}

static size_t key_offset(const Attention *a, int task)
{
    size_t n = (size_t)(task / a->heads), head = (size_t)(task % a->heads);
    return (n * (size_t)a->n_keys * (size_t)a->heads + head) * (size_t)a->head_size;
}

static size_t map_size(const Attention *a)
{
    return (size_t)a->n_queries * (size_t)a->n_keys;
}

/* Number of keys that query i sees. */
static size_t n_seen(const Attention *a, int i)
{
    return (size_t)(a->causal ? i + 1 : a->n_keys);
}

static void attention_head(void *context, int task, int thread)
{
    const Attention *a = context;
    int stride = a->heads * a->head_size;
    Real *p = a->p + (size_t)(a->p_is_saved ? task : thread) * map_size(a);
    gemm(&(Gemm){.transpose_b = true,
                 .m = a->n_queries,
                 .n = a->n_keys,
                 .k = a->head_size,
                 .alpha = a->scale,
                 .a = a->q + query_offset(a, task),
                 .b = a->k + key_offset(a, task),
                 .c = p,
                 .lda = stride,
                 .ldb = stride});
    for (int i = 0; i < a->n_queries; i++) {
        Real *row = p + (size_t)i * (size_t)a->n_keys;
        size_t seen = n_seen(a, i);
        (void)softmax_row(row, row, seen);
        memset(row + seen, 0, ((size_t)a->n_keys - seen) * sizeof *row);
    }
    gemm(&(Gemm){.m = a->n_queries,
                 .n = a->head_size,
                 .k = a->n_keys,
                 .alpha = 1,
                 .a = p,
                 .b = a->v + key_offset(a, task),
                 .c = a->y + query_offset(a, task),
                 .ldb = stride,
                 .ldc = stride});
}

/* With s the scores before softmax: dp = dy v^T; ds = softmax'(dp). */
static void scores_gradient(const Attention *a, int task, const Real *p, Real *ds)
{
    int stride = a->heads * a->head_size;
    gemm(&(Gemm){.transpose_b = true,
                 .m = a->n_queries,
                 .n = a->n_keys,
                 .k = a->head_size,
                 .alpha = 1,
                 .a = a->dy + query_offset(a, task),
                 .b = a->v + key_offset(a, task),
                 .c = ds,
                 .lda = stride,
                 .ldb = stride});
    for (int i = 0; i < a->n_queries; i++) {
        Real *row = ds + (size_t)i * (size_t)a->n_keys;
        softmax_backward_row(row, row, p + (size_t)i * (size_t)a->n_keys, (size_t)a->n_keys, false);
    }
}

/* dq = scale * ds k */
static void query_backward(const Attention *a, int task, const Real *ds)
{
    int stride = a->heads * a->head_size;
    gemm(&(Gemm){.m = a->n_queries,
                 .n = a->head_size,
                 .k = a->n_keys,
                 .alpha = a->scale,
                 .beta = a->fresh_q ? 0 : 1,
                 .a = ds,
                 .b = a->k + key_offset(a, task),
                 .c = a->dq + query_offset(a, task),
                 .ldb = stride,
                 .ldc = stride});
}

/* What keys and values get: alpha * map^T rows (dk = scale * ds^T q; dv = p^T dy). */
static void key_backward(const Attention *a, int task, Gemm g)
{
    g.transpose_a = true;
    g.m = a->n_keys;
    g.n = a->head_size;
    g.k = a->n_queries;
    g.b += query_offset(a, task);
    g.c += key_offset(a, task);
    g.ldb = g.ldc = a->heads * a->head_size;
    gemm(&g);
}

/* In the order of the inputs: when they are one tensor, the first gradient is assigned and the
 * others are added to it. */
static void attention_head_backward(void *context, int task, int thread)
{
    const Attention *a = context;
    const Real *p = a->p + (size_t)task * map_size(a);
    Real *ds = a->dp + (size_t)thread * map_size(a);
    if (a->dq != NULL || a->dk != NULL) scores_gradient(a, task, p, ds);
    if (a->dq != NULL) query_backward(a, task, ds);
    if (a->dk != NULL) {
        key_backward(
            a, task,
            (Gemm){.alpha = a->scale, .beta = a->fresh_k ? 0 : 1, .a = ds, .b = a->q, .c = a->dk});
    }
    if (a->dv != NULL) {
        key_backward(
            a, task,
            (Gemm){.alpha = 1, .beta = a->fresh_v ? 0 : 1, .a = p, .b = a->dy, .c = a->dv});
    }
}

static void attention_backward(Tape *t, Tensor *y)
{
    Attention *a = y->aux;
    a->dy = y->g;
    a->dq = tape_grad_fresh(t, y->inputs[0], &a->fresh_q);
    a->dk = tape_grad_fresh(t, y->inputs[1], &a->fresh_k);
    a->dv = tape_grad_fresh(t, y->inputs[2], &a->fresh_v);
    a->dp = tape_scratch(t, y->backward_scratch);
    thread_pool_run(tape_threads(t), y->dims[0] * a->heads, attention_head_backward, a);
    tape_scratch_end(t, a->dp, y->backward_scratch);
}

static void attention_check(const Tensor *q, const Tensor *k, const Tensor *v, int heads,
                            bool causal)
{
    char sq[TENSOR_TEXT_SIZE], sk[TENSOR_TEXT_SIZE], sv[TENSOR_TEXT_SIZE];
    bool fits = q->rank == 3 && k->rank == 3 && tensor_same_shape(k, v) &&
                q->dims[0] == k->dims[0] && q->dims[2] == k->dims[2];
    check(fits, "q %s, k %s, v %s", tensor_text(q, sq), tensor_text(k, sk), tensor_text(v, sv));
    check(heads >= 1 && q->dims[2] % heads == 0, "%d features in %d heads", q->dims[2], heads);
    check(!causal || q->dims[1] == k->dims[1], "causal with %d queries and %d keys", q->dims[1],
          k->dims[1]);
}

Tensor *nn_attention(Tape *t, Tensor *q, Tensor *k, Tensor *v, int heads, bool causal)
{
    attention_check(q, k, v, heads, causal);
    int head_size = q->dims[2] / heads;
    Attention *a = tape_aux(t, sizeof *a);
    *a = (Attention){.heads = heads,
                     .head_size = head_size,
                     .n_queries = q->dims[1],
                     .n_keys = k->dims[1],
                     .causal = causal,
                     .scale = (Real)(1 / sqrt((double)head_size)),
                     .q = q->v,
                     .k = k->v,
                     .v = v->v};
    int n_tasks = q->dims[0] * heads;
    size_t scratch = (size_t)thread_pool_size(tape_threads(t)) * map_size(a);
    Tensor *inputs[] = {q, k, v};
    TapeOp op = {.op = "attention",
                 .backward = attention_backward,
                 .inputs = inputs,
                 .n_inputs = 3,
                 .flops = 4.0 * (double)tensor_size(q) * a->n_keys,
                 .matmul_like = true,
                 .backward_scratch = scratch};
    Tensor *y = tape_result(t, &op, q->rank, q->dims);
    y->aux = a;
    a->y = y->v;
    a->p_is_saved = y->needs_grad;
    a->p = a->p_is_saved ? tape_save(t, y, (size_t)n_tasks * map_size(a), sizeof *a->p)
                         : tape_scratch(t, scratch);
    if (!tape_planning(t)) thread_pool_run(tape_threads(t), n_tasks, attention_head, a);
    if (!a->p_is_saved) tape_scratch_end(t, a->p, scratch);
    return y;
}
