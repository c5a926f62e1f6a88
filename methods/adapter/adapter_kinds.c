/* The members of the axis, and how a network gets at them. */
#include "adapter.h"
#include "str.h"

static const AdapterKind KINDS[] = {
    {.name = "lora",
     .help = "W0 + s B A with B and A of low rank",
     .source = "Hu et al. 2021, arXiv 2106.09685"},
    {.name = "dora",
     .help = "lora, with a learned length for every row",
     .source = "Liu et al. 2024, arXiv 2402.09353",
     .has_magnitude = true},
    {.name = "op-lora",
     .help = "lora whose factors are made by a small network of their own while training",
     .source = "Teterwak et al. 2024, arXiv 2412.10362",
     .is_generated = true},
    {.name = "op-dora",
     .help = "dora whose factors and lengths are made so",
     .source = "Teterwak et al. 2024, arXiv 2412.10362",
     .has_magnitude = true,
     .is_generated = true},
};
enum { N_KINDS = sizeof KINDS / sizeof *KINDS };

const AdapterKind *adapter_kinds(int *n)
{
    *n = N_KINDS;
    return KINDS;
}

const AdapterKind *adapter_kind_find(const char *name)
{
    for (int i = 0; i < N_KINDS; i++) {
        if (str_equal(KINDS[i].name, name)) return &KINDS[i];
    }
    return NULL;
}

/* ---- as a network's adapter ---- */

static bool hook_add(void **self, Params *params, const char *input_conv, const void *options,
                     Err *err)
{
    Adapter *a;
    if (!adapter_new(&a, params, input_conv, options, err)) return false;
    *self = a;
    return true;
}

static void hook_begin(void *self, Weights *weights, ThreadPool *threads)
{
    adapter_begin(self, weights, threads);
}

static void hook_generate(void *self, Params *params, ThreadPool *threads)
{
    adapter_generate(self, params, threads);
}

static void hook_backward(void *self, Params *params, ThreadPool *threads)
{
    adapter_backward(self, params, threads);
}

static void hook_free(void *self)
{
    adapter_free(self);
}

const NetAdapter ADAPTER_HOOK = {hook_add, hook_begin, hook_generate, hook_backward, hook_free};
