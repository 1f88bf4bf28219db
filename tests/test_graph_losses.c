/* Losses that the network says itself: several inputs, one of them the target, recorded as a step and compared
 * with the reference. */
#include <math.h>

#include "base/philox.h"
#include "network.h"

/* Two inputs through one weight; a label for each of three rows of a sample, some of which do not count. */
static const char two_inputs[] =
    "{\"inputs\":[{\"name\":\"left\",\"shape\":[3,4]},{\"name\":\"right\",\"shape\":[3,4]},"
    "{\"name\":\"labels\",\"type\":\"int32\",\"shape\":[3]}],\"layers\":["
    "{\"type\":\"linear\",\"name\":\"enc.0\",\"inputs\":[\"left\"],\"units\":5},"
    "{\"type\":\"linear\",\"name\":\"enc.1\",\"inputs\":[\"right\"],\"units\":5,"
    "\"parameters\":{\"weight\":\"enc.0.weight\"}},{\"type\":\"tanh\",\"name\":\"t\"},"
    "{\"type\":\"add\",\"inputs\":[\"enc.0\",\"t\"]},"
    "{\"type\":\"add\",\"inputs\":[\"3\",\"t\"]}," LINEAR(4) "],"
    "\"losses\":[{\"type\":\"cross_entropy\",\"prediction\":\"5\",\"target\":\"labels\","
    "\"ignore_index\":-1,\"label_smoothing\":0.1},"
    "{\"type\":\"cross_entropy\",\"prediction\":\"5\",\"target\":\"labels\",\"weight\":0.5}],"
    "\"loss\":\"cross_entropy\"}";

enum { SAMPLES = 6, ROWS = 3 * SAMPLES };

static void fill(double *values, int64_t n, uint64_t seed)
{
    clade__random random = clade__random_start(seed, 0);
    for (int64_t i = 0; i < n; i++) values[i] = (double)(float)clade__random_normal(&random);
}

static void send(clade_tensor *tensor, const double *values)
{
    float narrow[ROWS * 4];
    for (int64_t i = 0; i < clade_tensor_elements(tensor); i++) narrow[i] = (float)values[i];
    assert_ok(clade_tensor_write(tensor, narrow));
}

static void check_gradients(clade_model *model, clade__reference *r)
{
    int64_t k = 0;
    net_check_formulas(r);
    for (int p = 0; p < model->graph.n_parameters; p++) {
        float *got = test_read(model->session.parameters[p].grad);
        int64_t n = clade_shape_elements(model->graph.parameters[p].shape);
        for (int64_t i = 0; i < n; i++, k++) {
            double want = r->gradients[k];
            if (!(fabs((double)got[i] - want) <= 1e-6 + 1e-5 * fabs(want)))
                fail_msg("%s[%d]: %g, want %g", model->graph.parameters[p].name, (int)i, (double)got[i],
                         want);
        }
        free(got);
    }
}

static void two_inputs_and_rows_that_do_not_count(void **state)
{
    static const int32_t labels[ROWS] = {0, -1, 2, 3, 1, -1, -1, -1, -1, 2, 2, 0, 1, 3, -1, 0, 0, 3};
    clade_model *model;
    clade__plan plan;
    clade__commands *commands;
    clade_tensor *totals;
    const int32_t first = 0;
    double x[3][ROWS * 4], *w;
    float counted = 0.0f;
    assert_ok(clade_model_create(&model, *state, 3));
    clade_node *y = clade_model_layers(model, two_inputs);
    assert_ok(clade_compile(model, y, &(clade_compile_options){.batch = SAMPLES, .keep_gradients = true}));
    model->graph.losses[1].ignores = true; /* the same rows for both, but for what is smoothed */
    model->graph.losses[1].ignore_index = -1;
    char *text = clade__model_describe(model);
    assert_non_null(strstr(text, "\"ignore_index\":-1,\"label_smoothing\":0.1}"));
    free(text);
    fill(x[0], ROWS * 4, 1);
    fill(x[1], ROWS * 4, 2);
    for (int i = 0; i < ROWS; i++) {
        x[2][i] = labels[i];
        counted += labels[i] >= 0;
    }
    w = net_parameters(model);
    assert_ok(clade_tensor_create(&totals, *state, CLADE_FLOAT32, CLADE_SHAPE(1), &counted));
    assert_ok(clade__plan_open(&plan, &(clade__plan_options){&model->exe, &model->session, true, SAMPLES,
                                                             false}));
    for (int l = 0; l < 2; l++) plan.losses[l].total = (clade__rows_total){totals, &first};
    assert_ok(clade__commands_create(&commands, *state));
    assert_ok(clade__plan_record(&plan, commands, true));
    for (int times = 0; times < 2; times++) { /* nothing of a run is left for the next */
        send(&plan.inputs[0], x[0]);
        send(&plan.inputs[1], x[1]);
        assert_ok(clade_tensor_write(&plan.inputs[2], labels));
        assert_ok(clade__commands_run(commands));
    }

    const double *inputs[] = {x[0], x[1], x[2]};
    clade__reference *r;
    assert_ok(clade__reference_create(&r, model, &(clade__reference_batch){.n = SAMPLES, .x = inputs}));
    for (int64_t i = 0; i < clade_model_n_parameters(model); i++) r->parameters[i] = w[i];
    clade__reference_forward(r, 0);
    check_gradients(model, r);
    clade__reference_free(r);
    clade__commands_free(commands);
    clade__plan_close(&plan);
    clade_tensor_free(totals);
    clade_data *data;
    assert_ok(clade_data_open(&data, "random?features=12&classes=4&n=20"));
    assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA, "the model has 3 inputs, 'left', 'right' and so on");
    clade_data_free(data);
    free(w);
    clade_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_inputs_and_rows_that_do_not_count)};
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
