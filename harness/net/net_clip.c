/* The image tower of a model directory as a network: its embedding are the features. Parameters
 * have OpenCLIP's names ("visual.conv1.weight"), the classifier is "head". */
#include "clip.h"
#include "clip_vision.h"
#include "namings.h"
#include "params_file.h"
#include "str.h"

/* The directory's towers, the image tower for these images. */
static ClipConfig config_of(const NetOptions *o)
{
    ClipConfig config = *model_dir_config(o->model);
    config.image.size = o->size;
    config.image.channels = o->channels;
    return config;
}

bool net_clip_check(const NetOptions *o, Err *err)
{
    if (o->model == NULL)
        return err_set(err, ERR_FORMAT,
                       "network \"clip\": found no net.model, expected a model directory");
    ClipConfig config = config_of(o);
    return clip_config_check(&config, model_dir_path(o->model), err);
}

static void clip_build(Net *net, const void *spec)
{
    (void)spec;
    ClipConfig config = config_of(&net->options);
    net->prefix = "visual.";
    net->n_features = config.embed_dim;
    ClipVision *tower = clip_vision_new(net, &config);
    net->model = tower;
    net->prefix = NULL;
    net->input_conv = tower->is_vit
                          ? "visual.conv1.weight"
                          : arena_printf(net->arena, "visual.%s", tower->trunk.input_conv);
}

static Tensor *clip_features(Net *net, Tape *t, Tensor *x)
{
    ClipVision *tower = net->model;
    tower->trunk.batch_norm_frozen = net->batch_norm_frozen;
    tower->trunk.batch_norm_momentum = net->batch_norm_momentum;
    return clip_vision(net, t, tower, x);
}

/* Both towers have to be what the configuration says; of the file's tensors those of the image
 * tower are then taken. */
bool net_clip_load(Net *net, const ModelDir *model, Err *err)
{
    SafeTensors *f;
    const ParamNaming *const namings[] = {&NAMING_HUGGING_FACE_CLIP};
    ParamsLoad options = {.allow_missing_head = true,
                          .allow_unexpected = true,
                          .namings = namings,
                          .n_namings = 1,
                          .input_conv = net->input_conv,
                          .resize_positions = true,
                          .finite = true};
    if (!clip_fits(model, err) || !safetensors_open(&f, model_dir_weights_path(model), err))
        return false;
    bool ok = params_load(net->params, f, &options, err);
    safetensors_close(f);
    return ok;
}

const NetFamily NET_CLIP = {"head", NULL, clip_build, clip_features, NULL};
