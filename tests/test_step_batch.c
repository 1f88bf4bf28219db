/* What own steps take and give: several inputs and losses, rows that do not count, and outputs. */
#include "base/philox.h"
#include "network.h"
#include "reference.h"

/* ---- two inputs, one weight, and rows that do not count -------------------------------------------- */

enum { SAMPLES = 6, ROWS = 3 * SAMPLES, ALL = 4 * ROWS };

static const int32_t labels_of[ROWS] = {0, -1, 2, 3, 1, -1, -1, -1, -1, 2, 2, 0, 1, 3, -1, 0, 0, 3};

typedef struct pair {
    clade_model *model;
    double x[5][ALL];      /* of each input; as many as there are */
    const double *pointers[5];
    clade_tensor *whole[5], *views[5]; /* a view begins where no kernel could be given it */
    const clade_tensor *inputs[5];
    clade_batch batch;
} pair;

/* Two losses of one output: of labels, some ignored, and of numbers; and one of labels that all count. */
static void open_pair(pair *p, clade_device *device, const clade_compile_options *options)
{
    assert_ok(clade_model_create(&p->model, device, 3));
    clade_node *left = clade_input_named(p->model, "left", CLADE_FLOAT32, CLADE_SHAPE(3, 4));
    clade_node *right = clade_input_named(p->model, "right", CLADE_FLOAT32, CLADE_SHAPE(3, 4));
    clade_node *labels = clade_input_named(p->model, "labels", CLADE_INT32, CLADE_SHAPE(3));
    clade_node *numbers = clade_input_named(p->model, "numbers", CLADE_FLOAT32, CLADE_SHAPE(3, 4));
    clade_node *sure = clade_input_named(p->model, "sure", CLADE_INT32, CLADE_SHAPE(3));
    clade_node *a = clade_linear_with(left, &(clade_linear_options){.units = 5, .name = "a"});
    clade_node *b = clade_linear_with(right, &(clade_linear_options){.units = 5, .name = "b",
                                                                     .shared_weight = "a.weight"});
    clade_node *y = clade_linear_with(clade_tanh(clade_add(a, clade_tanh(b))),
                                      &(clade_linear_options){.units = 4, .name = "y"});
    assert_ok(clade_add_loss(y, labels, &(clade_loss_options){.ignores = true, .ignore_index = -1,
                                                              .label_smoothing = 0.1f}));
    assert_ok(clade_add_loss(y, numbers, &(clade_loss_options){.kind = CLADE_LOSS_MSE, .weight = 0.5f}));
    assert_ok(clade_add_loss(y, sure, &(clade_loss_options){.weight = 0.25f}));
    assert_ok(clade_compile(p->model, y, options));
}

static void send_pair(pair *p, clade_device *device)
{
    for (int i = 0; i < 5; i++) {
        bool ints = i == 2 || i == 4;
        int64_t n = ints ? ROWS : ALL;
        clade__random random = clade__random_start((uint64_t)i + 1, 0);
        int32_t whole[1 + ALL] = {0};
        for (int64_t k = 0; k < n; k++) {
            float value = (float)clade__random_normal(&random);
            if (ints) value = (float)(i == 2 ? labels_of[k] : k % 4);
            p->x[i][k] = (double)value;
            if (ints)
                whole[1 + k] = (int32_t)value;
            else
                memcpy(&whole[1 + k], &value, sizeof value);
        }
        assert_ok(clade_tensor_create(&p->whole[i], device, ints ? CLADE_INT32 : CLADE_FLOAT32,
                                      CLADE_SHAPE(1 + n), whole));
        assert_ok(clade_tensor_view(&p->views[i], p->whole[i], 1,
                                    ints ? CLADE_SHAPE(SAMPLES, 3) : CLADE_SHAPE(SAMPLES, 3, 4)));
        p->inputs[i] = p->views[i];
        p->pointers[i] = p->x[i];
    }
    p->batch = (clade_batch){.n = SAMPLES, .inputs = p->inputs, .n_inputs = 5};
}

static void close_pair(pair *p)
{
    for (int i = 0; i < 5; i++) {
        clade_tensor_free(p->views[i]);
        clade_tensor_free(p->whole[i]);
    }
    clade_model_free(p->model);
}

static void check_gradients(pair *p, clade__reference *r)
{
    int64_t k = 0;
    for (int i = 0; i < clade_model_n_tensors(p->model); i++) {
        clade_parameter_info info;
        clade_tensor *gradient;
        assert_ok(clade_model_parameter_info(p->model, i, &info));
        assert_ok(clade_model_gradient(p->model, i, &gradient));
        float *got = test_read(gradient);
        for (int64_t j = 0; j < clade_shape_elements(info.shape); j++, k++) {
            double want = (net_loss_at(r, k, 1e-5) - net_loss_at(r, k, -1e-5)) / 2e-5;
            if (!(fabs((double)got[j] - want) <= 1e-5 + 1e-4 * fabs(want)))
                fail_msg("%s[%d]: %g, want %g", info.name, (int)j, (double)got[j], want);
        }
        free(got);
    }
}

/* The losses before the parameters of r: the sum, and each times its weight. */
static void check_losses(pair *p, clade__reference *r, clade_device *device)
{
    clade__graph *graph = &p->model->graph;
    clade_tensor *each = test_tensor(device, CLADE_SHAPE(3), NULL);
    clade_tensor *sum = test_tensor(device, CLADE_SHAPE(1, 1), NULL);
    assert_ok(clade_gradients(p->model, &p->batch, each));
    assert_ok(clade_gradients(p->model, &p->batch, sum));
    float *got = test_read(each), *all = test_read(sum);
    clade__reference_forward(r, 0);
    double before = 0.0, want = clade__reference_loss(r);
    assert_true(fabs((double)all[0] - want) <= 1e-5);
    for (graph->n_losses = 1; graph->n_losses <= 3; graph->n_losses++) {
        want = clade__reference_loss(r) - before;
        before += want;
        assert_true(fabs((double)got[graph->n_losses - 1] - want) <= 1e-5);
    }
    graph->n_losses = 3;
    free(got);
    free(all);
    clade_tensor_free(each);
    clade_tensor_free(sum);
}

/* Whole, and in parts that share the number of rows that count in the batch. */
static void rows_that_do_not_count_leave_the_mean(void **state)
{
    for (int64_t accumulate = 1; accumulate <= 4; accumulate++) {
        pair p = {0};
        clade__reference *r;
        open_pair(&p, *state, &(clade_compile_options){.batch = SAMPLES + 1, .accumulate = accumulate,
                                                       .keep_gradients = true});
        send_pair(&p, *state);
        double *w = net_parameters(p.model);
        assert_ok(clade__reference_create(&r, p.model, &(clade__reference_batch){.n = SAMPLES,
                                                                                 .x = p.pointers}));
        memcpy(r->parameters, w, (size_t)clade_model_n_parameters(p.model) * sizeof *w);
        check_losses(&p, r, *state);
        check_gradients(&p, r);
        assert_ok(clade_step(p.model, &p.batch, NULL));
        free(w);
        clade__reference_free(r);
        close_pair(&p);
    }
}

static void a_batch_in_which_nothing_counts(void **state)
{
    pair p = {0};
    int32_t none[1 + ROWS];
    clade_tensor *loss = test_tensor(*state, CLADE_SHAPE(3), NULL);
    open_pair(&p, *state, &(clade_compile_options){.batch = SAMPLES, .keep_gradients = true});
    send_pair(&p, *state);
    for (int i = 0; i <= ROWS; i++) none[i] = -1;
    assert_ok(clade_tensor_write(p.whole[2], none));
    assert_ok(clade_step(p.model, &p.batch, loss));
    float *got = test_read(loss);
    assert_true(got[0] == 0.0f && got[1] > 0.0f && got[2] > 0.0f);
    free(got);
    none[7] = 4; /* no class: the loss tells */
    assert_ok(clade_tensor_write(p.whole[2], none));
    assert_ok(clade_step(p.model, &p.batch, loss));
    got = test_read(loss);
    assert_true(isnan(got[0]) && isfinite(got[1]));
    free(got);
    clade_tensor_free(loss);
    p.batch.step_samples = 2 * SAMPLES;
    assert_fails(clade_gradients(p.model, &p.batch, NULL), CLADE_EINVAL,
                 "gradients: a loss ignores rows, and how many count in the other parts of the step is not");
    close_pair(&p);
}

/* ---- forward ------------------------------------------------------------------------------------ */

static clade_batch batch_of(const clade_tensor *const *inputs, int64_t n, const clade_tensor *answers)
{
    return (clade_batch){.n = n, .inputs = inputs, .n_inputs = 1, .answers = answers};
}

/* More than is done at a time; of a loaded model; and again once that is compiled. */
static void forward_is_what_predict_gives(void **state)
{
    enum { N = 300 };
    const char *path = test_text("%s/net.safetensors", test_folder());
    clade_model *model = net_model(*state, 5, "{\"input\":[2,3],\"layers\":[{\"type\":\"flatten\"}," LINEAR(7)
                                   ",{\"type\":\"dropout\"}," RELU "," LINEAR(4) "]}",
                                   &(clade_compile_options){.batch = 16}), *loaded;
    net_batch all = net_random_batch(model, 7, N, 4);
    clade_data *data = net_data(model, &all, 4);
    float x[N * 6], want[N * 4];
    for (int i = 0; i < N * 6; i++) x[i] = (float)all.x[i];
    clade_tensor *input = test_tensor(*state, CLADE_SHAPE(N, 6), x); /* samples may be flat */
    clade_tensor *labels = test_tensor_int(*state, CLADE_SHAPE(N), all.labels);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(N, 4), NULL);
    const clade_tensor *inputs[] = {input};
    clade_batch batch = batch_of(inputs, N, NULL);
    assert_ok(clade_predict(model, data, 0, N, true, want));
    assert_ok(clade_save(model, path));
    assert_ok(clade_load(&loaded, *state, path));
    for (int k = 0; k < 2; k++) {
        assert_ok(clade_tensor_fill(y, -1.0f));
        assert_ok(clade_forward(k ? loaded : model, &batch, y));
        float *got = test_read(y);
        assert_memory_equal(got, want, sizeof want);
        free(got);
    }
    clade_tensor *part;
    assert_ok(clade_tensor_view(&part, input, 0, CLADE_SHAPE(16, 6)));
    clade_tensor *part_labels;
    assert_ok(clade_tensor_view(&part_labels, labels, 3, CLADE_SHAPE(16)));
    inputs[0] = part;
    batch = batch_of(inputs, 16, part_labels);
    assert_fails(clade_step(loaded, &batch, NULL), CLADE_ESTATE,
                 "step: the model is not compiled for training");
    assert_ok(clade_compile(loaded, NULL, &(clade_compile_options){.batch = 16})); /* forgets what it kept */
    assert_ok(clade_step(loaded, &batch, NULL));
    assert_ok(clade_step(model, &batch, NULL));
    clade_tensor *of[] = {input, labels, y, part, part_labels};
    for (int i = 0; i < 5; i++) clade_tensor_free(of[i]);
    clade_data_free(data);
    net_free_batch(&all);
    clade_model_free(loaded);
    clade_model_free(model);
}

/* Targets are of no use to it. */
static void forward_wants_no_targets(void **state)
{
    pair p = {0};
    open_pair(&p, *state, &(clade_compile_options){.batch = 2});
    send_pair(&p, *state);
    clade_tensor *y = test_tensor(*state, CLADE_SHAPE(SAMPLES, 3, 4), NULL);
    p.inputs[2] = p.inputs[3] = p.inputs[4] = NULL;
    assert_ok(clade_forward(p.model, &p.batch, y)); /* and more samples than a step may have */
    clade__reference *r;
    assert_ok(clade__reference_create(&r, p.model, &(clade__reference_batch){.n = SAMPLES, .x = p.pointers}));
    double *w = net_parameters(p.model);
    memcpy(r->parameters, w, (size_t)clade_model_n_parameters(p.model) * sizeof *w);
    clade__reference_forward(r, 0);
    float *got = test_read(y);
    test_assert_close("y", got, clade__reference_values(r, p.model->output), ALL, 1e-5, 1e-5);
    free(got);
    free(w);
    clade__reference_free(r);
    p.inputs[1] = NULL;
    assert_fails(clade_forward(p.model, &p.batch, y), CLADE_EINVAL, "forward: right is NULL");
    clade_tensor_free(y);
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_do_not_count_leave_the_mean),
        cmocka_unit_test(a_batch_in_which_nothing_counts),
        cmocka_unit_test(forward_is_what_predict_gives),
        cmocka_unit_test(forward_wants_no_targets),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
