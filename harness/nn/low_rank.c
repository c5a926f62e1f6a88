/* The weight itself: W0, plus a small product, times ratios of rows. */
#include "low_rank_internal.h"

#include "err.h"
#include "gemm.h"
#include "ranges.h"

#include <math.h>
#include <string.h>

Real low_rank_ratio(const LowRankPart *p, int i)
{
    if (p->m == NULL) return 1;
    return p->norms[i] > 0 ? p->m[i] / p->norms[i] : 0;
}

void low_rank_norms(Real *norms, const Real *w, int n, size_t size)
{
    for (int i = 0; i < n; i++) {
        double sum = 0;
        const Real *row = w + (size_t)i * size;
        for (size_t j = 0; j < size; j++) sum += (double)row[j] * (double)row[j];
        norms[i] = (Real)sqrt(sum);
    }
}

/* ---- checks ---- */

static bool same_rest(const Tensor *a, const Tensor *w0)
{
    return a->rank == w0->rank &&
           memcmp(a->dims + 1, w0->dims + 1, (size_t)(w0->rank - 1) * sizeof *w0->dims) == 0;
}

static void check_part(const Tensor *w0, const NnLowRank *p)
{
    char sw[TENSOR_TEXT_SIZE], sa[TENSOR_TEXT_SIZE], sb[TENSOR_TEXT_SIZE];
    int n = p->b->dims[0];
    check(same_rest(p->a, w0) && p->b->rank == w0->rank &&
              p->b->dims[w0->rank - 1] == p->a->dims[0] &&
              tensor_size(p->b) == (size_t)n * (size_t)p->a->dims[0],
          "low rank: w %s, a %s, b %s", tensor_text(w0, sw), tensor_text(p->a, sa),
          tensor_text(p->b, sb));
    check(p->row >= 0 && p->row + n <= w0->dims[0], "low rank: rows %d to %d of w %s", p->row,
          p->row + n, tensor_text(w0, sw));
    check(p->m == NULL || (p->m->rank == 1 && p->m->dims[0] == n), "low rank: b %s, magnitudes %s",
          tensor_text(p->b, sb), tensor_text(p->m, sa));
}

/* ---- forward ---- */

typedef struct {
    const LowRankPart *part;
    Real *w; /* its rows */
    size_t size;
} ScaleRows;

static void scale_rows(const void *context, size_t begin, size_t end)
{
    const ScaleRows *s = context;
    Real *w = s->w + begin * s->size;
    low_rank_norms(s->part->norms + begin, w, (int)(end - begin), s->size);
    for (size_t i = begin; i < end; i++, w += s->size) {
        Real ratio = low_rank_ratio(s->part, (int)i);
        for (size_t j = 0; j < s->size; j++) w[j] *= ratio;
    }
}

static void add_part(Tape *t, const LowRank *l, const LowRankPart *p, Real *w)
{
    gemm_threads(tape_threads(t), &(Gemm){.m = p->n,
                                          .n = l->size,
                                          .k = p->rank,
                                          .alpha = p->scale,
                                          .beta = 1,
                                          .a = p->b,
                                          .b = p->a,
                                          .c = w});
    if (p->m == NULL) return;
    ScaleRows scale = {p, w, (size_t)l->size};
    ranges_run(tape_threads(t), (size_t)p->n, ranges_grain(scale.size), scale_rows, &scale);
}

static LowRank *describe(Tape *t, Tensor *w, const Tensor *w0, const NnLowRank *parts, int n)
{
    LowRank *l = tape_aux(t, sizeof *l);
    size_t size = tensor_size(w0) / (size_t)w0->dims[0];
    *l = (LowRank){.n_parts = n, .size = (int)size};
    l->parts = tape_aux(t, (size_t)n * sizeof *l->parts);
    for (int i = 0; i < n; i++) {
        const NnLowRank *p = &parts[i];
        l->parts[i] = (LowRankPart){.row = p->row,
                                    .n = p->b->dims[0],
                                    .rank = p->a->dims[0],
                                    .scale = (Real)p->scale,
                                    .a = p->a->v,
                                    .b = p->b->v,
                                    .m = p->m != NULL ? p->m->v : NULL,
                                    .w0 = w0->v};
        if (!tape_planning(t)) l->parts[i].w0 += (size_t)p->row * size;
        if (p->m != NULL)
            l->parts[i].norms = tape_save(t, w, (size_t)p->b->dims[0], sizeof *l->parts[i].norms);
        l->rank += l->parts[i].rank;
    }
    return l;
}

Tensor *nn_low_rank(Tape *t, Tensor *w0, const NnLowRank *parts, int n_parts)
{
    check(!w0->needs_grad, "low rank: w0 needs a gradient");
    Tensor **inputs = tape_aux(t, (size_t)(1 + 3 * n_parts) * sizeof *inputs);
    inputs[0] = w0;
    double flops = 0;
    for (int i = 0; i < n_parts; i++) {
        check_part(w0, &parts[i]);
        inputs[1 + 3 * i] = parts[i].a;
        inputs[2 + 3 * i] = parts[i].b;
        inputs[3 + 3 * i] = parts[i].m;
        flops += 2.0 * (double)tensor_size(parts[i].a) * parts[i].b->dims[0];
    }
    TapeOp op = {.op = "low_rank", .inputs = inputs, .n_inputs = 1 + 3 * n_parts, .flops = flops};
    Tensor *w = tape_result(t, &op, w0->rank, w0->dims);
    LowRank *l = w->aux = describe(t, w, w0, parts, n_parts);
    w->sink = &LOW_RANK_SINK;
    if (tape_planning(t)) return w;
    memcpy(w->v, w0->v, tensor_size(w0) * sizeof *w->v);
    for (int i = 0; i < n_parts; i++) {
        add_part(t, l, &l->parts[i], w->v + (size_t)l->parts[i].row * (size_t)l->size);
    }
    return w;
}
