/* The eager tape. An op runs when it is called and pushes its result; tape_backward walks back.
 *
 *     Tape *t = tape_new(&(TapeOptions){.threads = pool, .seed = 1});
 *     for (step...) {
 *         tape_begin(t, TAPE_TRAINING | TAPE_GRADIENTS, step); // rewinds the last step
 *         Tensor *x = tape_input(t, batch, 4, (int[]){N, H, W, C});
 *         Tensor *loss = nn_cross_entropy(t, net_logits(net, t, x), labels, NULL);
 *         tape_backward(t, loss); // gradients are now in the Params
 *     }
 *
 * After the first step of a kind, steps allocate nothing.
 *
 * Modes are flags: TAPE_TRAINING (batch statistics, dropout), TAPE_GRADIENTS (record for backward),
 * TAPE_PLAN (walk the same code without computing: shapes, FLOPs and memory only; tensor values
 * must not be touched).
 *
 * Memory: one reserved address range with a free list. Values live until their own backward has
 * run; gradients are recycled once consumed. Wrap parts of a network in tape_scope_begin/end: where
 * no gradient flows through them, all but the kept tensor is released. A plan uses the same
 * allocator without touching memory, so its peak is the real peak.
 *
 * How to write an op, in this order, so that a plan takes the same memory as the real thing:
 * check shapes; y = tape_result(...); tape_save what backward needs; tape_scratch; if
 * (!tape_planning(t)) compute y->v; tape_scratch_end; return y. Backward is not called in a plan:
 * it asks for the gradients of all inputs in their order, by tape_grad (adding) or tape_grad_fresh
 * (assigning when new), both NULL when that input needs none, and then for y->backward_scratch
 * Reals of scratch, once. tests/gradcheck compares plan and reality for every row.
 */
#ifndef NN_TAPE_H
#define NN_TAPE_H

#include "tensor.h"
#include "thread_pool.h"

#include <stdint.h>

enum { TAPE_TRAINING = 1, TAPE_GRADIENTS = 2, TAPE_PLAN = 4 };

typedef struct {
    ThreadPool *threads; /* borrowed; NULL: one thread */
    uint64_t seed;       /* of dropout and the like */
} TapeOptions;

Tape *tape_new(const TapeOptions *options);
void tape_free(Tape *t); /* NULL is fine */

/* Starts a step: everything of the last one is gone. step keys the random draws. */
void tape_begin(Tape *t, unsigned mode, uint64_t step);

/* ---- making tensors (for callers) ---- */

/* A leaf over the caller's values (not copied, not freed; must live through the step). No gradient.
 */
Tensor *tape_input(Tape *t, const Real *values, int rank, const int *dims);

/* A leaf with gradient: values and gradient arrays are the caller's; gradient is added to (NULL:
 * none wanted). */
Tensor *tape_leaf(Tape *t, const char *op, Real *values, Real *gradient, int rank, const int *dims);

/* Gradients of the scalar `loss` ([1] or []) times `seed_gradient` = 1 flow to all leaves. Once per
 * step. */
void tape_backward(Tape *t, Tensor *loss);

/* When keep needs no gradient (without TAPE_GRADIENTS, or behind frozen parameters): releases every
 * tensor made since the scope began, except keep (returned unchanged); else does nothing. When keep
 * is a view, what it views is kept
 * too. Scopes nest. A scope may be ended again, which also releases what was kept before: in a loop
 * over blocks, x = tape_scope_end(t, scope, block(x)) holds one block's output at a time. */
typedef struct {
    int n_tensors;
} TapeScope;
TapeScope tape_scope_begin(Tape *t);
Tensor *tape_scope_end(Tape *t, TapeScope scope, Tensor *keep);

/* y stays until the end of the step, whatever scope it was made in (a generated weight that is used
 * again). */
void tape_pin(Tensor *y);

/* ---- for ops ---- */

bool tape_training(const Tape *t);
bool tape_planning(const Tape *t);
bool tape_recording(const Tape *t); /* gradients are wanted: save what backward needs */
ThreadPool *tape_threads(const Tape *t);

/* The result of an op: uninitialised values of the given shape. It needs a gradient when recording
 * and some input does; then backward is called for it. inputs may contain NULL (an absent bias);
 * n_inputs <= 8 or any via the array. */
typedef struct {
    const char *op;
    TensorBackward *backward;
    Tensor *const *inputs;
    int n_inputs;
    double
        flops; /* of the forward pass, multiply and add counted as two; backward: see matmul_like */
    bool matmul_like;  /* backward costs flops again for each of the first two inputs that needs a
                          gradient */
    double sink_flops; /* what backward costs for a weight with a sink, in place of flops */
    size_t backward_scratch; /* Reals of tape_scratch that backward takes, whatever it computes */
} TapeOp;
Tensor *tape_result(Tape *t, const TapeOp *op, int rank, const int *dims);

/* A result that shares the values of x (same number of elements, other shape). Its gradient flows
 * straight to x. */
Tensor *tape_view(Tape *t, const char *op, Tensor *x, int rank, const int *dims);

/* n uninitialised items that live as long as y (in plan mode: an address that must not be touched).
 */
void *tape_save(Tape *t, Tensor *y, size_t n, size_t size);

/* A zeroed struct of small size for y->aux: always real memory, also in plan mode. */
void *tape_aux(Tape *t, size_t size);

/* Gradient of x to be added to; zeroed when new. NULL when x needs none. */
Real *tape_grad(Tape *t, Tensor *x);

/* The same, but a new buffer is left unset and *fresh = true: then every element must be assigned.
 */
Real *tape_grad_fresh(Tape *t, Tensor *x, bool *fresh);

/* Asks for the gradients that the sink of w adds to. False: w has none, or needs no gradient. */
bool tape_sink_grads(Tape *t, Tensor *w);

/* Uninitialised scratch of n Reals, released by tape_scratch_end (last in, first out is not
 * required). */
Real *tape_scratch(Tape *t, size_t n);
void tape_scratch_end(Tape *t, Real *scratch, size_t n);

uint64_t tape_random_op(Tape *t); /* numbers the random ops of a step: 0, 1, ... */

/* Uniform 32-bit words first, first + 1, ... of random op `which` of this step (rng_fill_u32). */
void tape_random_words(const Tape *t, uint64_t which, uint32_t *words, size_t first, size_t n);

uint64_t tape_epoch(const Tape *t); /* differs for every tape_begin of every tape of the process:
                                       key for per-step caches */

/* ---- what it cost ---- */

typedef struct {
    double forward_flops, backward_flops; /* of the current step so far */
    size_t peak_bytes;                    /* highest use of tape memory since tape_new */
    int n_tensors;
} TapeCost;
TapeCost tape_cost(const Tape *t);

#endif
