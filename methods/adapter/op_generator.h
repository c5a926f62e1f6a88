/* The generator of OP-LoRA (Teterwak et al. 2024, arXiv 2412.10362) over parameters: a small
 * network (generator.h) that makes the factors of an adapter from a learned vector, in training
 * only.
 *
 *     h = relu(W1 z + c1)                       z [Z], W1 [H,Z], c1 [H]
 *     [vec A; vec B; C] = W2 h + c2             W2 [P,H], c2 [P], P = |A| + |B| + |C|
 *
 * Its outputs are parameters with PARAM_GENERATED: the optimiser leaves them alone, gradients add
 * up in their place over as many backward passes as there are, and go back through the generator
 * once per optimiser step.
 *
 *     int outputs[] = {a, b};                             // added with PARAM_GENERATED
 *     op_generator_add(&g, params, "fc1", (OpOutputs){outputs, 2}, NULL, &options); // not sealed
 *     ... params_seal ...
 *     op_generator_begin(&g, params);                     // rows of 0
 *     op_generator_run(&g, params);                       // writes A and B
 *     ... forward, backward, as often as wanted ...
 *     op_generator_backward(&g, params);                  // gradients of z, W1, c1, W2, c2
 *     ... optim_step, op_generator_run, params_zero_gradients ...
 */
#ifndef ADAPTER_OP_GENERATOR_H
#define ADAPTER_OP_GENERATOR_H

#include "params.h"

/* Kaiming-uniform is PyTorch's default here, U(+-1/sqrt(fan_in)). Rows of W2 and c2 that make B or
 * magnitudes begin as 0, where nothing else is said: no change at first. */
typedef enum {
    OP_INIT_PAPER, /* appendix C.1: W1 and W2 Kaiming-uniform, all biases 0 */
    OP_INIT_CODE,  /* the authors' newer code: c1 is U(+-1/sqrt(Z)) */
    OP_INIT_REZERO /* their older code: B's rows are as A's, all biases U(+-1/sqrt(fan_in)), and B
                      is multiplied by a learned number that begins as 0 */
} OpInit;

typedef struct {
    int input;        /* Z, 128 in the paper */
    int width;        /* H, 32 in the paper */
    double input_std; /* z ~ N(0, input_std^2), .01 in the authors' code */
    OpInit init;
} OpGeneratorOptions;

enum { OP_MAX_OUTPUTS = 3 };

typedef struct {
    OpInit init;
    int z, w1, c1, w2, c2;       /* ids of its parameters */
    int rescale;                 /* id of OP_INIT_REZERO's number; -1: none */
    int outputs[OP_MAX_OUTPUTS]; /* ids: A, B, and with magnitudes C */
    int n_outputs;
    size_t rows[OP_MAX_OUTPUTS]; /* of W2 and c2 where each begins */
    size_t size;                 /* P */
    bool shares;                 /* W1, c1, W2, c2 (and the number) are also others' */
} OpGenerator;

typedef struct {
    const int *ids; /* of A, B, and with magnitudes C */
    int n;
} OpOutputs;

/* Adds "<module>.op.z", ".op.w1", ".op.c1", ".op.w2", ".op.c2" (and ".op.rescale") to params, which
 * are not sealed. shared: it has an input of its own only, the rest is shared's; NULL: all is its
 * own. */
void op_generator_add(OpGenerator *g, Params *params, const char *module, OpOutputs outputs,
                      const OpGenerator *shared, const OpGeneratorOptions *options);

/* One for all modules, each of which has an input of its own: the control after HyperLoader (table
 * 3 of the paper). largest: most elements of an A, of a B, of magnitudes; smaller ones take the
 * first of them. */
void op_generator_add_shared(OpGenerator *g, Params *params, const char *module,
                             const size_t *largest, int n_outputs,
                             const OpGeneratorOptions *options);

/* Rows that begin as 0; after params_seal. */
void op_generator_begin(const OpGenerator *g, Params *params);

/* Writes the outputs from the generator's values. */
void op_generator_run(const OpGenerator *g, Params *params);

/* Gradients of the generator's parameters from those of its outputs. They have to be 0 before, but
 * for those that generators share, which add up. */
void op_generator_backward(const OpGenerator *g, Params *params);

#endif
