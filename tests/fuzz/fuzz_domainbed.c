/* Records of DomainBed: any two lines are either refused with a message or give records whose
 * numbers are in range, the same whether or not the second one borrows from the first. */
#include "domainbed_record.h"
#include "fuzz_target.h"

#include <string.h>

static bool parse(DomainbedRecord *out, const DomainbedRecord *before, const char *line, size_t n,
                  Arena *arena)
{
    Err err = {.text = ""};
    DomainbedParser parser = {.arena = arena, .before = before};
    bool ok = domainbed_record_parse(&parser, out, line, n, &err);
    check(ok || err.text[0] != '\0', "refused without a message");
    return ok;
}

static void check_record(const DomainbedRecord *r)
{
    for (int i = 0; i < r->n_evals; i++) {
        check(r->evals[i].env >= 0 && r->evals[i].env < r->n_envs, "env %d", r->evals[i].env);
        check(r->evals[i].accuracy >= 0 && r->evals[i].accuracy <= 1, "accuracy %g",
              r->evals[i].accuracy);
    }
    for (int i = 0; i < r->n_test_envs; i++) {
        check(r->test_envs[i] < r->n_envs, "test env %d", r->test_envs[i]);
        check(i == 0 || r->test_envs[i - 1] < r->test_envs[i], "test envs out of order");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    Arena *arena = arena_new();
    const char *text = n_bytes > 0 ? (const char *)data : "";
    const char *stop = memchr(text, '\n', n_bytes);
    size_t n = stop != NULL ? (size_t)(stop - text) : n_bytes;
    DomainbedRecord first;
    if (parse(&first, NULL, text, n, arena)) {
        DomainbedRecord alone = {0}, after = {0};
        const char *line = stop != NULL ? stop + 1 : text + n;
        size_t n_line = (size_t)(text + n_bytes - line);
        bool ok = parse(&alone, NULL, line, n_line, arena);
        check(parse(&after, &first, line, n_line, arena) == ok, "another answer after a record");
        check_record(&first);
        if (ok) {
            check_record(&after);
            check(after.step == alone.step && after.n_evals == alone.n_evals &&
                      after.n_envs == alone.n_envs && json_equal(after.args, alone.args),
                  "another record after a record");
        }
        domainbed_record_done(&alone);
        domainbed_record_done(&after);
        domainbed_record_done(&first);
    }
    arena_free(arena);
    return 0;
}
