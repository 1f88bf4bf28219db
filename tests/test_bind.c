/* Data as a model sees it: shapes, columns by name, targets in their own units, and what its file keeps. */
#include "network.h"

#include <stdio.h>

#include "data/dataset.h"
#include "graph/model.h"

static char folder[256];

static int set_up(void **state)
{
    snprintf(folder, sizeof folder, "%s", test_folder());
    return test_open_device(state);
}

static const char *spec_of(const char *name, const char *options)
{
    return test_text("csv:%s/%s%s", folder, name, options);
}

static void write_text(const char *name, const char *text)
{
    test_write_file(test_text("%s/%s", folder, name), text, strlen(text));
}

static clade_data *open_with(const char *spec, clade_data_options options)
{
    clade_data *data;
    options.whole = true;
    assert_ok(clade_data_open_with(&data, spec, &options));
    return data;
}

static clade_model *fitted(clade_device *device, clade_data *data, const char *json, clade_loss loss)
{
    clade_model *model = net_model(
        device, 3, json,
        &(clade_compile_options){.loss = loss, .optimizer = clade_sgd(0.1f, 0.9f), .batch = 8});
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 60}, NULL));
    return model;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static clade_data *shaped(clade_shape shape)
{
    clade_data *data;
    float x[2 * 24] = {0};
    const int32_t labels[] = {0, 1};
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = 2,
                                                                 .shape = shape,
                                                                 .features = x,
                                                                 .labels = labels,
                                                                 .n_classes = 2}));
    return data;
}

static void a_flat_sample_stands_for_a_shaped_one(void **state)
{
    static const char json[] = "{\"input\":[2,3,4],\"layers\":[{\"type\":\"flatten\"}," LINEAR(2) "]}";
    clade_model *model = net_model(*state, 1, json, &(clade_compile_options){0});
    const clade_shape right[] = {CLADE_SHAPE(2, 3, 4), CLADE_SHAPE(24), CLADE_SHAPE(1, 2, 3, 4),
                                 CLADE_SHAPE(24, 1)};
    const clade_shape wrong[] = {CLADE_SHAPE(3, 4, 2), CLADE_SHAPE(4, 3, 2), CLADE_SHAPE(6, 4),
                                 CLADE_SHAPE(23)};
    clade_metrics metrics;
    float y[2];
    for (int i = 0; i < 4; i++) {
        clade_data *data = shaped(right[i]);
        assert_ok(clade_evaluate(model, data, &metrics));
        clade_data_free(data);
        if (clade_shape_elements(wrong[i]) == 24) {
            data = shaped(wrong[i]);
            const char *message = "the model takes samples of shape (2, 3, 4), and 'arrays' has ";
            assert_fails(clade_evaluate(model, data, &metrics), CLADE_EDATA, message);
            assert_fails(clade_predict(model, data, 0, 1, true, y), CLADE_EDATA, message);
            assert_fails(clade_fit(model, data, NULL, NULL), CLADE_EDATA, message);
            clade_data_free(data);
        }
    }
    clade_model_free(model);
}

/* ---- columns --------------------------------------------------------------------------------- */

static const char flowers[] = "{\"input\":[4],\"layers\":[" LINEAR(2) "]}";

/* Twenty rows of a number, a category of two texts and a number, told apart by all of them. */
static void write_flowers(void)
{
    char rows[2][1024], *to[2] = {rows[0], rows[1]};
    to[0] += sprintf(to[0], "width,color,height,kind\n");
    to[1] += sprintf(to[1], "id,height,kind,width,color\n");
    for (int i = 0; i < 20; i++) {
        bool big = i % 2;
        double width = 100 + i, height = big ? 0.5 + i * 0.01 : 0.1 + i * 0.01;
        const char *color = i % 3 ? "red" : "blue", *kind = big ? "rose" : "iris";
        to[0] += sprintf(to[0], "%g,%s,%g,%s\n", width, color, height, kind);
        to[1] += sprintf(to[1], "%d,%g,%s,%g,%s\n", i, height, kind, width, color);
    }
    write_text("flowers.csv", rows[0]);
    write_text("turned.csv", rows[1]);
}

static float *predicted(clade_model *model, clade_data *data)
{
    int64_t n = clade_data_describe(data).n_samples;
    int64_t each = clade_shape_elements(clade_model_output_shape(model));
    float *y = malloc((size_t)(n * each) * sizeof *y);
    assert_non_null(y);
    assert_ok(clade_predict(model, data, 0, n, true, y));
    return y;
}

/* The same rows with their columns turned, read by the schema of the model's file. */
static void columns_are_found_by_name(void **state)
{
    write_flowers();
    clade_data *train = open_with(spec_of("flowers.csv", ""), (clade_data_options){.standardize = true});
    assert_int_equal(train->shape.dim[0], 4);
    assert_true(clade_data_describe(train).standardized);
    clade_model *model = fitted(*state, train, flowers, CLADE_LOSS_CROSS_ENTROPY), *loaded;
    const char *path = test_text("%s/flowers.safetensors", folder);
    assert_ok(clade_save(model, path));
    assert_ok(clade_load(&loaded, *state, path));
    assert_true(clade__schema_equal(model->schema, loaded->schema));
    assert_string_equal(clade_schema_label(clade_model_schema(loaded)), "kind");
    assert_string_equal(clade_schema_category(clade_model_schema(loaded), 1, 0), "blue");

    clade_data *turned = open_with(spec_of("turned.csv", ""),
                                   (clade_data_options){.schema = clade_model_schema(loaded)});
    assert_memory_equal(turned->values, train->values, 20 * 4 * sizeof(float));
    assert_non_null(strstr(clade_data_note(turned, 1), "does not know are not used: 'id'"));
    float *want = predicted(model, train), *got = predicted(loaded, turned);
    assert_memory_equal(got, want, 20 * 2 * sizeof *got);
    clade_metrics metrics;
    assert_ok(clade_evaluate(loaded, turned, &metrics));
    assert_true(metrics.accuracy == 1.0);
    free(want);
    free(got);
    clade_data_free(turned);

    /* Read on its own it has other columns: that is told, and not computed. */
    turned = open_with(spec_of("turned.csv", "?label=kind"), (clade_data_options){0});
    assert_fails(clade_evaluate(loaded, turned, &metrics), CLADE_EDATA, "shape (4), and");
    clade_data_free(turned);
    turned = open_with(spec_of("turned.csv", "?label=kind&drop=id"), (clade_data_options){0});
    assert_fails(clade_evaluate(loaded, turned, &metrics), CLADE_EDATA,
                 "has the column 'height' where the model was trained on 'width'");
    clade_data_free(turned);
    clade_data_free(train);
    clade_model_free(model);
    clade_model_free(loaded);
}

static void missing_and_unknown_columns_are_listed(void **state)
{
    (void)state;
    write_flowers();
    clade_data *train = open_with(spec_of("flowers.csv", ""), (clade_data_options){0}), *data;
    clade_data_options options = {.whole = true, .schema = clade_data_schema(train)};
    write_text("other.csv", "breite,color,hoehe,kind\n1,red,2,rose\n");
    assert_fails(clade_data_open_with(&data, spec_of("other.csv", ""), &options), CLADE_EDATA,
                 "other.csv' lacks columns that the model was trained on: 'width', 'height'; it has "
                 "others: 'breite', 'hoehe'");
    write_text("color.csv", "kind,height,width,color\nrose,1,2,red\niris,1,2,green\n");
    assert_fails(clade_data_open_with(&data, spec_of("color.csv", ""), &options), CLADE_EDATA,
                 "color.csv:3: column 4 ('color') has 'green', want a category of the training data: "
                 "'blue', 'red'");
    write_text("alone.csv", "height,width,color\n1,2,red\n");
    data = open_with(spec_of("alone.csv", ""), options);
    assert_true(data->n_classes == 0 && data->n_targets == 0); /* without the label's column */
    clade_data_free(data);
    data = open_with(spec_of("alone.csv", "?missing=mean&features=height"), options);
    assert_int_equal(data->shape.dim[0], 4); /* by the model, and not by the spec, which is told */
    assert_string_equal(clade_data_note(data, 1), "features=, missing=: not used, since the model has its "
                                                  "own answer for each column");
    clade_data_free(data);
    clade_data_free(train);
}

/* Plain numbers, from memory, go through the same centers and scales as those of the table. */
static void arrays_are_scaled_as_the_table_was(void **state)
{
    static const char json[] = "{\"input\":[2],\"layers\":[" LINEAR(2) "]}";
    char text[2048] = "a,b,kind\n", *to = text + strlen(text);
    float x[2 * 30];
    int32_t labels[30];
    for (int i = 0; i < 30; i++) {
        x[2 * i] = (float)(16000000 + (i % 2 ? 8 : 0) + i % 4);
        x[2 * i + 1] = (float)i;
        labels[i] = i % 2;
        to += sprintf(to, "%.0f,%d,%d\n", (double)x[2 * i], i, i % 2);
    }
    write_text("large.csv", text);
    clade_data *train = open_with(spec_of("large.csv", ""), (clade_data_options){.standardize = true});
    clade_data *arrays;
    assert_ok(clade_data_from_arrays(&arrays, &(clade_data_arrays){.n_samples = 30,
                                                                   .shape = CLADE_SHAPE(2),
                                                                   .features = x,
                                                                   .labels = labels,
                                                                   .n_classes = 2}));
    clade_model *model = fitted(*state, train, json, CLADE_LOSS_CROSS_ENTROPY);
    float *want = predicted(model, train), *got = predicted(model, arrays);
    double close[60];
    for (int i = 0; i < 60; i++) close[i] = (double)want[i];
    /* With value * scale + shift in float32, a is off by up to a fifth of its deviation. */
    test_assert_close("logits", got, close, 60, 1e-5, 1e-5);
    clade_metrics metrics;
    assert_ok(clade_evaluate(model, arrays, &metrics));
    assert_true(metrics.accuracy == 1.0);
    free(want);
    free(got);
    clade_data_free(train);
    clade_data_free(arrays);
    clade_model_free(model);
}

/* ---- targets --------------------------------------------------------------------------------- */

static void targets_come_back_in_their_own_units(void **state)
{
    static const char json[] = "{\"input\":[1],\"layers\":[" LINEAR(2) "]}";
    char text[2048] = "x,price,area\n", *to = text + strlen(text);
    float own[2 * 20];
    for (int i = 0; i < 20; i++) {
        own[2 * i] = (float)(200000 + 1000 * i);
        own[2 * i + 1] = 0.001f * (float)i;
        to += sprintf(to, "%d,%d,%g\n", i, 200000 + 1000 * i, 0.001 * i);
    }
    write_text("homes.csv", text);
    clade_data_options options = {.standardize = true, .standardize_targets = true};
    clade_data *train = open_with(spec_of("homes.csv", "?target=price,area"), options);
    double mean = 0.0, square = 0.0;
    for (int i = 0; i < 20; i++) {
        mean += (double)train->targets[2 * i] / 20;
        square += (double)train->targets[2 * i] * (double)train->targets[2 * i] / 20;
    }
    assert_true(fabs(mean) < 1e-6 && fabs(square - 1) < 1e-6);
    clade_model *model = fitted(*state, train, json, CLADE_LOSS_MSE), *loaded;
    const char *path = test_text("%s/homes.safetensors", folder);
    assert_ok(clade_save(model, path));
    assert_ok(clade_load(&loaded, *state, path));
    assert_string_equal(clade_schema_target(clade_model_schema(loaded), 1), "area");

    float y[2 * 20];
    assert_ok(clade_predict(loaded, train, 0, 20, false, y));
    for (int i = 0; i < 20; i++) {
        assert_true(fabs((double)(y[2 * i] - own[2 * i])) < 100.0);
        assert_true(fabs((double)(y[2 * i + 1] - own[2 * i + 1])) < 1e-4);
    }
    /* Targets in their own units, as memory has them, are the same to it as those of the table. */
    clade_data *arrays;
    float x[20];
    for (int i = 0; i < 20; i++) x[i] = (float)i;
    assert_ok(clade_data_from_arrays(&arrays, &(clade_data_arrays){.n_samples = 20,
                                                                   .shape = CLADE_SHAPE(1),
                                                                   .features = x,
                                                                   .targets = own,
                                                                   .n_targets = 2}));
    clade_metrics a, b;
    assert_ok(clade_evaluate(loaded, train, &a));
    assert_ok(clade_evaluate(loaded, arrays, &b));
    assert_true(a.loss < 1e-4 && fabs(a.loss - b.loss) < 1e-7);
    clade_data_free(arrays);
    clade_data_free(train);
    clade_model_free(model);
    clade_model_free(loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flat_sample_stands_for_a_shaped_one),
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(missing_and_unknown_columns_are_listed),
        cmocka_unit_test(arrays_are_scaled_as_the_table_was),
        cmocka_unit_test(targets_come_back_in_their_own_units),
    };
    return cmocka_run_group_tests_name("bind", tests, set_up, test_close_device);
}
