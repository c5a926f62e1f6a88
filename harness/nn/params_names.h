/* Other namings of the same parameters: which tensors of a file hold a parameter of ours.
 *
 *     static const NameRule RULES[] = {
 *         {"visual.proj", "visual_projection.weight", NAME_TRANSPOSED},
 *         {".attn.in_proj_", ".self_attn.{qkv}_proj.", 0},
 *     };
 */
#ifndef NN_PARAMS_NAMES_H
#define NN_PARAMS_NAMES_H

#include "str.h"

enum { NAME_TRANSPOSED = 1 }; /* matrices are [columns,rows] in the file */

/* A part of our name and what stands there in the file. "{qkv}" stands for three tensors, with q, k
 * and v in its place, whose rows follow each other in ours; "{query}" for query, key and value. */
typedef struct {
    const char *ours, *theirs;
    unsigned flags;
} NameRule;

typedef struct ParamNaming ParamNaming;

struct ParamNaming {
    const ParamNaming *base; /* whose rules come first; NULL: none */
    const char *probe;       /* a tensor that every file of this naming has, and no other file */
    const NameRule *rules;   /* applied in order, each to the first place where it fits */
    int n_rules;
    const char *ignored; /* tensors whose names end so are not looked at; NULL: none */
};

enum { NAME_MAX_PARTS = 3 };

/* Where the values of one parameter are. */
typedef struct {
    Str names[NAME_MAX_PARTS];
    int n;
    bool transposed;
} ParamSource;

/* naming NULL: under our name. prefix stands before each name in the file. */
void param_source_init(ParamSource *s, const ParamNaming *naming, const char *prefix,
                       const char *ours);
void param_source_done(ParamSource *s);

#endif
