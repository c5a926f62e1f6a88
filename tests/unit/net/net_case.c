#include "net_case.h"

#include "err.h"
#include "mem.h"
#include "str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* SplitMix64's finaliser over (FNV-1a of the name) * odd + index. */
double net_case_draw(const char *name, uint64_t index)
{
    uint64_t z = 0xCBF29CE484222325;
    for (const char *c = name; *c != '\0'; c++) z = (z ^ (unsigned char)*c) * 0x100000001B3;
    z = z * 0x9E3779B97F4A7C15 + index;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    z ^= z >> 31;
    return (double)(z >> 11) / 4503599627370496.0 - 1;
}

size_t net_case_position(const Param *q, size_t index)
{
    if (!(q->flags & PARAM_CONV)) return index;
    size_t area = (size_t)q->dims[1] * (size_t)q->dims[2], in = (size_t)q->dims[3];
    size_t position = index % area, channel = index / area % in, out = index / area / in;
    return (out * area + position) * in + channel;
}

static double value(const Param *q, size_t index)
{
    double u = net_case_draw(q->name, index);
    if (q->rank > 1) return u * sqrt(6 / (double)(q->size / (size_t)q->dims[0]));
    if (str_ends_with(q->name, "running_var")) return 1 + 0.5 * u;
    if (str_ends_with(q->name, "bn3.weight")) return 0.1 + 0.03 * u;
    if (str_ends_with(q->name, "weight")) return 1 + 0.3 * u;
    return 0.2 * u;
}

void net_case_fill(Params *p)
{
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        Real *v = params_values(p) + q->offset;
        for (size_t j = 0; j < q->size; j++) v[net_case_position(q, j)] = (float)value(q, j);
    }
}

/* NCHW in the golden script, NHWC here. */
Real *net_case_images(int batch, int size, int channels)
{
    Real *x = mem_alloc((size_t)batch * size * size * channels, sizeof *x);
    uint64_t index = 0;
    for (int n = 0; n < batch; n++) {
        for (int channel = 0; channel < channels; channel++) {
            for (int pixel = 0; pixel < size * size; pixel++) {
                size_t at = ((size_t)n * size * size + pixel) * channels + channel;
                x[at] = (float)net_case_draw("images", index++);
            }
        }
    }
    return x;
}

void net_case_reset_tape(NetCase *c)
{
    tape_free(c->tape);
    c->tape = tape_new(&(TapeOptions){.seed = 1});
}

NetCase *net_case_new(const NetOptions *options, int batch)
{
    NetCase *c = mem_alloc(1, sizeof *c);
    Err err = {0};
    bool ok = net_new(&c->net, options, &err);
    check(ok, "%s", err.text);
    net_case_reset_tape(c);
    c->size = options->size;
    c->channels = options->channels;
    c->batch = batch;
    c->n_classes = options->n_classes;
    c->x = net_case_images(batch, c->size, c->channels);
    c->y = mem_alloc((size_t)batch, sizeof *c->y);
    for (int i = 0; i < batch; i++) c->y[i] = i % c->n_classes;
    net_case_fill(net_params(c->net));
    return c;
}

void net_case_free(NetCase *c)
{
    if (c == NULL) return;
    tape_free(c->tape);
    net_free(c->net);
    free(c->x);
    free(c->y);
    free(c);
}

Tensor *net_case_logits(NetCase *c, unsigned mode)
{
    tape_begin(c->tape, mode, 0);
    Tensor *x = tape_input(c->tape, c->x, 4, (int[]){c->batch, c->size, c->size, c->channels});
    return net_classify(c->net, c->tape, net_features(c->net, c->tape, x));
}

double net_case_loss(NetCase *c, unsigned mode, Real *logits)
{
    params_zero_gradients(net_params(c->net));
    Tensor *z = net_case_logits(c, mode);
    if (logits != NULL) memcpy(logits, z->v, tensor_size(z) * sizeof *logits);
    Tensor *loss = nn_cross_entropy(c->tape, z, c->y, NULL);
    /* Backward releases what it has used. */
    double value_of_loss = mode & TAPE_PLAN ? 0 : (double)loss->v[0];
    if (mode & TAPE_GRADIENTS) tape_backward(c->tape, loss);
    return value_of_loss;
}

double net_case_step(NetCase *c, Real *logits)
{
    return net_case_loss(c, TAPE_TRAINING | TAPE_GRADIENTS, logits);
}
