/* Every file is written to a temporary name, synced, renamed. */
#include "pretrain_output.h"

#include "file.h"
#include "json_text.h"
#include "state_file.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char FORMAT[] = "dgbench-pretraining-1", CHECKPOINT[] = "checkpoint.safetensors",
                  REPORT[] = "pretraining.json";

enum { MAX_FILE_BYTES = 1 << 28 };

char *pretrain_path(const PretrainSpec *spec, const char *name, Arena *arena)
{
    return file_join(arena, spec->output, name);
}

/* ---- checkpoint: one list for saving and loading ---- */

enum { N_ARRAYS = 4, N_NUMBERS = 5 };

static void list_arrays(StateArray arrays[N_ARRAYS], const PretrainSetup *s)
{
    Params *params = clip_params(s->clip);
    size_t size = params_size(params), slot_size = optim_slot_size(s->optimizer);
    const StateArray all[N_ARRAYS] = {
        {"values", params_values(params), NULL, size},
        {"optimizer.0", optim_slot(s->optimizer, 0), NULL, slot_size},
        {"optimizer.1", optim_slot(s->optimizer, 1), NULL, slot_size},
        {"optimizer.steps", NULL, optim_steps(s->optimizer), (size_t)params_count(params)},
    };
    memcpy(arrays, all, sizeof all);
}

static void list_numbers(StateNumber numbers[N_NUMBERS], PretrainState *state)
{
    const StateNumber all[N_NUMBERS] = {
        {"next_step", &state->next_step, NULL}, {"n_losses", &state->n_losses, NULL},
        {"loss_sum", NULL, &state->loss_sum},   {"shared_sum", NULL, &state->shared_sum},
        {"seconds", NULL, &state->seconds},
    };
    memcpy(numbers, all, sizeof all);
}

bool pretrain_checkpoint_save(const PretrainSetup *s, const PretrainState *state, Err *err)
{
    PretrainState copy = *state;
    StateArray arrays[N_ARRAYS];
    StateNumber numbers[N_NUMBERS];
    list_arrays(arrays, s);
    list_numbers(numbers, &copy);
    StateContent content = {.format = FORMAT,
                            .key = s->key,
                            .numbers = numbers,
                            .n_numbers = N_NUMBERS,
                            .arrays = arrays,
                            .n_arrays = N_ARRAYS};
    Arena *arena = arena_new();
    bool ok = state_save(pretrain_path(s->spec, CHECKPOINT, arena), &content, err);
    arena_free(arena);
    return ok;
}

static bool read_checkpoint(const SafeTensors *f, PretrainSetup *s, PretrainState *state, Err *err)
{
    PretrainState read = {0};
    StateArray arrays[N_ARRAYS];
    StateNumber numbers[N_NUMBERS];
    list_arrays(arrays, s);
    list_numbers(numbers, &read);
    if (!state_read_numbers(f, numbers, N_NUMBERS, err)) return false;
    if (read.next_step > s->spec->train.steps) {
        return err_set(err, ERR_FORMAT, "%s: %lld steps done, expected at most %lld",
                       safetensors_place(f), (long long)read.next_step,
                       (long long)s->spec->train.steps);
    }
    if (!state_read_arrays(f, arrays, N_ARRAYS, err)) return false;
    *state = read;
    return true;
}

bool pretrain_checkpoint_load(PretrainSetup *s, PretrainState *state, Err *err)
{
    Arena *arena = arena_new();
    SafeTensors *f;
    bool ok = state_open(&f, pretrain_path(s->spec, CHECKPOINT, arena), FORMAT, s->key, err);
    arena_free(arena);
    if (!ok) return false;
    ok = read_checkpoint(f, s, state, err);
    safetensors_close(f);
    return ok;
}

/* ---- model directory ---- */

static bool copy_file(const PretrainSpec *spec, const char *name, Arena *arena, Err *err)
{
    char *data;
    size_t n;
    if (!file_read(&data, &n, file_join(arena, spec->tokenizer, name), MAX_FILE_BYTES, err))
        return false;
    bool ok = file_write_atomic(pretrain_path(spec, name, arena), data, n, err);
    free(data);
    return ok;
}

bool pretrain_write_model(const PretrainSetup *s, Err *err)
{
    const PretrainSpec *spec = s->spec;
    Arena *arena = arena_new();
    bool ok = copy_file(spec, "merges.txt", arena, err) &&
              copy_file(spec, "vocab.json", arena, err) &&
              model_dir_write_config(spec->output, &s->config, &s->preprocessing, err) &&
              clip_save(s->clip, spec->output, spec->train.weights == WEIGHTS_BF16, err);
    arena_free(arena);
    return ok;
}

/* ---- report ---- */

static void add_number(Str *out, const char *name, double value)
{
    str_addf(out, "  \"%s\": ", name);
    json_add_number(out, value);
    str_add(out, ",\n");
}

static void add_text(Str *out, const char *name, const char *text)
{
    str_addf(out, "  \"%s\": ", name);
    json_add_text(out, text);
    str_add(out, ",\n");
}

static void add_results(Str *out, const ZeroShotResult *results, int n)
{
    str_add(out, "  \"zero_shot\": [");
    for (int i = 0; i < n; i++) {
        str_add(out, i > 0 ? ",\n    {\"dataset\": " : "\n    {\"dataset\": ");
        json_add_text(out, results[i].dataset);
        str_add(out, ", \"domain\": ");
        json_add_text(out, results[i].domain);
        str_addf(out, ", \"classes\": %d, \"images\": %d, \"correct\": %d}", results[i].n_classes,
                 results[i].n, results[i].correct);
    }
    str_add(out, n > 0 ? "\n  ]\n" : "]\n");
}

static void add_report(Str *out, const PretrainSetup *s, const PretrainState *state,
                       const ZeroShotResult *results, int n)
{
    str_add(out, "{\n");
    add_text(out, "key", s->key);
    add_text(out, "version", s->version);
    add_text(out, "pairs_fingerprint", s->pairs->fingerprint);
    add_number(out, "pairs", s->pairs->n);
    add_number(out, "bad_images", s->pairs->n_bad);
    add_number(out, "phrases", s->pairs->n_phrases);
    add_number(out, "captions", captions_count(s->captions));
    add_number(out, "captions_cut", captions_n_cut(s->captions));
    add_number(out, "parameters", (double)params_learned_size(clip_params(s->clip)));
    add_number(out, "steps", (double)state->next_step);
    add_number(out, "threads", s->n_threads);
    add_number(out, "seconds", (double)(int64_t)state->seconds);
    add_results(out, results, n);
    str_add(out, "}\n");
}

static bool remove_file(const PretrainSpec *spec, const char *name, Err *err)
{
    Arena *arena = arena_new();
    const char *path = pretrain_path(spec, name, arena);
    bool ok = unlink(path) == 0 || errno == ENOENT ||
              err_set(err, ERR_IO, "%s: cannot remove: %s", path, strerror(errno));
    arena_free(arena);
    return ok;
}

bool pretrain_write_report(const PretrainSetup *s, const PretrainState *state,
                           const ZeroShotResult *results, int n, Err *err)
{
    Arena *arena = arena_new();
    Str yaml = {0}, report = {0};
    pretrain_spec_yaml(s->spec, &yaml);
    add_report(&report, s, state, results, n);
    bool ok =
        file_write_atomic(pretrain_path(s->spec, "pretraining.yaml", arena), str_text(&yaml),
                          yaml.n, err) &&
        file_write_atomic(pretrain_path(s->spec, REPORT, arena), str_text(&report), report.n, err);
    ok = ok && remove_file(s->spec, CHECKPOINT, err);
    str_done(&yaml);
    str_done(&report);
    arena_free(arena);
    return ok;
}

bool pretrain_finished_key(const PretrainSpec *spec, char out[SHA256_HEX_SIZE])
{
    Arena *arena = arena_new();
    json_t *report = json_load_file(pretrain_path(spec, REPORT, arena), 0, NULL);
    bool has_weights = file_exists(pretrain_path(spec, "model.safetensors", arena));
    arena_free(arena);
    const char *key = json_string_value(json_object_get(report, "key"));
    bool found = has_weights && key != NULL && strlen(key) == SHA256_HEX_SIZE - 1;
    if (found) memcpy(out, key, SHA256_HEX_SIZE);
    json_decref(report);
    return found;
}

bool pretrain_forget(const PretrainSpec *spec, Err *err)
{
    return remove_file(spec, REPORT, err) && remove_file(spec, CHECKPOINT, err);
}
