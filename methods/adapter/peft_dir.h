/* Adapter directories in PEFT's format (huggingface/peft, "PEFT checkpoint format"):
 *
 *     adapter_model.safetensors   "base_model.model.<module>.lora_A.weight", ".lora_B.weight",
 *                                 ".lora_magnitude_vector"; the classifier under its own name
 *     adapter_config.json         peft_config.h
 *
 * Linear layers: A [r,in], B [out,r], magnitude [out]; convolutions: A [r,in,kh,kw], B [out,r,1,1],
 * magnitude [1,out,1,1]. Modules are called as the base model's layout says (peft_names.h); where a
 * module is made of several changes (queries, keys and values in one matrix; PiSSA's two) it gets
 * the sum of their ranks, block by block. We add the digest of the adapted weights to the file's
 * metadata, which other programs do not look at.
 */
#ifndef ADAPTER_PEFT_DIR_H
#define ADAPTER_PEFT_DIR_H

#include "digest.h"
#include "low_rank_set.h"
#include "peft_names.h"

typedef struct {
    const char *base_name; /* of the network: that of net_list, or of a model directory */
    const char *layout;    /* a name of peft_layouts; NULL: the network's first */
} PeftBase;

/* base: parameters that hold W0; trained: those whose classifier is written. The folder is made
 * when missing. Magnitudes in a layout whose attention PEFT gives none: error. */
MUST_USE bool peft_dir_write(const char *folder, const LowRankSet *set, Params *base,
                             Params *trained, const PeftBase *what, Err *err);

/* Reads a directory, of any layout that the network has, for the W0 in params. The classifier,
 * where there is one of the same size, is put into params; set is empty before. F16 and BF16 become
 * floats. All or nothing; every missing, unexpected or misshapen tensor is listed. Made for another
 * network, or for other weights: error. */
MUST_USE bool peft_dir_read(LowRankSet *set, Params *params, const char *folder,
                            const char *base_name, Err *err);

/* SHA-256 (hex) of both files. */
MUST_USE bool peft_dir_digest(char out[SHA256_HEX_SIZE], const char *folder, Err *err);

/* ---- for peft_read.c and peft_write.c ---- */

#define PEFT_WEIGHTS "adapter_model.safetensors"
#define PEFT_CONFIG  "adapter_config.json"
#define PEFT_PREFIX  "base_model.model."
#define PEFT_DIGEST  "dgbench.base_sha256"

/* SHA-256 (hex) of the weights with these ids, ascending, each once however often it is there. */
void peft_base_digest(char out[SHA256_HEX_SIZE], Params *params, const int *ids, int n);

/* Shapes of a module's tensors, in PEFT's order; returns their rank. */
int peft_a_dims(int64_t dims[4], const Param *weight, int rank);
int peft_b_dims(int64_t dims[4], const Param *weight, int n_rows, int rank);
int peft_magnitude_dims(int64_t dims[4], const Param *weight, int n_rows);

#endif
