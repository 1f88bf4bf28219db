/* The clade command on files of a user's own. */
#include "command.h"

#include "base/file.h"
#include "base/text.h"
#include "base/philox.h"
#include "data/dataset.h"

static char folder[512];

static const char *in_folder(const char *name)
{
    return test_text("%s/%s", folder, name);
}

/* A table as a user has it: a header, features of very different size, species as text. */
static void write_flowers(const char *path, int n)
{
    static const char *const species[] = {"setosa", "versicolor", "virginica"};
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    clade__random random = clade__random_start(1, 1);
    fprintf(file, "width,altitude,petals,species\n");
    for (int i = 0; i < n; i++) {
        double at = i % 3;
        fprintf(file, "%.4f,%.1f,5,%s\n", 0.01 * (at + 0.25 * clade__random_normal(&random)),
                1500.0 + 200.0 * (at - 0.5 * at * at + 0.2 * clade__random_normal(&random)),
                species[i % 3]);
    }
    assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
    if (test_find_device(state) != 0) return -1;
    snprintf(folder, sizeof folder, "%s", test_folder());
    write_flowers(in_folder("flowers.csv"), 150);
    return 0;
}

/* ---- validation ------------------------------------------------------------------------------ */

/* Trains a step; whether the command warned, once, and the run's log knows of it. */
static bool warned(const char *data, const char *valid)
{
    const char *run = in_folder("warned");
    command_result result =
        command_expect(COMMAND("train", "--model", "linear", "--data", data, "--max-steps", "1",
                               "--run", run, "--overwrite", valid ? "--valid" : NULL, valid),
                       0);
    const char *warning = strstr(result.err, "warning: the validation data is the training data");
    if (warning) assert_null(strstr(warning + 1, "warning"));
    cJSON *start = command_event(run, "start");
    bool logged = cJSON_IsTrue(cJSON_GetObjectItem(start, "valid_is_train"));
    assert_int_equal(logged, warning != NULL);
    cJSON_Delete(start);
    command_free(&result);
    return logged;
}

static void training_data_as_validation_is_told(void **state)
{
    (void)state;
    char table[600], image[3073] = {0}, pictures[600];
    snprintf(table, sizeof table, "csv:%s", in_folder("flowers.csv"));
    test_write_file(in_folder("some.bin"), image, sizeof image);
    snprintf(pictures, sizeof pictures, "cifar10:%s?files=some.bin", folder);
    assert_true(warned(test_text("%s?test=0", table), NULL));
    assert_true(warned(pictures, NULL));
    assert_false(warned(table, NULL));
    assert_false(warned(test_text("%s?test=0", table), "none"));
    assert_false(warned(test_text("%s?part=train", table), test_text("%s?part=test", table)));
    assert_false(warned(test_text("%s?test=0.5", table), "none"));
    assert_true(warned(test_text("%s?test=0", table), table)); /* a file that is named is one whole */

    command_result result =
        command_expect(COMMAND("train", "--model", "linear", "--data", pictures, "--max-steps", "1",
                               "--run", in_folder("quiet"), "--quiet"),
                       0);
    assert_string_equal(result.err, "");
    command_free(&result);
}

/* ---- batches --------------------------------------------------------------------------------- */

static void replacement_is_repeated_from_the_run(void **state)
{
    (void)state;
    char runs[3][600], data[600];
    snprintf(data, sizeof data, "csv:%s", in_folder("flowers.csv"));
    for (int i = 0; i < 3; i++) snprintf(runs[i], sizeof runs[i], "%s/drawn-%d", folder, i);
    const char *const arguments[3][10] = {
        {"train", "--model", "linear", "--data", data, "--replacement", "--run", runs[0]},
        {"train", test_text("%s/config.yaml", runs[0]), "--run", runs[1]},
        {"train", "--model", "linear", "--data", data, "--run", runs[2]},
    };
    cJSON *end[3];
    for (int i = 0; i < 3; i++) {
        command_result result = command_expect(command_run(arguments[i]), 0);
        command_free(&result);
        end[i] = command_event(runs[i], "epoch");
    }
    assert_true(command_number(end[0], "train_loss") == command_number(end[1], "train_loss"));
    assert_true(command_number(end[0], "train_loss") != command_number(end[2], "train_loss"));
    for (int i = 0; i < 3; i++) cJSON_Delete(end[i]);
}

/* ---- standardised ---------------------------------------------------------------------------- */

/* The mean of -log p[label] over the predictions, whose classes are named. */
static double loss_of(const cJSON *predictions, const clade_data *data)
{
    double loss = 0.0;
    int i = 0, n_right = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, predictions)
    {
        int label = data->labels[i++];
        const cJSON *p = cJSON_GetObjectItem(row, "probabilities");
        loss -= log(cJSON_GetArrayItem(p, label)->valuedouble);
        n_right += strcmp(cJSON_GetStringValue(cJSON_GetObjectItem(row, "class")),
                          clade_data_class_name(data, label)) == 0;
    }
    assert_int_equal(i, data->n_samples);
    assert_true(n_right > 0.8 * i);
    return loss / i;
}

/* What the training logged of its last epoch, the saved model gives again, and the command that is
 * in the run's folder. */
static void a_standardized_table_is_seen_alike_by_all(void **state)
{
    (void)state;
    char table[600], run[600], model[700], held_out[700];
    snprintf(table, sizeof table, "csv:%s", in_folder("flowers.csv"));
    snprintf(run, sizeof run, "%s", in_folder("standardized"));
    snprintf(model, sizeof model, "%s/model.safetensors", run);
    command_result result = command_expect(COMMAND("train", "--model", "mlp:16", "--data", table,
                                                   "--standardize", "--epochs", "20", "--run", run),
                                           0);
    assert_non_null(strstr(result.err, "120 samples of [3], 3 classes, standardized, read in"));
    command_free(&result);
    cJSON *epoch = command_event(run, "epoch");
    double want = command_number(epoch, "valid_loss");

    snprintf(held_out, sizeof held_out, "%s?part=test", table);
    result = command_expect(COMMAND("eval", model, "--data", held_out, "--json"), 0);
    cJSON *document = command_json(result.out);
    assert_true(command_number(document, "samples") == 30);
    assert_true(command_number(document, "loss") == want);
    assert_true(command_number(document, "accuracy") == command_number(epoch, "valid_accuracy"));
    assert_true(command_number(document, "accuracy") > 0.8); /* a third without */
    cJSON_Delete(document);
    command_free(&result);

    clade_data *data;
    assert_ok(clade_data_open_part(&data, table, "test"));
    result = command_expect(COMMAND("predict", model, "--data", held_out, "--json"), 0);
    document = command_json(result.out);
    double loss = loss_of(cJSON_GetObjectItem(document, "predictions"), data);
    assert_true(fabs(loss - want) <= 1e-6);
    cJSON_Delete(document);
    command_free(&result);
    clade_data_free(data);

    const char *config = test_text("%s/config.yaml", run), *again = in_folder("again");
    result = command_expect(COMMAND("gradcheck", config), 0);
    command_free(&result);
    result = command_expect(COMMAND("train", config, "--run", again), 0);
    command_free(&result);
    test_assert_same_files(model, test_text("%s/model.safetensors", again));
    cJSON_Delete(epoch);
}

static void standardizing_takes_the_place_of_a_scale(void **state)
{
    (void)state;
    char config[600];
    snprintf(config, sizeof config, "%s", in_folder("scaled.yaml"));
    const char *text = test_text("model: linear\ndata:\n  train: csv:%s\n  standardize: true\n"
                                 "  shift: 2\n",
                                 in_folder("flowers.csv"));
    test_write_file(config, text, strlen(text));
    command_result result = command_expect(COMMAND("train", config), 2);
    assert_non_null(
        strstr(result.err, test_text("%s:5: data.shift is for data that is not standardized, and "
                                     "the setting data.standardize is true",
                                     config)));
    command_free(&result);

    const char *scaled = strstr(text, "  shift");
    text = test_text("model: linear\ndata:\n  train: csv:%s\n%s", in_folder("flowers.csv"), scaled);
    test_write_file(config, text, strlen(text));
    result = command_expect(COMMAND("train", config, "--standardize", "--max-steps", "1", "--run",
                                    in_folder("over")),
                            0);
    assert_non_null(strstr(result.err, "standardized"));
    command_free(&result);
}

/* ---- classes --------------------------------------------------------------------------------- */

/* Writes a table of some rows of flowers.csv: those without `part` in them; and `more`. */
static void write_some(const char *path, const char *part, const char *more)
{
    unsigned char *text;
    size_t n_bytes;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_ok(clade__file_read(in_folder("flowers.csv"), &text, &n_bytes));
    for (char *line = strtok((char *)text, "\n"); line; line = strtok(NULL, "\n"))
        if (!strstr(line, part)) fprintf(file, "%s\n", line);
    fputs(more, file);
    assert_int_equal(fclose(file), 0);
    free(text);
}

/* A table without setosa: its first class is the model's second. One with a flower of its own. */
static void classes_of_another_table_go_by_name(void **state)
{
    (void)state;
    char table[600], lacks[600], strange[600], model[700];
    snprintf(table, sizeof table, "csv:%s?test=0", in_folder("flowers.csv"));
    snprintf(lacks, sizeof lacks, "csv:%s?test=0", in_folder("lacks.csv"));
    snprintf(strange, sizeof strange, "csv:%s?test=0", in_folder("strange.csv"));
    snprintf(model, sizeof model, "%s/model.safetensors", in_folder("flowers"));
    write_some(in_folder("lacks.csv"), "setosa", "");
    write_some(in_folder("strange.csv"), "setosa", "1,2,5,rose\n");
    command_result result =
        command_expect(COMMAND("train", "--model", "mlp:16", "--data", table, "--valid", lacks,
                               "--standardize", "--epochs", "20", "--run", in_folder("flowers")),
                       0);
    command_free(&result);
    cJSON *epoch = command_event(in_folder("flowers"), "epoch");
    assert_true(command_number(epoch, "valid_accuracy") > 0.8);

    result = command_expect(COMMAND("eval", model, "--data", lacks, "--json"), 0);
    cJSON *document = command_json(result.out);
    assert_true(command_number(document, "loss") == command_number(epoch, "valid_loss"));
    cJSON_Delete(document);
    command_free(&result);

    result = command_expect(COMMAND("predict", model, "--data", lacks, "--limit", "1"), 0);
    assert_non_null(strstr(result.out, "\n0,versicolor,")); /* the first row's, by the model */
    command_free(&result);

    result = command_expect(COMMAND("info", model), 0);
    assert_non_null(strstr(result.out, "\nclasses: setosa, versicolor, virginica\n"));
    command_free(&result);
    result = command_expect(COMMAND("info", model, "--json"), 0);
    document = command_json(result.out);
    const cJSON *classes = cJSON_GetObjectItem(document, "classes");
    assert_int_equal(cJSON_GetArraySize(classes), 3);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(classes, 1)), "versicolor");
    cJSON_Delete(document);
    command_free(&result);

    result = command_expect(COMMAND("eval", model, "--data", strange, "--quiet"), 4);
    assert_non_null(strstr(result.err, "row 100 (from 0) is of class 'rose', which the model was not "
                                       "trained on; it knows setosa, versicolor, virginica"));
    command_free(&result);
    cJSON_Delete(epoch);
}

/* ---- bad files ------------------------------------------------------------------------------- */

/* A .npy file of version 1.0. */
static void write_npy(const char *name, const char *header, const void *elements, size_t n_bytes)
{
    unsigned char file[256] = "\x93NUMPY\x01";
    size_t length = strlen(header);
    assert_true(10 + length + n_bytes <= sizeof file);
    file[8] = (unsigned char)length;
    memcpy(file + 10, header, length);
    memcpy(file + 10 + length, elements, n_bytes);
    test_write_file(in_folder(name), file, 10 + length + n_bytes);
}

static void write_text(const char *name, const char *text)
{
    test_write_file(in_folder(name), text, strlen(text));
}

static void write_bad_files(void)
{
    static const unsigned char image[3073 + 5] = {0};
    static const float x[] = {1, 2, 3, 4};
    static const int32_t y[] = {0, 1};
    write_text("ragged.csv", "a,b,c\n1,2,x\n3,y\n");
    write_text("missing.csv", "a,b,c\n1,2,x\n3,,y\n");
    write_text("nan.csv", "a,b,c\n1,nan,x\n3,4,y\n5,6,x\n7,8,y\n");
    write_text("text.csv", "a,b,c\n1,2,x\n3,many,y\n");
    write_text("good.csv", "a,b,c\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n9,9,x\n");
    write_npy("x.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}", x, 16);
    write_npy("y.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (2,)}", y, 8);
    write_npy("type.npy", "{'descr': '<c8', 'fortran_order': False, 'shape': (2, 2)}", x, 16);
    write_npy("short.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}", x, 12);
    test_write_file(in_folder("short.bin"), image, 3072);
    test_write_file(in_folder("odd.bin"), image, 3073 + 5);
}

/* Each names the file, and where in it, and what was expected; the exit status is 4. */
static void bad_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *part; /* of the message; # is the folder */
    } cases[] = {
        {"csv:#/ragged.csv", "ragged.csv:3: 2 cells, want 3 as in line 1"},
        {"csv:#/missing.csv", "missing.csv:3: column 2 ('b') is empty: a value is missing"},
        {"csv:#/nan.csv", "nan.csv:2: column 2 ('b') has 'nan', want a number; missing=median"},
        {"csv:#/text.csv", "text.csv:3: column 2 ('b') has 'many', want a number"},
        {"csv:#/good.csv?label=species", "good.csv': no column 'species'; one of a, b, c"},
        {"csv:#/good.csv?label=4", "good.csv': no column 4; there are 3"},
        {"csv:#/good.csv?n=5", "good.csv' has 4 samples in its train part, and n=5 asks for more"},
        {"csv:#/none.csv", "none.csv': No such file"},
        {"npy:#/type.npy,#/y.npy", "type.npy' has elements of type '<c8'"},
        {"npy:#/short.npy,#/y.npy", "short.npy' is truncated, or its header is damaged"},
        {"npy:#/x.npy,#/y.npy?classes=1", "y.npy' has label 1 in row 1, want 0 to 0"},
        {"cifar10:#?files=short.bin", "its last record, at byte 0, has 3072 bytes, want 3073"},
        {"cifar10:#?files=odd.bin", "its last record, at byte 3073, has 5 bytes, want 3073"},
    };
    write_bad_files();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char spec[1200] = "";
        for (const char *c = cases[i].spec; *c; c++)
            snprintf(spec + strlen(spec), sizeof spec - strlen(spec), *c == '#' ? "%s" : "%.1s",
                     *c == '#' ? folder : c);
        command_result result =
            command_expect(COMMAND("train", "--model", "linear", "--data", spec, "--quiet"), 4);
        if (!strstr(result.err, cases[i].part) || strchr(result.err, '\n')[1])
            fail_msg("want one line with \"%s\", got \"%s\"", cases[i].part, result.err);
        command_free(&result);
    }
}

/* Validation data that does not fit is found before the first step. */
static void unfit_validation_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *part;
    } cases[] = {
        {"narrow.csv", "a,c\n1,x\n2,y\n", "lacks columns that the model was trained on: 'b'"},
        {"new.csv", "a,b,c\n1,2,x\n2,3,z\n",
         "row 1 (from 0) is of class 'z', which the model was not trained on"},
        {"more.csv", "a,b,c\n1,2,0\n2,3,1\n3,4,2\n", "row 0 (from 0) is of class '0'"},
    };
    char table[600], valid[600];
    snprintf(table, sizeof table, "csv:%s?test=0", in_folder("good.csv"));
    for (size_t i = 0; i < 3; i++) {
        write_text(cases[i].file, cases[i].text);
        snprintf(valid, sizeof valid, "csv:%s?test=0", in_folder(cases[i].file));
        command_result result =
            command_expect(COMMAND("train", "--model", "linear", "--data", table, "--valid", valid,
                                   "--run", in_folder("unfit"), "--quiet"),
                           4);
        if (!strstr(result.err, cases[i].part))
            fail_msg("want \"%s\", got \"%s\"", cases[i].part, result.err);
        command_free(&result);
    }
}

/* In a config data may be a single spec, and truth values are written as YAML 1.2 has them. */
static void configs_as_people_write_them(void **state)
{
    (void)state;
    char run[128], config[128];
    snprintf(run, sizeof run, "%s/run", test_folder());
    snprintf(config, sizeof config, "%s/c.yaml", test_folder());
    const char *text = "model:\n  input: [28, 28]\n  layers: [{type: flatten}, {type: linear, units: 10, bias: False}]\n"
                       "data: digits?n=60\noptimizer: {nesterov: True}\ntrain: {epochs: 1}\n";
    test_write_file(config, text, strlen(text));
    command_result result = command_expect(COMMAND("train", "--quiet", config, "--run", run), 0);
    command_free(&result);
    unsigned char *bytes;
    size_t n_bytes;
    assert_ok(clade__file_read(test_text("%s/config.yaml", run), &bytes, &n_bytes));
    const char *written = test_text("%.*s", (int)n_bytes, (char *)bytes);
    free(bytes);
    assert_non_null(strstr(written, "digits?n=60&part=train"));
    assert_non_null(strstr(written, "nesterov: true"));
    result = command_expect(COMMAND("info", "--json", test_text("%s/model.safetensors", run)), 0);
    cJSON *info = command_json(result.out);
    assert_true(command_number(info, "parameters") == 7840.0); /* no bias */
    cJSON_Delete(info);
    command_free(&result);
}

/* Rows to predict on often have no label: the message says how to write that. */
static void features_alone_offer_label_none(void **state)
{
    (void)state;
    char model[600], spec[600];
    snprintf(model, sizeof model, "%s/alone/model.safetensors", folder);
    clade__text table = {0}, alone = {0};
    clade__text_append(&table, "a,b,kind\n");
    clade__text_append(&alone, "a,b\n");
    for (int i = 0; i < 40; i++) {
        clade__text_append(&table, "%d.5,%d.5,%s\n", i, i % 7, i % 2 ? "cat" : "dog");
        clade__text_append(&alone, "%d.5,%d.5\n", i, i % 7);
    }
    test_write_file(test_text("%s/t.csv", folder), table.data, table.length);
    test_write_file(test_text("%s/alone.csv", folder), alone.data, alone.length);
    clade__text_free(&table);
    clade__text_free(&alone);
    command_result result = command_expect(
        COMMAND("train", "--quiet", "--model", "mlp:4", "--data",
                test_text("csv:%s/t.csv?label=kind", folder), "--epochs", "1", "--run",
                test_text("%s/alone", folder)), 0);
    command_free(&result);

    const char *options[] = {"", "?label=kind"};
    for (int i = 0; i < 2; i++) {
        snprintf(spec, sizeof spec, "csv:%s/alone.csv%s", folder, options[i]);
        result = COMMAND("predict", model, "--data", spec, "--quiet");
        if (result.status != 0) /* where the model knows the features by name, it is no error */
            assert_non_null(strstr(result.err, test_text("write 'csv:%s/alone.csv?label=none'", folder)));
        command_free(&result);
    }
    result = command_expect(
        COMMAND("predict", model, "--data", test_text("csv:%s/alone.csv?label=none", folder), "--quiet"), 0);
    command_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(training_data_as_validation_is_told),
        cmocka_unit_test(replacement_is_repeated_from_the_run),
        cmocka_unit_test(a_standardized_table_is_seen_alike_by_all),
        cmocka_unit_test(standardizing_takes_the_place_of_a_scale),
        cmocka_unit_test(classes_of_another_table_go_by_name),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(unfit_validation_is_refused),
        cmocka_unit_test(configs_as_people_write_them),
        cmocka_unit_test(features_alone_offer_label_none),
    };
    return cmocka_run_group_tests_name("command_data", tests, make_files, NULL);
}
