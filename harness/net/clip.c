/* Both towers over one table of parameters; loading and saving. */
#include "clip.h"

#include "clip_text.h"
#include "clip_vision.h"
#include "file.h"
#include "mem.h"
#include "namings.h"
#include "params_file.h"

#include <math.h>
#include <stdlib.h>

struct Clip {
    ClipConfig config;
    Net net; /* what the towers' layers are made in: parameters, weights, arena */
    ClipVision *image;
    ClipText *text;
    int logit_scale;
};

static const double TEMPERATURE = 0.07; /* Radford et al. 2021, 2.3 */

/* Parameters are added, not yet there. */
static Clip *build(const ClipConfig *config)
{
    Err err = {0};
    bool ok = clip_config_check(config, "clip", &err);
    check(ok, "%s", err.text);
    Clip *clip = mem_alloc(1, sizeof *clip);
    clip->config = *config;
    Net *net = &clip->net;
    net->arena = arena_new();
    net->params = params_new();
    clip->text = clip_text_new(net, config);
    clip->logit_scale = net_add_param(net, "logit_scale",
                                      (ParamSpec){.rank = 1,
                                                  .dims = {1},
                                                  .init = INIT_CONSTANT,
                                                  .init_value = log(1 / TEMPERATURE),
                                                  .flags = PARAM_SCALAR});
    net->prefix = "visual.";
    clip->image = clip_vision_new(net, config);
    return clip;
}

Clip *clip_new(const ClipConfig *config, uint64_t seed)
{
    Clip *clip = build(config);
    params_seal(clip->net.params, seed);
    clip->net.weights = weights_new(clip->net.params);
    return clip;
}

void clip_free(Clip *clip)
{
    if (clip == NULL) return;
    weights_free(clip->net.weights);
    params_free(clip->net.params);
    arena_free(clip->net.arena);
    free(clip);
}

/* ---- files ---- */

static const ParamNaming *const NAMINGS[] = {&NAMING_HUGGING_FACE_CLIP};

static ParamsLoad load_options(void)
{
    return (ParamsLoad){.namings = NAMINGS,
                        .n_namings = sizeof NAMINGS / sizeof *NAMINGS,
                        .resize_positions = true,
                        .finite = true};
}

bool clip_fits(const ModelDir *dir, Err *err)
{
    SafeTensors *f;
    if (!safetensors_open(&f, model_dir_weights_path(dir), err)) return false;
    Clip *clip = build(model_dir_config(dir));
    ParamsLoad options = load_options();
    bool ok = params_fit(clip->net.params, f, &options, err);
    clip_free(clip);
    safetensors_close(f);
    return ok;
}

bool clip_open(Clip **out, const ModelDir *dir, Err *err)
{
    SafeTensors *f;
    if (!safetensors_open(&f, model_dir_weights_path(dir), err)) return false;
    Clip *clip = build(model_dir_config(dir));
    Params *p = clip->net.params;
    ParamsLoad options = load_options();
    bool ok = params_fit(p, f, &options, err);
    if (ok) {
        params_seal_zeros(p);
        clip->net.weights = weights_new(p);
        ok = params_load(p, f, &options, err);
    }
    safetensors_close(f);
    if (ok) {
        *out = clip;
    } else {
        clip_free(clip);
    }
    return ok;
}

bool clip_save(Clip *clip, const char *folder, bool bf16, Err *err)
{
    if (!file_make_dirs(folder, err)) return false;
    Arena *a = arena_new();
    const char *path = file_join(a, folder, "model.safetensors");
    bool ok = bf16 ? params_save_bf16(clip->net.params, path, err)
                   : params_save(clip->net.params, path, err);
    arena_free(a);
    return ok;
}

/* ---- towers ---- */

Tensor *clip_encode_images(Clip *clip, Tape *t, Tensor *x)
{
    const ClipImageConfig *c = &clip->config.image;
    char text[TENSOR_TEXT_SIZE];
    check(x->rank == 4 && x->dims[1] == c->size && x->dims[2] == c->size &&
              x->dims[3] == c->channels,
          "the image tower takes [N,%d,%d,%d], found %s", c->size, c->size, c->channels,
          tensor_text(x, text));
    return clip_vision(&clip->net, t, clip->image, x);
}

Tensor *clip_encode_texts(Clip *clip, Tape *t, const int *tokens, int n)
{
    check(n >= 1, "%d texts", n);
    return clip_text(&clip->net, t, clip->text, tokens, n);
}

Tensor *clip_logit_scale(Clip *clip, Tape *t)
{
    return weights_get(clip->net.weights, t, clip->logit_scale);
}

const ClipConfig *clip_config(const Clip *clip)
{
    return &clip->config;
}

Params *clip_params(Clip *clip)
{
    return clip->net.params;
}

Weights *clip_weights(Clip *clip)
{
    return clip->net.weights;
}
