/* All parameters of a network in one flat value array and one flat gradient array, with a table of
 * {name, shape, offset, flags}: optimiser, averages, clipping, saving are flat loops.
 *
 *     Params *p = params_new();
 *     int w = params_add(p, &(ParamSpec){.name = "fc.weight", .rank = 2, .dims = {10, 128}, .init =
 * INIT_LINEAR_WEIGHT}); params_seal(p, seed);                  // allocates and initialises;
 * nothing can be added afterwards Tensor *tw = params_tensor(p, t, w);   // leaf on this step's
 * tape
 *
 * Names are those of the published checkpoints. Values are stored in our layout (convolution
 * weights [out, kh, kw, in]); safetensors.h converts to and from PyTorch's ([out, in, kh, kw]).
 */
#ifndef NN_PARAMS_H
#define NN_PARAMS_H

#include "tape.h"

#include <stdint.h>

typedef enum {
    INIT_ZEROS,
    INIT_ONES,
    INIT_LINEAR_WEIGHT,   /* torch.nn.Linear, Conv2d default: kaiming uniform, a = sqrt(5):
                             U(+-1/sqrt(fan_in)) */
    INIT_LINEAR_BIAS,     /* U(+-1/sqrt(fan_in)); fan_in given in init_value */
    INIT_KAIMING_FAN_OUT, /* normal, std sqrt(2/fan_out), fan_out = out * kh * kw (torchvision's
                             ResNet) */
    INIT_KAIMING_FAN_IN,  /* normal, std sqrt(2/fan_in) */
    INIT_NORMAL,          /* mean 0, std init_value */
    INIT_TRUNC_NORMAL,    /* the same, redrawn outside +-2 (absolute), as timm's trunc_normal_ */
    INIT_XAVIER_UNIFORM,  /* U(+-sqrt(6/(fan_in+fan_out))) */
    INIT_CONSTANT         /* init_value */
} InitKind;

enum {
    PARAM_BUFFER = 1, /* not learned: running statistics. No gradient; saved and averaged */
    PARAM_CONV = 2,   /* rank 4, [out, kh, kw, in / groups] */
    PARAM_HEAD = 4,   /* belongs to the classifier: what "trainable: head" and warm starts train */
    PARAM_NORM = 8,   /* scale or shift of a normalisation */
    PARAM_POSITIONS = 16, /* [1,1+n*n,D] or [1+n*n,D]: learned positions of a class token and a
                             grid of n*n */
    PARAM_SCALAR = 32,    /* [1] here, of no dimension in files */
    PARAM_ADAPTER = 64,   /* beside the network's own: in no file of published names */
    PARAM_GENERATED = 128 /* computed from others: gets a gradient, but no optimiser moves it */
};

enum { PARAM_NAME_SIZE = 96 };

typedef struct {
    const char *name;
    int rank;
    int dims[TENSOR_MAX_RANK];
    InitKind init;
    double init_value;
    unsigned flags;
} ParamSpec;

typedef struct {
    char name[PARAM_NAME_SIZE];
    int rank;
    int dims[TENSOR_MAX_RANK];
    size_t offset, size; /* elements into the flat arrays */
    InitKind init;
    double init_value;
    unsigned flags;
    double lr_scale;   /* its learning rate over everybody's; 1 */
    bool frozen;       /* gets no gradient and is skipped by optimisers */
    bool has_gradient; /* something may have been added to it since it was cleared */
} Param;

typedef struct Params Params;

Params *params_new(void);
void params_free(Params *p); /* NULL is fine */

/* Adds a parameter; returns its id (0, 1, ...). Names are unique (checked). */
int params_add(Params *p, const ParamSpec *spec);

/* Allocates the flat arrays and draws the initial values: stream ("init", name) of seed, so that
 * one parameter's values do not depend on which others exist. */
void params_seal(Params *p, uint64_t seed);

/* Allocates only, everything is 0: for who loads all values from a file. */
void params_seal_zeros(Params *p);

/* Draws the initial values of one parameter again (a new classifier on a loaded backbone). */
void params_init_one(Params *p, int id, uint64_t seed);

int params_count(const Params *p); /* number of parameters and buffers */
const Param *params_get(const Params *p, int id);
int params_find(const Params *p, const char *name); /* id, or -1 */
void params_freeze(Params *p, int id, bool frozen);
void params_set_lr_scale(Params *p, int id, double scale);

size_t params_size(const Params *p); /* elements in each flat array, buffers included */
/* Elements that it takes in a flat array: each parameter begins on a cache line. */
size_t param_padded_size(const Param *q);

/* Whether optimisers move it: no buffer, not frozen, not generated. */
bool param_is_learned(const Param *q);

/* Elements that are neither buffers nor an adapter's: "the model has so many parameters". */
size_t params_learned_size(const Params *p);
size_t params_trainable_size(const Params *p); /* elements that optimisers move */
Real *params_values(Params *p);                /* [params_size] */
Real *params_gradients(Params *p);             /* [params_size]; buffers' part unused */

/* What never had a gradient, because it is frozen, is not touched: its memory is never used. */
void params_zero_gradients(Params *p);

/* Puts another array of params_size values in place (a weight variant) and returns the one that was
 * there. Ownership does not move: put the original back before params_free. */
Real *params_swap_values(Params *p, Real *values);

/* A leaf on this step's tape over parameter id, with gradient unless it is a buffer or frozen. */
Tensor *params_tensor(Params *p, Tape *t, int id);

#endif
