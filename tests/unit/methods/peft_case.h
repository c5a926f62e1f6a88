/* Small networks' parameters, under the names of the real ones, and changes of random numbers. */
#ifndef TESTS_PEFT_CASE_H
#define TESTS_PEFT_CASE_H

#include "low_rank_set.h"

enum { CASE_WIDTH = 4, CASE_HIDDEN = 8, CASE_CLASSES = 3 };

typedef enum { CASE_VIT, CASE_CLIP, CASE_RESNET } PeftCaseNet;

/* Sealed, with random values; the same seed, the same values. */
Params *peft_case_params(PeftCaseNet net, uint64_t seed);

/* Adds a change of n_rows rows of the weight (0: all) with random factors. */
LowRankChange *peft_case_add(LowRankSet *set, Params *params, const char *weight,
                             LowRankChange shape, bool has_magnitude);

/* The values of a parameter. */
Real *peft_case_values(Params *params, const char *name);

#endif
