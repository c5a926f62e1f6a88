/* A network with the values and images of scripts/golden/nets.py, for the tests of this folder.
 * They are computed from names and indices on both sides, so that no weights are stored.
 */
#ifndef TESTS_NET_CASE_H
#define TESTS_NET_CASE_H

#include "net.h"

#include <stddef.h>
#include <stdint.h>

/* Element `index` of the tensor `name`: uniform in [-1,1). */
double net_case_draw(const char *name, uint64_t index);

/* Index in our layout of element `index` in PyTorch's. */
size_t net_case_position(const Param *q, size_t index);

/* Every parameter and buffer as the golden script has it. */
void net_case_fill(Params *p);

/* [batch,size,size,channels], to be freed */
Real *net_case_images(int batch, int size, int channels);

typedef struct {
    Net *net;
    Tape *tape;
    int size, channels, batch, n_classes;
    Real *x; /* [batch,size,size,channels] */
    int *y;  /* [batch]: i mod n_classes */
} NetCase;

NetCase *net_case_new(const NetOptions *options, int batch); /* filled */
void net_case_free(NetCase *c);                              /* NULL is fine */

/* Starts a step of this mode and makes the logits on c->tape. */
Tensor *net_case_logits(NetCase *c, unsigned mode);

/* A step of this mode (without gradients: forward only), gradients zeroed before. Returns the loss;
 * logits: [batch,n_classes] or NULL. Under TAPE_PLAN the loss is 0. */
double net_case_loss(NetCase *c, unsigned mode, Real *logits);

/* The same in training, with gradients. */
double net_case_step(NetCase *c, Real *logits);

/* A new tape, whose peak counts from zero. */
void net_case_reset_tape(NetCase *c);

#endif
