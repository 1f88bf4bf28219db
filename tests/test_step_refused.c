/* Parameters by name, the learning rate, and all that own steps refuse. */
#include "network.h"

static clade_batch batch_of(const clade_tensor *const *inputs, int64_t n, const clade_tensor *answers)
{
    return (clade_batch){.n = n, .inputs = inputs, .n_inputs = 1, .answers = answers};
}

/* ---- parameters ---------------------------------------------------------------------------------- */

static void parameters_are_found_by_name(void **state)
{
    static const clade_parameter_group groups[] = {{.pattern = "0.*", .frozen = true},
                                                   {.pattern = "1.bias", .lr_factor = 0.5f}};
    clade_model *model = net_model(*state, 5, "{\"input\":[3],\"layers\":[" LINEAR(3) "," LINEAR(2) "]}",
                                   &(clade_compile_options){.batch = 4, .groups = groups, .n_groups = 2});
    clade_parameter_info info;
    clade_tensor *weight, *none;
    assert_int_equal(clade_model_n_tensors(model), 4);
    assert_int_equal(clade_model_parameter_index(model, "1.bias"), 3);
    assert_int_equal(clade_model_parameter_index(model, "2.bias"), -1);
    assert_ok(clade_model_parameter_info(model, 2, &info));
    assert_string_equal(info.name, "1.weight");
    assert_true(info.shape.rank == 2 && info.shape.dim[0] == 2 && info.trained && !info.frozen);
    assert_ok(clade_model_parameter_info(model, 0, &info));
    assert_true(info.trained && info.frozen);
    assert_fails(clade_model_parameter_info(model, 4, &info), CLADE_EINVAL, "parameter 4 of 4");
    assert_fails(clade_model_parameter(model, -1, &none), CLADE_EINVAL, "parameter -1 of 4");
    assert_fails(clade_model_gradient(model, 4, &none), CLADE_EINVAL, "parameter 4 of 4");
    assert_fails(clade_model_gradient(model, 0, &none), CLADE_ESTATE, "gradient: '0.weight' is frozen");
    if (model->exe.parameters[2].stepped)
        assert_fails(clade_model_gradient(model, 2, &none), CLADE_ESTATE,
                     "gradient: the optimizer's step of '1.weight' is done inside a gemm, and its gradient is "
                     "not stored: compile with keep_gradients");
    model->graph.parameters[3].trained = false;
    assert_fails(clade_model_gradient(model, 3, &none), CLADE_ESTATE, "gradient: '1.bias' is state");
    model->graph.parameters[3].trained = true;

    /* The tensor is the model's own: without the weight the output is the bias. */
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(1, 2), NULL);
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(1, 3), (float[]){1, 2, 3}), *bias;
    clade_tensor *label = test_tensor_int(*state, CLADE_SHAPE(1), (int32_t[]){1});
    const clade_tensor *inputs[] = {x};
    clade_batch batch = batch_of(inputs, 1, label);
    assert_ok(clade_model_parameter(model, 2, &weight));
    assert_ok(clade_model_parameter(model, 3, &bias));
    assert_ok(clade_tensor_write(weight, (float[6]){0}));
    assert_ok(clade_forward(model, &batch, y));
    float *got = test_read(y), *want = test_read(bias);
    assert_memory_equal(got, want, 2 * sizeof *got);

    /* A rate of 0 changes nothing; the rate of a group follows. */
    assert_ok(clade_set_lr(model, 0.0f));
    assert_ok(clade_step(model, &batch, NULL));
    float *still = test_read(bias);
    assert_memory_equal(still, want, 2 * sizeof *got);
    assert_ok(clade_set_lr(model, 1.0f));
    assert_ok(clade_step(model, &batch, NULL));
    float *moved = test_read(bias);
    float p1 = 1.0f / (1.0f + expf(want[0] - want[1])); /* softmax of two */
    assert_true(fabsf(moved[1] - (want[1] + 0.5f * (1.0f - p1))) < 1e-5f);
    float *all[] = {got, want, still, moved};
    for (int i = 0; i < 4; i++) free(all[i]);
    clade_tensor *of[] = {x, y, label};
    for (int i = 0; i < 3; i++) clade_tensor_free(of[i]);
    clade_model_free(model);
}

/* ---- what is refused ------------------------------------------------------------------------------ */

typedef clade_status call(clade_model *model, const clade_batch *batch, clade_tensor *loss);

/* By both that train with a batch. */
static void refuse(clade_model *model, const clade_batch *batch, clade_tensor *loss, clade_status status,
                   const char *part)
{
    static call *const calls[] = {clade_gradients, clade_step};
    for (int i = 0; i < 2; i++) assert_fails(calls[i](model, batch, loss), status, part);
}

static void wrong_batches_are_refused(void **state)
{
    clade_device *other = test_open_again(state);
    clade_model *model = net_model(*state, 5, "{\"input\":[6],\"layers\":[" LINEAR(4) "]}",
                                   &(clade_compile_options){.batch = 8, .keep_gradients = true});
    clade_model *numbers = net_model(*state, 5, "{\"input\":[6],\"layers\":[" LINEAR(4) "]}",
                                     &(clade_compile_options){.loss = CLADE_LOSS_MSE, .batch = 8});
    clade_tensor *x = test_tensor(*state, CLADE_SHAPE(8, 6), NULL);
    clade_tensor *away = test_tensor(other, CLADE_SHAPE(8, 6), NULL);
    clade_tensor *wide = test_tensor(*state, CLADE_SHAPE(6, 8), NULL);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(8, 4), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(8), (int32_t[8]){0});
    clade_tensor *three = test_tensor(*state, CLADE_SHAPE(3), NULL);
    const clade_tensor *inputs[] = {x, x};
    clade_batch good = batch_of(inputs, 8, labels), bad = good;
    assert_ok(clade_gradients(model, &good, NULL));
    double *before = net_parameters(model);

    bad.n = 0;
    refuse(model, &bad, NULL, CLADE_EINVAL, "a batch of 0 samples, want at least 1");
    assert_fails(clade_forward(model, &bad, y), CLADE_EINVAL, "forward: a batch of 0 samples");
    bad.n = 9;
    refuse(model, &bad, NULL, CLADE_ESHAPE, "a batch of 9 samples, and the model is compiled for 8: compile");
    assert_fails(clade_forward(model, &bad, y), CLADE_ESHAPE, "forward: input is (8, 6), want (9, 6)");
    bad = good;
    bad.n_inputs = 2;
    refuse(model, &bad, NULL, CLADE_EINVAL, "2 inputs, and the network has 1; the first is 'input'");
    bad.inputs = NULL;
    refuse(model, &bad, NULL, CLADE_EINVAL, "inputs is NULL");
    bad = good;
    inputs[0] = NULL;
    refuse(model, &bad, NULL, CLADE_EINVAL, "input is NULL");
    inputs[0] = away;
    refuse(model, &bad, NULL, CLADE_EINVAL, "input is on another device");
    inputs[0] = labels;
    refuse(model, &bad, NULL, CLADE_ESHAPE, "input is int32, want float32");
    inputs[0] = wide;
    refuse(model, &bad, NULL, CLADE_ESHAPE, "input is (6, 8), want (8, 6)");
    inputs[0] = x;
    bad.answers = NULL;
    refuse(model, &bad, NULL, CLADE_EINVAL, "answers is NULL");
    refuse(numbers, &bad, NULL, CLADE_EINVAL, "answers is NULL");
    bad.answers = y;
    refuse(model, &bad, NULL, CLADE_ESHAPE, "answers is float32, want int32");
    bad.answers = x;
    refuse(numbers, &bad, NULL, CLADE_ESHAPE, "answers is (8, 6), want (8, 4)");
    bad.n = 7;
    inputs[0] = test_tensor(*state, CLADE_SHAPE(7, 6), NULL);
    bad.answers = labels;
    refuse(model, &bad, NULL, CLADE_ESHAPE, "answers is (8), want (7)");
    clade_tensor_free((clade_tensor *)inputs[0]);
    inputs[0] = x;

    refuse(model, &good, labels, CLADE_ESHAPE, "loss is int32, want float32");
    refuse(model, &good, three, CLADE_ESHAPE, "loss has 3 elements, want 1, or one for each of 1 losses");
    assert_fails(clade_forward(model, &good, x), CLADE_ESHAPE, "forward: y is (8, 6), want (8, 4)");
    bad = good;
    bad.add = true;
    assert_fails(clade_step(model, &bad, NULL), CLADE_EINVAL, "is for clade_gradients");
    bad.add = false;
    bad.step_samples = 16;
    assert_fails(clade_step(model, &bad, NULL), CLADE_EINVAL, "is for clade_gradients");
    bad.step_samples = -1;
    assert_fails(clade_gradients(model, &bad, NULL), CLADE_EINVAL, "step_samples is -1, and the parts so far");

    double *after = net_parameters(model);
    assert_memory_equal(before, after, 28 * sizeof *before);
    free(before);
    free(after);
    clade_model_free(model);
    clade_model_free(numbers);
    clade_tensor *all[] = {x, away, wide, y, labels, three};
    for (int i = 0; i < 6; i++) clade_tensor_free(all[i]);
    clade_device_free(other);
}

static void calls_in_the_wrong_order_are_refused(void **state)
{
    clade_model *named, *model;
    clade_tensor *none, *x = test_tensor(*state, CLADE_SHAPE(2, 6), NULL);
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(2, 1), (int32_t[]){1, 2});
    const clade_tensor *inputs[] = {x, labels};
    clade_batch batch = {.n = 2, .inputs = inputs, .n_inputs = 2, .answers = labels};
    assert_ok(clade_model_create(&named, *state, 1));
    clade_node *input = clade_input_named(named, "x", CLADE_FLOAT32, CLADE_SHAPE(6));
    clade_node *y = clade_linear(input, 4);
    clade_node *target = clade_input_named(named, "labels", CLADE_INT32, CLADE_SHAPE(1));
    assert_ok(clade_add_loss(y, target, &(clade_loss_options){.weight = 0.5f}));
    assert_ok(clade_compile(named, y, NULL));
    refuse(named, &batch, NULL, CLADE_EINVAL, "answers are given, and the network's losses have inputs as "
                                              "targets, such as 'labels'");
    batch.answers = NULL;
    assert_ok(clade_step(named, &batch, NULL));
    if (named->exe.parameters[0].stepped) {
        assert_fails(clade_gradients(named, &batch, NULL), CLADE_ESTATE, "compile with keep_gradients");
        assert_fails(clade_update(named), CLADE_ESTATE, "update: the optimizer's step of '0.weight' is done");
    }
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *output = clade_linear(clade_input(model, CLADE_SHAPE(6)), 4);
    assert_non_null(output);
    refuse(model, &batch, NULL, CLADE_ESTATE, "the model is not compiled for training: call clade_compile");
    assert_fails(clade_forward(model, &batch, x), CLADE_ESTATE, "forward: the model is not compiled");
    assert_fails(clade_update(model), CLADE_ESTATE, "update: the model is not compiled for training");
    assert_fails(clade_model_parameter(model, 0, &none), CLADE_ESTATE, "parameter: the model is not compiled");
    assert_null(none);
    assert_fails(clade_model_gradient(model, 0, &none), CLADE_ESTATE, "gradient: the model is not compiled");
    assert_fails(clade_set_lr(model, 0.1f), CLADE_ESTATE, "set_lr: the model is not compiled for training");
    assert_true(clade_model_lr(model) == 0.0f);
    assert_ok(clade_compile(model, output, NULL));
    assert_fails(clade_set_lr(model, -1.0f), CLADE_EINVAL, "set_lr: lr is -1, want a finite number, at least 0");
    assert_fails(clade_set_lr(model, NAN), CLADE_EINVAL, "set_lr: lr is ");
    assert_fails(clade_set_lr(model, INFINITY), CLADE_EINVAL, "set_lr: lr is inf");
    int32_t order[4];
    assert_fails(clade_shuffle(order, 0, 1, 0), CLADE_EINVAL, "shuffle: 0 samples in epoch 0, want 1 to");
    assert_fails(clade_shuffle(order, 4, 1, -1), CLADE_EINVAL, "in epoch -1");
    assert_fails(clade_model_shuffle(model, order, -3), CLADE_EINVAL, "shuffle: -3 samples");
    assert_int_equal(model->session.epoch, 0);
    clade_model_free(model);
    clade_model_free(named);
    clade_tensor_free(x);
    clade_tensor_free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_found_by_name),
        cmocka_unit_test(wrong_batches_are_refused),
        cmocka_unit_test(calls_in_the_wrong_order_are_refused),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
