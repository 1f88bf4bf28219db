/* Samples alone, without labels or targets: read from CSV, NumPy and memory, predicted on as if they
 * had labels, and refused where an answer is needed. */
#include "command.h"
#include "network.h"

#include "data/dataset.h"

enum { ROWS = 300, COLS = 5, OUTPUTS = 3 };

static const char json[] = "{\"input\":[5],\"layers\":[{\"type\":\"linear\",\"units\":6},"
                           "{\"type\":\"relu\"},{\"type\":\"linear\",\"units\":3}]}";

static char folder[512];
static float *rows; /* (ROWS, COLS) */

static int set_up(void **state)
{
    snprintf(folder, sizeof folder, "%s", test_folder());
    rows = test_random(3, ROWS * COLS, -1, 1);
    return test_open_device(state);
}

static int tear_down(void **state)
{
    free(rows);
    return test_close_device(state);
}

/* The spec of a CSV file of the rows. */
static const char *csv(const char *options)
{
    const char *path = test_text("%s/rows.csv", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < ROWS * COLS; i++)
        fprintf(file, "%.9g%c", (double)rows[i], i % COLS == COLS - 1 ? '\n' : ',');
    assert_int_equal(fclose(file), 0);
    return test_text("csv:%s?%s", path, options);
}

static const char *npy(const char *options)
{
    char file[128 + ROWS * COLS * 4];
    memset(file, ' ', 128);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    const char *about = "{'descr': '<f4', 'fortran_order': False, 'shape': (300, 5), }";
    memcpy(file + 10, about, strlen(about));
    file[127] = '\n';
    memcpy(file + 128, rows, sizeof file - 128);
    const char *path = test_text("%s/rows.npy", folder);
    test_write_file(path, file, sizeof file);
    return test_text("npy:%s%s", path, options);
}

static clade_data *arrays(const int32_t *labels)
{
    clade_data *data;
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = ROWS,
                                                                 .shape = CLADE_SHAPE(COLS),
                                                                 .features = rows,
                                                                 .labels = labels,
                                                                 .n_classes = labels ? 3 : 0}));
    return data;
}

static void assert_rows(clade_data *data)
{
    clade_data_info info = clade_data_describe(data);
    assert_int_equal(info.n_samples, ROWS);
    assert_int_equal(info.shape.dim[0], COLS);
    assert_true(info.n_classes == 0 && info.n_targets == 0);
    assert_null(clade__data_answers(data));
    assert_memory_equal(data->values, rows, ROWS * COLS * sizeof(float));
    assert_true(clade_data_equal(data, data));
    clade_data_free(data);
}

/* All rows, in either part. */
static void they_are_read(void **state)
{
    (void)state;
    const char *specs[] = {csv("label=none"), npy("")};
    for (int i = 0; i < 2; i++)
        for (int part = 0; part < 2; part++) {
            clade_data *data;
            assert_ok(clade_data_open_part(&data, specs[i], part ? "test" : "train"));
            assert_rows(data);
        }
    assert_rows(arrays(NULL));

    clade_data *data;
    assert_ok(clade_data_open_part(&data, csv("label=none&test=0.5"), "test"));
    assert_int_equal(clade_data_describe(data).n_samples, ROWS / 2);
    clade_data_free(data);
    assert_fails(clade_data_open(&data, npy("?classes=3")), CLADE_EINVAL, "classes= is for labels");
}

static void they_are_predicted_on(void **state)
{
    int32_t labels[ROWS];
    float want[ROWS * OUTPUTS], got[ROWS * OUTPUTS];
    for (int i = 0; i < ROWS; i++) labels[i] = i % 3;
    clade_data *labelled = arrays(labels), *alone = arrays(NULL);
    clade_model *model = net_model(*state, 7, json, &(clade_compile_options){.batch = 32,
                                                                             .keep_gradients = true});
    assert_ok(clade_predict(model, labelled, 0, ROWS, false, want));
    assert_ok(clade_predict(model, alone, 0, ROWS, false, got));
    assert_memory_equal(got, want, sizeof want);

    clade_metrics metrics;
    assert_fails(clade_evaluate(model, alone, &metrics), CLADE_EDATA, "neither labels nor targets");
    assert_fails(clade_fit(model, alone, NULL, NULL), CLADE_EDATA, "neither labels nor targets");
    assert_fails(clade_fit(model, labelled, &(clade_fit_options){.validate = alone}, NULL),
                 CLADE_EDATA, "neither labels nor targets");
    clade_gradcheck_result result;
    assert_fails(clade_gradcheck(model, alone, NULL, &result), CLADE_EDATA, "neither labels nor");
    assert_ok(clade_save(model, test_text("%s/m.safetensors", folder)));
    clade_model_free(model);
    clade_data_free(labelled);
    clade_data_free(alone);
}

/* Of the model that the test before has saved. */
static void the_command_predicts(void **state)
{
    (void)state;
    char model[600];
    snprintf(model, sizeof model, "%s/m.safetensors", folder);
    command_result by_csv = command_expect(
        COMMAND("predict", model, "--data", csv("label=none"), "--quiet"), 0);
    command_result by_npy = command_expect(
        COMMAND("predict", model, "--data", npy(""), "--quiet"), 0);
    int n_lines = 0;
    for (const char *c = by_csv.out; *c; c++) n_lines += *c == '\n';
    assert_int_equal(n_lines, 1 + ROWS);
    assert_string_equal(by_csv.out, by_npy.out);
    command_free(&by_csv);
    command_free(&by_npy);

    command_result result = command_expect(COMMAND("eval", model, "--data", npy("")), 4);
    assert_non_null(strstr(result.err, "neither labels nor targets"));
    command_free(&result);
    result = command_expect(COMMAND("train", "--model", "mlp:8", "--data", npy(""), "--run",
                                    test_text("%s/run", folder)), 4);
    assert_non_null(strstr(result.err, "there is nothing to learn from it"));
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_read),
        cmocka_unit_test(they_are_predicted_on),
        cmocka_unit_test(the_command_predicts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
