/* What a datasets/<name>.yaml says. Keys, defaults and help are the rows of one schema table
 * (descriptor.c); see datasets/README.md for how to write one. */
#ifndef DATASETS_DESCRIPTOR_H
#define DATASETS_DESCRIPTOR_H

#include "arena.h"
#include "err.h"
#include "schema.h"

#include <stdint.h>

typedef enum { LAYOUT_FOLDER, LAYOUT_MANIFEST, LAYOUT_IDX, LAYOUT_SHAPES } DatasetLayout;
typedef enum { CONCEPT_NONE, CONCEPT_STEM } ConceptRule;
typedef enum { BROKEN_REFUSE, BROKEN_SKIP } BrokenPolicy;
typedef enum { IDX_ROTATED, IDX_COLORED } IdxRule;

typedef struct {
    char *name, *licence, *root, *get;
    int layout;            /* DatasetLayout */
    TextList domains;      /* folder names or manifest values, in order; empty: sorted */
    TextList domain_names; /* names to show, in the same order; empty: as domains */
    TextList classes;      /* empty: sorted union over the domains */
    TextList class_texts;  /* words for prompts, in the order of classes */
    int concept;           /* ConceptRule */
    int broken;            /* BrokenPolicy */
    bool allow_missing_classes;
    struct {
        char *file, *path, *text; /* CSV below the root, and its columns */
    } captions;
    struct {
        char *file, *path, *label, *domain, *split,
            *caption; /* CSV below the root, and its columns */
    } manifest;
    struct {
        int rule; /* IdxRule */
        TextList images, labels;
        NumberList angles, flip;
        double label_noise;
        int64_t seed;
    } idx;
    struct {
        int64_t per_class, size, seed;
    } shapes;
} Descriptor;

/* name_or_path as in dataset_open. root: overrides the descriptor's (NULL: no). In the result root
 * is a path that can be opened: ${cache} is replaced, and a relative one begins at the descriptor's
 * folder. */
MUST_USE bool descriptor_load(Descriptor **out, const char *name_or_path, const char *root,
                              const char *cache_dir, Arena *arena, Err *err);

/* The same from text in memory; root stays as written. place: the file's name for messages. */
MUST_USE bool descriptor_parse(Descriptor **out, const char *text, size_t n_bytes,
                               const char *place, Arena *arena, Err *err);

/* A path as it is written in a file: ${cache} is replaced; a relative one begins at the folder of
 * the file `beside` ("": as it is). In the arena. */
char *descriptor_expand_path(const char *path, const char *beside, const char *cache_dir,
                             Arena *arena);

/* All keys with their help, for the manual. */
const Schema *descriptor_schema(void);

#endif
