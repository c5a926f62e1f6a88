#include "adapter_case.h"

#include "model_fixture.h"
#include "rng.h"
#include "str.h"

#include <unistd.h>

static const char FOLDER[] = "adapter_case.tmp";

AdapterOptions adapter_case_options(const char *kind, const char *target)
{
    static const char *targets[1];
    targets[0] = target;
    return (AdapterOptions){.kind = adapter_kind_find(kind),
                            .targets = targets,
                            .n_targets = 1,
                            .rank = 4,
                            .alpha = 6,
                            .lr_ratio = 1,
                            .generator = {.input = 10, .width = 16, .input_std = 0.5}};
}

Net *adapter_case_net(const char *name, const AdapterOptions *adapter)
{
    Err err = {0};
    NetOptions options = {.name = name,
                          .size = CASE_SIZE,
                          .channels = 3,
                          .n_classes = CASE_CLASSES,
                          .seed = 1,
                          .adapter = adapter != NULL ? &ADAPTER_HOOK : NULL,
                          .adapter_options = adapter};
    ModelDir *model = NULL;
    if (str_equal(name, "clip")) {
        assert_ok(model_fixture_write(FOLDER, 1, &err));
        assert_ok(model_dir_open(&model, FOLDER, &err));
        options.model = model;
    }
    Net *net = NULL;
    bool ok = net_new(&net, &options, &err);
    model_dir_close(model);
    if (!ok) fail_msg("%s: %s", name, err.text);
    net_begin(net, NULL);
    return net;
}

void adapter_case_disturb(Net *net)
{
    Params *p = net_params(net);
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        RngStream stream = rng_stream(7, q->name);
        if (!(q->flags & PARAM_ADAPTER)) continue;
        for (size_t k = 0; k < q->size; k++)
            params_values(p)[q->offset + k] += (Real)(0.2 * rng_normal(stream, 0, k));
    }
    net_generate(net, NULL);
}

void adapter_case_logits(Net *net, Real out[CASE_LOGITS])
{
    enum { PIXELS = CASE_IMAGES * CASE_SIZE * CASE_SIZE * 3 };
    Real *pixels = test_malloc(PIXELS * sizeof *pixels);
    for (int i = 0; i < PIXELS; i++)
        pixels[i] = (Real)rng_normal(rng_stream(2, "pixels"), 0, (uint64_t)i);
    Tape *t = tape_new(&(TapeOptions){0});
    tape_begin(t, 0, 0);
    Tensor *x = tape_input(t, pixels, 4, (int[]){CASE_IMAGES, CASE_SIZE, CASE_SIZE, 3});
    Tensor *logits = net_classify(net, t, net_features(net, t, x));
    memcpy(out, logits->v, CASE_LOGITS * sizeof *out);
    tape_free(t);
    test_free(pixels);
}

void adapter_case_remove_model(void)
{
    static const char *const files[] = {"config.json", "model.safetensors", "vocab.json",
                                        "merges.txt"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", FOLDER, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(FOLDER);
}
