/* Both towers of CLIP against PyTorch's values in double (scripts/golden/clip.py): embeddings, the
 * contrastive loss of one step and the gradients of all parameters. Built in float and in double,
 * as test_net_parity.c. */
#include "clip.h"
#include "mem.h"
#include "net_case.h"
#include "net_parity.h"

typedef struct {
    Clip *clip;
    Tape *tape;
    int batch;
    Real *images; /* [batch,size,size,channels] */
    int *tokens;  /* [batch,context] */
} ClipCase;

/* The numbers of clip.py's Config. */
static ClipConfig read_config(const SafeTensors *f)
{
    Err err = {0};
    int64_t n[15];
    assert_ok(safetensors_to_i64(safetensors_find(f, "case"), n, &err));
    return (ClipConfig){.embed_dim = (int)n[0],
                        .quick_gelu = n[1] != 0,
                        .image = {.kind = CLIP_VIT,
                                  .size = (int)n[2],
                                  .channels = (int)n[3],
                                  .patch = (int)n[4],
                                  .width = (int)n[5],
                                  .depth = (int)n[6],
                                  .heads = (int)n[7],
                                  .mlp_ratio = (double)n[8] / (double)n[5]},
                        .text = {.context = (int)n[9],
                                 .vocabulary = (int)n[10],
                                 .width = (int)n[11],
                                 .depth = (int)n[12],
                                 .heads = (int)n[13],
                                 .mlp_ratio = (double)n[14] / (double)n[11]}};
}

static void read_tokens(ClipCase *c, const SafeTensors *f)
{
    Err err = {0};
    const SafeTensor *s = safetensors_find(f, "texts");
    int64_t *ids = mem_alloc(s->n_elements, sizeof *ids);
    assert_ok(safetensors_to_i64(s, ids, &err));
    c->batch = (int)s->dims[0];
    c->tokens = mem_alloc(s->n_elements, sizeof *c->tokens);
    for (size_t i = 0; i < s->n_elements; i++) c->tokens[i] = (int)ids[i];
    free(ids);
}

static ClipCase *case_new(Clip *clip, const SafeTensors *f)
{
    ClipCase *c = mem_alloc(1, sizeof *c);
    c->clip = clip;
    read_tokens(c, f);
    const ClipImageConfig *image = &clip_config(clip)->image;
    c->images = net_case_images(c->batch, image->size, image->channels);
    c->tape = tape_new(&(TapeOptions){.seed = 1});
    return c;
}

static void case_free(ClipCase *c)
{
    tape_free(c->tape);
    clip_free(c->clip);
    free(c->images);
    free(c->tokens);
    free(c);
}

static Tensor *encode_images(ClipCase *c)
{
    const ClipImageConfig *i = &clip_config(c->clip)->image;
    int dims[] = {c->batch, i->size, i->size, i->channels};
    return clip_encode_images(c->clip, c->tape, tape_input(c->tape, c->images, 4, dims));
}

static Tensor *encode_texts(ClipCase *c)
{
    return clip_encode_texts(c->clip, c->tape, c->tokens, c->batch);
}

/* loss_of() of clip.py. */
static double contrastive_loss(ClipCase *c, unsigned mode, Real *logits)
{
    Tape *t = c->tape;
    tape_begin(t, mode, 0);
    Tensor *images = nn_l2_normalise(t, encode_images(c), 1e-12);
    Tensor *texts = nn_l2_normalise(t, encode_texts(c), 1e-12);
    Tensor *scale = nn_exp(t, clip_logit_scale(c->clip, t));
    Tensor *z = nn_mul(t, nn_matmul(t, images, texts, true), scale);
    if (logits != NULL) memcpy(logits, z->v, tensor_size(z) * sizeof *logits);
    int y[16];
    for (int i = 0; i < c->batch; i++) y[i] = i;
    Tensor *by_image = nn_cross_entropy(t, z, y, NULL);
    Tensor *by_text = nn_cross_entropy(t, nn_permute(t, z, (int[]){1, 0}), y, NULL);
    Tensor *loss = nn_affine(t, nn_add(t, by_image, by_text), 0.5, 0);
    double value = (double)loss->v[0];
    if (mode & TAPE_GRADIENTS) tape_backward(t, loss);
    return value;
}

static double loss_only(void *context)
{
    return contrastive_loss(context, TAPE_TRAINING, NULL);
}

/* Also without gradients, where texts and images are released block by block. */
static double compare_embeddings(ClipCase *c, const SafeTensors *f)
{
    tape_begin(c->tape, 0, 0);
    double images = parity_array(f, "image_embeddings", encode_images(c)->v);
    return parity_worst(images, parity_array(f, "text_embeddings", encode_texts(c)->v));
}

static void parity(const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "clip/%s.safetensors", name);
    SafeTensors *f = golden_open(file);
    ClipConfig config = read_config(f);
    ClipCase *c = case_new(clip_new(&config, 1), f);
    Params *p = clip_params(c->clip);
    net_case_fill(p);
    assert_int_equal(params_count(p), parity_count_names(safetensors_metadata(f, "gradients")));
    Real logits[64];
    Real loss = (Real)contrastive_loss(c, TAPE_TRAINING | TAPE_GRADIENTS, logits);
    double forward =
        parity_worst(parity_array(f, "logits", logits), parity_array(f, "loss", &loss));
    double backward = parity_rows(f, "gradients", p, params_gradients(p));
    fprintf(stderr, "# %-10s logits and loss %.1e, gradients %.1e, embeddings %.1e\n", name,
            forward, backward, compare_embeddings(c, f));
    if (sizeof(Real) == sizeof(double)) {
        fprintf(stderr, "# %-10s gradient along a direction %.1e\n", name,
                parity_direction(p, 1e-5, loss_only, c));
    }
    case_free(c);
    safetensors_close(f);
}

static void test_towers_with_quick_gelu_as_torch(void **state)
{
    (void)state;
    parity("quick-gelu");
}

static void test_towers_with_exact_gelu_as_torch(void **state)
{
    (void)state;
    parity("gelu");
}

/* A ResNet's tower, and texts that are all shorter than the context: gradients against differences.
 */
static void test_gradients_of_another_tower_and_short_texts(void **state)
{
    (void)state;
    if (sizeof(Real) != sizeof(double)) return; /* differences of floats show nothing */
    ClipConfig config = {.embed_dim = 6,
                         .image = {.kind = "resnet-small", .size = 16, .channels = 3},
                         .text = {8, 11, 12, 2, 3, 2}};
    SafeTensors *f = golden_open("clip/gelu.safetensors"); /* its texts have 6 of 11 tokens */
    ClipCase *c = case_new(clip_new(&config, 1), f);
    int *longer = mem_alloc((size_t)c->batch * 8, sizeof *longer);
    for (int i = 0; i < c->batch; i++) {
        memcpy(longer + (size_t)i * 8, c->tokens + (size_t)i * 6, 6 * sizeof *longer);
    }
    free(c->tokens);
    c->tokens = longer;
    Params *p = clip_params(c->clip);
    net_case_fill(p);
    (void)contrastive_loss(c, TAPE_TRAINING | TAPE_GRADIENTS, NULL);
    fprintf(stderr, "# %-12s gradient along a direction %.1e\n", config.image.kind,
            parity_direction(p, 1e-6, loss_only, c));
    case_free(c);
    safetensors_close(f);
}

/* ---- published layouts ---- */

static void directory_parity(const char *name)
{
    Err err = {0};
    char path[1024], file[64];
    ModelDir *dir = NULL;
    Clip *clip = NULL;
    snprintf(file, sizeof file, "clip/%s", name);
    assert_ok(model_dir_open(&dir, golden_path(path, file), &err));
    assert_ok(clip_open(&clip, dir, &err));
    snprintf(file, sizeof file, "clip/%s/embeddings.safetensors", name);
    SafeTensors *f = golden_open(file);
    ClipCase *c = case_new(clip, f);
    fprintf(stderr, "# %-12s embeddings %.1e\n", name, compare_embeddings(c, f));
    safetensors_close(f);
    case_free(c);
    model_dir_close(dir);
}

static void test_open_clips_files_in_bf16(void **state)
{
    (void)state;
    directory_parity("open-clip");
}

static void test_hugging_faces_files_in_f16(void **state)
{
    (void)state;
    directory_parity("hugging-face");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_towers_with_quick_gelu_as_torch),
        cmocka_unit_test(test_towers_with_exact_gelu_as_torch),
        cmocka_unit_test(test_gradients_of_another_tower_and_short_texts),
        cmocka_unit_test(test_open_clips_files_in_bf16),
        cmocka_unit_test(test_hugging_faces_files_in_f16),
    };
    return cmocka_run_group_tests_name("clip-parity", tests, NULL, NULL);
}
