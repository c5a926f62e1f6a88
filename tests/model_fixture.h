/* A model directory with random weights and a tokenizer without merges: every byte is a token. */
#ifndef TESTS_MODEL_FIXTURE_H
#define TESTS_MODEL_FIXTURE_H

#include "err.h"

#include <stdint.h>

enum { MODEL_FIXTURE_SIZE = 16, MODEL_FIXTURE_DIM = 24, MODEL_FIXTURE_CONTEXT = 32 };

/* Writes config.json, model.safetensors, vocab.json and merges.txt into the folder (made when
 * missing). Another seed gives other weights. */
MUST_USE bool model_fixture_write(const char *folder, uint64_t seed, Err *err);

#endif
