/* Grids of hyper-parameters: see hparam_grid.h. */
#include "hparam_grid.h"

static bool check_values(const YamlNode *values, int line, const char *key, const char *place,
                         const char *where, Err *err)
{
    bool ok = values->kind == YAML_LIST && values->n_items > 0;
    for (int i = 0; ok && i < values->n_items; i++) ok = values->items[i].kind == YAML_SCALAR;
    return ok || err_set(err, ERR_FORMAT, "%s:%d: %s: %s: expected a list of values", place, line,
                         where, key);
}

bool hparam_grid_check(const YamlNode *grid, const char *place, const char *where, Err *err)
{
    if (grid->kind != YAML_MAP || grid->n_items == 0)
        return err_set(err, ERR_FORMAT, "%s:%d: %s: expected a map {key: [values]}", place,
                       grid->line, where);
    int64_t n = 1;
    for (int k = 0; k < grid->n_items; k++) {
        const YamlNode *values = &grid->items[k];
        if (!check_values(values, grid->key_lines[k], grid->keys[k], place, where, err))
            return false;
        n *= values->n_items;
        if (n > HPARAM_GRID_MAX)
            return err_set(err, ERR_FORMAT, "%s:%d: %s: expected at most %d points", place,
                           grid->line, where, HPARAM_GRID_MAX);
    }
    return true;
}

int64_t hparam_grid_points(const YamlNode *grid)
{
    int64_t n = 1;
    for (int k = 0; k < grid->n_items; k++) n *= grid->items[k].n_items;
    return n;
}

const YamlNode *hparam_grid_point(const YamlNode *grid, int64_t point, Arena *arena)
{
    YamlNode *map = arena_alloc(arena, 1, sizeof *map);
    *map = *grid;
    map->items = arena_alloc(arena, (size_t)grid->n_items, sizeof *map->items);
    for (int k = grid->n_items - 1; k >= 0; k--) {
        const YamlNode *values = &grid->items[k];
        map->items[k] = values->items[point % values->n_items];
        point /= values->n_items;
    }
    check(point == 0, "no such point of the grid");
    return map;
}
