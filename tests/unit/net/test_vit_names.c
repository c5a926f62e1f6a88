/* ViTs under the names of transformers' ViTForImageClassification. */
#include "arena.h"
#include "net.h"
#include "net_case.h"
#include "params_file.h"
#include "safetensors.h"
#include "test.h"

enum { BLOCKS = 6 };

/* Ours, and what transformers' ViTForImageClassification calls it; "#" is a block's number. */
static const char *const HUGGING_FACE[][2] = {
    {"cls_token", "vit.embeddings.cls_token"},
    {"pos_embed", "vit.embeddings.position_embeddings"},
    {"patch_embed.proj", "vit.embeddings.patch_embeddings.projection"},
    {"blocks.#.norm1", "vit.encoder.layer.#.layernorm_before"},
    {"blocks.#.norm2", "vit.encoder.layer.#.layernorm_after"},
    {"blocks.#.attn.proj", "vit.encoder.layer.#.attention.output.dense"},
    {"blocks.#.mlp.fc1", "vit.encoder.layer.#.intermediate.dense"},
    {"blocks.#.mlp.fc2", "vit.encoder.layer.#.output.dense"},
    {"norm", "vit.layernorm"},
    {"head", "classifier"},
};

static const char *numbered(Arena *a, const char *text, int block)
{
    const char *at = strchr(text, '#');
    if (at == NULL) return text;
    return arena_printf(a, "%.*s%d%s", (int)(at - text), text, block, at + 1);
}

static void write_tensor(SafeWriter *w, const SafeTensors *own, const char *ours,
                         const char *theirs)
{
    const SafeTensor *s = safetensors_find(own, ours);
    if (s != NULL) safewriter_f32(w, theirs, (const float *)s->data, s->rank, s->dims);
}

/* A third of the fused rows of queries, keys and values each. */
static void write_attention(SafeWriter *w, const SafeTensors *own, int block, Arena *a)
{
    static const char *const parts[] = {"query", "key", "value"};
    static const char *const ends[] = {"weight", "bias"};
    for (int i = 0; i < 6; i++) {
        const SafeTensor *s =
            safetensors_find(own, arena_printf(a, "blocks.%d.attn.qkv.%s", block, ends[i / 3]));
        int64_t dims[2] = {s->dims[0] / 3, s->dims[1]};
        const float *values = (const float *)s->data + s->n_elements / 3 * (i % 3);
        safewriter_f32(w,
                       arena_printf(a, "vit.encoder.layer.%d.attention.attention.%s.%s", block,
                                    parts[i % 3], ends[i / 3]),
                       values, s->rank, dims);
    }
}

static void write_as_hugging_face(Params *p)
{
    Err err = {0};
    SafeTensors *own = NULL;
    Arena *a = arena_new();
    assert_ok(params_save(p, "test_vit_names.own.tmp", &err));
    assert_ok(safetensors_open(&own, "test_vit_names.own.tmp", &err));
    SafeWriter *w = safewriter_new();
    for (int block = 0; block < BLOCKS; block++) {
        write_attention(w, own, block, a);
        for (size_t i = 0; i < sizeof HUGGING_FACE / sizeof *HUGGING_FACE; i++) {
            const char *ours = numbered(a, HUGGING_FACE[i][0], block);
            const char *theirs = numbered(a, HUGGING_FACE[i][1], block);
            if (block > 0 && ours == HUGGING_FACE[i][0]) continue;
            write_tensor(w, own, ours, theirs);
            write_tensor(w, own, arena_printf(a, "%s.weight", ours),
                         arena_printf(a, "%s.weight", theirs));
            write_tensor(w, own, arena_printf(a, "%s.bias", ours),
                         arena_printf(a, "%s.bias", theirs));
        }
    }
    assert_ok(safewriter_write(w, "test_vit_names.tmp", &err));
    safewriter_free(w);
    safetensors_close(own);
    arena_free(a);
    (void)remove("test_vit_names.own.tmp");
}

static void test_load_of_hugging_faces_names(void **state)
{
    (void)state;
    Err err = {0};
    NetOptions o = {.name = "vit-mini-4", .size = 20, .channels = 3, .n_classes = 7, .seed = 1};
    NetCase *from = net_case_new(&o, 1);
    Net *to = NULL;
    assert_ok(net_new(&to, &o, &err));
    Params *p = net_params(from->net), *q = net_params(to);
    write_as_hugging_face(p);
    assert_ok(net_load(to, "test_vit_names.tmp", &err));
    assert_memory_equal(params_values(p), params_values(q), params_size(p) * sizeof(Real));
    net_free(to);
    net_case_free(from);
    (void)remove("test_vit_names.tmp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_load_of_hugging_faces_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
