/* Fuzz target: any bytes as config.json and, behind the first zero byte, preprocessor_config.json.
 * What is accepted is a model that can be built. */
#include "fuzz_target.h"
#include "mem.h"
#include "model_dir.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err err = {0};
    char *text = mem_alloc(size + 1, 1);
    memcpy(text, data, size);
    size_t n = strlen(text);
    ModelConfigTexts texts = {
        .config = text, .config_place = "config", .preprocessor_place = "preprocessor"};
    if (n < size) texts.preprocessor = text + n + 1;
    ClipConfig config;
    ModelPreprocessing preprocessing;
    if (model_config_parse(&config, &preprocessing, &texts, &err)) {
        check(clip_config_check(&config, "accepted", &err), "%s", err.text);
        check(preprocessing.size == config.image.size, "%d pixels", preprocessing.size);
    } else {
        check(err.text[0] != '\0', "refused without a word");
    }
    free(text);
    return 0;
}
