/* A folder with a few pairs and a spec over them, for the tests of this layer. */
#ifndef TESTS_PRETRAIN_CASE_H
#define TESTS_PRETRAIN_CASE_H

#include "../datasets/fixture.h"

#include "pretrain_spec.h"

enum { CASE_PAIRS = 12 };

typedef struct {
    Fixture folder;
    Arena *arena;
    PretrainSpec spec;
} PretrainCase;

/* pairs.csv: six animals, each drawn twice (folders a and b), path,label,keywords,subgroup,group.
 * The spec: a tiny ViT of 8 pixels, 12 steps of 4, one thread, no workers; the tokenizer of
 * tests/golden. */
void pretrain_case_init(PretrainCase *c);
void pretrain_case_done(PretrainCase *c);

/* One more assignment. */
void pretrain_case_set(PretrainCase *c, const char *assignment);

/* The spec's pairs become this file, written with this text. */
void pretrain_case_csv(PretrainCase *c, const char *name, const char *text);

#endif
