/* What one pretraining is: pairs, model, training, typed, filled through one schema table
 * (pretrain_spec.c: the reference of all keys; `dgbench pretrain --keys` prints it).
 *
 *     pairs: ["${cache}/datasets/clip-pairs/captions.csv"]
 *     tokenizer: scripts/mini-clip
 *     train: {steps: 3000, batch_size: 256, lr: 1e-3}
 *     evaluate: {datasets: [emoji-styles], templates: ["a picture of {}"]}
 */
#ifndef PRETRAIN_PRETRAIN_SPEC_H
#define PRETRAIN_PRETRAIN_SPEC_H

#include "clip_config.h"
#include "model_dir.h"
#include "schema.h"

typedef enum { BAD_IMAGES_REFUSE, BAD_IMAGES_SKIP } BadImages;
typedef enum { TOO_LONG_TRUNCATE, TOO_LONG_REFUSE } TooLong;

/* Which texts of a batch count as true for an image besides its own. */
typedef enum {
    POSITIVES_PHRASE, /* those made of a phrase that the image has, too */
    POSITIVES_LABEL,  /* those of images with the same label */
    POSITIVES_PAIR    /* none: CLIP */
} Positives;

typedef enum { WEIGHTS_BF16, WEIGHTS_F32 } WeightsKind;

typedef struct {
    char *config; /* of a model directory; "": the fields below */
    char *image_tower;
    int64_t embed_dim, image_size, patch, width, depth, heads;
    int64_t context, text_width, text_depth, text_heads;
    double mlp_ratio;
    bool quick_gelu;
    NumberList mean, std; /* 3 each */
} PretrainModel;

typedef struct {
    char *name;
    TextList pairs;
    int bad_images; /* BadImages */
    char *tokenizer, *output;
    int64_t seed;
    PretrainModel model;
    struct {
        double label, keyword, subgroup, group; /* weights of the draw */
        TextList templates;
        int too_long; /* TooLong */
    } captions;
    struct {
        double crop, flip, jitter, grey; /* AugmentSteps */
    } augment;
    struct {
        int64_t steps, batch_size, warm_up;
        double lr, lr_final, weight_decay, beta1, beta2, eps;
        int positives; /* Positives */
        int64_t log_freq, checkpoint_freq;
        int64_t threads, workers; /* 0: all cores; as many as threads */
        int weights;              /* WeightsKind */
    } train;
    struct {
        TextList datasets, roots, templates;
        int64_t batch_size;
    } evaluate;
} PretrainSpec;

const Schema *pretrain_schema(void);

/* Defaults, then the file, then sets. Checks what spans several keys, reads no other file. */
MUST_USE bool pretrain_spec_read(PretrainSpec *out, const char *path, const char *const *sets,
                                 int n_sets, Arena *arena, Err *err);

/* One key a line, in the schema's order, those that say where (FIELD_NOT_IDENTITY) left out unless
 * they are needed to make the same again. Reads back as a spec. */
void pretrain_spec_yaml(const PretrainSpec *spec, Str *out);

/* The model that the spec asks for; vocabulary: of the tokenizer. Reads model.config. */
MUST_USE bool pretrain_spec_model(ClipConfig *config, ModelPreprocessing *preprocessing,
                                  const PretrainSpec *spec, int vocabulary, Err *err);

#endif
