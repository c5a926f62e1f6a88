/* Which layers of a network are adapted: its modules, and patterns over their names. */
#ifndef ADAPTER_ADAPTER_TARGETS_H
#define ADAPTER_ADAPTER_TARGETS_H

#include "err.h"
#include "params.h"

typedef struct {
    char name[PARAM_NAME_SIZE];
    int weight;      /* id in Params */
    int row, n_rows; /* of its rows */
    bool is_whole;   /* of a fused weight, whose parts are modules too and go first */
    bool is_target;
} AdapterModule;

typedef struct {
    AdapterModule *items;
    int n, capacity;
} AdapterModules;

/* All modules of params, in the order of their weights; see adapter.h. */
void adapter_modules(AdapterModules *out, const Params *params, const char *input_conv);
void adapter_modules_done(AdapterModules *m);

/* Marks those that the targets (presets and patterns) choose. */
MUST_USE bool adapter_choose(AdapterModules *m, const char *const *targets, int n, Err *err);

#endif
