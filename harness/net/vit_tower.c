/* The forward pass of vision transformers. */
#include "vit_tower.h"

/* The class token for each of n images: [n,1,width]. */
static Tensor *class_tokens(Net *net, Tape *t, const VitTower *m, int n)
{
    const int *zeros = tape_aux(t, (size_t)n * sizeof *zeros);
    Tensor *token = weights_get(net->weights, t, m->class_token);
    token = nn_reshape(t, token, 3, (int[]){1, 1, m->width});
    return nn_gather_rows(t, token, zeros, n);
}

/* Class token and patches, each with its position: [N,1 + patches,width]. */
static Tensor *embed(Net *net, Tape *t, const VitTower *m, Tensor *x)
{
    TapeScope scope = tape_scope_begin(t);
    int n = x->dims[0];
    Tensor *patches = net_conv(net, t, &m->patches, x);
    int n_patches = patches->dims[1] * patches->dims[2];
    patches = nn_reshape(t, patches, 3, (int[]){n, n_patches, m->width});
    Tensor *positions = weights_get(net->weights, t, m->positions);
    positions = nn_reshape(t, positions, 2, (int[]){1 + n_patches, m->width});
    Tensor *tokens = nn_concat(t, (Tensor *[]){class_tokens(net, t, m, n), patches}, 2, 1);
    tokens = nn_add(t, tokens, positions);
    if (m->norm_pre != NULL) tokens = net_layer_norm(net, t, m->norm_pre, tokens, m->eps);
    return tape_scope_end(t, scope, tokens);
}

Tensor *net_vit_tower(Net *net, Tape *t, const VitTower *m, Tensor *x)
{
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = embed(net, t, m, x);
    for (int i = 0; i < m->n_blocks; i++) {
        int n_out = i + 1 < m->n_blocks ? y->dims[1] : 1; /* at the end the class token only */
        y = tape_scope_end(t, scope, net_transformer(net, t, &m->blocks[i], y, n_out));
    }
    y = net_layer_norm(net, t, &m->norm, y, m->eps);
    return tape_scope_end(t, scope, nn_reshape(t, y, 2, (int[]){y->dims[0], m->width}));
}
