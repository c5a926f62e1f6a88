/* What reading and writing adapter directories share. */
#include "peft_dir.h"

#include "digest.h"
#include "file.h"
#include "file_digest.h"

#include <string.h>

void peft_base_digest(char out[SHA256_HEX_SIZE], Params *params, const int *ids, int n)
{
    Sha256 *sha = sha256_new();
    for (int i = 0; i < n; i++) {
        if (i > 0 && ids[i] == ids[i - 1]) continue;
        const Param *p = params_get(params, ids[i]);
        sha256_add_str(sha, p->name);
        sha256_add(sha, params_values(params) + p->offset, p->size * sizeof(Real));
    }
    sha256_done_hex(sha, out);
}

int peft_a_dims(int64_t dims[4], const Param *w, int rank)
{
    dims[0] = rank;
    dims[1] = w->dims[w->rank - 1];
    if (!(w->flags & PARAM_CONV)) return 2;
    dims[2] = w->dims[1];
    dims[3] = w->dims[2];
    return 4;
}

int peft_b_dims(int64_t dims[4], const Param *w, int n_rows, int rank)
{
    dims[0] = n_rows;
    dims[1] = rank;
    dims[2] = dims[3] = 1;
    return w->flags & PARAM_CONV ? 4 : 2;
}

int peft_magnitude_dims(int64_t dims[4], const Param *w, int n_rows)
{
    bool is_conv = w->flags & PARAM_CONV;
    for (int i = 0; i < 4; i++) dims[i] = 1;
    dims[is_conv ? 1 : 0] = n_rows;
    return is_conv ? 4 : 1;
}

bool peft_dir_digest(char out[SHA256_HEX_SIZE], const char *folder, Err *err)
{
    static const char *const files[] = {PEFT_CONFIG, PEFT_WEIGHTS};
    Arena *arena = arena_new();
    Sha256 *sha = sha256_new();
    bool ok = true;
    for (int i = 0; ok && i < 2; i++) {
        char digest[SHA256_HEX_SIZE];
        ok = file_digest(digest, file_join(arena, folder, files[i]), err);
        if (ok) sha256_add_str(sha, digest);
    }
    sha256_done_hex(sha, out);
    arena_free(arena);
    return ok;
}
