/* CLIP: an image tower and a text tower whose embeddings of an image and of its text are near
 * (Radford et al. 2021). The definition and the names of the parameters are OpenCLIP's
 * ("visual.conv1.weight", "transformer.resblocks.0.attn.in_proj_weight", ...).
 *
 *     ModelDir *dir;
 *     Clip *clip;
 *     if (!model_dir_open(&dir, path, err) || !clip_open(&clip, dir, err)) return false;
 *     Tensor *e = nn_l2_normalise(t, clip_encode_images(clip, t, x), 1e-12);
 *
 * The image tower is a ViT (clip_vision.h), or any network of net_list: its features and a
 * projection.
 */
#ifndef NET_CLIP_H
#define NET_CLIP_H

#include "clip_config.h"
#include "model_dir.h"
#include "ops.h"
#include "weights.h"

typedef struct Clip Clip;

/* Random initial values, drawn as OpenCLIP draws them. The config has passed clip_config_check
 * (checked). */
Clip *clip_new(const ClipConfig *config, uint64_t seed);
void clip_free(Clip *clip); /* NULL is fine */

/* Both towers with the weights of the model directory, in OpenCLIP's or Hugging Face's naming,
 * f32, f16 or bf16. Every missing, unexpected or misshapen tensor is listed, NaN and infinity are
 * refused; positions are interpolated when config.json is of another image size. */
MUST_USE bool clip_open(Clip **out, const ModelDir *dir, Err *err);

/* The same without the values: whether the file holds the tensors that the configuration asks for.
 */
MUST_USE bool clip_fits(const ModelDir *dir, Err *err);

/* Writes "model.safetensors" with OpenCLIP's names into the folder (made when missing), as bfloat16
 * or float32. config.json: model_dir_write_config. */
MUST_USE bool clip_save(Clip *clip, const char *folder, bool bf16, Err *err);

/* x [N,size,size,channels] -> [N,embed_dim], not normalised. */
Tensor *clip_encode_images(Clip *clip, Tape *t, Tensor *x);

/* tokens: n * context ids (tokenizer.h); a text ends at the first of its highest ids; what follows
 * is not looked at (but has to be in range) -> [n,embed_dim], not normalised. Not read in a plan,
 * which takes all texts to be as long as they may be. */
Tensor *clip_encode_texts(Clip *clip, Tape *t, const int *tokens, int n);

/* [1]: the logarithm of the factor of the cosines, ln(1 / 0.07) at first. */
Tensor *clip_logit_scale(Clip *clip, Tape *t);

const ClipConfig *clip_config(const Clip *clip);
Params *clip_params(Clip *clip);   /* borrowed */
Weights *clip_weights(Clip *clip); /* borrowed */

#endif
