/* Gradients against central differences: the library's check, the command, and that both find a
 * kernel that is broken on purpose, by a text of ours in place of an embedded one. */
#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>

#include "base/file.h"
#include "command.h"
#include "device/program.h"
#include "graph/reference.h"
#include "network.h"

/* Between two linears, so that there is a gradient on both sides. */
#define BETWEEN(layer)                                                                             \
    "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":5}," layer                          \
    ",{\"type\":\"linear\",\"units\":4}]}"
#define REDUCED(type)                                                                              \
    "{\"input\":[2,3,4],\"layers\":[{\"type\":\"flatten\"},{\"type\":\"linear\",\"units\":12},{\"type\":\"" type "\"}]}"

#define POOLED(layer)                                                                              \
    "{\"input\":[2,5,6],\"layers\":[{\"type\":\"linear\",\"units\":7}," layer                     \
    ",{\"type\":\"flatten\"},{\"type\":\"linear\",\"units\":4}]}"

typedef struct net_case {
    const char *layer, *json;
    clade_loss loss;
    int n_classes; /* 0: numbers as targets */
} net_case;

static const net_case networks[] = {
    {"linear", "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":4}]}",
     CLADE_LOSS_CROSS_ENTROPY, 4},
    {"sigmoid", BETWEEN("{\"type\":\"sigmoid\"}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"tanh", BETWEEN("{\"type\":\"tanh\"}"), CLADE_LOSS_MSE, 4},
    {"relu", BETWEEN("{\"type\":\"relu\"}"), CLADE_LOSS_BCE_WITH_LOGITS, 4},
    {"leaky_relu", BETWEEN("{\"type\":\"leaky_relu\",\"slope\":0.3}"), CLADE_LOSS_MSE, 0},
    {"gelu", BETWEEN("{\"type\":\"gelu\"}"), CLADE_LOSS_BCE_WITH_LOGITS, 0},
    {"dropout", BETWEEN("{\"type\":\"dropout\",\"p\":0.3}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"softmax", BETWEEN("{\"type\":\"softmax\"}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"log_softmax", BETWEEN("{\"type\":\"log_softmax\"}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"add", BETWEEN("{\"type\":\"tanh\",\"name\":\"t\"},{\"type\":\"add\",\"inputs\":[\"0\","
                    "\"t\"]}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"flatten", "{\"input\":[2,3],\"layers\":[{\"type\":\"linear\",\"units\":5},{\"type\":\"flatten\"},"
                "{\"type\":\"linear\",\"units\":4}]}", CLADE_LOSS_CROSS_ENTROPY, 4},
    {"sum", REDUCED("sum"), CLADE_LOSS_MSE, 0},
    {"mean", REDUCED("mean"), CLADE_LOSS_MSE, 0},
    {"max", REDUCED("max"), CLADE_LOSS_BCE_WITH_LOGITS, 2},
    {"conv2d", "{\"input\":[2,5,4],\"layers\":[{\"type\":\"conv2d\",\"out_channels\":4,\"kernel_size\":3,"
               "\"padding\":1},{\"type\":\"tanh\"},{\"type\":\"conv2d\",\"out_channels\":2,\"kernel_size\":"
               "[3,2],\"stride\":[2,1],\"padding\":[0,1],\"dilation\":[1,2],\"groups\":2},{\"type\":\"flatten\"},"
               "{\"type\":\"linear\",\"units\":3}]}", CLADE_LOSS_MSE, 0},
    {"conv_transpose2d",
     "{\"input\":[4,3,2],\"layers\":[{\"type\":\"conv_transpose2d\",\"out_channels\":4,\"kernel_size\":[3,2],"
     "\"stride\":[2,1],\"padding\":[1,0],\"output_padding\":1,\"dilation\":[1,2],\"groups\":2},"
     "{\"type\":\"tanh\"},{\"type\":\"conv_transpose2d\",\"out_channels\":1,\"kernel_size\":2,\"bias\":false},"
     "{\"type\":\"flatten\"},{\"type\":\"linear\",\"units\":3}]}", CLADE_LOSS_MSE, 0},
    {"concat", BETWEEN("{\"type\":\"tanh\",\"name\":\"t\"},{\"type\":\"concat\",\"inputs\":[\"0\",\"t\","
                       "\"0\"]}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"slice", BETWEEN("{\"type\":\"slice\",\"start\":-4,\"length\":3}"), CLADE_LOSS_MSE, 4},
    {"split", BETWEEN("{\"type\":\"split\",\"sizes\":[2,2,1],\"name\":\"s\"},{\"type\":\"add\","
                      "\"inputs\":[\"s:1\",\"s\"]}"), CLADE_LOSS_MSE, 0},
    {"group_norm", BETWEEN("{\"type\":\"linear\",\"units\":6},{\"type\":\"group_norm\",\"num_groups\":2,"
                           "\"eps\":0.1},{\"type\":\"tanh\"}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"group_norm", POOLED("{\"type\":\"group_norm\",\"num_groups\":1,\"affine\":false}"), CLADE_LOSS_MSE, 0},
    {"multiply", BETWEEN("{\"type\":\"tanh\",\"name\":\"t\"},{\"type\":\"multiply\",\"inputs\":[\"0\","
                         "\"t\"]}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"reshape", POOLED("{\"type\":\"reshape\",\"shape\":[7,-1]},{\"type\":\"tanh\"}"), CLADE_LOSS_MSE, 4},
    {"upsample", POOLED("{\"type\":\"upsample\",\"scale_factor\":[1,2]}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"batch_norm", /* which takes off a bias before it: that one's gradient is noise */
     "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":5,\"bias\":false},"
     "{\"type\":\"batch_norm\",\"eps\":0.01},{\"type\":\"tanh\"},{\"type\":\"linear\",\"units\":4}]}",
     CLADE_LOSS_CROSS_ENTROPY, 4},
    {"batch_norm", POOLED("{\"type\":\"batch_norm\",\"affine\":false}"), CLADE_LOSS_MSE, 0},
    {"max_pool2d", POOLED("{\"type\":\"max_pool2d\",\"kernel_size\":[2,3],\"stride\":[2,1],\"padding\":1,"
                          "\"dilation\":[1,2]}"), CLADE_LOSS_CROSS_ENTROPY, 4},
    {"avg_pool2d", POOLED("{\"type\":\"avg_pool2d\",\"kernel_size\":3,\"stride\":2,\"padding\":[1,0]}"),
     CLADE_LOSS_CROSS_ENTROPY, 4},
    {"avg_pool2d", POOLED("{\"type\":\"avg_pool2d\",\"kernel_size\":2,\"padding\":1,"
                          "\"count_include_pad\":false}"), CLADE_LOSS_MSE, 0},
    {"adaptive_avg_pool2d", POOLED("{\"type\":\"adaptive_avg_pool2d\",\"output_size\":[2,3]}"),
     CLADE_LOSS_CROSS_ENTROPY, 4},
};
enum { N_NETWORKS = sizeof networks / sizeof networks[0], N_SAMPLES = 13 };

typedef struct checked {
    clade_model *model;
    clade_data *data;
} checked;

static checked open_case(clade_device *device, const net_case *network)
{
    checked c = {.model = net_model(device, 3, network->json,
                                    &(clade_compile_options){.loss = network->loss, .batch = 10,
                                                             .keep_gradients = true})};
    net_batch batch = net_random_batch(c.model, 5, N_SAMPLES, network->n_classes);
    c.data = net_data(c.model, &batch, network->n_classes);
    net_free_batch(&batch);
    return c;
}

static void close_case(checked *c)
{
    clade_data_free(c->data);
    clade_model_free(c->model);
}

/* ---- the library ----------------------------------------------------------------------------- */

static void every_layer_and_loss_passes(void **state)
{
    for (int i = 0; i < N_NETWORKS; i++) {
        checked c = open_case(*state, &networks[i]);
        double *before = net_parameters(c.model), *after;
        clade_gradcheck_result result;
        assert_ok(clade_gradcheck(c.model, c.data,
                                  &(clade_gradcheck_options){.elements = CLADE_ALL}, &result));
        int n_trained = 0;
        for (int k = 0; k < c.model->graph.n_parameters; k++)
            n_trained += c.model->graph.parameters[k].trained;
        assert_int_equal(result.n_parameters, n_trained);
        assert_int_equal(result.samples, 8);
        for (int k = 0; k < result.n_parameters; k++) {
            const clade_gradcheck_parameter *p = &result.parameters[k];
            if (!p->passed || !(p->error <= 1e-5))
                fail_msg("%s: %s has error %g", networks[i].layer, p->name, p->error);
            assert_int_equal(p->checked, clade_shape_elements(p->shape));
        }
        assert_true(result.passed);
        after = net_parameters(c.model);
        assert_memory_equal(before, after,
                            (size_t)clade_model_n_parameters(c.model) * sizeof *before);
        clade_gradcheck_free(&result);
        free(before);
        free(after);
        close_case(&c);
    }
}

/* The formulas that tests compare gradients with. */
static void every_formula_has_its_gradient(void **state)
{
    for (int i = 0; i < N_NETWORKS; i++) {
        clade_model *model = net_model(*state, 3, networks[i].json,
                                       &(clade_compile_options){.loss = networks[i].loss});
        net_batch batch = net_random_batch(model, 5, N_SAMPLES, networks[i].n_classes);
        double *w = net_parameters(model);
        const double weights[] = {1.5, 0.25, 0.0, 2.0};
        batch.step = 7;
        for (int weighted = 0; weighted < 2; weighted++) {
            if (weighted) batch.weights = weights;
            if (weighted && networks[i].loss == CLADE_LOSS_CROSS_ENTROPY)
                model->graph.losses[0].label_smoothing = 0.2f;
            clade__reference *reference = net_reference(model, w, &batch);
            net_check_formulas(reference);
            clade__reference_free(reference);
        }
        free(w);
        net_free_batch(&batch);
        clade_model_free(model);
    }
}

/* The cases above, and the reference, know every layer that there is. */
static void no_layer_is_left_out(void **state)
{
    (void)state;
    for (int i = 0; clade__layer_type_at(i); i++) {
        const clade__layer_type *type = clade__layer_type_at(i);
        bool found = !clade__layer_type_has_gradient(type);
        for (int k = 0; k < N_NETWORKS; k++)
            found = found || strcmp(networks[k].layer, type->name) == 0;
        if (!found) fail_msg("no case for layer %s", type->name);
    }

    clade_model *model;
    clade__reference *reference;
    const double values[] = {3, 7, 7, 1, 9, 2, 9, 8}, *x = values;
    assert_ok(clade_model_create(&model, NULL, 1));
    clade_argmax(clade_input(model, CLADE_SHAPE(2, 2)), 1);
    assert_ok(clade__reference_create(&reference, model,
                                      &(clade__reference_batch){.n = 2, .x = &x}));
    clade__reference_forward(reference, 0);
    const double want[] = {1, 0, 0, 0}; /* the first of equals, as of 9 and 8 */
    for (int i = 0; i < 4; i++) assert_true(reference->y[1][i] == want[i]);
    clade__reference_free(reference);
    clade_model_free(model);
}

static void elements_are_a_sample(void **state)
{
    checked c = open_case(*state, &networks[1]);
    clade_gradcheck_result a, b;
    assert_ok(clade_gradcheck(c.model, c.data, NULL, &a));
    assert_int_equal(a.parameters[0].checked, 20); /* of 30 */
    assert_int_equal(a.parameters[1].checked, 5);
    assert_true(a.tolerance == 1e-3);
    assert_string_equal(a.parameters[0].name, "0.weight");
    assert_int_equal(a.parameters[0].shape.dim[1], 6);
    assert_ok(clade_gradcheck(c.model, c.data,
                              &(clade_gradcheck_options){.elements = 3, .samples = 1000}, &b));
    assert_int_equal(b.parameters[0].checked, 3);
    assert_int_equal(b.samples, 10); /* the batch */
    clade_gradcheck_free(&b);

    /* The same seed takes the same elements, another seed others. */
    assert_ok(clade_gradcheck(c.model, c.data, NULL, &b));
    assert_true(a.parameters[0].error == b.parameters[0].error);
    clade_gradcheck_free(&b);
    assert_ok(clade_gradcheck(c.model, c.data, &(clade_gradcheck_options){.seed = 1}, &b));
    assert_true(a.parameters[0].error != b.parameters[0].error);
    clade_gradcheck_free(&b);

    /* No float32 is as near as this. */
    assert_ok(clade_gradcheck(c.model, c.data, &(clade_gradcheck_options){.tolerance = 1e-15}, &b));
    assert_false(b.passed);
    clade_gradcheck_free(&b);
    clade_gradcheck_free(&a);
    close_case(&c);
}

/* The kink of relu is 2e-6 away for one of two samples. */
static void a_kink_that_is_near_is_not_crossed(void **state)
{
    static const char json[] = "{\"input\":[1],\"layers\":[{\"type\":\"linear\",\"units\":1},"
                               "{\"type\":\"relu\"},{\"type\":\"linear\",\"units\":1}]}";
    static const float weight = 1.0f, bias = -0.999998f;
    clade_model *model = net_model(*state, 3, json,
                                   &(clade_compile_options){.loss = CLADE_LOSS_MSE, .batch = 2,
                                                            .keep_gradients = true});
    net_batch batch = net_random_batch(model, 5, 2, 0);
    batch.x[0] = 1.0;
    batch.x[1] = 2.0;
    clade_data *data = net_data(model, &batch, 0);
    clade_gradcheck_result result;
    assert_ok(clade__model_materialize(model));
    assert_ok(clade_tensor_write(model->session.parameters[0].value, &weight));
    assert_ok(clade_tensor_write(model->session.parameters[1].value, &bias));
    assert_ok(clade_gradcheck(model, data, NULL, &result));
    for (int i = 0; i < result.n_parameters; i++) assert_true(result.parameters[i].error <= 1e-5);
    clade_gradcheck_free(&result);
    clade_data_free(data);
    net_free_batch(&batch);
    clade_model_free(model);
}

static void what_makes_no_sense_is_refused(void **state)
{
    checked c = open_case(*state, &networks[1]), other = open_case(*state, &networks[11]);
    clade_gradcheck_result result;
    assert_fails(clade_gradcheck(c.model, c.data, &(clade_gradcheck_options){.samples = -1},
                                 &result), CLADE_EINVAL, "samples is -1");
    assert_fails(clade_gradcheck(c.model, c.data, &(clade_gradcheck_options){.elements = -2},
                                 &result), CLADE_EINVAL, "elements is -2");
    assert_fails(clade_gradcheck(c.model, c.data, &(clade_gradcheck_options){.tolerance = NAN},
                                 &result), CLADE_EINVAL, "tolerance is");
    assert_fails(clade_gradcheck(c.model, other.data, NULL, &result), CLADE_EDATA, "shape");
    assert_null(result.parameters);

    clade_model *model;
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *output = clade_linear(clade_input(model, CLADE_SHAPE(6)), 4);
    assert_fails(clade_gradcheck(model, c.data, NULL, &result), CLADE_ESTATE, "not compiled");
    assert_ok(clade_compile(model, output, &(clade_compile_options){.batch = 10}));
    if (model->exe.parameters[0].stepped) /* as the gemm provider can */
        assert_fails(clade_gradcheck(model, c.data, NULL, &result), CLADE_ESTATE,
                     "keep_gradients");
    clade_model_free(model);
    close_case(&other);
    close_case(&c);
}

/* ---- kernels of ours ------------------------------------------------------------------------- */

/* A folder with one kernel file of cl/, in which one place is changed. */
static const char *folder_with(const char *name, const char *was, const char *becomes)
{
    static char folder[256];
    unsigned char *text;
    size_t n_bytes;
    snprintf(folder, sizeof folder, "%s", test_folder());
    assert_ok(clade__file_read(test_text("%s/cl/%s.cl", getenv("CLADE_TEST_SOURCE"), name), &text,
                               &n_bytes));
    char *at = strstr((char *)text, was);
    assert_non_null(at);
    char *changed = malloc(n_bytes + strlen(becomes) + 1);
    assert_non_null(changed);
    int length = sprintf(changed, "%.*s%s%s", (int)(at - (char *)text), (char *)text, becomes,
                         at + strlen(was));
    test_write_file(test_text("%s/%s.cl", folder, name), changed, (size_t)length);
    free(changed);
    free(text);
    return folder;
}

static const char *broken_softmax(void)
{
    return folder_with("softmax", "(fetch(dy + c, n - c, 0.0f) - sum)",
                       "fetch(dy + c, n - c, 0.0f)");
}

static int clear_folder(void **state)
{
    (void)state;
    unsetenv("CLADE_KERNEL_DIR");
    return 0;
}

static void a_broken_kernel_is_found(void **state)
{
    clade_device *device; /* one that has not built the right kernel */
    clade_gradcheck_result result;
    setenv("CLADE_KERNEL_DIR", broken_softmax(), 1);
    assert_ok(clade_device_open(&device, test_text("%d", clade_device_describe(*state)->index)));
    checked c = open_case(device, &networks[7]);
    assert_ok(clade_gradcheck(c.model, c.data, NULL, &result));
    assert_false(result.passed);
    assert_false(result.parameters[0].passed); /* before the softmax, and its bias */
    assert_false(result.parameters[1].passed);
    assert_true(result.parameters[2].passed); /* after it */
    assert_true(result.parameters[3].passed);
    clade_gradcheck_free(&result);
    close_case(&c);
    clade_device_free(device);
}

static void kernels_come_from_a_folder(void **state)
{
    (void)state;
    char *embedded, *text;
    assert_ok(clade__kernel_text(&embedded, "add"));
    assert_fails(clade__kernel_text(&text, "none"), CLADE_EBUILD, "no kernels named 'none'");

    /* Word for word the embedded one, its includes resolved from what is embedded. */
    const char *folder = folder_with("add", "#include", "#include");
    setenv("CLADE_KERNEL_DIR", folder, 1);
    assert_ok(clade__kernel_text(&text, "add"));
    assert_string_equal(text, embedded);
    free(text);

    test_write_file(test_text("%s/element.cl", folder), "mine", 4);
    assert_ok(clade__kernel_text(&text, "add"));
    assert_non_null(strstr(text, "mine"));
    assert_null(strstr(text, "#include"));
    free(text);
    assert_ok(clade__kernel_text(&text, "gather")); /* not there: embedded, with its own element */
    assert_null(strstr(text, "mine"));
    free(text);

    const char *loop = "#include \"element.cl\"\n", *odd = "#include \"element.h\"\n";
    test_write_file(test_text("%s/element.cl", folder), loop, strlen(loop));
    assert_fails(clade__kernel_text(&text, "add"), CLADE_EBUILD, "element.cl includes itself");
    test_write_file(test_text("%s/add.cl", folder), odd, strlen(odd));
    assert_fails(clade__kernel_text(&text, "add"), CLADE_EBUILD, "want #include \"NAME.cl\"");
    setenv("CLADE_KERNEL_DIR", "/none/such", 1);
    assert_fails(clade__kernel_text(&text, "add"), CLADE_EBUILD, "cannot read '/none/such'");
    free(embedded);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Runs it; fails unless it exits with `status` and stderr contains `part`. */
static command_result expect(int status, const char *part, const char *const *arguments)
{
    command_result result = command_run(arguments);
    if (result.status != status || !strstr(result.err, part)) {
        print_error("clade %s: exit %d, stdout \"%s\", stderr \"%s\"; want exit %d and \"%s\"\n",
                    command_text(arguments), result.status, result.out, result.err, status, part);
        fail();
    }
    return result;
}

#define EXPECT(status, part, ...) expect(status, part, (const char *const[]){__VA_ARGS__, NULL})

static void the_command_passes(void **state)
{
    (void)state;
    char config[512];
    snprintf(config, sizeof config, "%s/data/digits-mlp.yaml", getenv("CLADE_TEST_SOURCE"));
    command_result result = EXPECT(0, "101,770 parameters", "gradcheck", config);
    assert_non_null(strstr(result.out, "1.weight   [128, 784]       20"));
    assert_non_null(strstr(result.out, "passed"));
    assert_null(strstr(result.out, "WRONG"));
    command_free(&result);
    result = EXPECT(0, "", "gradcheck", "--model", "mlp:32,32", "--data", "digits?n=100",
                    "--activation", "gelu", "--samples", "2", "--quiet");
    assert_string_equal(result.err, "");
    assert_non_null(strstr(result.out, "over 2 samples"));
    command_free(&result);
}

static void the_command_prints_json(void **state)
{
    (void)state;
    const char *end;
    command_result result = EXPECT(0, "", "gradcheck", "--model", "mlp:8", "--data",
                                   "digits?n=100", "--tolerance", "0.01", "--all", "--json");
    cJSON *document = cJSON_ParseWithOpts(result.out, &end, true);
    assert_non_null(document);
    assert_true(cJSON_GetObjectItem(document, "tolerance")->valuedouble == 0.01);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(document, "passed")));
    const cJSON *list = cJSON_GetObjectItem(document, "parameters");
    assert_int_equal(cJSON_GetArraySize(list), 4);
    const cJSON *weight = cJSON_GetArrayItem(list, 0);
    assert_string_equal(cJSON_GetObjectItem(weight, "name")->valuestring, "1.weight");
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(weight, "shape")), 2);
    assert_int_equal(cJSON_GetObjectItem(weight, "checked")->valueint, 8 * 784);
    assert_true(cJSON_GetObjectItem(weight, "max_absolute_error")->valuedouble < 1e-5);
    assert_true(cJSON_IsNumber(cJSON_GetObjectItem(weight, "max_relative_error")));
    cJSON_Delete(document);
    command_free(&result);
}

static void the_command_finds_a_broken_kernel(void **state)
{
    (void)state;
    static const char config[] =
        "model:\n  input: [28, 28]\n  layers:\n    - {type: flatten}\n    - {type: linear, units: 12}\n"
        "    - {type: softmax}\n    - {type: linear, units: 10}\n"
        "data: {train: \"digits?n=100\"}\n";
    char path[512];
    snprintf(path, sizeof path, "%s/c.yaml", test_folder());
    test_write_file(path, config, strlen(config));
    command_result result = EXPECT(0, "", "gradcheck", path);
    command_free(&result);
    setenv("CLADE_KERNEL_DIR", broken_softmax(), 1);
    result = EXPECT(1, "clade: gradcheck: the gradient of 1.weight is wrong", "gradcheck", path);
    assert_non_null(strstr(result.out, "WRONG"));
    command_free(&result);
    result = EXPECT(1, "1.weight", "gradcheck", path, "--json");
    assert_non_null(strstr(result.out, "\"passed\":false"));
    command_free(&result);
}

static void the_command_refuses(void **state)
{
    (void)state;
    const char *const *bad[] = {
        (const char *const[]){"--samples is 0", "gradcheck", "--samples", "0", NULL},
        (const char *const[]){"--elements is x", "gradcheck", "--elements", "x", NULL},
        (const char *const[]){"do not go together", "gradcheck", "--all", "--elements=3", NULL},
        (const char *const[]){"--tolerance is -1", "gradcheck", "--tolerance=-1", NULL},
        (const char *const[]){"see 'clade gradcheck --help'", "gradcheck", "--model", "mlp", NULL},
        (const char *const[]){"did you mean '--elements'", "gradcheck", "--element", "3", NULL},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        command_result result = expect(2, bad[i][0], bad[i] + 1);
        assert_string_equal(result.out, "");
        command_free(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_and_loss_passes),
        cmocka_unit_test(every_formula_has_its_gradient),
        cmocka_unit_test(no_layer_is_left_out),
        cmocka_unit_test(elements_are_a_sample),
        cmocka_unit_test(a_kink_that_is_near_is_not_crossed),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test_teardown(a_broken_kernel_is_found, clear_folder),
        cmocka_unit_test_teardown(kernels_come_from_a_folder, clear_folder),
        cmocka_unit_test(the_command_passes),
        cmocka_unit_test(the_command_prints_json),
        cmocka_unit_test_teardown(the_command_finds_a_broken_kernel, clear_folder),
        cmocka_unit_test(the_command_refuses),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
