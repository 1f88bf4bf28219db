/* Every gemm provider trains the same network to the same accuracy, and to the same bits each time. */
#include "support.h"

#include <stdio.h>

#include "blas/provider.h"

enum { N_WEIGHTS = 784 * 64 + 64 + 64 * 10 + 10 };

static clade_model *compile(clade_device *device, const char *provider)
{
    clade_model *model;
    assert_ok(clade_model_create(&model, device, 1));
    clade_node *h = clade_relu(clade_linear(clade_flatten(clade_input(model, CLADE_SHAPE(28, 28))), 64));
    assert_ok(clade_compile(model, clade_linear(h, 10),
                            &(clade_compile_options){.optimizer = clade_sgd(0.1f, 0.9f),
                                                     .gemm = provider}));
    return model;
}

static double train(clade_device *device, const char *provider, const char *path)
{
    clade_data *data, *test;
    clade_metrics metrics;
    assert_ok(clade_data_open_part(&data, "digits?n=4000", "train"));
    assert_ok(clade_data_open_part(&test, "digits?n=2000", "test"));
    clade_model *model = compile(device, provider);
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 4}, NULL));
    assert_ok(clade_evaluate(model, test, &metrics));
    assert_ok(clade_save(model, path));
    assert_int_equal(clade_model_n_parameters(model), N_WEIGHTS);
    clade_model_free(model);
    clade_data_free(test);
    clade_data_free(data);
    return metrics.accuracy;
}

static void providers_train_alike(void **state)
{
    const char *folder = test_folder();
    double first = -1;
    for (int p = 0; clade__gemm_providers[p]; p++) {
        const char *name = clade__gemm_providers[p]->name;
        clade_gemm_args any = {.m = 1, .n = 1, .k = 1};
        if (clade__gemm_providers[p]->refuses(*state, &any)) continue;
        char once[256], again[256];
        snprintf(once, sizeof once, "%s/%s-once", folder, name);
        snprintf(again, sizeof again, "%s/%s-again", folder, name);
        double accuracy = train(*state, name, once);
        assert_true(accuracy > 0.9);
        assert_true(train(*state, name, again) == accuracy);
        assert_true(test_assert_same_files(once, again) > 4 * N_WEIGHTS);
        if (first < 0) first = accuracy;
        assert_true(fabs(accuracy - first) < 0.01);
    }
    assert_true(first > 0);
}

/* A model keeps its provider, whatever another one on its device has: what the first plans, a step of
 * sgd inside gemm, the second's provider cannot do. */
static void models_of_one_device_have_their_own(void **state)
{
    clade_data *data;
    char path[2][512];
    assert_ok(clade_data_open_part(&data, "digits?n=400", "train"));
    const clade_fit_options options = {.epochs = 1};
    for (int beside = 0; beside < 2; beside++) {
        clade_model *model = compile(*state, "auto");
        clade_model *other = beside ? compile(*state, "clblast") : NULL;
        if (beside) assert_ok(clade_gemm_select(*state, "clblast"));
        assert_ok(clade_fit(model, data, &options, NULL));
        if (beside) assert_ok(clade_fit(other, data, &options, NULL));
        snprintf(path[beside], sizeof path[0], "%s/%d", test_folder(), beside);
        assert_ok(clade_save(model, path[beside]));
        clade_model_free(other);
        clade_model_free(model);
        assert_ok(clade_gemm_select(*state, "auto"));
    }
    assert_true(test_assert_same_files(path[0], path[1]) > 4 * N_WEIGHTS);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(providers_train_alike),
                                       cmocka_unit_test(models_of_one_device_have_their_own)};
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
