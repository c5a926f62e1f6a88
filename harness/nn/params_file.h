/* A network's parameters from and to safetensors files, by name, in PyTorch's layout (convolutions
 * [out, in, kh, kw]; ours are [out, kh, kw, in]). Those of adapters (PARAM_ADAPTER) are left out.
 */
#ifndef NN_PARAMS_FILE_H
#define NN_PARAMS_FILE_H

#include "params.h"
#include "params_names.h"
#include "safetensors.h"

typedef struct {
    bool allow_missing_head; /* PARAM_HEAD parameters may be missing or misshapen: they keep their
                                values */
    bool allow_unexpected;   /* extra tensors in the file are ignored */
    const char *prefix;      /* what stands before each name in the file; tensors without it are not
                                looked at. NULL: nothing */
    const ParamNaming *const *namings; /* the first of these whose probe is in the file tells the
                                          file's names; else they are ours */
    int n_namings;
    const char *input_conv; /* this convolution may have another number of input channels in the
                               file: channel i takes the file's i modulo that number (DomainBed's
                               networks.py). NULL: none */
    bool resize_positions;  /* PARAM_POSITIONS parameters may be those of another grid: interpolated
                               (positions.h) */
    bool finite;            /* NaN and infinity are refused */
} ParamsLoad;

/* All or nothing: every missing, unexpected or misshapen tensor is listed in err (the first few by
 * name, then a count), and then no parameter has changed. PyTorch's "num_batches_tracked" counters
 * are ignored. options NULL: everything has to match. */
MUST_USE bool params_load(Params *p, const SafeTensors *f, const ParamsLoad *options, Err *err);

/* Names and shapes only, nothing is loaded: also before params_seal, so that nothing is allocated
 * for a file that does not fit. */
MUST_USE bool params_fit(const Params *p, const SafeTensors *f, const ParamsLoad *options,
                         Err *err);

/* As float, parameters and buffers. */
MUST_USE bool params_save(Params *p, const char *path, Err *err);

/* As bfloat16, rounded to nearest even: half the size, 8 bits of precision. */
MUST_USE bool params_save_bf16(Params *p, const char *path, Err *err);

#endif
