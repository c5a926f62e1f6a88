/* Transformer blocks. */
#include "transformer.h"

TransformerBlock net_add_transformer(Net *net, const char *name, const TransformerSpec *spec)
{
    Arena *a = net->arena;
    int width = spec->width, hidden = spec->mlp_ratio * width;
    check(width % spec->heads == 0, "width %d in %d heads", width, spec->heads);
    TransformerBlock b = {.spec = *spec};
    b.norm1 = net_add_layer_norm(net, arena_printf(a, "%s.norm1", name), width);
    b.qkv = net_add_linear(net, arena_printf(a, "%s.attn.qkv", name), width, 3 * width);
    b.projection = net_add_linear(net, arena_printf(a, "%s.attn.proj", name), width, width);
    b.norm2 = net_add_layer_norm(net, arena_printf(a, "%s.norm2", name), width);
    b.fc1 = net_add_linear(net, arena_printf(a, "%s.mlp.fc1", name), width, hidden);
    b.fc2 = net_add_linear(net, arena_printf(a, "%s.mlp.fc2", name), hidden, width);
    return b;
}

static Tensor *first_tokens(Tape *t, Tensor *x, int n)
{
    return n == x->dims[1] ? x : nn_slice(t, x, 1, 0, n);
}

static Tensor *attend(Net *net, Tape *t, const TransformerBlock *b, Tensor *x, int n_out)
{
    int width = b->spec.width;
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = net_layer_norm(net, t, &b->norm1, x, b->spec.eps);
    Tensor *qkv = tape_scope_end(t, scope, net_linear(net, t, &b->qkv, y));
    Tensor *q = first_tokens(t, nn_slice(t, qkv, 2, 0, width), n_out);
    Tensor *k = nn_slice(t, qkv, 2, width, 2 * width);
    Tensor *v = nn_slice(t, qkv, 2, 2 * width, 3 * width);
    y = nn_attention(t, q, k, v, b->spec.heads, false);
    return tape_scope_end(t, scope, net_linear(net, t, &b->projection, y));
}

static Tensor *transform_tokens(Net *net, Tape *t, const TransformerBlock *b, Tensor *x)
{
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = net_layer_norm(net, t, &b->norm2, x, b->spec.eps);
    y = tape_scope_end(t, scope, net_linear(net, t, &b->fc1, y));
    y = tape_scope_end(t, scope, b->spec.activation(t, y));
    return tape_scope_end(t, scope, net_linear(net, t, &b->fc2, y));
}

Tensor *net_transformer(Net *net, Tape *t, const TransformerBlock *b, Tensor *x, int n_out)
{
    TapeScope scope = tape_scope_begin(t);
    Tensor *y = attend(net, t, b, x, n_out);
    x = nn_add(t, first_tokens(t, x, n_out), y);
    return tape_scope_end(t, scope, nn_add(t, x, transform_tokens(net, t, b, x)));
}
