/* From a spec to the parts that a pretraining needs. */
#ifndef PRETRAIN_PRETRAIN_SETUP_H
#define PRETRAIN_PRETRAIN_SETUP_H

#include "clip.h"
#include "optim.h"
#include "pair_loader.h"
#include "schedule.h"
#include "zero_shot.h"

typedef struct {
    const PretrainSpec *spec;
    const char *version; /* of the program, for the report */
    ThreadPool *pool;
    int n_threads;
    Tokenizer *tokenizer;
    ClipConfig config;
    ModelPreprocessing preprocessing;
    InputSpec input;
    Pairs *pairs;
    Captions *captions;
    PairLoader *loader;
    ZeroShot *zero_shot;
    Clip *clip;
    Optimizer *optimizer;
    Tape *tape;
    ScheduleOptions schedule;
    double lr_final;           /* the schedule's hyper-parameter */
    char key[SHA256_HEX_SIZE]; /* of spec, pairs and tokenizer: names the pretraining */
} PretrainSetup;

/* Everything is checked before the first step: tokenizer, model, pairs, captions, prompts. On
 * failure nothing is left open. The setup does not move afterwards. */
MUST_USE bool pretrain_setup_open(PretrainSetup *s, const PretrainSpec *spec, Err *err);
void pretrain_setup_close(PretrainSetup *s);

#endif
