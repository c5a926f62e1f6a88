/* Attention tuning: updates of a learner that trains attention and classifier only, against
 * PyTorch's (scripts/golden/nets.py). */
#include "golden.h"

#include "learner.h"
#include "net_case.h"
#include "registry.h"

enum { SIZE, CHANNELS, BATCH, CLASSES, N_SIZES };

typedef struct {
    SafeTensors *golden;
    NetCase *c; /* its images, and values to compare with */
    Learner *learner;
} Fixture;

static int setup(void **state)
{
    Fixture *f = test_calloc(1, sizeof *f);
    Err err = {0};
    int64_t sizes[N_SIZES];
    f->golden = golden_open("net/vit-mini-4.safetensors");
    assert_ok(safetensors_to_i64(safetensors_find(f->golden, "case"), sizes, &err));
    LearnerOptions options = {
        .net = {.name = "vit-mini-4",
                .size = (int)sizes[SIZE],
                .channels = (int)sizes[CHANNELS],
                .n_classes = (int)sizes[CLASSES]},
        .trainable = NET_TRAIN_ATTENTION,
        .optim = {.kind = OPTIM_ADAMW,
                  .lr = 1e-3,
                  .weight_decay = 0.1,
                  .beta1 = 0.9,
                  .beta2 = 0.999,
                  .eps = 1e-2},
        .objective = method_objective("erm"),
    };
    f->c = net_case_new(&options.net, (int)sizes[BATCH]);
    assert_ok(learner_new(&f->learner, &options, &err));
    net_case_fill(learner_params(f->learner));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    learner_free(f->learner);
    net_case_free(f->c);
    safetensors_close(f->golden);
    test_free(f);
    return 0;
}

static Batch batch_of(const NetCase *c, const int offsets[2])
{
    return (Batch){.n = c->batch,
                   .n_sources = 1,
                   .offsets = offsets,
                   .size = c->size,
                   .channels = c->channels,
                   .x = c->x,
                   .y = c->y};
}

static void run_updates(Fixture *f, Real *losses, int64_t n)
{
    int offsets[2] = {0, f->c->batch};
    Batch batch = batch_of(f->c, offsets);
    for (int64_t step = 0; step < n; step++) {
        LearnerStep s = learner_update(f->learner, &batch, step);
        assert_true(s.finite);
        losses[step] = (Real)s.loss;
    }
}

static void test_losses_as_torch(void **state)
{
    Fixture *f = *state;
    size_t n;
    Real losses[8], *want = golden_values(f->golden, "attention_losses", &n);
    assert_in_range(n, 2, 8);
    run_updates(f, losses, (int64_t)n);
    (void)golden_compare("losses", losses, want, n, 1e-4, 0);
    test_free(want);
}

static void test_moves_attention_and_head_only(void **state)
{
    Fixture *f = *state;
    Real losses[2];
    run_updates(f, losses, 2);
    Params *p = learner_params(f->learner), *before = net_params(f->c->net);
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        bool same = memcmp(params_values(before) + q->offset, params_values(p) + q->offset,
                           q->size * sizeof(Real)) == 0;
        bool learns = strstr(q->name, ".attn.") != NULL || strncmp(q->name, "head.", 5) == 0;
        if (same == learns) fail_msg("%s: %s", q->name, same ? "did not move" : "moved");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_losses_as_torch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_moves_attention_and_head_only, setup, teardown),
    };
    return cmocka_run_group_tests_name("attention", tests, NULL, NULL);
}
