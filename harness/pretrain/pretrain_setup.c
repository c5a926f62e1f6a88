/* Opened in the order in which mistakes are cheap to find. */
#include "pretrain_setup.h"

#include "file.h"
#include "registry.h"

#include <stdlib.h>

enum { MAX_FILE_BYTES = 1 << 28 };

/* What an image tower sees, in the terms of datasets. */
static InputSpec input_of(const ModelPreprocessing *p)
{
    InputSpec input = {.size = p->size,
                       .fit = p->resize == RESIZE_SHORTEST_CROP ? FIT_CROP : FIT_SQUASH,
                       .filter =
                           p->filter == FILTER_BICUBIC ? RESAMPLE_BICUBIC : RESAMPLE_BILINEAR};
    for (int i = 0; i < 3; i++) {
        input.mean[i] = (float)p->mean[i];
        input.std[i] = (float)p->std[i];
    }
    return input;
}

/* ---- key ---- */

static bool add_file(Sha256 *sha, const char *path, Err *err)
{
    char *data;
    size_t n;
    if (!file_read(&data, &n, path, MAX_FILE_BYTES, err)) return false;
    sha256_add_str(sha, file_base_name(path));
    sha256_add(sha, data, n);
    free(data);
    return true;
}

static bool add_files(Sha256 *sha, const PretrainSpec *spec, Err *err)
{
    Arena *arena = arena_new();
    bool ok = add_file(sha, file_join(arena, spec->tokenizer, "merges.txt"), err) &&
              add_file(sha, file_join(arena, spec->tokenizer, "vocab.json"), err) &&
              (spec->model.config[0] == '\0' || add_file(sha, spec->model.config, err));
    arena_free(arena);
    return ok;
}

static bool take_key(PretrainSetup *s, Err *err)
{
    Str identity = {0};
    schema_to_json(pretrain_schema(), s->spec, true, &identity);
    Sha256 *sha = sha256_new();
    sha256_add_str(sha, "dgbench pretraining 1");
    sha256_add_str(sha, str_text(&identity));
    sha256_add_str(sha, s->pairs->fingerprint);
    bool ok = add_files(sha, s->spec, err);
    sha256_done_hex(sha, s->key);
    str_done(&identity);
    return ok;
}

/* ---- parts ---- */

static bool open_model(PretrainSetup *s, Err *err)
{
    const PretrainSpec *spec = s->spec;
    if (!tokenizer_open_folder(&s->tokenizer, spec->tokenizer, err)) return false;
    int vocabulary = tokenizer_vocabulary(s->tokenizer);
    if (!pretrain_spec_model(&s->config, &s->preprocessing, spec, vocabulary, err)) return false;
    s->input = input_of(&s->preprocessing);
    return true;
}

static bool open_data(PretrainSetup *s, Err *err)
{
    const PretrainSpec *spec = s->spec;
    PairsOptions pairs = {.files = &spec->pairs, .bad_images = spec->bad_images, .pool = s->pool};
    if (!pairs_open(&s->pairs, &pairs, err)) return false;
    CaptionsOptions captions = {.pairs = s->pairs,
                                .tokenizer = s->tokenizer,
                                .spec = spec,
                                .context = s->config.text.context,
                                .pool = s->pool};
    ZeroShotOptions zero_shot = {.spec = spec,
                                 .tokenizer = s->tokenizer,
                                 .input = s->input,
                                 .context = s->config.text.context,
                                 .embed_dim = s->config.embed_dim,
                                 .pool = s->pool};
    return captions_new(&s->captions, &captions, err) &&
           zero_shot_new(&s->zero_shot, &zero_shot, err) && take_key(s, err);
}

static void make_loader(PretrainSetup *s)
{
    const PretrainSpec *spec = s->spec;
    int workers = (int)spec->train.workers;
    s->loader = pair_loader_new(&(PairLoaderOptions){
        .pairs = s->pairs,
        .captions = s->captions,
        .augment = {.crop = spec->augment.crop,
                    .flip = spec->augment.flip,
                    .jitter = spec->augment.jitter,
                    .grey = spec->augment.grey},
        .input = s->input,
        .context = s->config.text.context,
        .batch_size = (int)spec->train.batch_size,
        .positives = (Positives)spec->train.positives,
        .seed = (uint64_t)spec->seed,
        .n_workers = workers > 0        ? workers
                     : s->n_threads > 1 ? s->n_threads
                                        : 0,
    });
}

static void make_engine(PretrainSetup *s)
{
    const PretrainSpec *spec = s->spec;
    s->clip = clip_new(&s->config, (uint64_t)spec->seed);
    s->tape = tape_new(&(TapeOptions){.threads = s->pool, .seed = (uint64_t)spec->seed});
    s->optimizer = optim_new(&(OptimOptions){.kind = OPTIM_ADAMW,
                                             .lr = spec->train.lr,
                                             .weight_decay = spec->train.weight_decay,
                                             .decay_matrices_only = true,
                                             .beta1 = spec->train.beta1,
                                             .beta2 = spec->train.beta2,
                                             .eps = spec->train.eps},
                             clip_params(s->clip));
    s->lr_final = spec->train.lr_final;
    s->schedule = (ScheduleOptions){.kind = method_schedule("cosine"),
                                    .hparams = &s->lr_final,
                                    .warm_up = spec->train.warm_up,
                                    .steps = spec->train.steps};
}

bool pretrain_setup_open(PretrainSetup *s, const PretrainSpec *spec, Err *err)
{
    int n_threads = spec->train.threads > 0 ? (int)spec->train.threads : thread_count_online();
    *s = (PretrainSetup){.spec = spec, .n_threads = n_threads};
    s->pool = thread_pool_new(n_threads);
    if (!open_model(s, err) || !open_data(s, err)) {
        pretrain_setup_close(s);
        return false;
    }
    make_loader(s);
    make_engine(s);
    return true;
}

void pretrain_setup_close(PretrainSetup *s)
{
    tape_free(s->tape);
    optim_free(s->optimizer);
    clip_free(s->clip);
    pair_loader_free(s->loader);
    zero_shot_free(s->zero_shot);
    captions_free(s->captions);
    pairs_close(s->pairs);
    tokenizer_free(s->tokenizer);
    thread_pool_free(s->pool);
    *s = (PretrainSetup){0};
}
