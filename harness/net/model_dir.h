/* A model directory: config.json, model.safetensors and, for a text tower, merges.txt and
 * vocab.json. Three layouts of the configuration are read:
 * - OpenCLIP's: {"model_cfg": {"embed_dim", "vision_cfg", "text_cfg"}, "preprocess_cfg"} in
 *   config.json or open_clip_config.json, or the part under "model_cfg" alone;
 * - ours: the same, where vision_cfg may name a network of net_list as "image_tower";
 * - Hugging Face's: config.json with "vision_config", "text_config", and preprocessor_config.json.
 *
 *     ModelDir *dir;
 *     if (!model_dir_open(&dir, path, err)) return false;
 *     const ModelPreprocessing *p = model_dir_preprocessing(dir);
 *     ...
 *     model_dir_close(dir);
 */
#ifndef NET_MODEL_DIR_H
#define NET_MODEL_DIR_H

#include "clip_config.h"
#include "digest.h"

#include <stddef.h>

typedef enum {
    RESIZE_SQUASH,       /* both sides to size, the aspect changes */
    RESIZE_SHORTEST_CROP /* the shorter side to size, then the centre size x size */
} ModelResize;

typedef enum { FILTER_BILINEAR, FILTER_BICUBIC } ModelFilter;

typedef struct {
    int size; /* in pixels; the image tower's */
    ModelResize resize;
    ModelFilter filter;
    double mean[3], std[3]; /* of values in [0,1] */
} ModelPreprocessing;

/* What CLIP was trained with: RESIZE_SHORTEST_CROP, bicubic, its own mean and deviation. */
ModelPreprocessing model_preprocessing_clip(int size);

typedef struct ModelDir ModelDir;

/* Reads and checks the configuration; the weights are only looked for. */
MUST_USE bool model_dir_open(ModelDir **out, const char *path, Err *err);
void model_dir_close(ModelDir *dir); /* NULL is fine */

const char *model_dir_path(const ModelDir *dir);
const char *model_dir_name(const ModelDir *dir); /* the folder's own name */
const char *model_dir_weights_path(const ModelDir *dir);
const ClipConfig *model_dir_config(const ModelDir *dir);
const ModelPreprocessing *model_dir_preprocessing(const ModelDir *dir);

/* SHA-256 of the weights' file: reads all of it. */
MUST_USE bool model_dir_digest(const ModelDir *dir, char out[SHA256_HEX_SIZE], Err *err);

/* Another image size than the configuration's, for images and tower: positions are then
 * interpolated. A size that the tower does not take: error. */
MUST_USE bool model_dir_set_image_size(ModelDir *dir, int size, Err *err);

/* The configuration alone, from texts; *_place: for messages. */
typedef struct {
    const char *config, *config_place;
    const char *preprocessor, *preprocessor_place; /* Hugging Face's; NULL: there is none */
} ModelConfigTexts;

MUST_USE bool model_config_parse(ClipConfig *config, ModelPreprocessing *preprocessing,
                                 const ModelConfigTexts *texts, Err *err);

/* Writes config.json in our layout into the folder (made when missing). */
MUST_USE bool model_dir_write_config(const char *folder, const ClipConfig *config,
                                     const ModelPreprocessing *preprocessing, Err *err);

#endif
