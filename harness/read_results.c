/* Shared by cmd_query.c, cmd_table.c and cmd_status.c. */
#include "read_results.h"

enum { MAX_ADDED = 8 }; /* options that are parameters, too */

bool read_results_open(ReadResults *out, const Args *args, Err *err)
{
    const char *format = args_text(args, "format");
    const char *path = args_text(args, "results");
    ReadResults r = {0};
    if (!format_parse(&r.format, format ? format : "text", err)) return false;
    if (!results_open(&r.db, path ? path : "dgbench.db", err)) return false;
    r.arena = arena_new();
    *out = r;
    return true;
}

void read_results_close(ReadResults *r)
{
    results_close(r->db);
    arena_free(r->arena);
}

bool read_results_parameters(ReadResults *r, const Args *args, Err *err)
{
    int n = args_count(args, "param");
    r->parameters = arena_alloc(r->arena, (size_t)n + MAX_ADDED, sizeof *r->parameters);
    r->n_parameters = n;
    for (int i = 0; i < n; i++) {
        char *text = arena_strdup(r->arena, args_nth(args, "param", i));
        if (!query_parameter_parse(&r->parameters[i], text, err)) return false;
    }
    return true;
}

void read_results_add(ReadResults *r, const Args *args, const char *name)
{
    const char *value = args_text(args, name);
    if (value == NULL) return;
    check(r->n_parameters < args_count(args, "param") + MAX_ADDED, "too many options");
    r->parameters[r->n_parameters++] = (QueryParameter){name, value};
}
