/* Transformer blocks. */
#include "transformer.h"

const TransformerNames TRANSFORMER_TIMM = {"norm1",   "attn.qkv", "attn.proj", "norm2",
                                           "mlp.fc1", "mlp.fc2",  "."};
const TransformerNames TRANSFORMER_OPENCLIP = {
    "ln_1", "attn.in_proj", "attn.out_proj", "ln_2", "mlp.c_fc", "mlp.c_proj", "_"};

static TransformerBlock add_block(Net *net, const char *name, const TransformerSpec *s)
{
    Arena *a = net->arena;
    const TransformerNames *names = s->names;
    int width = s->width;
    LinearSpec qkv = {
        .in = width, .out = 3 * width, .join = names->qkv_join, .weight = s->init.qkv};
    LinearSpec projection = {.in = width, .out = width, .weight = s->init.projection};
    LinearSpec fc1 = {
        .in = width, .out = s->hidden, .weight = s->init.fc1, .bias = s->init.mlp_bias};
    LinearSpec fc2 = {
        .in = s->hidden, .out = width, .weight = s->init.fc2, .bias = s->init.mlp_bias};
    TransformerBlock b = {.spec = *s};
    b.norm1 = net_add_layer_norm(net, arena_printf(a, "%s.%s", name, names->norm1), width);
    b.qkv = net_add_linear(net, arena_printf(a, "%s.%s", name, names->qkv), qkv);
    b.projection =
        net_add_linear(net, arena_printf(a, "%s.%s", name, names->projection), projection);
    b.norm2 = net_add_layer_norm(net, arena_printf(a, "%s.%s", name, names->norm2), width);
    b.fc1 = net_add_linear(net, arena_printf(a, "%s.%s", name, names->fc1), fc1);
    b.fc2 = net_add_linear(net, arena_printf(a, "%s.%s", name, names->fc2), fc2);
    return b;
}

TransformerBlock *net_add_transformers(Net *net, const char *name, int n, const TransformerSpec *s)
{
    check(s->width % s->heads == 0, "width %d in %d heads", s->width, s->heads);
    TransformerBlock *blocks = arena_alloc(net->arena, (size_t)n, sizeof *blocks);
    for (int i = 0; i < n; i++) {
        blocks[i] = add_block(net, arena_printf(net->arena, "%s.%d", name, i), s);
    }
    return blocks;
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
    y = nn_attention(t, q, k, v, b->spec.heads, b->spec.causal);
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
