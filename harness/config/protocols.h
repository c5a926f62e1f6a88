/* Protocol presets: everything that a published protocol pins, as rows of keys. `protocol: NAME` in
 * an experiment file (or --set protocol=NAME) lays them over the schema's defaults and under the
 * recipe; what the recipe, the file or --set change after that are deviations, which `dgbench plan`
 * and `dgbench explain` list. Where the sources leave a point open, the preset's notes say so.
 *
 *     int n;
 *     ProtocolDeviation *all;
 *     n = protocol_deviations(&all, &spec, arena);
 *     for (int i = 0; i < n; i++) printf("%s: %s, not %s\n", all[i].key, all[i].value,
 * all[i].preset);
 *
 * A dataset is matched by its descriptor's name; case, '-', '_', a path in front and ".yaml" at the
 * end do not count, so that folders as DomainBed unpacks them (`.../office_home`) are known, too.
 */
#ifndef CONFIG_PROTOCOLS_H
#define CONFIG_PROTOCOLS_H

#include "run_spec.h"

/* What a protocol does otherwise for one dataset. */
typedef struct {
    const char *dataset;         /* name of a descriptor */
    const char *const *settings; /* "key=value", NULL-terminated; over those of the protocol */
    const char *draw;            /* value of sweep.draw; NULL: the protocol's */
} ProtocolRow;

typedef struct {
    const char *name, *help;
    const char *source;          /* where the facts were read, one line */
    const char *const *settings; /* "key=value", NULL-terminated */
    const char *draw;            /* value of sweep.draw where the experiment gives none */
    const ProtocolRow *rows;     /* closed by a NULL dataset */
    const char *const *notes;    /* what is open, inferred or not in any key; NULL-terminated */
} Protocol;

const Protocol *protocol_list(int *n);
const Protocol *protocol_find(const char *name); /* NULL when there is none */

/* The row of a dataset (name or path); NULL when the protocol treats it as any other. */
const ProtocolRow *protocol_row(const Protocol *p, const char *dataset);

/* Name of the draw (sweep.draw) for a dataset. */
const char *protocol_draw(const Protocol *p, const char *dataset);

/* Sets the preset's keys in target, a struct that schema describes. dataset "": no row. A setting
 * that schema does not take is our bug, but for hyper-parameters of members that it does not have.
 */
void protocol_apply(const Protocol *p, const char *dataset, const Schema *schema, void *target,
                    Arena *arena);

typedef struct {
    const char *key;
    const char *preset, *value; /* as YAML writes them */
} ProtocolDeviation;

/* The keys that spec.protocol pins and that have another value in spec, in the preset's order;
 * values that the preset itself draws for spec's hparams_seed and trial are none. Returns their
 * number (0 without a protocol); all in the arena. */
int protocol_deviations(ProtocolDeviation **out, const RunSpec *spec, Arena *arena);

#endif
