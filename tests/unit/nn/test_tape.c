/* Lifetimes, modes and costs of the tape, seen through small networks. */
#include "aborts.h"
#include "ops.h"
#include "rng.h"

enum { TRAIN = TAPE_TRAINING | TAPE_GRADIENTS };

static Tape *tape;

static int setup(void **state)
{
    (void)state;
    tape = tape_new(&(TapeOptions){.seed = 1});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tape_free(tape);
    tape = NULL;
    return 0;
}

/* ---- a network of `depth` layers, each D x D ---- */

enum { N = 24, D = 40 };
static Real images[N * D], weights[D * D], weight_gradient[D * D];
static const int labels[N] = {1, 2, 3};

static void fill(void)
{
    RngStream random = rng_stream(1, "tape test");
    for (size_t i = 0; i < N * D; i++) images[i] = (Real)rng_normal(random, 0, i);
    for (size_t i = 0; i < D * D; i++) weights[i] = (Real)(0.2 * rng_normal(random, 1, i));
}

static Tensor *network(Tape *t, int depth, bool scopes)
{
    Tensor *x = tape_input(t, images, 2, (int[]){N, D});
    TapeScope scope = tape_scope_begin(t);
    for (int i = 0; i < depth; i++) {
        Tensor *w = tape_leaf(t, "w", weights, weight_gradient, 2, (int[]){D, D});
        Tensor *y = nn_gelu(t, nn_linear(t, x, w, NULL));
        y = nn_reshape(t, nn_add(t, y, x), 3, (int[]){N, 2, D / 2});
        y = nn_permute(t, y, (int[]){0, 2, 1});
        y = nn_reshape(t, y, 2, (int[]){N, D});
        Tensor *next = nn_affine(t, y, 0.5, 0);
        x = scopes ? tape_scope_end(t, scope, next) : next;
    }
    return x;
}

static Tensor *network_loss(Tape *t, int depth)
{
    return nn_cross_entropy(t, network(t, depth, false), labels, NULL);
}

/* ---- memory ---- */

static void test_scopes_keep_evaluation_memory_constant(void **state)
{
    (void)state;
    size_t peaks[2];
    Real result[2];
    for (int deep = 0; deep < 2; deep++) {
        Tape *t = tape_new(&(TapeOptions){0});
        tape_begin(t, 0, 0);
        fill();
        result[deep] = network(t, deep ? 30 : 2, true)->v[5];
        peaks[deep] = tape_cost(t).peak_bytes;
        tape_free(t);
    }
    assert_int_equal(peaks[0], peaks[1]);
    tape_begin(tape, 0, 0);
    assert_true(network(tape, 30, false)->v[5] == result[1]); /* scopes change no value */
    assert_true(tape_cost(tape).peak_bytes > 10 * peaks[1]);
}

static void test_scopes_do_nothing_while_recording(void **state)
{
    (void)state;
    fill();
    Real gradients[2][D * D];
    for (int scopes = 0; scopes < 2; scopes++) {
        memset(weight_gradient, 0, sizeof weight_gradient);
        tape_begin(tape, TRAIN, 0);
        Tensor *z = network(tape, 3, scopes);
        tape_backward(tape, nn_cross_entropy(tape, z, labels, NULL));
        memcpy(gradients[scopes], weight_gradient, sizeof weight_gradient);
    }
    assert_memory_equal(gradients[0], gradients[1], sizeof gradients[0]);
}

static void test_a_view_leaves_its_scope_with_what_it_views(void **state)
{
    (void)state;
    static const Real values[4] = {1, 2, 3, 4};
    tape_begin(tape, 0, 0);
    Tensor *x = tape_input(tape, values, 1, (int[]){4});
    TapeScope outer = tape_scope_begin(tape);
    TapeScope scope = tape_scope_begin(tape);
    Tensor *kept = nn_reshape(tape, nn_square(tape, x), 2, (int[]){2, 2});
    assert_ptr_equal(tape_scope_end(tape, scope, kept), kept);
    for (int i = 0; i < 8; i++) (void)nn_exp(tape, x); /* would get the memory */
    assert_true(kept->v[0] == 1 && kept->v[3] == 16);
    Tensor *sum = tape_scope_end(tape, outer, nn_sum(tape, kept));
    assert_true(sum->v[0] == 30);
    assert_null(kept->shares->v); /* the outer scope released both */
}

static void test_pinned_tensors_outlive_their_scope(void **state)
{
    (void)state;
    static const Real values[4] = {1, 2, 3, 4};
    tape_begin(tape, 0, 0);
    Tensor *x = tape_input(tape, values, 1, (int[]){4});
    TapeScope scope = tape_scope_begin(tape);
    Tensor *pinned = nn_square(tape, x);
    Tensor *view = nn_reshape(tape, nn_affine(tape, x, 2, 0), 2, (int[]){2, 2});
    tape_pin(pinned);
    tape_pin(view);
    (void)tape_scope_end(tape, scope, nn_exp(tape, x));
    for (int i = 0; i < 8; i++) (void)nn_exp(tape, x);
    assert_true(pinned->v[3] == 16 && view->v[3] == 8);
}

static void test_steps_after_the_first_allocate_nothing(void **state)
{
    (void)state;
    fill();
    TapeCost first = {0};
    for (uint64_t step = 0; step < 20; step++) {
        tape_begin(tape, TRAIN, step);
        tape_backward(tape, network_loss(tape, 6));
        if (step == 0) first = tape_cost(tape);
    }
    TapeCost last = tape_cost(tape);
    assert_int_equal(last.peak_bytes, first.peak_bytes);
    assert_int_equal(last.n_tensors, first.n_tensors);
}

static void test_backward_recycles_gradients(void **state)
{
    (void)state;
    fill();
    tape_begin(tape, TRAIN, 0);
    Tensor *loss = network_loss(tape, 30);
    size_t forward = tape_cost(tape).peak_bytes;
    tape_backward(tape, loss);
    /* The walk back needs a few gradients at a time, not one per tensor. */
    assert_true(tape_cost(tape).peak_bytes < forward + forward / 10);
}

/* ---- leaves ---- */

static void test_leaves_without_gradient_cost_nothing(void **state)
{
    (void)state;
    fill();
    double flops[2];
    for (int frozen = 0; frozen < 2; frozen++) {
        tape_begin(tape, TRAIN, 0);
        Tensor *x = tape_input(tape, images, 2, (int[]){N, D});
        Tensor *w =
            tape_leaf(tape, "w", weights, frozen ? NULL : weight_gradient, 2, (int[]){D, D});
        Tensor *y = nn_linear(tape, x, w, NULL);
        Tensor *loss = nn_mean(tape, y);
        assert_true(y->needs_grad == !frozen);
        tape_backward(tape, loss);
        assert_true((y->g == NULL) == frozen);
        assert_null(x->g);
        flops[frozen] = tape_cost(tape).backward_flops;
    }
    assert_true(flops[1] == 0);
    assert_true(flops[0] == 2.0 * N * D * D + N * D); /* the weight's product and the mean */
}

static void test_gradients_add_up_over_steps(void **state)
{
    (void)state;
    fill();
    memset(weight_gradient, 0, sizeof weight_gradient);
    Real once[D * D];
    for (int i = 0; i < 2; i++) {
        tape_begin(tape, TRAIN, 0);
        tape_backward(tape, network_loss(tape, 1));
        if (i == 0) memcpy(once, weight_gradient, sizeof once);
    }
    for (int i = 0; i < D * D; i++) assert_close(weight_gradient[i], 2 * once[i], 1e-5, 1e-7);
}

static void test_without_recording_nothing_needs_a_gradient(void **state)
{
    (void)state;
    tape_begin(tape, TAPE_TRAINING, 0);
    assert_false(network_loss(tape, 2)->needs_grad);
}

/* ---- plans ---- */

static void compare_costs(Tape *real, Tape *plan)
{
    TapeCost a = tape_cost(real), b = tape_cost(plan);
    assert_int_equal(a.peak_bytes, b.peak_bytes);
    assert_int_equal(a.n_tensors, b.n_tensors);
    assert_true(a.forward_flops == b.forward_flops && a.backward_flops == b.backward_flops);
    assert_true(a.forward_flops > 0);
}

static void test_a_plan_costs_what_the_run_costs(void **state)
{
    (void)state;
    fill();
    static const unsigned MODES[] = {TRAIN, 0, TAPE_GRADIENTS};
    for (int m = 0; m < 3; m++) {
        Tape *plan = tape_new(&(TapeOptions){0}), *real = tape_new(&(TapeOptions){0});
        tape_begin(plan, MODES[m] | TAPE_PLAN, 0);
        tape_begin(real, MODES[m], 0);
        Tensor *a = network_loss(real, 5), *b = network_loss(plan, 5);
        assert_true(tensor_same_shape(a, b));
        if (MODES[m] & TAPE_GRADIENTS) {
            tape_backward(real, a);
            tape_backward(plan, b);
        }
        compare_costs(real, plan);
        tape_free(plan);
        tape_free(real);
    }
}

/* 10^5 images of 10^4 features: 4 GB per activation. Values would fault when touched. */
static void test_a_plan_touches_no_memory(void **state)
{
    (void)state;
    tape_begin(tape, TRAIN | TAPE_PLAN, 0);
    Tensor *x = tape_input(tape, NULL, 2, (int[]){100000, 10000});
    Tensor *w = tape_leaf(tape, "w", NULL, weight_gradient, 2, (int[]){10000, 10000});
    for (int i = 0; i < 4; i++) x = nn_relu(tape, nn_linear(tape, x, w, NULL));
    tape_backward(tape, nn_cross_entropy(tape, x, NULL, NULL));
    assert_true(tape_cost(tape).peak_bytes > (size_t)30 << 30);
    assert_true(tape_cost(tape).forward_flops > 4 * 2e13);
}

static void test_a_tape_can_run_after_a_plan(void **state)
{
    (void)state;
    fill();
    tape_begin(tape, TRAIN, 0);
    Real want = network_loss(tape, 4)->v[0];
    for (int i = 0; i < 3; i++) {
        tape_begin(tape, TRAIN | TAPE_PLAN, 0);
        tape_backward(tape, network_loss(tape, 9));
        tape_begin(tape, TRAIN, 0);
        assert_true(network_loss(tape, 4)->v[0] == want);
    }
}

/* ---- wrong use ---- */

static void test_wrong_use_aborts(void **state)
{
    (void)state;
    fill();
    tape_begin(tape, TRAIN, 0);
    Tensor *loss = network_loss(tape, 1), *x = network(tape, 1, false);
    assert_aborts(tape_backward(tape, loss), tape_backward(tape, loss));
    assert_aborts(tape_backward(tape, x));
    assert_aborts(tape_input(tape, images, 1, (int[]){0}));
    assert_aborts(tape_input(tape, images, 3, (int[]){1 << 12, 1 << 12, 1 << 12}));
    assert_aborts(tape_view(tape, "view", x, 1, (int[]){N * D + 1}));
    tape_begin(tape, TAPE_TRAINING, 0);
    loss = network_loss(tape, 1);
    assert_aborts(tape_backward(tape, loss));
}

static void test_epochs_of_two_tapes_never_meet(void **state)
{
    (void)state;
    uint64_t seen[4];
    for (int i = 0; i < 2; i++) {
        Tape *t = tape_new(&(TapeOptions){0}); /* likely to get the freed one's address */
        for (int k = 0; k < 2; k++) {
            tape_begin(t, 0, 0);
            seen[2 * i + k] = tape_epoch(t);
        }
        tape_free(t);
    }
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < i; k++) assert_true(seen[i] != seen[k]);
    }
}

static void test_tensor_text(void **state)
{
    (void)state;
    char text[TENSOR_TEXT_SIZE];
    tape_begin(tape, 0, 0);
    Tensor *x = tape_input(tape, images, 3, (int[]){2, 3, 5});
    assert_string_equal(tensor_text(x, text), "[2,3,5]");
    assert_int_equal(tensor_rows(x), 6);
    assert_int_equal(tensor_columns(x), 5);
    assert_int_equal(tensor_size(x), 30);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_scopes_keep_evaluation_memory_constant),
        TEST(test_scopes_do_nothing_while_recording),
        TEST(test_a_view_leaves_its_scope_with_what_it_views),
        TEST(test_pinned_tensors_outlive_their_scope),
        TEST(test_steps_after_the_first_allocate_nothing),
        TEST(test_backward_recycles_gradients),
        TEST(test_leaves_without_gradient_cost_nothing),
        TEST(test_gradients_add_up_over_steps),
        TEST(test_without_recording_nothing_needs_a_gradient),
        TEST(test_a_plan_costs_what_the_run_costs),
        TEST(test_a_plan_touches_no_memory),
        TEST(test_a_tape_can_run_after_a_plan),
        TEST(test_wrong_use_aborts),
        TEST(test_epochs_of_two_tapes_never_meet),
        TEST(test_tensor_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
