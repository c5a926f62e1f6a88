/* A grid of hyper-parameters instead of draws: every combination of the listed values, the last
 * key's changing fastest. Point i is what hparams_seed i stands for.
 *
 *     sweep.grid: {method.lr: [1e-4, 3e-4, 1e-3], method.weight_decay: [0, 1e-4]}
 */
#ifndef CONFIG_HPARAM_GRID_H
#define CONFIG_HPARAM_GRID_H

#include "yaml_tree.h"

#include <stdint.h>

enum { HPARAM_GRID_MAX = 10000 }; /* points of a grid */

/* A map of keys to lists of at least one scalar each, of at most HPARAM_GRID_MAX points. where
 * names the key in messages ("sweep.grid"). Whether keys exist and values fit them is found out
 * when a point is read (schema_read). */
MUST_USE bool hparam_grid_check(const YamlNode *grid, const char *place, const char *where,
                                Err *err);

int64_t hparam_grid_points(const YamlNode *grid); /* of a checked grid */

/* The keys and values of one point, as a map in the arena. */
const YamlNode *hparam_grid_point(const YamlNode *grid, int64_t point, Arena *arena);

#endif
