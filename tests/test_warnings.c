/* Words of warning: of data and networks that can hardly be learnt, and of trainings that have not learnt.
 * Each is told once, in the log too, and only where it is due. */
#include "events.h"
#include "network.h"

#include <stdio.h>

#include "data/dataset.h"

enum { N = 60 };

typedef struct heard {
    int n;
    char text[8][512];
} heard;

static void listen(const char *text, void *user)
{
    heard *h = user;
    assert_in_range(h->n, 0, 7);
    snprintf(h->text[h->n++], sizeof h->text[0], "%s", text);
}

static void expect_only(const heard *h, const char *part)
{
    for (int i = 0; i < h->n; i++)
        if (!part || !strstr(h->text[i], part)) print_error("said: %s\n", h->text[i]);
    assert_int_equal(h->n, part ? 1 : 0);
    if (part) assert_non_null(strstr(h->text[0], part));
}

/* Two features, size * a number in [0, 1) + offset; classes by i % 2 * 2, or targets. */
static clade_data *samples(float size, float offset, int n_classes, const float *targets)
{
    clade_data *data;
    int32_t labels[N];
    float *x = test_random(5, 2 * N, 0.0f, 1.0f);
    for (int i = 0; i < 2 * N; i++) x[i] = offset + size * x[i];
    for (int i = 0; i < N; i++) labels[i] = i % 2 ? n_classes - 1 : 0;
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = N,
                                                                 .shape = CLADE_SHAPE(2),
                                                                 .features = x,
                                                                 .labels = targets ? NULL : labels,
                                                                 .n_classes = targets ? 0 : n_classes,
                                                                 .targets = targets,
                                                                 .n_targets = targets ? 1 : 0}));
    free(x);
    return data;
}

static const char two[] = "{\"input\":[2],\"layers\":[" LINEAR(2) "]}";
static const char five[] = "{\"input\":[2],\"layers\":[" LINEAR(5) "]}";
static const char one[] = "{\"input\":[2],\"layers\":[" LINEAR(1) "]}";

static heard fit(clade_device *device, const char *json, clade_loss loss, float lr, clade_data *data,
                 const char *folder)
{
    heard h = {0};
    clade_model *model = net_model(device, 1, json, &(clade_compile_options){
                                                        .loss = loss, .optimizer = clade_sgd(lr, 0.0f)});
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 2, .run_dir = folder,
                                                          .on_message = listen, .user = &h}, NULL));
    if (folder) { /* what is told stands in the log */
        events log = events_read(folder);
        int n_told = 0;
        for (int i = 0; i < log.n; i++) {
            if (strcmp(events_text(log.event[i], "event"), "message") != 0) continue;
            assert_in_range(n_told, 0, h.n - 1);
            assert_string_equal(events_text(log.event[i], "text"), h.text[n_told++]);
        }
        assert_int_equal(n_told, h.n);
        events_free(&log);
    }
    clade_model_free(model);
    clade_data_free(data);
    return h;
}

/* ---- before --------------------------------------------------------------------------------------- */

static void nothing_is_said_of_ordinary_data(void **state)
{
    heard h = fit(*state, two, CLADE_LOSS_CROSS_ENTROPY, 0.1f, samples(1, 0, 2, NULL), test_folder());
    expect_only(&h, NULL);
    /* Pixels and ages as they should be: standardized, or by a scale. */
    for (int way = 0; way < 2; way++) {
        clade_data *data = samples(255, 0, 2, NULL);
        assert_ok(way ? clade_data_set_scale(data, 1.0f / 255.0f, 0.0f) : clade_data_standardize(data));
        h = fit(*state, two, CLADE_LOSS_CROSS_ENTROPY, 0.1f, data, NULL);
        expect_only(&h, NULL);
    }
}

static void large_values_are_told(void **state)
{
    static const struct {
        float size, offset;
        const char *part;
    } cases[] = {{255, 0, "2 of 2 features reach the network as large numbers, feature "},
                 {1, 1000, "2 of 2 features reach the network as large numbers, feature "},
                 {15, 5, NULL}};
    for (int i = 0; i < 3; i++) {
        heard h = fit(*state, two, CLADE_LOSS_CROSS_ENTROPY, 1e-6f,
                      samples(cases[i].size, cases[i].offset, 2, NULL), test_folder());
        for (int k = 0; k < h.n && !cases[i].part; k++)
            assert_null(strstr(h.text[k], "reach the network"));
        if (!cases[i].part) continue;
        assert_true(h.n >= 1);
        assert_non_null(strstr(h.text[0], cases[i].part));
        assert_non_null(strstr(h.text[0], "standardize the data (--standardize)"));
        assert_non_null(strstr(h.text[0], "scale them (npy:...?scale=1/255, or in a config data: {scale: "));
    }
}

static void classes_that_are_missing_are_told(void **state)
{
    heard h = fit(*state, five, CLADE_LOSS_CROSS_ENTROPY, 0.1f, samples(1, 0, 4, NULL), test_folder());
    expect_only(&h, "no sample of the training data is of class 1, 2: the network cannot learn to tell them");
    h = fit(*state, five, CLADE_LOSS_CROSS_ENTROPY, 0.1f, samples(1, 0, 3, NULL), NULL);
    expect_only(&h, "no sample of the training data is of class 1: the network cannot learn to tell it;");
}

static void an_activation_that_the_loss_has_is_told(void **state)
{
    static const char softmax[] =
        "{\"input\":[2],\"layers\":[" LINEAR(2) ",{\"type\":\"softmax\"}]}";
    static const char sigmoid[] =
        "{\"input\":[2],\"layers\":[" LINEAR(1) ",{\"type\":\"sigmoid\"}]}";
    heard h = fit(*state, softmax, CLADE_LOSS_CROSS_ENTROPY, 0.1f, samples(1, 0, 2, NULL), test_folder());
    expect_only(&h, "the network ends in softmax, and cross_entropy has its own inside");
    h = fit(*state, sigmoid, CLADE_LOSS_BCE_WITH_LOGITS, 0.1f, samples(1, 0, 2, NULL), NULL);
    expect_only(&h, "the network ends in sigmoid, and bce_with_logits has its own inside");
    h = fit(*state, sigmoid, CLADE_LOSS_MSE, 0.1f, samples(1, 0, 2, NULL), NULL);
    expect_only(&h, NULL);
}

static void data_of_one_class_is_refused_whichever_it_is(void **state)
{
    clade_model *model = net_model(*state, 1, five, NULL);
    for (int32_t class = 0; class < 5; class++) {
        int32_t labels[N];
        clade_data *data = samples(1, 0, 5, NULL);
        for (int i = 0; i < N; i++) labels[i] = class;
        memcpy(data->labels, labels, sizeof labels);
        const char *want = test_text("'arrays' has the label '%d' in all rows; want at least two classes",
                                     class);
        clade_memory memory;
        assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA, want);
        assert_fails(clade_fit_memory(model, data, NULL, &memory), CLADE_EDATA, want);
        clade_data_free(data);
    }
    clade_model_free(model);
}

/* ---- after ---------------------------------------------------------------------------------------- */

static void a_loss_that_stayed_huge_is_told(void **state)
{
    float targets[N];
    for (int i = 0; i < N; i++) targets[i] = 1e6f + 1e5f * (float)(i % 3);
    heard h = fit(*state, one, CLADE_LOSS_MSE, 1e-9f, samples(1, 0, 0, targets), test_folder());
    expect_only(&h, " times that of the same answer for every sample: the network has not learnt; try to "
                    "standardize the data (--standardize), to scale the targets, or a smaller learning rate");
    for (int i = 0; i < N; i++) targets[i] = (float)(i % 3) - 1.0f;
    h = fit(*state, one, CLADE_LOSS_MSE, 1e-9f, samples(1, 0, 0, targets), NULL);
    expect_only(&h, NULL);
}

/* The bias decides, or the first feature does, which is in every second sample. */
static void one_answer_to_all_is_told(void **state)
{
    static const float biases[] = {0, 50}, no_biases[] = {0, 0}, weights[] = {40, 0, 0, 0};
    clade_data *data = samples(1, 0, 2, NULL);
    clade_data *valid = samples(1, 0, 2, NULL);
    for (int i = 0; i < N; i++) ((float *)valid->values)[2 * i] = i % 4 == 0 ? 1.0f : -1.0f;
    for (int told = 0; told < 2; told++) {
        heard h = {0};
        clade_fit_result result;
        clade_model *model = net_model(*state, 1, two, &(clade_compile_options){
                                                           .optimizer = clade_sgd(1e-9f, 0.0f)});
        assert_ok(clade__model_materialize(model));
        assert_ok(clade_tensor_write(model->session.parameters[0].value, weights));
        assert_ok(clade_tensor_write(model->session.parameters[1].value, told ? biases : no_biases));
        assert_ok(clade_fit(model, data, &(clade_fit_options){.validate = valid, .on_message = listen,
                                                              .user = &h}, &result));
        assert_true(result.valid.accuracy == (told ? 0.5 : 0.75));
        const char *part = "the network answers class 1 to all 60 samples of the validation data";
        int n = 0;
        for (int i = 0; i < h.n; i++) n += strstr(h.text[i], part) != NULL;
        assert_int_equal(n, told);
        clade_model_free(model);
    }
    clade_data_free(data);
    clade_data_free(valid);
}

/* No rate has done anything before the first step's loss. */
static void the_first_step_s_infinity_is_the_data_s(void **state)
{
    float targets[N];
    for (int i = 0; i < N; i++) targets[i] = i % 2 ? 1e30f : -1e30f;
    clade_model *model = net_model(*state, 1, one, &(clade_compile_options){
                                                       .loss = CLADE_LOSS_MSE,
                                                       .optimizer = clade_sgd(0.1f, 0.0f)});
    clade_data *data = samples(1, 0, 0, targets);
    clade_status status = clade_fit(model, data, NULL, NULL);
    assert_fails(status, CLADE_EDIVERGED, "in step 1 (epoch 1) the loss is first not finite; the numbers are "
                 "too large from the start: try to standardize the data (--standardize), or to scale the "
                 "targets");
    assert_null(strstr(clade_error(), "learning rate"));
    clade_model_free(model);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_said_of_ordinary_data),
        cmocka_unit_test(large_values_are_told),
        cmocka_unit_test(classes_that_are_missing_are_told),
        cmocka_unit_test(an_activation_that_the_loss_has_is_told),
        cmocka_unit_test(data_of_one_class_is_refused_whichever_it_is),
        cmocka_unit_test(a_loss_that_stayed_huge_is_told),
        cmocka_unit_test(one_answer_to_all_is_told),
        cmocka_unit_test(the_first_step_s_infinity_is_the_data_s),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
