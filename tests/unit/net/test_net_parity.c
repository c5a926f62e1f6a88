/* Every network against PyTorch's values in double: one training step, then evaluation; of
 * transformers also five updates, of everything and of the attention only. Built
 * twice (the double one also checks gradients against differences): in float, which has to agree as
 * far as float goes, and in double, which has to agree to the last digits and so leaves nothing to
 * rounding. */
#include "golden.h"
#include "mem.h"
#include "net_case.h"
#include "optim.h"

#ifdef NN_DOUBLE
static const double TOLERANCE = 1e-9;
#else
static const double TOLERANCE = 1e-4;
#endif

enum { SAMPLES = 8, ROW = 1 + SAMPLES }; /* as scripts/golden/nets.py: norm, then elements */

static double worst_of(double a, double b)
{
    return a > b ? a : b;
}

static void summarise(const Param *q, const Real *v, Real row[ROW])
{
    double sum = 0;
    for (size_t i = 0; i < q->size; i++) sum += (double)v[i] * (double)v[i];
    row[0] = (Real)sqrt(sum);
    for (size_t k = 0; k < SAMPLES; k++) {
        row[1 + k] = v[net_case_position(q, k * q->size / SAMPLES)];
    }
}

/* Rows "what" of the file (names in its metadata) against the same parts of `values`. The bias of a
 * convolution before a batch norm has a gradient of exactly 0, rounding errors apart: hence a scale
 * of at least a thousandth of the largest norm. */
static double compare_rows(const SafeTensors *f, const char *what, const Params *p,
                           const Real *values)
{
    const char *text = safetensors_metadata(f, what);
    if (text == NULL) return 0;
    size_t n;
    Real *want = golden_values(f, what, &n);
    char *names = mem_strdup(text);
    double worst = 0, largest = 0;
    for (size_t i = 0; i < n; i += ROW) largest = worst_of(largest, (double)want[i]);
    int row = 0;
    for (char *name = strtok(names, "\n"); name != NULL; name = strtok(NULL, "\n"), row++) {
        int id = params_find(p, name);
        if (id < 0) fail_msg("%s: no such parameter", name);
        Real got[ROW];
        summarise(params_get(p, id), values + params_get(p, id)->offset, got);
        worst = worst_of(worst, golden_compare(name, got, want + (size_t)row * ROW, ROW, TOLERANCE,
                                               1e-3 * largest));
    }
    free(names);
    test_free(want);
    return worst;
}

static double compare(const SafeTensors *f, const char *name, const Real *got)
{
    size_t n;
    Real *want = golden_values(f, name, &n);
    double worst = golden_compare(name, got, want, n, TOLERANCE, 1e-3);
    test_free(want);
    return worst;
}

static int count_names(const char *text)
{
    int n = text != NULL && *text != '\0';
    for (const char *c = text; c != NULL && *c != '\0'; c++) n += *c == '\n';
    return n;
}

/* The derivative along one random direction over all parameters, from the gradients of the last
 * step, against central differences of two more. `step` has to be so small that no ReLU changes
 * sides: the deeper the network, the smaller. Returns the relative error. */
static double check_direction(NetCase *c, double step)
{
    Params *p = net_params(c->net);
    size_t n = params_size(p);
    Real *start = test_malloc(n * sizeof *start), *direction = test_calloc(n, sizeof *direction);
    memcpy(start, params_values(p), n * sizeof *start);
    double slope = 0;
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        if (q->flags & PARAM_BUFFER) continue;
        for (size_t j = q->offset; j < q->offset + q->size; j++) {
            direction[j] = (Real)(net_case_draw("direction", j) / sqrt((double)q->size));
            slope += (double)direction[j] * (double)params_gradients(p)[j];
        }
    }
    double loss[2];
    for (int side = 0; side < 2; side++) {
        for (size_t j = 0; j < n; j++) {
            params_values(p)[j] = (Real)(start[j] + (side == 0 ? step : -step) * direction[j]);
        }
        loss[side] = net_case_loss(c, TAPE_TRAINING, NULL);
    }
    double difference = (loss[0] - loss[1]) / (2 * step);
    assert_close(slope, difference, 1e-6, 0);
    test_free(start);
    test_free(direction);
    return fabs(slope - difference) / fabs(slope);
}

/* ---- updates ---- */

typedef struct {
    const char *name; /* in the file */
    NetTrainable trainable;
} Updates;

/* Parameters that are not named in the rows have to stay exactly where they are. */
static void assert_unnamed_stay(const Params *p, const char *names, const Real *moves)
{
    char *framed = test_malloc(strlen(names) + 3), line[PARAM_NAME_SIZE + 3];
    sprintf(framed, "\n%s\n", names);
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        snprintf(line, sizeof line, "\n%s\n", q->name);
        if (strstr(framed, line) != NULL) continue;
        for (size_t j = q->offset; j < q->offset + q->size; j++) assert_true(moves[j] == 0);
    }
    test_free(framed);
}

/* AdamW from the filled values, as the script's train(). */
static double compare_updates(NetCase *c, const SafeTensors *f, Updates u)
{
    const OptimOptions adamw = {.kind = OPTIM_ADAMW,
                                .lr = 1e-3,
                                .weight_decay = 0.1,
                                .beta1 = 0.9,
                                .beta2 = 0.999,
                                .eps = 1e-2};
    Err err = {0};
    char losses_name[32], moves_name[32];
    snprintf(losses_name, sizeof losses_name, "%s_losses", u.name);
    snprintf(moves_name, sizeof moves_name, "%s_moves", u.name);
    size_t steps;
    test_free(golden_values(f, losses_name, &steps));
    Params *p = net_params(c->net);
    net_case_fill(p);
    assert_ok(net_set_trainable(c->net, u.trainable, &err));
    size_t n = params_size(p);
    Real *moves = test_calloc(n, sizeof *moves), losses[8];
    assert_in_range(steps, 1, 8);
    Optimizer *optimizer = optim_new(&adamw, p);
    for (size_t j = 0; j < n; j++) moves[j] = -params_values(p)[j];
    for (size_t i = 0; i < steps; i++) {
        losses[i] = (Real)net_case_step(c, NULL);
        optim_step(optimizer, p, NULL);
    }
    for (size_t j = 0; j < n; j++) moves[j] += params_values(p)[j];
    double worst = worst_of(compare(f, losses_name, losses), compare_rows(f, moves_name, p, moves));
    assert_unnamed_stay(p, safetensors_metadata(f, moves_name), moves);
    optim_free(optimizer);
    test_free(moves);
    return worst;
}

static void check_updates(NetCase *c, const SafeTensors *f)
{
    if (safetensors_find(f, "all_losses") == NULL) return;
    double all = compare_updates(c, f, (Updates){"all", NET_TRAIN_ALL});
    double attention = compare_updates(c, f, (Updates){"attention", NET_TRAIN_ATTENTION});
    fprintf(stderr, "# %-12s updates %.1e, of the attention only %.1e\n", net_options(c->net)->name,
            all, attention);
}

static void parity(const char *network, double step)
{
    Err err = {0};
    char file[64];
    snprintf(file, sizeof file, "net/%s.safetensors", network);
    SafeTensors *f = golden_open(file);
    int64_t shape[4];
    assert_ok(safetensors_to_i64(safetensors_find(f, "case"), shape, &err));
    NetOptions options = {.name = network,
                          .size = (int)shape[0],
                          .channels = (int)shape[1],
                          .n_classes = (int)shape[3]};
    NetCase *c = net_case_new(&options, (int)shape[2]);
    Params *p = net_params(c->net);
    int named = count_names(safetensors_metadata(f, "gradients")) +
                count_names(safetensors_metadata(f, "statistics"));
    assert_int_equal(params_count(p), named); /* no parameter is left out */

    Real logits[64];
    assert_true(c->batch * c->n_classes <= 64);
    Real loss = (Real)net_case_step(c, logits);
    double forward = worst_of(compare(f, "logits", logits), compare(f, "loss", &loss));
    double backward = compare_rows(f, "gradients", p, params_gradients(p));
    double statistics = compare_rows(f, "statistics", p, params_values(p));
    double evaluation = compare(f, "eval_logits", net_case_logits(c, 0)->v);
    fprintf(stderr, "# %-12s logits and loss %.1e, gradients %.1e, statistics %.1e, eval %.1e\n",
            network, forward, backward, statistics, evaluation);
    if (sizeof(Real) == sizeof(double)) { /* differences of floats show nothing */
        fprintf(stderr, "# %-12s gradient along a direction %.1e\n", network,
                check_direction(c, step));
    }
    check_updates(c, f);
    net_case_free(c);
    safetensors_close(f);
}

static void test_mnist_cnn_as_torch(void **state)
{
    (void)state;
    parity("mnist-cnn", 1e-6);
}

static void test_resnet_small_as_torch(void **state)
{
    (void)state;
    parity("resnet-small", 1e-6);
}

static void test_wide_resnet_as_torch(void **state)
{
    (void)state;
    parity("wrn-16-2", 1e-6);
}

static void test_resnet_18_as_torch(void **state)
{
    (void)state;
    parity("resnet-18", 1e-6);
}

static void test_resnet_50_as_torch(void **state)
{
    (void)state;
    parity("resnet-50", 1e-7);
}

static void test_vit_as_torch(void **state)
{
    (void)state;
    parity("vit-mini-4", 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mnist_cnn_as_torch),   cmocka_unit_test(test_resnet_small_as_torch),
        cmocka_unit_test(test_wide_resnet_as_torch), cmocka_unit_test(test_resnet_18_as_torch),
        cmocka_unit_test(test_resnet_50_as_torch),   cmocka_unit_test(test_vit_as_torch),
    };
    return cmocka_run_group_tests_name("net-parity", tests, NULL, NULL);
}
