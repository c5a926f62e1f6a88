/* Weights made out of other parameters, on a small network; and that a network learns at all. */
#include "aborts.h"
#include "ops.h"
#include "optim.h"
#include "rng.h"
#include "weights.h"

enum { TRAIN = TAPE_TRAINING | TAPE_GRADIENTS, IN = 2, HIDDEN = 16, CLASSES = 2, RANK = 2 };
static const char *const LAYERS[] = {"0", "1", "2"};
enum { N_LAYERS = 3 };

/* Three linear layers; for the middle one W0 + s B A as in LoRA (Hu et al. 2021, eq. 3). */
typedef struct {
    Params *params;
    Weights *weights;
    Tape *tape;
    int w[N_LAYERS], b[N_LAYERS];
    int lora_a, lora_b;
    int n_made;
} Model;

static Model model;

static int add(const char *layer, const char *what, int rows, int columns, InitKind init)
{
    char name[PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "%s.%s", layer, what);
    ParamSpec spec = {.name = name, .rank = columns > 0 ? 2 : 1, .dims = {rows, columns}};
    spec.init = init;
    spec.init_value = 1;
    return params_add(model.params, &spec);
}

static int setup(void **state)
{
    (void)state;
    static const int SIZES[] = {IN, HIDDEN, HIDDEN, CLASSES};
    model = (Model){.params = params_new(), .tape = tape_new(&(TapeOptions){.seed = 1})};
    for (int i = 0; i < N_LAYERS; i++) {
        model.w[i] = add(LAYERS[i], "weight", SIZES[i + 1], SIZES[i], INIT_KAIMING_FAN_IN);
        model.b[i] = add(LAYERS[i], "bias", SIZES[i + 1], 0, INIT_ZEROS);
    }
    model.lora_a = add(LAYERS[1], "lora_a", RANK, HIDDEN, INIT_NORMAL);
    model.lora_b = add(LAYERS[1], "lora_b", HIDDEN, RANK, INIT_ZEROS);
    params_seal(model.params, 7);
    model.weights = weights_new(model.params);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    weights_free(model.weights);
    tape_free(model.tape);
    params_free(model.params);
    return 0;
}

static Tensor *make_lora(void *self, Params *params, Tape *t, int id)
{
    Model *m = self;
    m->n_made++;
    Tensor *a = params_tensor(params, t, m->lora_a), *b = params_tensor(params, t, m->lora_b);
    Tensor *change = nn_affine(t, nn_matmul(t, b, a, false), 0.5, 0);
    return nn_add(t, params_tensor(params, t, id), change);
}

static Tensor *logits(Tape *t, Tensor *x)
{
    for (int i = 0; i < N_LAYERS; i++) {
        Tensor *w = weights_get(model.weights, t, model.w[i]);
        x = nn_linear(t, x, w, weights_get(model.weights, t, model.b[i]));
        if (i < N_LAYERS - 1) x = nn_relu(t, x);
    }
    return x;
}

/* ---- points in four quadrants; the class is the sign of the product (XOR) ---- */

enum { N = 64 };
static Real points[N * IN];
static int labels[N];

static void draw_points(uint64_t step)
{
    RngStream random = rng_stream(3, "xor");
    for (uint64_t i = 0; i < N; i++) {
        for (uint64_t d = 0; d < IN; d++) {
            double v = 2 * rng_uniform(random, step, 2 * i + d) - 1;
            points[2 * i + d] = (Real)(v + (v < 0 ? -0.2 : 0.2));
        }
        labels[i] = points[2 * i] * points[2 * i + 1] > 0;
    }
}

static Tensor *loss_of(Tape *t)
{
    Tensor *x = tape_input(t, points, 2, (int[]){N, IN});
    return nn_cross_entropy(t, logits(t, x), labels, NULL);
}

static double gradient_norm(int id)
{
    const Param *p = params_get(model.params, id);
    double sum = 0;
    for (size_t i = 0; i < p->size; i++) {
        double g = (double)params_gradients(model.params)[p->offset + i];
        sum += g * g;
    }
    return sqrt(sum);
}

/* ---- tests ---- */

static void test_a_made_weight_that_changes_nothing_gives_the_same_bits(void **state)
{
    (void)state;
    draw_points(0);
    tape_begin(model.tape, 0, 0);
    Real plain = loss_of(model.tape)->v[0];
    weights_replace(model.weights, model.w[1], make_lora, &model);
    assert_true(weights_is_replaced(model.weights, model.w[1]));
    tape_begin(model.tape, 0, 1);
    assert_true(loss_of(model.tape)->v[0] == plain); /* B = 0 */
    const Param *b = params_get(model.params, model.lora_b);
    for (size_t i = 0; i < b->size; i++) params_values(model.params)[b->offset + i] = 1;
    tape_begin(model.tape, 0, 2);
    assert_true(loss_of(model.tape)->v[0] != plain);
    weights_replace(model.weights, model.w[1], NULL, NULL);
    tape_begin(model.tape, 0, 3);
    assert_true(loss_of(model.tape)->v[0] == plain);
}

static void test_gradients_reach_the_makers_parameters(void **state)
{
    (void)state;
    draw_points(0);
    weights_replace(model.weights, model.w[1], make_lora, &model);
    params_freeze(model.params, model.w[1], true);
    tape_begin(model.tape, TRAIN, 0);
    tape_backward(model.tape, loss_of(model.tape));
    assert_true(gradient_norm(model.w[1]) == 0);   /* frozen */
    assert_true(gradient_norm(model.lora_b) > 0);  /* A is not zero */
    assert_true(gradient_norm(model.lora_a) == 0); /* B is */
    const Param *b = params_get(model.params, model.lora_b);
    for (size_t i = 0; i < b->size; i++) params_values(model.params)[b->offset + i] = (Real)0.1;
    tape_begin(model.tape, TRAIN, 1);
    tape_backward(model.tape, loss_of(model.tape));
    assert_true(gradient_norm(model.lora_a) > 0);
    assert_true(gradient_norm(model.w[1]) == 0);
}

static void test_a_weight_is_made_once_per_step(void **state)
{
    (void)state;
    draw_points(0);
    weights_replace(model.weights, model.w[1], make_lora, &model);
    for (uint64_t step = 0; step < 3; step++) {
        tape_begin(model.tape, step == 1 ? 0 : TRAIN, step);
        TapeScope scope = tape_scope_begin(model.tape);
        Tensor *x = tape_input(model.tape, points, 2, (int[]){N, IN});
        (void)tape_scope_end(model.tape, scope, logits(model.tape, x));
        Tensor *w = weights_get(model.weights, model.tape, model.w[1]);
        assert_ptr_equal(w, weights_get(model.weights, model.tape, model.w[1]));
        assert_non_null(w->v); /* outlives the scope it was made in */
        assert_int_equal(model.n_made, step + 1);
    }
    Tape *other = tape_new(&(TapeOptions){0});
    tape_begin(other, 0, 0);
    (void)weights_get(model.weights, other, model.w[1]);
    tape_free(other);
    assert_int_equal(model.n_made, 4);
}

static void test_wrong_ids_abort(void **state)
{
    (void)state;
    tape_begin(model.tape, 0, 0);
    assert_aborts(weights_get(model.weights, model.tape, 8));
    assert_aborts(weights_replace(model.weights, -1, make_lora, &model));
}

/* ---- learning ---- */

/* Mean loss of the last 20 steps, each on new points. */
static double train(int n_steps)
{
    OptimOptions options = {
        .kind = OPTIM_ADAM, .lr = 0.02, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    Optimizer *o = optim_new(&options, model.params);
    double loss = 0;
    for (int step = 0; step < n_steps; step++) {
        draw_points((uint64_t)step);
        params_zero_gradients(model.params);
        tape_begin(model.tape, TRAIN, (uint64_t)step);
        Tensor *l = loss_of(model.tape);
        if (step >= n_steps - 20) loss += (double)l->v[0] / 20;
        tape_backward(model.tape, l);
        optim_step(o, model.params, NULL);
    }
    optim_free(o);
    return loss;
}

static void test_three_layers_learn_xor(void **state)
{
    (void)state;
    assert_true(train(400) < 0.02); /* from log 2 = 0.69; one layer cannot get below */
}

static void test_a_low_rank_change_learns_too(void **state)
{
    (void)state;
    weights_replace(model.weights, model.w[1], make_lora, &model);
    params_freeze(model.params, model.w[1], true);
    Real before = params_values(model.params)[params_get(model.params, model.w[1])->offset];
    assert_true(train(400) < 0.02);
    assert_true(params_values(model.params)[params_get(model.params, model.w[1])->offset] ==
                before);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_made_weight_that_changes_nothing_gives_the_same_bits),
        TEST(test_gradients_reach_the_makers_parameters),
        TEST(test_a_weight_is_made_once_per_step),
        TEST(test_wrong_ids_abort),
        TEST(test_three_layers_learn_xor),
        TEST(test_a_low_rank_change_learns_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
