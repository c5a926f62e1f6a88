/* Fuzz target: any bytes as adapter_config.json. What is accepted has ranks and alphas above 0 for
 * every module, and is read again as it is written. */
#include "fuzz_target.h"
#include "mem.h"
#include "peft_config.h"

#include <stdlib.h>
#include <string.h>

static void check_module(const PeftConfig *c, const char *module)
{
    Err err = {0};
    int rank, which;
    double alpha;
    bool is_target;
    if (!peft_config_values(c, module, &rank, &alpha, "accepted", &err) ||
        !peft_config_targets(c, module, &is_target, &which, "accepted", &err)) {
        check(err.text[0] != '\0', "refused without a word");
        return;
    }
    check(rank > 0 && alpha > 0, "rank %d, alpha %g", rank, alpha);
}

static void check_again(const PeftConfig *c, Arena *arena)
{
    Err err = {0};
    Str text = {0};
    PeftConfig again;
    PeftConfig plain = *c;
    if (c->n_targets > 0) {
        peft_config_json(&plain, &text);
        check(peft_config_parse(&again, str_text(&text), "written", arena, &err), "%s", err.text);
        check(again.rank == c->rank && again.n_ranks == c->n_ranks, "rank %d", again.rank);
    }
    str_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err err = {0};
    PeftConfig config;
    Arena *arena = arena_new();
    char *text = mem_alloc(size + 1, 1);
    memcpy(text, data, size);
    if (peft_config_parse(&config, text, "config", arena, &err)) {
        check_module(&config, "blocks.0.attn.qkv");
        check_again(&config, arena);
    } else {
        check(err.text[0] != '\0', "refused without a word");
    }
    free(text);
    arena_free(arena);
    return 0;
}
