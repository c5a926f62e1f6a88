/* See model_fixture.h. */
#include "model_fixture.h"

#include "clip.h"
#include "file.h"
#include "json_text.h"

#include <string.h>

enum { BYTES = 256, VOCABULARY = 2 * BYTES + 2 };

/* The letter that stands for a byte in a vocabulary: itself where it prints, else one from U+0100
 * on (OpenAI's bytes_to_unicode). */
static int letter_of(int byte)
{
    int n_before = 0;
    for (int b = 0; b <= byte; b++) {
        bool prints = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        if (b == byte && prints) return byte;
        n_before += !prints;
    }
    return BYTES + n_before - 1;
}

static void add_token(Str *json, int byte, const char *ending, int id)
{
    int letter = letter_of(byte);
    char text[16] = {(char)letter};
    if (letter >= 0x80) {
        text[0] = (char)(0xC0 | letter >> 6);
        text[1] = (char)(0x80 | (letter & 0x3F));
    }
    Str token = {0};
    str_addf(&token, "%s%s", text, ending);
    str_add(json, id > 0 ? ", " : "{");
    json_add_text(json, str_text(&token));
    str_addf(json, ": %d", id);
    str_done(&token);
}

static bool write_text(const char *folder, const char *name, const char *text, Err *err)
{
    Arena *arena = arena_new();
    bool ok = file_write_atomic(file_join(arena, folder, name), text, strlen(text), err);
    arena_free(arena);
    return ok;
}

static bool write_tokenizer(const char *folder, Err *err)
{
    Str json = {0};
    for (int b = 0; b < BYTES; b++) add_token(&json, b, "", b);
    for (int b = 0; b < BYTES; b++) add_token(&json, b, "</w>", BYTES + b);
    str_addf(&json, ", \"<|startoftext|>\": %d, \"<|endoftext|>\": %d}", 2 * BYTES, 2 * BYTES + 1);
    bool ok = write_text(folder, "vocab.json", str_text(&json), err) &&
              write_text(folder, "merges.txt", "#version: 0.2\n", err);
    str_done(&json);
    return ok;
}

bool model_fixture_write(const char *folder, uint64_t seed, Err *err)
{
    ClipConfig config = {.embed_dim = MODEL_FIXTURE_DIM,
                         .image = {.kind = CLIP_VIT,
                                   .size = MODEL_FIXTURE_SIZE,
                                   .channels = 3,
                                   .patch = 4,
                                   .width = 32,
                                   .depth = 2,
                                   .heads = 2},
                         .text = {.context = MODEL_FIXTURE_CONTEXT,
                                  .vocabulary = VOCABULARY,
                                  .width = 32,
                                  .depth = 2,
                                  .heads = 2}};
    ModelPreprocessing preprocessing = model_preprocessing_clip(MODEL_FIXTURE_SIZE);
    Clip *clip = clip_new(&config, seed);
    bool ok = file_make_dirs(folder, err) &&
              model_dir_write_config(folder, &config, &preprocessing, err) &&
              clip_save(clip, folder, false, err) && write_tokenizer(folder, err);
    clip_free(clip);
    return ok;
}
