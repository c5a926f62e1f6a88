/* The text tower: building (open_clip, transformer.py, TextTransformer) and running. */
#include "clip_text.h"

#include <math.h>

static const double EPS = 1e-5; /* PyTorch's LayerNorm */

static int add_matrix(Net *net, const char *name, int rows, int columns, double std)
{
    return net_add_param(
        net, name,
        (ParamSpec){.rank = 2, .dims = {rows, columns}, .init = INIT_NORMAL, .init_value = std});
}

/* init_parameters() of TextTransformer. */
static TransformerInit block_init(const ClipTextConfig *c)
{
    double attention_std = 1 / sqrt(c->width), fc_std = 1 / sqrt(2.0 * c->width);
    double projection_std = attention_std / sqrt(2.0 * c->depth);
    return (TransformerInit){.qkv = {INIT_NORMAL, attention_std},
                             .projection = {INIT_NORMAL, projection_std},
                             .fc1 = {INIT_NORMAL, fc_std},
                             .fc2 = {INIT_NORMAL, projection_std},
                             .mlp_bias = INIT_LINEAR_BIAS};
}

ClipText *clip_text_new(Net *net, const ClipConfig *config)
{
    const ClipTextConfig *c = &config->text;
    ClipText *tower = arena_alloc(net->arena, 1, sizeof *tower);
    tower->config = *c;
    tower->positions = add_matrix(net, "positional_embedding", c->context, c->width, 0.01);
    tower->projection =
        add_matrix(net, "text_projection", c->width, config->embed_dim, 1 / sqrt(c->width));
    TransformerSpec block = {.width = c->width,
                             .heads = c->heads,
                             .hidden = clip_hidden_width(c->width, c->mlp_ratio),
                             .eps = EPS,
                             .activation = config->quick_gelu ? nn_quick_gelu : nn_gelu,
                             .causal = true,
                             .names = &TRANSFORMER_OPENCLIP,
                             .init = block_init(c)};
    tower->blocks = net_add_transformers(net, "transformer.resblocks", c->depth, &block);
    tower->tokens = add_matrix(net, "token_embedding.weight", c->vocabulary, c->width, 0.02);
    tower->norm = net_add_layer_norm(net, "ln_final", c->width);
    return tower;
}

/* The first position of the highest id. */
static int end_of_text(const int *tokens, int context)
{
    int end = 0;
    for (int i = 1; i < context; i++) {
        if (tokens[i] > tokens[end]) end = i;
    }
    return end;
}

/* The texts cut behind the longest one's end: no token sees what comes after it. */
typedef struct {
    int n, length;
    int *tokens; /* [n,length] */
    int *ends;   /* [n]: rows of [n * length] */
} Batch;

static Batch cut(Tape *t, const int *tokens, int n, int context)
{
    Batch b = {.n = n, .length = context};
    b.ends = tape_aux(t, (size_t)n * sizeof *b.ends);
    b.tokens = tape_aux(t, (size_t)n * (size_t)context * sizeof *b.tokens);
    if (tape_planning(t)) return b;
    b.length = 1;
    for (int i = 0; i < n; i++) {
        b.ends[i] = end_of_text(tokens + (size_t)i * context, context);
        if (b.ends[i] >= b.length) b.length = b.ends[i] + 1;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < b.length; j++) {
            b.tokens[(size_t)i * b.length + j] = tokens[(size_t)i * context + j];
        }
        b.ends[i] += i * b.length;
    }
    return b;
}

static Tensor *embed(Net *net, Tape *t, const ClipText *tower, const Batch *b)
{
    TapeScope scope = tape_scope_begin(t);
    int width = tower->config.width;
    Tensor *table = weights_get(net->weights, t, tower->tokens);
    Tensor *x = nn_embedding(t, table, b->tokens, b->n * b->length);
    x = nn_reshape(t, x, 3, (int[]){b->n, b->length, width});
    Tensor *positions = weights_get(net->weights, t, tower->positions);
    if (b->length < tower->config.context) positions = nn_slice(t, positions, 0, 0, b->length);
    return tape_scope_end(t, scope, nn_add(t, x, positions));
}

Tensor *clip_text(Net *net, Tape *t, const ClipText *tower, const int *tokens, int n)
{
    TapeScope scope = tape_scope_begin(t);
    Batch b = cut(t, tokens, n, tower->config.context);
    int width = tower->config.width;
    Tensor *x = embed(net, t, tower, &b);
    for (int i = 0; i < tower->config.depth; i++) {
        x = tape_scope_end(t, scope, net_transformer(net, t, &tower->blocks[i], x, b.length));
    }
    x = nn_reshape(t, x, 2, (int[]){n * b.length, width});
    x = nn_gather_rows(t, x, b.ends, n);
    x = net_layer_norm(net, t, &tower->norm, x, EPS);
    Tensor *projection = weights_get(net->weights, t, tower->projection);
    return tape_scope_end(t, scope, nn_matmul(t, x, projection, false));
}
