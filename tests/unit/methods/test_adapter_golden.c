/* A layer that is trained through a generator of its factors, against PyTorch. */
#include "golden.h"

#include "adapter_case.h"
#include "ops.h"
#include "optim.h"

enum { X_ROWS = 8, IN = 5, OUT = 6, RANK = 2, STEPS = 5 };

static void set_param(Params *p, const SafeTensors *file, const char *kind, const char *name)
{
    char array[64];
    snprintf(array, sizeof array, "%s.%s", kind, strrchr(name, '.') + 1);
    if (strcmp(name, "fc.weight") == 0) snprintf(array, sizeof array, "%s.w0", kind);
    Real *values = golden_values(file, array, NULL);
    const Param *q = params_get(p, params_find(p, name));
    memcpy(params_values(p) + q->offset, values, q->size * sizeof *values);
    test_free(values);
}

static double compare_param(Params *p, const SafeTensors *file, const char *name, const char *array)
{
    const Param *q = params_get(p, params_find(p, name));
    Real *want = golden_values(file, array, NULL);
    double error = golden_compare(array, params_values(p) + q->offset, want, q->size, 1e-5, 1e-2);
    test_free(want);
    return error;
}

static void train_layer(Params *p, Weights *weights, Adapter *a, const SafeTensors *file,
                        const char *kind)
{
    char array[64];
    snprintf(array, sizeof array, "%s.x", kind);
    Real *x = golden_values(file, array, NULL);
    snprintf(array, sizeof array, "%s.target", kind);
    Real *target = golden_values(file, array, NULL);
    OptimOptions sgd = {.kind = OPTIM_SGD, .lr = 0.1};
    Optimizer *o = optim_new(&sgd, p);
    Tape *t = tape_new(&(TapeOptions){0});
    for (int s = 0; s < STEPS; s++) {
        tape_begin(t, TAPE_TRAINING | TAPE_GRADIENTS, (uint64_t)s);
        Tensor *y = nn_linear(t, tape_input(t, x, 2, (int[]){X_ROWS, IN}),
                              weights_get(weights, t, 0), NULL);
        Tensor *d = nn_sub(t, y, tape_input(t, target, 2, (int[]){X_ROWS, OUT}));
        tape_backward(t, nn_mean(t, nn_mul(t, d, d)));
        adapter_backward(a, p, NULL);
        optim_step(o, p, NULL);
        adapter_generate(a, p, NULL);
        params_zero_gradients(p);
    }
    tape_free(t);
    optim_free(o);
    test_free(target);
    test_free(x);
}

static void test_generators_train_as_in_pytorch(void **state)
{
    (void)state;
    static const char *const generator[] = {"fc.op.z", "fc.op.w1", "fc.op.c1", "fc.op.w2",
                                            "fc.op.c2"};
    static const char *const outputs[] = {"fc.lora_A.weight", "fc.lora_B.weight",
                                          "fc.lora_magnitude_vector"};
    static const char *const kinds[][2] = {{"op-lora", "op_lora"}, {"op-dora", "op_dora"}};
    SafeTensors *file = golden_open("nn/adapters.safetensors");
    for (int k = 0; k < 2; k++) {
        Err err = {0};
        AdapterOptions options = adapter_case_options(kinds[k][0], "fc");
        options.rank = RANK;
        options.alpha = 1.5 * RANK;
        options.generator = (OpGeneratorOptions){.input = 7, .width = 4};
        Params *p = params_new();
        params_add(p, &(ParamSpec){.name = "fc.weight", .rank = 2, .dims = {OUT, IN}});
        Adapter *a = NULL;
        assert_ok(adapter_new(&a, p, NULL, &options, &err));
        params_seal(p, 1);
        Weights *weights = weights_new(p);
        set_param(p, file, kinds[k][1], "fc.weight");
        adapter_begin(a, weights, NULL);
        for (int i = 0; i < 5; i++) set_param(p, file, kinds[k][1], generator[i]);
        adapter_generate(a, p, NULL);
        train_layer(p, weights, a, file, kinds[k][1]);
        char array[64];
        double worst = 0;
        for (int i = 0; i < 5; i++) {
            snprintf(array, sizeof array, "%s.%s.trained", kinds[k][1],
                     strrchr(generator[i], '.') + 1);
            worst = fmax(worst, compare_param(p, file, generator[i], array));
        }
        for (int i = 0; i < 2 + k; i++) {
            snprintf(array, sizeof array, "%s.%c.trained", kinds[k][1], "abm"[i]);
            worst = fmax(worst, compare_param(p, file, outputs[i], array));
        }
        fprintf(stderr, "# %s against torch after %d updates: largest relative error %.2g\n",
                kinds[k][0], STEPS, worst);
        weights_free(weights);
        adapter_free(a);
        params_free(p);
    }
    safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_generators_train_as_in_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
