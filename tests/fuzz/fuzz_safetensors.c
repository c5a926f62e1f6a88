/* Fuzz target: any bytes as a safetensors file; what is accepted is read completely. */
#include "mem.h"
#include "params_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Into a network of one parameter, which may have another shape in the file. */
static void load(const SafeTensors *f, const ParamSpec *spec)
{
    Err err = {0};
    Params *p = params_new();
    params_add(p, spec);
    params_seal(p, 1);
    static const NameRule rules[] = {{"a", "{qkv}", NAME_TRANSPOSED}};
    static const ParamNaming naming = {.probe = "q", .rules = rules, .n_rules = 1};
    const ParamNaming *const namings[] = {&naming};
    ParamsLoad options = {.allow_unexpected = true,
                          .namings = namings,
                          .n_namings = 1,
                          .input_conv = spec->name,
                          .resize_positions = true,
                          .finite = true};
    if (params_load(p, f, &options, &err)) (void)params_values(p)[0];
    params_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Err err = {0};
    SafeTensors *f;
    if (!safetensors_parse(&f, data, size, "fuzz", &err)) return 0;
    (void)safetensors_metadata(f, "format");
    for (int i = 0; i < safetensors_count(f); i++) {
        const SafeTensor *s = safetensors_at(f, i);
        check(safetensors_find(f, s->name) == s, "%s is not found", s->name);
        Real *reals = mem_alloc(s->n_elements, sizeof *reals);
        int64_t *integers = mem_alloc(s->n_elements, sizeof *integers);
        bool is_real = safetensors_to_real(s, reals, &err);
        bool is_integer = safetensors_to_i64(s, integers, &err);
        check(!(is_real && is_integer), "%s is both", s->dtype);
        free(reals);
        free(integers);
    }
    load(f, &(ParamSpec){"a", 4, {2, 1, 1, 2}, INIT_ZEROS, 0, PARAM_CONV});
    load(f, &(ParamSpec){"a", 3, {1, 5, 2}, INIT_ZEROS, 0, PARAM_POSITIONS});
    load(f, &(ParamSpec){"a", 2, {5, 2}, INIT_ZEROS, 0, PARAM_POSITIONS});
    load(f, &(ParamSpec){"a", 2, {6, 1}, INIT_ZEROS, 0, 0}); /* q, k, v of [1,2] each */
    load(f, &(ParamSpec){"a", 1, {1}, INIT_ZEROS, 0, PARAM_SCALAR});
    safetensors_close(f);
    return 0;
}
