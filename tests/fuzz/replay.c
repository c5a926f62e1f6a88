/* Replays a folder of inputs through one fuzz target as a plain test: every file whole, and cut at
 * each of its first 200 bytes. Linked with a fuzz_*.c in place of libFuzzer's own main. */
#include "file.h"
#include "fuzz_target.h"
#include "mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 20, MAX_CUT = 200 };

/* In a block of exactly that size, so that a sanitizer sees a read past the end. */
static void run_one(const char *text, size_t n_bytes)
{
    uint8_t *data = mem_alloc(n_bytes, 1);
    memcpy(data, text, n_bytes);
    LLVMFuzzerTestOneInput(data, n_bytes);
    free(data);
}

static bool replay(const char *path, Err *err)
{
    char *text;
    size_t n_bytes;
    if (!file_read(&text, &n_bytes, path, MAX_BYTES, err)) return false;
    for (size_t n = 0; n < n_bytes && n < MAX_CUT; n++) run_one(text, n);
    run_one(text, n_bytes);
    free(text);
    return true;
}

int main(int argc, char **argv)
{
    Err err = {.text = "expected a folder with inputs"};
    Arena *arena = arena_new();
    char **names;
    int n = 0;
    bool ok = argc == 2 && file_list(&names, &n, argv[1], arena, &err) && n > 0;
    for (int i = 0; ok && i < n; i++) ok = replay(file_join(arena, argv[1], names[i]), &err);
    if (!ok) fprintf(stderr, "replay: %s\n", err.text);
    arena_free(arena);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
