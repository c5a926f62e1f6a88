/* Every network against PyTorch's values in double: one training step, then evaluation; of
 * transformers also five updates, of everything and of the attention only. Built
 * twice (the double one also checks gradients against differences): in float, which has to agree as
 * far as float goes, and in double, which has to agree to the last digits and so leaves nothing to
 * rounding. */
#include "mem.h"
#include "net_case.h"
#include "net_parity.h"
#include "optim.h"

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
    double worst =
        parity_worst(parity_array(f, losses_name, losses), parity_rows(f, moves_name, p, moves));
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

static double training_loss(void *context)
{
    NetCase *c = context;
    return net_case_loss(c, TAPE_TRAINING, NULL);
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
    int named = parity_count_names(safetensors_metadata(f, "gradients")) +
                parity_count_names(safetensors_metadata(f, "statistics"));
    assert_int_equal(params_count(p), named); /* no parameter is left out */

    Real logits[64];
    assert_true(c->batch * c->n_classes <= 64);
    Real loss = (Real)net_case_step(c, logits);
    double forward =
        parity_worst(parity_array(f, "logits", logits), parity_array(f, "loss", &loss));
    double backward = parity_rows(f, "gradients", p, params_gradients(p));
    double statistics = parity_rows(f, "statistics", p, params_values(p));
    double evaluation = parity_array(f, "eval_logits", net_case_logits(c, 0)->v);
    fprintf(stderr, "# %-12s logits and loss %.1e, gradients %.1e, statistics %.1e, eval %.1e\n",
            network, forward, backward, statistics, evaluation);
    if (sizeof(Real) == sizeof(double)) { /* differences of floats show nothing */
        fprintf(stderr, "# %-12s gradient along a direction %.1e\n", network,
                parity_direction(p, step, training_loss, c));
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
