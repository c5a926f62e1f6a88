/* Re-estimated running statistics against torch.optim.swa_utils.update_bn. */
#include "golden.h"

#include "batch_norm_refresh.h"
#include "net_case.h"

enum { SIZE, CHANNELS, BATCH, CLASSES, BATCHES, N_SIZES };

typedef struct {
    SafeTensors *golden;
    int64_t sizes[N_SIZES];
    NetCase *c;
} Fixture;

static int setup(void **state)
{
    Fixture *f = test_calloc(1, sizeof *f);
    Err err = {0};
    f->golden = golden_open("net/batch_norm_refresh.safetensors");
    assert_ok(safetensors_to_i64(safetensors_find(f->golden, "case"), f->sizes, &err));
    NetOptions options = {.name = safetensors_metadata(f->golden, "net"),
                          .size = (int)f->sizes[SIZE],
                          .channels = (int)f->sizes[CHANNELS],
                          .n_classes = (int)f->sizes[CLASSES]};
    f->c = net_case_new(&options, (int)f->sizes[BATCH]);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;
    net_case_free(f->c);
    safetensors_close(f->golden);
    test_free(f);
    return 0;
}

/* The golden script's images of batch i, NHWC. */
static void fill_batch(NetCase *c, int i)
{
    char name[32];
    snprintf(name, sizeof name, "images%d", i);
    uint64_t index = 0;
    for (int n = 0; n < c->batch; n++) {
        for (int channel = 0; channel < c->channels; channel++) {
            for (int pixel = 0; pixel < c->size * c->size; pixel++) {
                size_t at = ((size_t)n * c->size * c->size + pixel) * c->channels + channel;
                c->x[at] = (float)net_case_draw(name, index++);
            }
        }
    }
}

static void refresh(Fixture *f)
{
    for (int i = 0; i < f->sizes[BATCHES]; i++) {
        fill_batch(f->c, i);
        batch_norm_refresh_add(f->c->net, f->c->tape, f->c->x, f->c->batch, i);
    }
}

/* Buffers as torch leaves them; weights untouched. */
static void test_statistics_are_the_cumulative_means_of_torch(void **state)
{
    Fixture *f = *state;
    Params *p = net_params(f->c->net);
    size_t bytes = params_size(p) * sizeof(Real);
    Real *before = test_malloc(bytes);
    memcpy(before, params_values(p), bytes);
    refresh(f);
    int n_buffers = 0;
    for (int i = 0; i < params_count(p); i++) {
        const Param *q = params_get(p, i);
        const Real *got = params_values(p) + q->offset;
        if (!(q->flags & PARAM_BUFFER)) {
            assert_memory_equal(got, before + q->offset, q->size * sizeof *got);
            continue;
        }
        Real *want = golden_values(f->golden, q->name, NULL);
        golden_compare(q->name, got, want, q->size, 1e-5, 1e-3);
        test_free(want);
        n_buffers++;
    }
    assert_int_equal(n_buffers + 1, safetensors_count(f->golden)); /* and the case's sizes */
    test_free(before);
}

static void test_the_statistics_before_do_not_matter(void **state)
{
    Fixture *f = *state;
    Params *p = net_params(f->c->net);
    size_t bytes = params_size(p) * sizeof(Real);
    refresh(f);
    Real *first = test_malloc(bytes);
    memcpy(first, params_values(p), bytes);
    refresh(f);
    assert_memory_equal(params_values(p), first, bytes);
    test_free(first);
}

/* The next training step moves by the layers' own momentum again. */
static void test_layers_get_their_momentum_back(void **state)
{
    Fixture *f = *state;
    Params *p = net_params(f->c->net);
    const Param *mean = params_get(p, params_find(p, "layer1.0.bn1.running_mean"));
    refresh(f);
    fill_batch(f->c, 0);
    double before = (double)params_values(p)[mean->offset];
    batch_norm_refresh_add(f->c->net, f->c->tape, f->c->x, f->c->batch, 0);
    double of_batch = (double)params_values(p)[mean->offset];
    refresh(f);
    fill_batch(f->c, 0);
    net_case_loss(f->c, TAPE_TRAINING, NULL);
    assert_close(params_values(p)[mean->offset], 0.9 * before + 0.1 * of_batch, 1e-5, 1e-7);
}

static void test_nothing_moves_where_batch_norm_is_frozen(void **state)
{
    Fixture *f = *state;
    assert_true(net_batch_norm_moves(f->c->net));
    net_freeze_batch_norm(f->c->net, true);
    assert_false(net_batch_norm_moves(f->c->net));
    net_freeze_batch_norm(f->c->net, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statistics_are_the_cumulative_means_of_torch),
        cmocka_unit_test(test_the_statistics_before_do_not_matter),
        cmocka_unit_test(test_layers_get_their_momentum_back),
        cmocka_unit_test(test_nothing_moves_where_batch_norm_is_frozen),
    };
    return cmocka_run_group_tests_name("train-batch_norm_refresh", tests, setup, teardown);
}
