/* Sets of held-out domains. */
#include "held_out.h"

#include "schema_value.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DOMAINS = 400 }; /* more would give more pairs than a sweep may have runs */

typedef enum { MODE_LIST, MODE_EACH, MODE_PAIRS, MODE_SINGLE_PAIRS, MODE_UNKNOWN } Mode;

static Mode mode_of(const YamlNode *node)
{
    if (node == NULL) return MODE_EACH;
    if (node->kind == YAML_LIST) return MODE_LIST;
    if (node->kind == YAML_MAP) return MODE_UNKNOWN;
    if (str_equal(node->text, "each")) return MODE_EACH;
    if (str_equal(node->text, "pairs")) return MODE_PAIRS;
    return str_equal(node->text, "single+pairs") ? MODE_SINGLE_PAIRS : MODE_UNKNOWN;
}

static bool fail_form(const YamlNode *node, const char *place, Err *err)
{
    Str found = {0};
    schema_describe_node(node, &found);
    err_set(err, ERR_FORMAT,
            "%s:%d: sweep.held_out: found %s, expected each, pairs, single+pairs, or a list of "
            "domains and lists of domains",
            place, node->line, str_text(&found));
    str_done(&found);
    return false;
}

static bool check_item(const YamlNode *item)
{
    if (item->kind == YAML_SCALAR) return item->text[0] != '\0';
    if (item->kind == YAML_MAP || item->n_items == 0) return false;
    for (int i = 0; i < item->n_items; i++) {
        const YamlNode *name = &item->items[i];
        if (name->kind != YAML_SCALAR || name->text[0] == '\0') return false;
    }
    return true;
}

bool held_out_check(const YamlNode *node, const char *place, Err *err)
{
    Mode mode = mode_of(node);
    if (mode == MODE_UNKNOWN) return fail_form(node, place, err);
    if (mode != MODE_LIST) return true;
    if (node->n_items == 0) return fail_form(node, place, err);
    for (int i = 0; i < node->n_items; i++) {
        if (!check_item(&node->items[i])) return fail_form(&node->items[i], place, err);
    }
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_names(TextList *set)
{
    qsort(set->items, (size_t)set->n, sizeof *set->items, compare_texts);
}

/* Compares two sorted sets. */
static int compare_sets(const TextList *a, const TextList *b)
{
    if (a->n != b->n) return a->n - b->n;
    for (int i = 0; i < a->n; i++) {
        int order = strcmp(a->items[i], b->items[i]);
        if (order != 0) return order;
    }
    return 0;
}

static int compare_set_pointers(const void *a, const void *b)
{
    return compare_sets(*(const TextList *const *)a, *(const TextList *const *)b);
}

static bool check_twice(const HeldOutSets *sets, const HeldOutQuery *query, Arena *arena, Err *err)
{
    const TextList **sorted = arena_alloc(arena, (size_t)sets->n, sizeof *sorted);
    for (int i = 0; i < sets->n; i++) sorted[i] = &sets->items[i];
    qsort(sorted, (size_t)sets->n, sizeof *sorted, compare_set_pointers);
    for (int i = 1; i < sets->n; i++) {
        if (compare_sets(sorted[i - 1], sorted[i]) != 0) continue;
        return err_set(err, ERR_FORMAT, "%s:%d: sweep.held_out: a set with \"%s\" is given twice",
                       query->place, query->node->line, sorted[i]->items[0]);
    }
    return true;
}

static TextList set_from_node(const YamlNode *item, Arena *arena)
{
    bool is_list = item->kind == YAML_LIST;
    int n = is_list ? item->n_items : 1;
    TextList set = {arena_alloc(arena, (size_t)n, sizeof *set.items), n};
    for (int i = 0; i < n; i++) {
        set.items[i] = arena_strdup(arena, is_list ? item->items[i].text : item->text);
    }
    return set;
}

static void add_set(HeldOutSets *out, const TextList *domains, int first, int second, Arena *arena)
{
    int n = second >= 0 ? 2 : 1;
    TextList set = {arena_alloc(arena, 2, sizeof *set.items), n};
    set.items[0] = domains->items[first];
    if (n == 2) set.items[1] = domains->items[second];
    out->items[out->n++] = set;
}

/* DomainBed's order: [0], [0,1], [0,2], ..., [1], [1,2], ... */
static void add_modes(HeldOutSets *out, Mode mode, const TextList *domains, Arena *arena)
{
    for (int i = 0; i < domains->n; i++) {
        if (mode != MODE_PAIRS) add_set(out, domains, i, -1, arena);
        for (int j = i + 1; mode != MODE_EACH && j < domains->n; j++) {
            add_set(out, domains, i, j, arena);
        }
    }
}

bool held_out_sets(HeldOutSets *out, const HeldOutQuery *query, Arena *arena, Err *err)
{
    const YamlNode *node = query->node;
    const TextList *domains = &query->domains;
    bool use_single = node == NULL && query->single.n > 0;
    Mode mode = mode_of(node);
    bool has_pairs = mode == MODE_PAIRS || mode == MODE_SINGLE_PAIRS;
    int least = has_pairs ? 3 : 2;
    if (domains->n < least || domains->n > MAX_DOMAINS) {
        return err_set(err, ERR_FORMAT,
                       "%s: sweep.held_out: dataset \"%s\" has %d domain%s, expected %d to %d",
                       query->place, query->dataset, domains->n, domains->n == 1 ? "" : "s", least,
                       MAX_DOMAINS);
    }
    size_t n = (size_t)domains->n;
    size_t n_max =
        mode == MODE_LIST ? (size_t)node->n_items : n + (has_pairs ? n * (n - 1) / 2 : 0);
    HeldOutSets sets = {arena_alloc(arena, n_max, sizeof *sets.items), 0};
    if (use_single) {
        sets.items[sets.n++] = query->single;
    } else if (mode == MODE_LIST) {
        for (int i = 0; i < node->n_items; i++) {
            sets.items[sets.n++] = set_from_node(&node->items[i], arena);
        }
    } else {
        add_modes(&sets, mode, domains, arena);
    }
    for (int i = 0; i < sets.n; i++) sort_names(&sets.items[i]);
    if (mode == MODE_LIST && !check_twice(&sets, query, arena, err)) return false;
    *out = sets;
    return true;
}
