/* `sweep.held_out`: which sets of domains are held out in turn. Inside harness/config only; the
 * forms are described in experiment.h. */
#ifndef CONFIG_HELD_OUT_H
#define CONFIG_HELD_OUT_H

#include "schema.h"

typedef struct {
    TextList *items; /* each sorted; no set twice */
    int n;
} HeldOutSets;

typedef struct {
    const YamlNode *node; /* of sweep.held_out; NULL when not given */
    TextList single;      /* the top-level held_out, which stands in for it when not empty */
    const char *dataset;
    TextList domains; /* of the dataset, in its order */
    const char *place;
} HeldOutQuery;

/* Whether the node has one of the forms; NULL has. */
MUST_USE bool held_out_check(const YamlNode *node, const char *place, Err *err);

/* The sets for one dataset, from a node that was checked. */
MUST_USE bool held_out_sets(HeldOutSets *out, const HeldOutQuery *query, Arena *arena, Err *err);

#endif
