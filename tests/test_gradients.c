/* Whole models: loss, output and every parameter's gradient, all of its elements, of a recorded training pass
 * against the formulas in double precision. test_gradcheck holds those against central differences. */
#include "network.h"
#include "reference.h"

/* Of the largest element of a gradient. Its terms come out of three layers with sums of up to 24 terms, and
 * of functions that OpenCL allows to be off by 16 units in the last place: (3 * 24 + 16) 2^-24 is 5e-6, and
 * where terms cancel the largest is not as large as they are. */
#define TOLERANCE 1e-5

/* The batch of the layout, and a smaller one as the last of an epoch is. */
enum { BATCH = 13, SHORT_BATCH = 5 };

#define CROSS_ENTROPY CLADE_LOSS_CROSS_ENTROPY
#define MSE           CLADE_LOSS_MSE
#define BCE           CLADE_LOSS_BCE_WITH_LOGITS
#define NAMED(type, name) "{\"type\":\"" type "\",\"name\":\"" name "\"}"

/* A linear and its activation as the plan fuses them, and kept apart by a second user. */
#define FUSED(activation) \
    "{\"input\":[6],\"layers\":[" LINEAR(7) ",{\"type\":\"" activation "\"}," LINEAR(4) "]}"
#define APART(activation)                                                                         \
    "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":5,\"name\":\"h\"},"                \
    "{\"type\":\"" activation "\",\"name\":\"a\"},{\"type\":\"add\",\"inputs\":[\"h\",\"a\"]},"    \
    LINEAR(4) "]}"
#define REDUCED(layer) \
    "{\"input\":[2,3,4],\"layers\":[{\"type\":\"flatten\"}," LINEAR(12) ",{\"type\":\"tanh\"}," layer "]}"

#define CUT(layers)                                                                                \
    "{\"input\":[2,3,4],\"layers\":[{\"type\":\"linear\",\"units\":6,\"name\":\"h\"}," layers      \
    ",{\"type\":\"flatten\",\"name\":\"all\"}," LINEAR(4) "]}"
#define SLICE(name, options) \
    "{\"type\":\"slice\",\"name\":\"" name "\",\"inputs\":[\"h\"]," options "}"
#define JOIN(type, inputs) "{\"type\":\"" type "\",\"inputs\":[" inputs "]}"

#define POOLED(layers)                                                                             \
    "{\"input\":[2,6,5],\"layers\":[{\"type\":\"linear\",\"units\":8,\"name\":\"h\"}," layers         \
    ",{\"type\":\"flatten\",\"name\":\"all\"}," LINEAR(4) "]}"

#define AND_OUT ",{\"type\":\"flatten\",\"name\":\"all\"}," LINEAR(4) "]}"
#define RESIDUAL(layers, inputs, activation)                                                       \
    "{\"input\":[2,6,5],\"layers\":[" LINEAR(8) "," NAMED("tanh", "t") "," layers                     \
    NAMED("batch_norm", "n") "," JOIN("add", inputs) ",{\"type\":\"" activation "\"}"

typedef struct net_case {
    const char *what, *json;
    clade_loss loss;
    int n_classes; /* 0: numbers as targets */
} net_case;

static const net_case networks[] = {
    {"one linear", "{\"input\":[6],\"layers\":[" LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"no bias", "{\"input\":[2,3],\"layers\":[{\"type\":\"flatten\"},{\"type\":\"linear\",\"units\":4,\"bias\":false}]}",
     CROSS_ENTROPY, 3},
    {"sigmoid", FUSED("sigmoid"), CROSS_ENTROPY, 4},
    {"tanh", FUSED("tanh"), CROSS_ENTROPY, 4},
    {"relu", FUSED("relu"), CROSS_ENTROPY, 4},
    {"leaky_relu", FUSED("leaky_relu\",\"slope\":0.2,\"name\":\"a"), CROSS_ENTROPY, 4},
    {"gelu", FUSED("gelu"), CROSS_ENTROPY, 4},
    {"sigmoid apart", APART("sigmoid"), CROSS_ENTROPY, 4},
    {"tanh apart", APART("tanh"), CROSS_ENTROPY, 4},
    {"relu apart", APART("relu"), CROSS_ENTROPY, 4},
    {"leaky_relu apart", APART("leaky_relu"), CROSS_ENTROPY, 4},
    {"gelu apart", APART("gelu"), CROSS_ENTROPY, 4},
    {"activations in a row",
     "{\"input\":[6],\"layers\":[" LINEAR(5) ",{\"type\":\"tanh\"},{\"type\":\"gelu\"},"
     "{\"type\":\"leaky_relu\"},{\"type\":\"sigmoid\"}," LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"ends in an activation", "{\"input\":[6],\"layers\":[" LINEAR(3) ",{\"type\":\"sigmoid\"}]}",
     MSE, 3},
    {"starts with an activation",
     "{\"input\":[6],\"layers\":[{\"type\":\"tanh\"}," LINEAR(3) "]}", MSE, 3},
    {"dropout", FUSED("dropout"), CROSS_ENTROPY, 4},
    {"dropout after an epilogue",
     "{\"input\":[6],\"layers\":[" LINEAR(8) ",{\"type\":\"relu\"},{\"type\":\"dropout\"}," LINEAR(4)
     "]}", CROSS_ENTROPY, 4},
    {"dropout and an activation",
     "{\"input\":[6],\"layers\":[" LINEAR(8) ",{\"type\":\"dropout\"},{\"type\":\"tanh\"}," LINEAR(4)
     "]}", CROSS_ENTROPY, 4},
    {"dropout of the input and the output",
     "{\"input\":[2,6],\"layers\":[{\"type\":\"dropout\",\"p\":0.2},{\"type\":\"flatten\"}," LINEAR(4)
     ",{\"type\":\"dropout\",\"p\":0.1}]}", MSE, 0},
    {"a dropout and what it drops of",
     "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":5,\"name\":\"a\"}," NAMED("dropout", "d")
     ",{\"type\":\"add\",\"inputs\":[\"a\",\"d\"]}," LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"softmax", FUSED("softmax"), CROSS_ENTROPY, 4},
    {"softmax, mse", "{\"input\":[6],\"layers\":[" LINEAR(4) ",{\"type\":\"softmax\"}]}", MSE, 4},
    {"log_softmax", FUSED("log_softmax"), CROSS_ENTROPY, 4},
    {"log_softmax last", "{\"input\":[6],\"layers\":[" LINEAR(4) ",{\"type\":\"log_softmax\"}]}",
     MSE, 4},
    {"sum", REDUCED("{\"type\":\"sum\"}"), MSE, 0},
    {"mean", REDUCED("{\"type\":\"mean\"}"), MSE, 0},
    {"max", REDUCED("{\"type\":\"max\"}"), BCE, 2},
    {"max of a vector", REDUCED("{\"type\":\"max\",\"dim\":0}"), MSE, 0},
    {"residual",
     "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":5,\"name\":\"a\"}," LINEAR(5) ","
     NAMED("relu", "b") ",{\"type\":\"add\",\"inputs\":[\"a\",\"b\"]}," LINEAR(4) "]}",
     CROSS_ENTROPY, 4},
    {"a and a",
     "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":4,\"name\":\"a\"},"
     "{\"type\":\"add\",\"inputs\":[\"a\",\"a\"]}]}", CROSS_ENTROPY, 4},
    {"a tanh and itself",
     "{\"input\":[6],\"layers\":[" LINEAR(4) "," NAMED("tanh", "t") ","
     "{\"type\":\"add\",\"inputs\":[\"t\",\"t\"],\"name\":\"s\"},"
     "{\"type\":\"add\",\"inputs\":[\"s\",\"t\"]}]}", MSE, 0},
    {"added to the input",
     "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":6,\"name\":\"a\"},"
     "{\"type\":\"add\",\"inputs\":[\"input\",\"a\"]}," LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"reductions of the input",
     "{\"input\":[3,4,5],\"layers\":[{\"type\":\"sum\",\"dim\":1},"
     "{\"type\":\"max\",\"dim\":0}," LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"mean and softmax of the input",
     "{\"input\":[3,4,5],\"layers\":[{\"type\":\"mean\",\"dim\":2},"
     "{\"type\":\"softmax\"},{\"type\":\"flatten\"}," LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"three users",
     "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":4,\"name\":\"h\"},"
     "{\"type\":\"relu\",\"name\":\"r\"},"
     "{\"type\":\"tanh\",\"inputs\":[\"h\"],\"name\":\"t\"},"
     "{\"type\":\"gelu\",\"inputs\":[\"h\"],\"name\":\"g\"},"
     "{\"type\":\"add\",\"inputs\":[\"r\",\"t\"],\"name\":\"rt\"},"
     "{\"type\":\"add\",\"inputs\":[\"rt\",\"g\"]}]}", CROSS_ENTROPY, 4},
    {"concat", CUT(NAMED("tanh", "t") "," JOIN("concat", "\"t\",\"h\",\"input\",\"t\"")), CROSS_ENTROPY, 4},
    {"concat, and its input once more", /* whose gradient is there already */
     CUT(JOIN("concat", "\"h\",\"input\"") "," NAMED("tanh", "t") "," JOIN("concat", "\"t\",\"h\"")),
     CROSS_ENTROPY, 4},
    {"concat of the first dimension",
     CUT(NAMED("gelu", "g") ",{\"type\":\"concat\",\"inputs\":[\"h\",\"g\"],\"dim\":0}"), MSE, 4},
    {"concat of one", CUT("{\"type\":\"concat\"},{\"type\":\"tanh\"}"), CROSS_ENTROPY, 4},
    {"slice", CUT(SLICE("a", "\"dim\":1,\"start\":-2,\"length\":2")), CROSS_ENTROPY, 4},
    {"slice of the first dimension", CUT(SLICE("a", "\"dim\":-3,\"start\":1,\"length\":1")), MSE, 0},
    {"slice of all", CUT(SLICE("a", "\"length\":6") ",{\"type\":\"tanh\"}"), CROSS_ENTROPY, 4},
    {"sliced twice, and added", /* parts that overlap, and the whole */
     CUT(SLICE("a", "\"length\":3") "," SLICE("b", "\"start\":2,\"length\":3") ","
         "{\"type\":\"concat\",\"name\":\"c\",\"inputs\":[\"a\",\"b\"]}," JOIN("add", "\"h\",\"c\"")),
     CROSS_ENTROPY, 4},
    {"added, and sliced twice", /* the same, whose gradients come in another order */
     CUT(JOIN("add", "\"h\",\"h\"") "," SLICE("a", "\"length\":3") ","
         SLICE("b", "\"start\":2,\"length\":3") "," JOIN("concat", "\"1\",\"a\",\"b\"")),
     CROSS_ENTROPY, 4},
    {"split", CUT("{\"type\":\"split\",\"name\":\"s\",\"sizes\":[2,1,3]},"
                  JOIN("concat", "\"s:2\",\"s\",\"s:1\",\"s:2\"")), CROSS_ENTROPY, 4},
    {"split, and a part that is not used",
     CUT("{\"type\":\"split\",\"name\":\"s\",\"sizes\":[2,1],\"dim\":1},"
         JOIN("relu", "\"s:1\"")), MSE, 4},
    {"split of a tanh, and the tanh",
     CUT(NAMED("tanh", "t") ",{\"type\":\"split\",\"name\":\"s\",\"sizes\":[3,3]},"
         JOIN("add", "\"s:1\",\"s\"") "," JOIN("concat", "\"3\",\"t\",\"s:1\"")), CROSS_ENTROPY, 4},
    {"split into one", CUT("{\"type\":\"split\",\"sizes\":[6]},{\"type\":\"tanh\"}"), MSE, 0},
    {"multiply, by itself and another",
     CUT(NAMED("tanh", "t") "," JOIN("multiply", "\"t\",\"t\"") "," JOIN("multiply", "\"h\",\"2\"")),
     CROSS_ENTROPY, 4},
    {"multiply by what needs no gradient",
     "{\"input\":[6],\"layers\":[" LINEAR(6) "," JOIN("multiply", "\"input\",\"0\"") "," LINEAR(4) "]}",
     CROSS_ENTROPY, 4},
    {"reshape", POOLED("{\"type\":\"reshape\",\"shape\":[4,-1]}," LINEAR(3)), CROSS_ENTROPY, 4},
    {"upsample, and what goes in",
     POOLED("{\"type\":\"max_pool2d\",\"kernel_size\":2,\"name\":\"m\"},{\"type\":\"upsample\","
            "\"scale_factor\":2,\"name\":\"u\"}," JOIN("add", "\"h\",\"u\"")), CROSS_ENTROPY, 4},
    {"group_norm, and what goes in",
     POOLED("{\"type\":\"tanh\",\"name\":\"t\"},{\"type\":\"group_norm\",\"num_groups\":2,\"name\":\"g\"},"
            JOIN("concat", "\"t\",\"g\"")), CROSS_ENTROPY, 4},
    {"group_norm of all", POOLED("{\"type\":\"group_norm\",\"num_groups\":1,\"affine\":false}"), CROSS_ENTROPY, 4},
    {"batch_norm", POOLED("{\"type\":\"batch_norm\",\"eps\":0.1}"), CROSS_ENTROPY, 4},
    {"batch_norm and its relu", POOLED("{\"type\":\"batch_norm\",\"eps\":0.01},{\"type\":\"relu\"}"),
     CROSS_ENTROPY, 4},
    {"batch_norm and its leaky_relu",
     POOLED("{\"type\":\"batch_norm\",\"affine\":false},{\"type\":\"leaky_relu\",\"slope\":0.3}"), CROSS_ENTROPY, 4},
    {"an add and its relu",
     "{\"input\":[6],\"layers\":[" LINEAR(7) "," NAMED("tanh", "t") "," LINEAR(7) "," NAMED("tanh", "u") ","
     JOIN("add", "\"t\",\"u\"") "," RELU "," LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"an add and its gelu",
     "{\"input\":[6],\"layers\":[" LINEAR(7) "," NAMED("tanh", "t") "," LINEAR(7) "," NAMED("tanh", "u") ","
     JOIN("add", "\"t\",\"u\"") ",{\"type\":\"gelu\"}," LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"batch_norm, an add and its relu", RESIDUAL(LINEAR(8) ",", "\"t\",\"n\"", "relu") AND_OUT, CROSS_ENTROPY, 4},
    {"batch_norm, an add and its sigmoid", RESIDUAL(LINEAR(8) ",", "\"n\",\"t\"", "sigmoid") AND_OUT, CROSS_ENTROPY, 4},
    {"batch_norm, an add and its gelu", RESIDUAL(LINEAR(8) ",", "\"n\",\"t\"", "gelu") AND_OUT, CROSS_ENTROPY, 4},
    {"batch_norm and its input, added", RESIDUAL("", "\"n\",\"t\"", "leaky_relu") AND_OUT, CROSS_ENTROPY, 4},
    {"the same, with a gradient that has another owner", /* relu's is not made in its place */
     RESIDUAL("", "\"t\",\"n\"", "relu\",\"name\":\"r") "," JOIN("add", "\"r\",\"t\"") AND_OUT, CROSS_ENTROPY, 4},
    {"batch_norm of two branches", /* the later one takes the add */
     RESIDUAL("{\"type\":\"batch_norm\",\"name\":\"m\"}," LINEAR(8) ",", "\"m\",\"n\"", "relu") AND_OUT, CROSS_ENTROPY, 4},
    {"batch_norm, an add of the input and its relu",
     "{\"input\":[2,6,5],\"layers\":[" LINEAR(5) ",{\"type\":\"batch_norm\",\"name\":\"n\"},"
     JOIN("add", "\"input\",\"n\"") "," RELU ",{\"type\":\"flatten\"}," LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"batch_norm without a gradient, an add and its relu",
     "{\"input\":[2,6,5],\"layers\":[{\"type\":\"linear\",\"units\":5,\"name\":\"h\"},"
     "{\"type\":\"batch_norm\",\"name\":\"n\",\"inputs\":[\"input\"],\"affine\":false},"
     JOIN("add", "\"h\",\"n\"") "," RELU ",{\"type\":\"flatten\"}," LINEAR(4) "]}", CROSS_ENTROPY, 4},
    {"two of batch_norm, and what goes in", /* gradients that are added */
     POOLED("{\"type\":\"tanh\",\"name\":\"t\"},{\"type\":\"batch_norm\",\"name\":\"m\"},"
            "{\"type\":\"batch_norm\",\"name\":\"n\",\"inputs\":[\"t\"],\"affine\":false},"
            JOIN("concat", "\"t\",\"m\",\"n\"")), CROSS_ENTROPY, 4},
    {"conv_transpose2d, and what goes in", /* with an activation of its own, and gradients that are added */
     POOLED("{\"type\":\"tanh\",\"name\":\"t\"},{\"type\":\"conv_transpose2d\",\"out_channels\":3,\"kernel_size\":"
            "[2,3],\"stride\":2,\"padding\":[0,1],\"output_padding\":1,\"name\":\"c\"},{\"type\":\"relu\"},"
            "{\"type\":\"flatten\",\"name\":\"a\"},{\"type\":\"flatten\",\"inputs\":[\"t\"],\"name\":\"b\"},"
            JOIN("concat", "\"a\",\"b\"")), CROSS_ENTROPY, 4},
    {"max_pool2d", POOLED("{\"type\":\"max_pool2d\",\"kernel_size\":2}"), CROSS_ENTROPY, 4},
    {"max_pool2d, windows that overlap",
     POOLED("{\"type\":\"max_pool2d\",\"kernel_size\":3,\"stride\":2,\"padding\":1}"), CROSS_ENTROPY, 4},
    {"pooled twice, and what is pooled", /* gradients that are added */
     POOLED("{\"type\":\"tanh\",\"name\":\"t\"},{\"type\":\"max_pool2d\",\"kernel_size\":3,\"stride\":1,"
            "\"padding\":1,\"name\":\"m\"},{\"type\":\"avg_pool2d\",\"inputs\":[\"t\"],\"kernel_size\":3,"
            "\"stride\":1,\"padding\":1,\"name\":\"a\"},"
            JOIN("concat", "\"t\",\"m\",\"a\"")), CROSS_ENTROPY, 4},
    {"avg_pool2d", POOLED("{\"type\":\"avg_pool2d\",\"kernel_size\":[3,2]}"), MSE, 4},
    {"adaptive_avg_pool2d", POOLED("{\"type\":\"adaptive_avg_pool2d\",\"output_size\":[4,3]}"), MSE, 4},
    {"adaptive_avg_pool2d of all",
     POOLED("{\"type\":\"tanh\",\"name\":\"t\"},{\"type\":\"adaptive_avg_pool2d\",\"output_size\":1},"
            "{\"type\":\"flatten\",\"name\":\"f\"}"), CROSS_ENTROPY, 4},
    {"mse, labels", FUSED("tanh"), MSE, 4},
    {"mse, numbers", FUSED("tanh"), MSE, 0},
    {"mse, one output", "{\"input\":[6],\"layers\":[" LINEAR(1) "]}", MSE, 2},
    {"bce, labels", FUSED("tanh"), BCE, 4},
    {"bce, numbers", FUSED("tanh"), BCE, 0},
    {"bce, one output", "{\"input\":[6],\"layers\":[" LINEAR(1) "]}", BCE, 2},
};
enum { N_NETWORKS = sizeof networks / sizeof networks[0] };

static void write_doubles(clade_tensor *tensor, const double *values)
{
    int64_t n = clade_tensor_elements(tensor);
    float *narrow = malloc((size_t)n * sizeof *narrow);
    assert_non_null(narrow);
    for (int64_t i = 0; i < n; i++) narrow[i] = (float)values[i];
    assert_ok(clade_tensor_write(tensor, narrow));
    free(narrow);
}

static void feed(clade__plan *plan, const net_batch *batch)
{
    write_doubles(&plan->inputs[0], batch->x);
    if (batch->labels)
        assert_ok(clade_tensor_write(&plan->losses[0].labels, batch->labels));
    else
        write_doubles(&plan->losses[0].target, batch->targets);
}

static void check_gradients(const net_case *network, const clade_model *model, const double *want)
{
    for (int p = 0; p < model->graph.n_parameters; p++) {
        int64_t n = clade_shape_elements(model->graph.parameters[p].shape);
        if (!model->graph.parameters[p].trained) { /* state has none */
            want += n;
            continue;
        }
        float *got = test_read(model->session.parameters[p].grad);
        double largest = 0.0;
        for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(want[i]));
        assert_true(largest > 1e-4); /* else nothing is tested */
        for (int64_t i = 0; i < n; i++)
            if (!(fabs((double)got[i] - want[i]) <= TOLERANCE * largest))
                fail_msg("%s: the gradient of %s [%lld] is %g, want %g", network->what,
                         model->graph.parameters[p].name, (long long)i, (double)got[i], want[i]);
        free(got);
        want += n;
    }
}

static void check_pass(const net_case *network, clade_model *model, int64_t n)
{
    clade__plan plan;
    clade__commands *commands;
    net_batch batch = net_random_batch(model, 11 + (uint64_t)n, n, network->n_classes);
    double *parameters = net_parameters(model);
    batch.step = model->session.numbers.mask_step = 7;
    assert_ok(clade__plan_open(&plan, &(clade__plan_options){&model->exe, &model->session, true, n,
                                                             batch.labels != NULL}));
    assert_ok(clade__commands_create(&commands, model->device));
    assert_ok(clade__plan_record(&plan, commands, true));
    double *gradient = net_gradient(model, parameters, &batch);
    for (int times = 0; times < 2; times++) { /* nothing of a run is left for the next */
        feed(&plan, &batch);
        assert_ok(clade__commands_run(commands));
        check_gradients(network, model, gradient);
    }
    float *losses = test_read(&plan.losses[0].loss), *y = test_read(&plan.y);
    double *want_y = net_forward(model, parameters, &batch), mean = 0.0;
    test_assert_close(network->what, y, want_y, clade_tensor_elements(&plan.y), 1e-5, 1e-5);
    for (int64_t i = 0; i < n; i++) mean += (double)losses[i] / (double)n;
    assert_true(fabs(mean - net_loss(model, parameters, &batch)) <= 1e-5);

    clade__commands_free(commands);
    clade__plan_close(&plan);
    net_free_batch(&batch);
    free(parameters);
    free(gradient);
    free(losses);
    free(y);
    free(want_y);
}

static void gradients_are_those_of_the_formulas(void **state)
{
    for (int i = 0; i < N_NETWORKS; i++) {
        clade_model *model = net_model(*state, 3, networks[i].json,
                                       &(clade_compile_options){.loss = networks[i].loss,
                                                                .keep_gradients = true,
                                                                .batch = BATCH});
        check_pass(&networks[i], model, BATCH);
        check_pass(&networks[i], model, SHORT_BATCH);
        check_pass(&networks[i], model, 1);
        clade_model_free(model);
    }
}

/* A pass reads its batch and nothing else: whatever the workspace holds, the result is the same. */
static void nothing_is_read_before_it_is_written(void **state)
{
    for (int i = 0; i < N_NETWORKS; i++) {
        clade_model *model = net_model(*state, 3, networks[i].json,
                                       &(clade_compile_options){.loss = networks[i].loss,
                                                                .keep_gradients = true,
                                                                .batch = BATCH});
        assert_ok(clade__model_materialize(model));
        for (int slot = 0; slot < model->exe.train_layout->n_slots; slot++) {
            int64_t n = (int64_t)(model->exe.train_layout->slot_bytes[slot] / sizeof(float));
            clade_tensor all = clade__tensor_view(model->device, model->session.workspace[slot],
                                                  CLADE_FLOAT32, CLADE_SHAPE(n));
            assert_ok(clade_tensor_fill(&all, NAN));
        }
        check_pass(&networks[i], model, BATCH);
        clade_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_formulas),
        cmocka_unit_test(nothing_is_read_before_it_is_written),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
