/* The tape: list of tensors in the order of their making, memory that follows their lifetimes, the
 * walk back. */
#include "tape.h"

#include "arena.h"
#include "err.h"
#include "mem.h"
#include "rng.h"
#include "tape_memory.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Tape memory that dies with a tensor. */
struct TapeBlock {
    void *p;
    size_t bytes;
    TapeBlock *next;
};

enum { RECORD_CHUNK_BYTES = 1 << 18 };

/* Small records (Tensor, inputs, aux): chunks that are kept and reused from step to step. */
typedef struct RecordChunk RecordChunk;
struct RecordChunk {
    RecordChunk *next;
    size_t used, size;
    char *data;
};

struct Tape {
    TapeOptions options;
    unsigned mode;
    uint64_t step, epoch, n_random_ops;
    RngStream random;
    TapeMemory *memory;
    RecordChunk *records, *current;
    Tensor **tensors;
    int n_tensors, capacity;
    bool went_backward;
    double forward_flops, backward_flops;
};

Tape *tape_new(const TapeOptions *options)
{
    Tape *t = mem_alloc(1, sizeof *t);
    t->options = *options;
    t->memory = tape_memory_new();
    t->random = rng_stream(options->seed, "tape");
    /* A later tape can get the address of a freed one: epochs must not meet either. */
    static atomic_uint_fast64_t n_tapes;
    t->epoch = (atomic_fetch_add(&n_tapes, 1) + 1) << 40;
    return t;
}

void tape_free(Tape *t)
{
    if (t == NULL) return;
    for (RecordChunk *c = t->records; c != NULL;) {
        RecordChunk *next = c->next;
        free(c->data);
        free(c);
        c = next;
    }
    tape_memory_free(t->memory);
    free(t->tensors);
    free(t);
}

void tape_begin(Tape *t, unsigned mode, uint64_t step)
{
    t->mode = mode;
    t->step = step;
    t->epoch++;
    t->n_random_ops = 0;
    t->n_tensors = 0;
    t->went_backward = false;
    t->forward_flops = t->backward_flops = 0;
    for (RecordChunk *c = t->records; c != NULL; c = c->next) c->used = 0;
    t->current = t->records;
    tape_memory_reset(t->memory, (mode & TAPE_PLAN) != 0);
}

static RecordChunk *chunk_new(size_t bytes)
{
    RecordChunk *c = mem_alloc(1, sizeof *c);
    c->size = bytes > RECORD_CHUNK_BYTES ? bytes : (size_t)RECORD_CHUNK_BYTES;
    c->data = mem_alloc(c->size, 1);
    return c;
}

void *tape_aux(Tape *t, size_t size)
{
    size_t bytes = (size + 15) / 16 * 16;
    while (t->current != NULL && t->current->size - t->current->used < bytes) {
        if (t->current->next == NULL) t->current->next = chunk_new(bytes);
        t->current = t->current->next;
    }
    if (t->current == NULL) t->current = t->records = chunk_new(bytes);
    void *p = t->current->data + t->current->used;
    t->current->used += bytes;
    return memset(p, 0, bytes);
}

/* ---- tensors ---- */

static Tensor *tensor_push(Tape *t, const char *op, int rank, const int *dims)
{
    check(rank >= 0 && rank <= TENSOR_MAX_RANK, "%s: rank %d", op, rank);
    Tensor *y = tape_aux(t, sizeof *y);
    y->op = op;
    y->rank = rank;
    size_t size = 1;
    for (int i = 0; i < rank; i++) {
        check(dims[i] >= 1, "%s: dimension %d is %d", op, i, dims[i]);
        y->dims[i] = dims[i];
        size *= (size_t)dims[i];
        check(size <= INT_MAX, "%s: more than 2^31 elements", op);
    }
    mem_reserve(t->tensors, t->capacity, t->n_tensors + 1);
    t->tensors[t->n_tensors++] = y;
    return y;
}

Tensor *tape_input(Tape *t, const Real *values, int rank, const int *dims)
{
    Tensor *y = tensor_push(t, "input", rank, dims);
    memcpy(&y->v, &values,
           sizeof y->v); /* drops const: leaves without gradient are never written */
    y->is_leaf = true;
    return y;
}

Tensor *tape_leaf(Tape *t, const char *op, Real *values, Real *gradient, int rank, const int *dims)
{
    Tensor *y = tensor_push(t, op, rank, dims);
    y->v = values;
    y->g = gradient;
    y->is_leaf = true;
    y->needs_grad = gradient != NULL && tape_recording(t);
    return y;
}

static void set_inputs(Tape *t, Tensor *y, Tensor *const *inputs, int n)
{
    y->n_inputs = n;
    y->inputs = tape_aux(t, (size_t)n * sizeof *y->inputs);
    for (int i = 0; i < n; i++) {
        y->inputs[i] = inputs[i];
        if (inputs[i] != NULL && inputs[i]->needs_grad) y->needs_grad = tape_recording(t);
    }
}

static double backward_cost(const TapeOp *op)
{
    double flops = 0;
    for (int i = 0; i < op->n_inputs && i < (op->matmul_like ? 2 : 1); i++) {
        const Tensor *x = op->inputs[i];
        if (x != NULL && x->needs_grad) flops += x->sink != NULL ? op->sink_flops : op->flops;
    }
    return flops;
}

Tensor *tape_result(Tape *t, const TapeOp *op, int rank, const int *dims)
{
    Tensor *y = tensor_push(t, op->op, rank, dims);
    set_inputs(t, y, op->inputs, op->n_inputs);
    y->backward = op->backward;
    y->backward_scratch = op->backward_scratch;
    y->v = tape_save(t, y, tensor_size(y), sizeof *y->v);
    t->forward_flops += op->flops;
    if (tape_recording(t)) t->backward_flops += backward_cost(op);
    return y;
}

static void view_backward(Tape *t, Tensor *y)
{
    bool fresh;
    Real *dx = tape_grad_fresh(t, y->inputs[0], &fresh);
    if (dx == NULL || dx == y->g) return;
    size_t n = tensor_size(y);
    if (fresh) {
        memcpy(dx, y->g, n * sizeof *dx);
    } else {
        for (size_t i = 0; i < n; i++) dx[i] += y->g[i];
    }
}

Tensor *tape_view(Tape *t, const char *op, Tensor *x, int rank, const int *dims)
{
    Tensor *y = tensor_push(t, op, rank, dims);
    check(tensor_size(y) == tensor_size(x), "%s: %zu elements seen as %zu", op, tensor_size(x),
          tensor_size(y));
    set_inputs(t, y, &x, 1);
    y->backward = view_backward;
    y->v = x->v;
    y->shares = x->shares != NULL ? x->shares : x;
    return y;
}

/* ---- memory that follows tensors ---- */

void *tape_save(Tape *t, Tensor *y, size_t n, size_t size)
{
    TapeBlock *block = tape_aux(t, sizeof *block);
    block->bytes = n * size;
    block->p = tape_memory_take(t->memory, block->bytes);
    block->next = y->saved;
    y->saved = block;
    return block->p;
}

static void release(Tape *t, Tensor *y)
{
    for (TapeBlock *b = y->saved; b != NULL; b = b->next)
        tape_memory_give(t->memory, b->p, b->bytes);
    y->saved = NULL;
    y->v = NULL;
}

Real *tape_grad_fresh(Tape *t, Tensor *x, bool *fresh)
{
    *fresh = false;
    if (x == NULL || !x->needs_grad) return NULL;
    check(x->sink == NULL, "%s: its gradient goes through a sink", x->op);
    if (x->g == NULL) {
        x->g = tape_save(t, x, tensor_size(x), sizeof *x->g);
        *fresh = true;
    }
    return x->g;
}

Real *tape_grad(Tape *t, Tensor *x)
{
    bool fresh;
    Real *g = tape_grad_fresh(t, x, &fresh);
    if (fresh && !tape_planning(t)) memset(g, 0, tensor_size(x) * sizeof *g);
    return g;
}

bool tape_sink_grads(Tape *t, Tensor *w)
{
    if (w->sink == NULL || !w->needs_grad) return false;
    for (int i = 0; i < w->n_inputs; i++) (void)tape_grad(t, w->inputs[i]);
    return true;
}

Real *tape_scratch(Tape *t, size_t n)
{
    return tape_memory_take(t->memory, n * sizeof(Real));
}

void tape_scratch_end(Tape *t, Real *scratch, size_t n)
{
    tape_memory_give(t->memory, scratch, n * sizeof(Real));
}

TapeScope tape_scope_begin(Tape *t)
{
    return (TapeScope){t->n_tensors};
}

Tensor *tape_scope_end(Tape *t, TapeScope scope, Tensor *keep)
{
    if (keep->needs_grad) return keep;
    Tensor *viewed = NULL; /* what keep is a view of, if it was made in this scope */
    for (int i = t->n_tensors - 1; i >= scope.n_tensors; i--) {
        Tensor *y = t->tensors[i];
        if (y == keep->shares) {
            viewed = y;
        } else if (y != keep && !y->is_leaf && !y->is_pinned) {
            release(t, y);
        }
    }
    t->n_tensors = scope.n_tensors;
    if (viewed != NULL) t->tensors[t->n_tensors++] = viewed;
    t->tensors[t->n_tensors++] = keep;
    return keep;
}

void tape_pin(Tensor *y)
{
    y->is_pinned = true;
    if (y->shares != NULL) y->shares->is_pinned = true;
}

/* ---- backward ---- */

/* In a plan no op runs backward: the memory that it would ask for is taken instead. */
static void plan_backward(Tape *t, Tensor *y)
{
    for (int i = 0; i < y->n_inputs; i++) {
        Tensor *x = y->inputs[i];
        bool fresh, sinks = x != NULL && tape_sink_grads(t, x);
        if (!sinks) (void)tape_grad_fresh(t, x, &fresh);
    }
    if (y->backward_scratch == 0) return;
    Real *scratch = tape_scratch(t, y->backward_scratch);
    tape_scratch_end(t, scratch, y->backward_scratch);
}

void tape_backward(Tape *t, Tensor *loss)
{
    check(tape_recording(t), "%s: this step does not record gradients", loss->op);
    check(!t->went_backward, "%s: second backward in one step", loss->op);
    check(tensor_size(loss) == 1, "%s: loss has %zu elements", loss->op, tensor_size(loss));
    t->went_backward = true;
    if (!loss->needs_grad) return;
    bool fresh;
    Real *g = tape_grad_fresh(t, loss, &fresh);
    if (!tape_planning(t)) g[0] = 1;
    for (int i = t->n_tensors - 1; i >= 0; i--) {
        Tensor *y = t->tensors[i];
        if (y->is_leaf) continue;
        if (y->g != NULL && tape_planning(t)) {
            plan_backward(t, y);
        } else if (y->g != NULL) {
            y->backward(t, y);
        }
        if (y != loss) release(t, y); /* all who read it have gone backward */
    }
}

/* ---- what ops ask ---- */

bool tape_training(const Tape *t)
{
    return (t->mode & TAPE_TRAINING) != 0;
}

bool tape_planning(const Tape *t)
{
    return (t->mode & TAPE_PLAN) != 0;
}

bool tape_recording(const Tape *t)
{
    return (t->mode & TAPE_GRADIENTS) != 0;
}

ThreadPool *tape_threads(const Tape *t)
{
    return t->options.threads;
}

uint64_t tape_random_op(Tape *t)
{
    return t->n_random_ops++;
}

void tape_random_words(const Tape *t, uint64_t which, uint32_t *words, size_t first, size_t n)
{
    rng_fill_u32(words, rng_sub(t->random, which), t->step, first, n);
}

uint64_t tape_epoch(const Tape *t)
{
    return t->epoch;
}

TapeCost tape_cost(const Tape *t)
{
    return (TapeCost){t->forward_flops, t->backward_flops, tape_memory_peak(t->memory),
                      t->n_tensors};
}
