/* Networks with adapters, on made-up images. */
#ifndef TESTS_ADAPTER_CASE_H
#define TESTS_ADAPTER_CASE_H

#include "test.h"

#include "adapter.h"

enum {
    CASE_CLASSES = 4,
    CASE_SIZE = 16,
    CASE_IMAGES = 3,
    CASE_LOGITS = CASE_IMAGES * CASE_CLASSES
};

/* Of rank 4 on these layers (one preset or pattern), small generators. */
AdapterOptions adapter_case_options(const char *kind, const char *target);

/* "vit-mini-4", "resnet-small" or "clip" (the vision transformer of a model directory, made when it
 * is missing) with that adapter, or NULL for none; net_begin was called. */
Net *adapter_case_net(const char *name, const AdapterOptions *adapter);

/* Other values for all factors, magnitudes or generators: the adapter changes something. */
void adapter_case_disturb(Net *net);

/* Of the same images every time. */
void adapter_case_logits(Net *net, Real out[CASE_LOGITS]);

void adapter_case_remove_model(void);

#endif
