/* Classes by name: labels of other data are those of the training data, whatever their numbers. */
#include "network.h"
#include "reference.h"

#include "data/dataset.h"


static const char json[] = "{\"input\":[2],\"layers\":[" LINEAR(3) "]}";

enum { N = 60 };

/* N samples of two features; sample i is of class order[i % n_order], among n named classes, which
 * have no names when names is NULL. The features go with `kind`, the same in each data set. */
typedef struct labelled {
    int n;
    const char *const *names;
    int n_order;
    int order[3], kind[3];
} labelled;

static clade_data *make(const labelled *what)
{
    clade_data *data;
    float *noise = test_random(8, 2 * N, -0.5f, 0.5f), x[2 * N];
    int32_t labels[N];
    for (int i = 0; i < N; i++) {
        int at = i % what->n_order;
        labels[i] = what->order[at];
        x[2 * i] = noise[2 * i] + (float)(what->kind[at] == 0);
        x[2 * i + 1] = noise[2 * i + 1] + (float)(what->kind[at] == 1);
    }
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = N,
                                                                 .shape = CLADE_SHAPE(2),
                                                                 .features = x,
                                                                 .labels = labels,
                                                                 .n_classes = what->n}));
    if (what->names) assert_ok(clade__data_name_classes(data, what->names));
    free(noise);
    return data;
}

static const char *const pets[] = {"cat", "dog", "owl"}, *const few[] = {"cat", "owl"},
                         *const turned[] = {"owl", "yak", "cat"}, *const others[] = {"a", "b", "c"},
                         *const digits[] = {"0", "2"}, *const from_one[] = {"1", "2", "3"};

static const labelled all_pets = {3, pets, 3, {0, 1, 2}, {0, 1, 2}};
static const labelled numbered = {3, NULL, 3, {0, 1, 2}, {0, 1, 2}};

static clade_model *trained(clade_device *device, const labelled *what)
{
    clade_data *data = make(what);
    clade_model *model =
        net_model(device, 2, json, &(clade_compile_options){.optimizer = clade_sgd(0.5f, 0.9f)});
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 20}, NULL));
    clade_data_free(data);
    return model;
}

static clade_metrics evaluate(clade_model *model, const labelled *what)
{
    clade_data *data = make(what);
    clade_metrics metrics;
    assert_ok(clade_evaluate(model, data, &metrics));
    clade_data_free(data);
    return metrics;
}

/* The same samples and classes under other numbers are as good to the last bit. */
static void assert_same(clade_model *model, const labelled *a, const labelled *b)
{
    clade_metrics in_a = evaluate(model, a), in_b = evaluate(model, b);
    assert_true(in_a.loss == in_b.loss && in_a.accuracy == in_b.accuracy);
    assert_true(in_a.accuracy > 0.6); /* so that wrong labels would show */
}

static void names_decide(void **state)
{
    clade_model *model = trained(*state, &all_pets);
    static const labelled two = {3, pets, 2, {0, 2}, {0, 2}}, lacks = {2, few, 2, {0, 1}, {0, 2}},
                          mixed = {3, turned, 2, {2, 0}, {0, 2}}; /* no sample is a yak */
    assert_same(model, &two, &lacks);
    assert_same(model, &two, &mixed);
    assert_same(model, &all_pets, &numbered); /* nothing but numbers to go by */
    assert_string_equal(clade_model_class_name(model, 2), "owl");
    assert_null(clade_model_class_name(model, 3));
    assert_null(clade_model_class_name(model, -1));
    clade_model_free(model);
}

static void assert_refused(clade_model *model, const labelled *l, const char *part)
{
    clade_data *data = make(l);
    clade_metrics metrics;
    assert_fails(clade_evaluate(model, data, &metrics), CLADE_EDATA, part);
    clade_data_free(data);
}

/* The same class under other numbers of a file: by value where names are numbers, never by place. */
static void without_names_numbers_decide(void **state)
{
    static const char *const as_floats[] = {"0.0", "02"};
    static const labelled text = {3, others, 3, {0, 1, 2}, {0, 1, 2}},
                          one_on = {3, from_one, 3, {0, 1, 2}, {0, 1, 2}},
                          two = {3, NULL, 2, {0, 2}, {0, 2}},
                          lacks = {2, digits, 2, {0, 1}, {0, 2}},
                          floats = {2, as_floats, 2, {0, 1}, {0, 2}},
                          zero = {1, digits, 1, {0}, {0}};
    clade_model *model = trained(*state, &numbered);
    assert_null(clade_model_class_name(model, 0));
    assert_same(model, &two, &lacks); /* digits are the names of numbers */
    assert_same(model, &two, &floats);
    assert_refused(model, &text, "row 0 (from 0) is of class");
    assert_refused(model, &one_on, "row 2 (from 0) is of class '3', which the model was not trained "
                                   "on; it knows 0 to 2");
    clade_model_free(model);
    model = trained(*state, &one_on);
    assert_refused(model, &numbered, "row 0 (from 0) is of class '0', which the model was not "
                                     "trained on; it knows 1, 2, 3");
    assert_refused(model, &zero, "is of class '0'");
    clade_model_free(model);
}

static void validation_goes_by_name_too(void **state)
{
    static const labelled lacks = {2, few, 2, {0, 1}, {0, 2}};
    clade_data *train = make(&all_pets), *valid = make(&lacks);
    for (int stream = 0; stream < 2; stream++) {
        clade_model *model =
            net_model(*state, 2, json,
                      &(clade_compile_options){.optimizer = clade_sgd(0.5f, 0.9f)});
        clade_fit_result result;
        assert_ok(clade_fit(model, train,
                            &(clade_fit_options){.epochs = 20, .validate = valid, .stream = stream},
                            &result));
        assert_true(result.valid.accuracy > 0.6);
        assert_true(result.valid.loss == evaluate(model, &lacks).loss);
        clade_model_free(model);
    }
    clade_data_free(train);
    clade_data_free(valid);
}

static void an_unknown_class_is_refused(void **state)
{
    static const labelled yak = {3, turned, 3, {2, 0, 1}, {0, 2, 1}};
    clade_model *model = trained(*state, &all_pets);
    clade_data *data = make(&yak);
    clade_metrics metrics;
    float outputs[3];
    assert_fails(
        clade_evaluate(model, data, &metrics), CLADE_EDATA,
        "row 2 (from 0) is of class 'yak', which the model was not trained on; it knows cat, dog, "
        "owl");
    assert_ok(clade_predict(model, data, 2, 1, false, outputs)); /* what is it like? */
    clade_data_free(data);
    clade_model_free(model);
}

/* Not to learn from; to evaluate it is as good as any. */
static void a_single_class_is_enough_after_training(void **state)
{
    static const char *const owls[] = {"owl"};
    static const labelled alone = {1, owls, 1, {0}, {2}}, first = {1, NULL, 1, {0}, {0}},
                          among = {3, pets, 1, {2}, {2}};
    clade_model *model = trained(*state, &all_pets);
    assert_same(model, &alone, &among);
    clade_data *data[2] = {make(&alone), make(&first)};
    assert_fails(clade_fit(model, data[0], NULL, NULL), CLADE_EDATA,
                 "has the label 'owl' in all rows; want at least two classes");
    assert_fails(clade_fit(model, data[1], NULL, NULL), CLADE_EDATA,
                 "has the label '0' in all rows; want at least two classes");
    assert_string_equal(clade_model_class_name(model, 0), "cat"); /* as it was */
    for (int i = 0; i < 2; i++) clade_data_free(data[i]);
    clade_model_free(model);
}

/* A target of bce_with_logits is a label: all 1 is a single class, too. */
static void a_single_answer_is_refused(void **state)
{
    static const char one[] = "{\"input\":[1],\"layers\":[" LINEAR(1) "]}";
    static const float x[] = {1, 2, 3}, all[] = {1, 1, 1}, some[] = {1, 0, 1};
    for (int i = 0; i < 2; i++) {
        clade_data *data;
        clade_model *model = net_model(
            *state, 2, one, &(clade_compile_options){.loss = CLADE_LOSS_BCE_WITH_LOGITS});
        assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = 3,
                                                                     .shape = CLADE_SHAPE(1),
                                                                     .features = x,
                                                                     .targets = i ? some : all,
                                                                     .n_targets = 1}));
        if (i == 0)
            assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA,
                         "has the target 1 in all rows; want both 0 and 1");
        else
            assert_ok(clade_fit(model, data, NULL, NULL));
        clade_data_free(data);
        clade_model_free(model);
    }
}

static void more_classes_than_outputs_are_refused(void **state)
{
    static const char *const four[] = {"a", "b", "c", "d"};
    static const labelled named = {4, four, 3, {0, 1, 3}, {0, 1, 2}},
                          counted = {4, NULL, 3, {0, 1, 2}, {0, 1, 2}};
    clade_model *model = net_model(*state, 2, json, &(clade_compile_options){0});
    clade_data *data[2] = {make(&named), make(&counted)};
    for (int i = 0; i < 2; i++) {
        assert_fails(clade_fit(model, data[i], NULL, NULL), CLADE_EDATA,
                     "has 4 classes, and the model tells 3 apart");
        clade_data_free(data[i]);
    }
    clade_model_free(model);
}

/* A model file is UTF-8. */
static void names_in_another_encoding_are_refused(void **state)
{
    static const char *const latin1[] = {"K\xfche", "Pferde", "Schafe"};
    static const labelled named = {3, latin1, 3, {0, 1, 2}, {0, 1, 2}};
    clade_model *model = net_model(*state, 2, json, &(clade_compile_options){0});
    clade_data *data = make(&named);
    assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA,
                 "the name of class 0 is not UTF-8");
    clade_data_free(data);
    clade_model_free(model);
}

static void names_are_saved(void **state)
{
    static const labelled lacks = {2, few, 2, {0, 1}, {0, 2}};
    clade_model *model = trained(*state, &all_pets), *loaded;
    const char *folder = test_folder(), *path = test_text("%s/net.safetensors", folder);
    const char *copy = test_text("%s/copy.safetensors", folder);
    assert_ok(clade_save(model, path));
    assert_ok(clade_load(&loaded, *state, path));
    for (int i = 0; i < 3; i++) assert_string_equal(clade_model_class_name(loaded, i), pets[i]);
    assert_true(evaluate(loaded, &lacks).loss == evaluate(model, &lacks).loss);
    assert_ok(clade_save(loaded, copy));
    test_assert_same_files(path, copy);
    clade_model_free(loaded);

    clade_data *data = make(&numbered); /* trained again, it has the names of that data: none */
    assert_ok(clade_fit(model, data, NULL, NULL));
    assert_null(clade_model_class_name(model, 0));
    assert_ok(clade_save(model, path));
    assert_ok(clade_load(&loaded, NULL, path));
    assert_null(clade_model_class_name(loaded, 0));
    clade_model_free(loaded);
    clade_model_free(model);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_decide),
        cmocka_unit_test(without_names_numbers_decide),
        cmocka_unit_test(validation_goes_by_name_too),
        cmocka_unit_test(an_unknown_class_is_refused),
        cmocka_unit_test(a_single_class_is_enough_after_training),
        cmocka_unit_test(a_single_answer_is_refused),
        cmocka_unit_test(more_classes_than_outputs_are_refused),
        cmocka_unit_test(names_in_another_encoding_are_refused),
        cmocka_unit_test(names_are_saved),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
