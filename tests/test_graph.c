/* What a graph carries beyond a chain: a layer that a program brings itself, weights that layers share,
 * parameters that stay as they are, state that is not trained, thousands of layers, and files of the first
 * version. */
#include <math.h>
#include <sys/stat.h>

#include "base/file.h"
#include "network.h"
#include "own_layer.h"

/* ---- a model with data ---------------------------------------------------------------------------- */

enum { N = 24, CLASSES = 3 };

typedef struct subject {
    clade_model *model;
    net_batch batch;  /* N random samples of CLASSES classes */
    clade_data *data; /* the same */
} subject;

static subject open_subject(clade_device *device, const char *json, const clade_compile_options *options)
{
    subject s = {.model = net_model(device, 5, json, options)};
    s.batch = net_random_batch(s.model, 7, N, CLASSES);
    s.data = net_data(s.model, &s.batch, CLASSES);
    return s;
}

static void close_subject(subject *s)
{
    clade_model_free(s->model);
    clade_data_free(s->data);
    net_free_batch(&s->batch);
}

/* ---- a layer of this program ---------------------------------------------------------------------- */

static const char with_scaled[] =
    "{\"input\":[6],\"layers\":[" LINEAR(5) ",{\"type\":\"scaled\",\"name\":\"block.1\",\"first\":0.75},"
    "{\"type\":\"tanh\"}," LINEAR(3) "],\"loss\":\"cross_entropy\"}";

static int add_scaled(void **state)
{
    if (test_open_device(state) != 0) return -1;
    assert_ok(clade__layer_type_add(&own_scaled));
    assert_fails(clade__layer_type_add(&own_scaled), CLADE_EINVAL,
                 "there is a layer type 'scaled' already");
    return 0;
}

static float value_of(clade_model *model, const char *name)
{
    int index = clade__graph_parameter(&model->graph, name);
    assert_true(index >= 0);
    float *values = test_read(model->session.parameters[index].value), first = values[0];
    free(values);
    return first;
}

static void a_layer_of_the_program_s_own_is_a_layer(void **state)
{
    const clade_compile_options options = {.batch = 8, .keep_gradients = true,
                                           .optimizer = clade_sgd(0.1f, 0.9f)};
    subject s = open_subject(*state, with_scaled, &options);
    clade_model *model = s.model, *loaded;
    char *text = clade__model_describe(model);
    assert_string_equal(text, with_scaled);
    free(text);
    clade_gradcheck_result checked;
    assert_ok(clade_gradcheck(model, s.data, NULL, &checked));
    assert_int_equal(checked.n_parameters, 5); /* what is not trained has no gradient */
    clade_gradcheck_free(&checked);
    double *w = net_parameters(model);
    clade__reference *reference = net_reference(model, w, &s.batch);
    net_check_formulas(reference);
    clade__reference_free(reference);
    free(w);
    float before = value_of(model, "block.1.gain"), seen = value_of(model, "block.1.seen");
    assert_ok(clade_fit(model, s.data, &(clade_fit_options){.epochs = 2}, NULL));
    assert_true(value_of(model, "block.1.gain") != before);
    assert_true(value_of(model, "block.1.seen") == seen + 6 * 0.5f); /* and no optimizer touched it */

    const char *path = test_text("%s/scaled.safetensors", test_folder());
    float got[N * CLASSES], again[N * CLASSES];
    assert_ok(clade_save(model, path));
    assert_ok(clade_predict(model, s.data, 0, N, true, got));
    assert_true(value_of(model, "block.1.seen") == seen + 6 * 0.5f); /* nor does prediction */
    assert_ok(clade_load(&loaded, *state, path));
    assert_ok(clade_predict(loaded, s.data, 0, N, true, again));
    assert_memory_equal(got, again, sizeof got);
    assert_true(value_of(loaded, "block.1.seen") == seen + 6 * 0.5f);
    clade_model_free(loaded);
    close_subject(&s);
}

/* A training that is stopped and goes on has its state too. */
static void state_is_resumed(void **state)
{
    const clade_compile_options options = {.batch = 8, .optimizer = clade_adam(0.01f)};
    float *values[2];
    size_t n_bytes = 0;
    for (int cut = 0; cut < 2; cut++) {
        const char *folder = test_text("%s/resumed-%d", test_folder(), cut);
        assert_int_equal(mkdir(folder, 0700), 0);
        for (int part = 0; part <= cut; part++) {
            subject s = open_subject(*state, with_scaled, &options);
            assert_ok(clade_fit(s.model, s.data,
                                &(clade_fit_options){.epochs = 4, .run_dir = folder, .resume = part > 0,
                                                     .max_steps = part < cut ? 5 : 0,
                                                     .checkpoint_every = {1, CLADE_STEPS}},
                                NULL));
            n_bytes = clade__model_parameter_bytes(s.model);
            values[cut] = malloc(n_bytes);
            assert_non_null(values[cut]);
            assert_ok(clade__model_read_parameters(s.model, values[cut]));
            if (part < cut) free(values[cut]);
            close_subject(&s);
        }
    }
    assert_memory_equal(values[0], values[1], n_bytes);
    free(values[0]);
    free(values[1]);
}

/* ---- shared and frozen parameters ---------------------------------------------------------------- */

#define SHARED                                                                                      \
    "{\"input\":[6],\"layers\":[" LINEAR(6) ",{\"type\":\"tanh\"},{\"type\":\"linear\",\"units\":6,"  \
    "\"parameters\":{\"weight\":\"0.weight\"}},{\"type\":\"gelu\"}," LINEAR(3) "],\"loss\":\"mse\"}"

static void a_shared_weight_has_the_gradients_of_all(void **state)
{
    subject s = open_subject(*state, SHARED, &(clade_compile_options){.batch = 8, .loss = CLADE_LOSS_MSE,
                                                                      .accumulate = 2,
                                                                      .keep_gradients = true});
    assert_int_equal(s.model->graph.n_parameters, 5);
    assert_int_equal(clade_model_n_parameters(s.model), 36 + 6 + 6 + 18 + 3);
    char *text = clade__model_describe(s.model);
    assert_string_equal(text, SHARED);
    free(text);
    clade_gradcheck_result checked;
    assert_ok(clade_gradcheck(s.model, s.data, &(clade_gradcheck_options){.elements = CLADE_ALL}, &checked));
    assert_true(checked.passed);
    clade_gradcheck_free(&checked);
    close_subject(&s);

    clade_model *wrong;
    assert_ok(clade_model_create(&wrong, *state, 1));
    clade_node *h = clade_linear(clade_input(wrong, CLADE_SHAPE(6)), 4);
    assert_null(clade_linear_with(h, &(clade_linear_options){.units = 4, .shared_weight = "0.weight"}));
    assert_fails(clade_compile(wrong, h, NULL), CLADE_ESHAPE,
                 "the shared weight is '0.weight' of shape (4, 6), want (4, 4)");
    clade_model_free(wrong);
}

static void frozen_parameters_stay(void **state)
{
    static const clade_parameter_group groups[] = {{.pattern = "0.*", .frozen = true},
                                                   {.pattern = "2.bias", .lr_factor = 0.5f}};
    const char *json = "{\"input\":[6],\"layers\":[" LINEAR(5) "," RELU "," LINEAR(3) "]}";
    for (int momentum = 0; momentum < 2; momentum++) {
        clade_compile_options options = {.batch = N, .optimizer = clade_sgd(0.5f, 0.0f)};
        options.keep_gradients = momentum;
        clade_model *plain = net_model(*state, 5, json, &options);
        options.groups = groups;
        options.n_groups = 2;
        subject s = open_subject(*state, json, &options);
        double *w = net_parameters(s.model);
        assert_ok(clade_fit(s.model, s.data, NULL, NULL));
        assert_ok(clade_fit(plain, s.data, NULL, NULL));
        double *now = net_parameters(s.model), *other = net_parameters(plain);
        for (int i = 0; i < 35; i++) assert_true(now[i] == w[i] && other[35] != w[35]);
        for (int i = 35; i < 50; i++) assert_true(fabs(now[i] - other[i]) < 1e-6);
        for (int i = 50; i < 53; i++)
            assert_true(fabs((now[i] - w[i]) - 0.5 * (other[i] - w[i])) < 1e-6);
        assert_null(s.model->session.parameters[0].grad);
        free(w);
        free(now);
        free(other);
        clade_model_free(plain);
        close_subject(&s);
    }
}

/* The weight has no gradient to add to, and its bias has. */
static void a_frozen_weight_leaves_its_bias_in_parts(void **state)
{
    static const clade_parameter_group frozen = {.pattern = "*.weight", .frozen = true};
    const char *json = "{\"input\":[6],\"layers\":[" LINEAR(5) ",{\"type\":\"tanh\"}," LINEAR(3) "]}";
    double *values[2];
    for (int k = 0; k < 2; k++) {
        subject s = open_subject(*state, json,
                                 &(clade_compile_options){.batch = N, .accumulate = k ? 3 : 1,
                                                          .groups = &frozen, .n_groups = 1,
                                                          .optimizer = clade_sgd(0.5f, 0.0f)});
        assert_ok(clade_fit(s.model, s.data, &(clade_fit_options){.epochs = 3}, NULL));
        values[k] = net_parameters(s.model);
        close_subject(&s);
    }
    for (int i = 0; i < 53; i++) assert_true(fabs(values[0][i] - values[1][i]) < 1e-5);
    free(values[0]);
    free(values[1]);
}

static void a_pattern_without_a_parameter_is_refused(void **state)
{
    clade_model *model;
    clade_parameter_group group = {.pattern = "encoder.*", .frozen = true};
    clade_compile_options options = {.groups = &group, .n_groups = 1};
    assert_ok(clade_model_create(&model, *state, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(6)), 4);
    assert_fails(clade_compile(model, y, &options), CLADE_EINVAL,
                 "no parameter's name matches the pattern 'encoder.*'; the first is '0.weight'");
    group.pattern = "*";
    assert_fails(clade_compile(model, y, &options), CLADE_EINVAL, "no parameters to train: all are frozen");
    assert_ok(clade_compile(model, y, NULL));
    clade_model_free(model);
}

/* ---- weights of a file ---------------------------------------------------------------------------- */

static void weights_come_from_a_file_through_a_map(void **state)
{
    static const clade_weight_name names[] = {{.parameter = "body.weight", .tensor = "0.weight"},
                                              {.parameter = "body.bias", .tensor = "0.bias"}};
    const clade_load_options mapped = {.names = names, .n_names = 2, .partial = true};
    const char *path = test_text("%s/weights.safetensors", test_folder());
    const char *chain = "{\"input\":[6],\"layers\":[" LINEAR(5) "," RELU "," LINEAR(3) "]}";
    clade_model *from = net_model(*state, 5, chain, &(clade_compile_options){0});
    clade_model *to = net_model(*state, 6, "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":5,"
                                           "\"name\":\"body\"}," RELU "," LINEAR(4) "]}",
                                &(clade_compile_options){0});
    assert_ok(clade_save(from, path));
    double *before = net_parameters(to), *want = net_parameters(from);
    assert_fails(clade_load_weights(to, path, NULL), CLADE_EDATA,
                 "missing: body.weight, body.bias; of another shape: ");
    assert_non_null(strstr(clade_error(), "; extra: 0.weight, 0.bias"));
    assert_fails(clade_load_weights(to, path, &mapped), CLADE_EDATA, "'2.weight' is (3, 5)");
    double *still = net_parameters(to);
    assert_memory_equal(before, still, (size_t)clade_model_n_parameters(to) * sizeof *before);
    clade_model_free(to);
    to = net_model(*state, 6, "{\"input\":[6],\"layers\":[{\"type\":\"linear\",\"units\":5,"
                              "\"name\":\"body\"}]}", &(clade_compile_options){0});
    assert_ok(clade_load_weights(to, path, &mapped));
    double *now = net_parameters(to);
    assert_memory_equal(now, want, 35 * sizeof *now);
    free(before);
    free(want);
    free(still);
    free(now);
    clade_model_free(from);
    clade_model_free(to);
}

/* ---- many layers, and old files ------------------------------------------------------------------- */

static void thousands_of_layers_compile_in_a_second(void **state)
{
    enum { LAYERS = 1000 };
    for (int times = 0; times < 2; times++) { /* the first time kernels and checks of gemm are new */
        clade_model *model;
        assert_ok(clade_model_create(&model, *state, 1));
        clade_node *y = clade_input(model, CLADE_SHAPE(8));
        double began = clade__seconds();
        for (int i = 0; i < LAYERS; i++) y = clade_relu(clade_linear(y, 8));
        assert_ok(clade_compile(model, y, &(clade_compile_options){.batch = 16}));
        double seconds = clade__seconds() - began;
        print_message("%d layers: %.3f s\n", 2 * LAYERS, seconds);
        if (times > 0 && !getenv("ASAN_OPTIONS")) assert_true(seconds < 1.0);
        clade_model_free(model);
    }
}

/* Before version 2 a linear took a sample's elements flat, and layers had the numbers of a chain. */
static void version_1_implies_flatten(void **state)
{
    static const char json[] = "{\"input\":[2,3],\"layers\":[" LINEAR(4) "," RELU "," LINEAR(3)
                               "],\"loss\":\"cross_entropy\"}";
    clade_model *model;
    clade_node *output;
    assert_ok(clade_model_create(&model, *state, 1));
    assert_ok(clade__model_read(model, json, 1, &output));
    assert_int_equal(clade__graph_parameter(&model->graph, "0.weight"), 0);
    assert_int_equal(clade__graph_parameter(&model->graph, "2.bias"), 3);
    assert_int_equal(model->graph.parameters[0].shape.dim[1], 6);
    assert_int_equal(output->shape.rank, 1);
    model->output = output;
    char *text = clade__model_describe(model); /* as version 2 has it */
    clade_model *same;
    assert_ok(clade_model_create(&same, *state, 1));
    assert_non_null(clade_model_layers(same, text));
    assert_int_equal(clade__graph_parameter(&same->graph, "2.bias"), 3);
    free(text);
    clade_model_free(same);
    clade_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_of_the_program_s_own_is_a_layer),
        cmocka_unit_test(state_is_resumed),
        cmocka_unit_test(a_shared_weight_has_the_gradients_of_all),
        cmocka_unit_test(frozen_parameters_stay),
        cmocka_unit_test(a_frozen_weight_leaves_its_bias_in_parts),
        cmocka_unit_test(a_pattern_without_a_parameter_is_refused),
        cmocka_unit_test(weights_come_from_a_file_through_a_map),
        cmocka_unit_test(thousands_of_layers_compile_in_a_second),
        cmocka_unit_test(version_1_implies_flatten),
    };
    return cmocka_run_group_tests(tests, add_scaled, test_close_device);
}
