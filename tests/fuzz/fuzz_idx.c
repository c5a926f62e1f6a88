/* IDX files: any bytes are either refused with a message or give arrays that lie inside them. */
#include "fuzz_target.h"
#include "idx_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    for (int rank = 1; rank <= 3; rank += 2) {
        Err err = {.text = ""};
        IdxArray a;
        if (!idx_parse(&a, data, n_bytes, rank, "fuzz", &err)) {
            check(err.text[0] != '\0', "refused without a message");
            continue;
        }
        uint64_t n = (uint64_t)a.n * (uint64_t)a.height * (uint64_t)a.width;
        check(a.data >= data && (uint64_t)(a.data - data) + n == n_bytes,
              "%llu samples outside %zu bytes", (unsigned long long)n, n_bytes);
    }
    return 0;
}
