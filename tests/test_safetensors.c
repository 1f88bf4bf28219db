/* Model files: what is saved comes back bit for bit, and what is damaged is refused by name. */
#include "network.h"

#include <dirent.h>
#include <stdio.h>

#include "base/file.h"
#include "graph/safetensors.h"

static const char net_json[] =
    "{\"input\":[2,3],\"layers\":[{\"type\":\"flatten\"},{\"type\":\"linear\",\"units\":5,\"name\":\"first\"},"
    "{\"type\":\"relu\"},{\"type\":\"linear\",\"units\":3}]}";

static int count_entries(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) n++;
    closedir(dir);
    return n;
}

/* A model trained a little, on data with a scale. */
static clade_model *trained(clade_device *device, clade_loss loss, clade_data **data)
{
    clade_model *model = net_model(device, 2, net_json,
                                   &(clade_compile_options){.loss = loss, .batch = 8});
    net_batch batch = net_random_batch(model, 4, 300, 3);
    *data = net_data(model, &batch, 3);
    assert_ok(clade_data_set_scale(*data, 0.7f, -0.1f));
    assert_ok(clade_fit(model, *data, NULL, NULL));
    net_free_batch(&batch);
    return model;
}

static void assert_same_parameters(clade_model *a, clade_model *b)
{
    int64_t n = clade_model_n_parameters(a);
    assert_int_equal(clade_model_n_parameters(b), n);
    double *in_a = net_parameters(a), *in_b = net_parameters(b);
    assert_memory_equal(in_a, in_b, (size_t)n * sizeof *in_a);
    free(in_a);
    free(in_b);
}

static void a_model_comes_back(void **state)
{
    static const clade_loss losses[] = {CLADE_LOSS_CROSS_ENTROPY, CLADE_LOSS_MSE,
                                        CLADE_LOSS_BCE_WITH_LOGITS};
    for (int i = 0; i < 3; i++) {
        clade_data *data;
        clade_model *model = trained(*state, losses[i], &data), *loaded;
        const char *folder = test_folder(), *path = test_text("%s/net.safetensors", folder);
        assert_ok(clade_save(model, path));
        assert_int_equal(count_entries(folder), 1);
        assert_ok(clade_load(&loaded, *state, path));
        assert_same_parameters(model, loaded);
        assert_int_equal(clade_model_loss(loaded), losses[i]);

        clade_metrics before, after;
        float outputs[300 * 3], again[300 * 3];
        assert_ok(clade_evaluate(model, data, &before));
        assert_ok(clade_evaluate(loaded, data, &after));
        assert_true(before.loss == after.loss && before.accuracy == after.accuracy);
        assert_int_equal(after.n_samples, 300);
        assert_ok(clade_predict(model, data, 0, 300, false, outputs));
        assert_ok(clade_predict(loaded, data, 0, 300, false, again));
        assert_memory_equal(outputs, again, sizeof outputs);

        const char *copy = test_text("%s/copy.safetensors", folder);
        assert_ok(clade_save(loaded, copy));
        test_assert_same_files(path, copy);
        clade_memory memory;
        assert_ok(clade_model_memory(loaded, &memory));
        assert_true(memory.gradients == 0 && memory.optimizer_state == 0 && memory.total > 0);
        assert_fails(clade_fit(loaded, data, NULL, NULL), CLADE_ESTATE,
                     "not compiled for training: call clade_compile");
        clade_model_free(model);
        clade_model_free(loaded);
        clade_data_free(data);
    }
}

/* Trains it further; its outputs then, of what data it was, are as many as `outputs` has. */
static void train_further(clade_model *loaded, clade_data *data, float *outputs)
{
    clade_metrics before, compiled, after;
    assert_ok(clade_evaluate(loaded, data, &before));
    assert_ok(clade_compile(loaded, NULL, NULL));
    assert_int_equal(clade_model_loss(loaded), CLADE_LOSS_MSE);
    assert_int_equal(clade_model_batch(loaded), 128);
    assert_ok(clade_evaluate(loaded, data, &compiled));
    assert_true(compiled.loss == before.loss);
    assert_ok(clade_fit(loaded, data, &(clade_fit_options){.epochs = 5}, NULL));
    assert_ok(clade_evaluate(loaded, data, &after));
    assert_true(after.loss < before.loss);
    assert_fails(clade_compile(loaded, NULL, NULL), CLADE_ESTATE, "compiled already");
    assert_ok(clade_predict(loaded, data, 0, 300, true, outputs));
}

static void a_loaded_model_is_trained_further(void **state)
{
    clade_data *data;
    clade_model *model = trained(*state, CLADE_LOSS_MSE, &data), *loaded;
    const char *path = test_text("%s/net.safetensors", test_folder());
    clade_metrics before, after;
    float outputs[300 * 3], again[300 * 3];
    assert_ok(clade_save(model, path));
    assert_ok(clade_load(&loaded, *state, path));
    train_further(loaded, data, outputs);
    clade_model_free(loaded);

    /* What is refused changes nothing, used before or not. */
    assert_ok(clade_load(&loaded, *state, path));
    for (int i = 0; i < 2; i++) {
        assert_fails(clade_compile(loaded, NULL, &(clade_compile_options){.batch = INT32_MAX}),
                     CLADE_ESHAPE, "want at most 2147483647");
        assert_fails(clade_compile(loaded, NULL, &(clade_compile_options){.loss = (clade_loss)9}),
                     CLADE_EINVAL, "unknown loss 9");
        assert_fails(clade_fit(loaded, data, NULL, NULL), CLADE_ESTATE, "not compiled for training");
        assert_int_equal(clade_model_loss(loaded), CLADE_LOSS_MSE);
        assert_ok(clade_evaluate(model, data, &before));
        assert_ok(clade_evaluate(loaded, data, &after));
        assert_true(before.loss == after.loss && before.accuracy == after.accuracy);
    }
    train_further(loaded, data, again);
    assert_memory_equal(outputs, again, sizeof outputs);
    clade_model_free(model);
    clade_model_free(loaded);
    clade_data_free(data);
}

static void without_a_device_a_model_is_described(void **state)
{
    clade_data *data;
    clade_model *model = trained(*state, CLADE_LOSS_MSE, &data), *loaded;
    const char *path = test_text("%s/net.safetensors", test_folder());
    clade_layer_info layer;
    clade_memory memory;
    clade_metrics metrics;
    assert_ok(clade_save(model, path));
    assert_ok(clade_load(&loaded, NULL, path));
    assert_int_equal(clade_model_n_layers(loaded), 4);
    assert_int_equal(clade_model_n_parameters(loaded), 6 * 5 + 5 + 5 * 3 + 3);
    assert_ok(clade_model_layer(loaded, 1, &layer));
    assert_string_equal(layer.type, "linear");
    assert_string_equal(layer.name, "first");
    assert_int_equal(layer.parameters, 35);
    assert_int_equal(clade_model_input_shape(loaded).rank, 2);
    assert_int_equal(clade_model_output_shape(loaded).dim[0], 3);
    assert_int_equal(clade_model_loss(loaded), CLADE_LOSS_MSE);
    assert_fails(clade_evaluate(loaded, data, &metrics), CLADE_ESTATE, "made without a device");
    assert_fails(clade_compile(loaded, NULL, NULL), CLADE_ESTATE, "made without a device");
    assert_fails(clade_fit(loaded, data, NULL, NULL), CLADE_ESTATE, "made without a device");
    assert_fails(clade_save(loaded, path), CLADE_ESTATE, "made without a device");
    assert_fails(clade_model_memory(loaded, &memory), CLADE_ESTATE, "made without a device");
    clade_model_free(model);
    clade_model_free(loaded);
    clade_data_free(data);
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
    clade_data *data;
    clade_model *model = trained(*state, CLADE_LOSS_MSE, &data);
    const char *folder = test_folder(), *inside = test_text("%s/not/there.safetensors", folder);
    assert_fails(clade_save(model, inside), CLADE_EIO, inside);
    assert_fails(clade_save(model, folder), CLADE_EIO, folder);
    assert_int_equal(count_entries(folder), 0);
    clade_model_free(model);
    clade_data_free(data);
}

/* ---- damaged files ----------------------------------------------------------------------------- */

/* A header as Clade writes it, of 32 bytes of data. */
#define ARCHITECTURE \
    "{\\\"input\\\":[3],\\\"layers\\\":[{\\\"type\\\":\\\"linear\\\",\\\"units\\\":2}],"
#define NUMBERS "\\\"scale\\\":1,\\\"shift\\\":0"
#define CLASSES(list) "\"clade.classes\":\"" list "\",\"clade.input"
static const char header[] =
    "{\"__metadata__\":{\"format\":\"pt\",\"clade.model\":\"" ARCHITECTURE
    "\\\"loss\\\":\\\"mse\\\"}\",\"clade.input\":\"{" NUMBERS "}\"},"
    "\"0.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
    "\"0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}";
enum { DATA_BYTES = 32, MOST = 2000 };

/* Writes header length, header and n zero bytes into path. */
static void write_model(const char *path, const char *text, size_t n)
{
    unsigned char file[8 + MOST] = {0};
    uint64_t length = strlen(text);
    assert_true(length + n <= MOST);
    memcpy(file, &length, sizeof length);
    memcpy(file + 8, text, length);
    test_write_file(path, file, 8 + length + n);
}

/* `header` with `from` replaced by `to`. */
static const char *edited(const char *from, const char *to)
{
    static char text[MOST];
    const char *at = strstr(header, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - header), header, to, at + strlen(from));
    return text;
}

static void assert_refused(clade_device *device, const char *path, const char *message)
{
    clade_model *model = (clade_model *)&model; /* anything but NULL */
    assert_fails(clade_load(&model, device, path), CLADE_EDATA, message);
    assert_null(model);
    assert_non_null(strstr(clade_error(), path));
}

static void infinite_numbers_are_refused(void **state)
{
    static const float numbers[] = {NAN, INFINITY, -INFINITY};
    const char *path = test_text("%s/numbers.safetensors", test_folder());
    write_model(path, header, DATA_BYTES);
    for (int i = 0; i < 3; i++) {
        unsigned char *file;
        size_t n;
        assert_ok(clade__file_read(path, &file, &n));
        memcpy(file + n - sizeof(float), &numbers[i], sizeof(float));
        test_write_file(path, file, n);
        free(file);
        assert_refused(*state, path, "element 1 of 0.bias is not finite");
    }
}

static void edited_headers_are_refused(void **state)
{
    static const struct {
        const char *from, *to;
        size_t data_bytes;
        const char *message;
    } cases[] = {
        {"{", "{", 31, "truncated"},
        {"{", "{", 33, "truncated or damaged: its header says 32 bytes of data, and there are 33"},
        {"{", "", 32, "its header is not JSON"},
        {"F32", "F16", 32, "tensor '0.weight' is of type F16, want F32"},
        {"\"dtype\":\"F32\",", "", 32, "of type ?, want F32"},
        {"\"dtype\":\"F32\"", "\"dtype\":7", 32, "of type ?, want F32"},
        {"[2,3]", "[2,4]", 32, "shape and place of tensor '0.weight' do not fit"},
        {"[2,3]", "[3,2]", 32, "'0.weight' is (3, 2), and its architecture wants (2, 3)"},
        {"[2,3]", "[6]", 32, "is (6), and its architecture wants (2, 3)"},
        {"[2,3]", "[1,1,1,1,1,2,3]", 32, "shape and place"},
        {"[2,3]", "[-2,-3]", 32, "shape and place"},
        {"[2,3]", "[2.5,3]", 32, "shape and place"},
        {"[2,3]", "[0,3]", 32, "shape and place"},
        {"[2,3]", "[2147483647,2147483647]", 32, "shape and place"},
        {"[2,3]", "\"2,3\"", 32, "shape and place"},
        {"[0,24]", "[0,20]", 32, "shape and place"},
        {"[0,24]", "[24,0]", 32, "shape and place"},
        {"[0,24]", "[0]", 32, "shape and place"},
        {"[0,24]", "[-8,16]", 32, "shape and place"},
        {"[0,24]", "[0,1e300]", 32, "shape and place"},
        {"[24,32]", "[28,36]", 32, "shape and place of tensor '0.bias'"},
        {"[24,32]", "[0,8]", 32, "overlap"},
        {"[24,32]", "[16,24]", 32, "overlap"},
        {"[24,32]", "[28,36]", 36, "leave a gap at byte 24"},
        {"0.bias", "0.bia", 32, "no tensor '0.bias'"},
        {",\"0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}", "", 24,
         "it has 1 tensors, and its architecture wants 2"},
        {"[24,32]}", "[24,32]},\"more\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[32,36]}",
         36, "it has 3 tensors, and its architecture wants 2"},
        {"\"0.bias\":{", "\"0.bias\":7,\"x\":{", 32, "'0.bias' is of type ?"},
        {"__metadata__", "__metadata_", 32, "of type ?"},
        {"clade.model", "other.model", 32, "not one of Clade's"},
        {"clade.input", "other.input", 32, "no scale of the input"},
        {"\\\"scale\\\":1", "\\\"scale\\\":null", 32, "no scale of the input"},
        {"\\\"scale\\\":1", "\\\"scale\\\":1e60", 32, "no scale of the input"},
        {NUMBERS, "\\\"scale\\\":[1,2],\\\"shift\\\":[0,0]", 32,
         "has the scales of 2 values, and its architecture takes 3"},
        {NUMBERS, "\\\"scale\\\":[1,2,3],\\\"shift\\\":[0,0]", 32, "no scale of the input"},
        {NUMBERS, "\\\"scale\\\":[1,2,3],\\\"shift\\\":0", 32, "no scale of the input"},
        {NUMBERS, "\\\"scale\\\":1,\\\"shift\\\":[0,0,0]", 32, "no scale of the input"},
        {NUMBERS, "\\\"scale\\\":[1,2,null],\\\"shift\\\":[0,0,0]", 32, "no scale of the input"},
        {NUMBERS, "\\\"scale\\\":[1,2,3],\\\"shift\\\":[0,1e60,0]", 32, "no scale of the input"},
        {NUMBERS, "\\\"scale\\\":[],\\\"shift\\\":[]", 32, "no scale of the input"},
        {"\"clade.input", CLASSES("[]"), 32, "no right list of classes"},
        {"\"clade.input", CLASSES("{}"), 32, "no right list of classes"},
        {"\"clade.input", CLASSES("7"), 32, "no right list of classes"},
        {"\"clade.input", CLASSES("[\\\"a\\\""), 32, "no right list of classes"},
        {"\"clade.input", CLASSES("[\\\"a\\\",\\\"b\\\",\\\"c\\\"]"), 32,
         "want at most one name for each of 2 outputs"},
        {"\"clade.input", CLASSES("[\\\"a\\\",7]"), 32, "names a class by no text"},
        {"\\\"mse\\\"", "\\\"msee\\\"", 32, "no known loss"},
        {"linear", "lineal", 32, "model.layers[0].type: unknown layer 'lineal'"},
        {"\\\"units\\\":2", "\\\"units\\\":3", 32, "'0.weight' is (2, 3), and its architecture wants "
                                                   "(3, 3)"},
        {"\\\"units\\\":2", "\\\"units\\\":2000000000", 32, "0.weight: more than"},
        {"\\\"units\\\":2", "\\\"units\\\":700000000", 32, "wants (700000000, 3)"},
        {"\\\"units\\\":2", "\\\"units\\\":1e99", 32, "model.layers[0].units"},
        {"[3]", "[3000000000]", 32, "model.input"},
    };
    const char *path = test_text("%s/damaged.safetensors", test_folder());
    clade_model *model;
    write_model(path, header, DATA_BYTES); /* as it is, it is right */
    assert_ok(clade_load(&model, *state, path));
    clade_model_free(model);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_model(path, edited(cases[i].from, cases[i].to), cases[i].data_bytes);
        assert_refused(NULL, path, cases[i].message);
        assert_refused(*state, path, cases[i].message);
    }
}

#define WITH_VERSION(text) edited("\"clade.input", "\"clade.version\":" text ",\"clade.input")

/* Without one it is of version 1. */
static void a_version_that_is_not_known_is_refused(void **state)
{
    const char *path = test_text("%s/version.safetensors", test_folder());
    clade_model *model;
    assert_null(strstr(header, "clade.version"));
    write_model(path, WITH_VERSION("\"1\""), DATA_BYTES);
    assert_ok(clade_load(&model, *state, path));
    clade_model_free(model);
    write_model(path, WITH_VERSION("\"3\""), DATA_BYTES);
    assert_refused(*state, path, test_text("it is of version 3 of Clade's model files, and this clade, %s, "
                                           "reads versions 1 to 2: take a newer clade", clade_version()));
    write_model(path, WITH_VERSION("\"\""), DATA_BYTES);
    assert_refused(*state, path, "clade.version is '', want a whole number from 1 on");
    write_model(path, WITH_VERSION("\"0\""), DATA_BYTES);
    assert_refused(*state, path, "clade.version is '0', want");
    write_model(path, WITH_VERSION("\"1.0\""), DATA_BYTES);
    assert_refused(*state, path, "clade.version is '1.0', want");
    write_model(path, WITH_VERSION("\"-1\""), DATA_BYTES);
    assert_refused(*state, path, "clade.version is '-1', want");
}

static void files_that_are_no_models_are_refused(void **state)
{
    const char *folder = test_folder(), *path = test_text("%s/file", folder);
    static const unsigned char huge[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const unsigned char big[16] = {0, 0xff, 0xff, 4};
    clade_model *model;
    assert_fails(clade_load(&model, *state, path), CLADE_EIO, path);
    assert_null(model);
    assert_fails(clade_load(&model, *state, folder), CLADE_EIO, folder);
    test_write_file(path, "", 0);
    assert_refused(*state, path, "it has 0 bytes, want at least 8");
    test_write_file(path, "1234567", 7);
    assert_refused(*state, path, "it has 7 bytes, want at least 8");
    test_write_file(path, huge, sizeof huge);
    assert_refused(*state, path, "a header of 18446744073709551615 bytes in a file of 16");
    test_write_file(path, big, sizeof big);
    assert_refused(*state, path, "truncated or no safetensors file");
    write_model(path, "", 0);
    assert_refused(*state, path, "not JSON");
    write_model(path, "[]", 0);
    assert_refused(*state, path, "not JSON");
    write_model(path, "{}", 0);
    assert_refused(*state, path, "not one of Clade's");
    write_model(path, "{\"__metadata__\":7}", 0);
    assert_refused(*state, path, "not one of Clade's");
    char deep[MOST / 2 + 1] = "";
    memset(deep, '[', MOST / 2);
    write_model(path, deep, 0);
    assert_refused(*state, path, "not JSON");
}

static void a_truncated_file_is_refused(void **state)
{
    const char *path = test_text("%s/short.safetensors", test_folder());
    unsigned char *bytes;
    size_t n_bytes;
    write_model(path, header, DATA_BYTES);
    assert_ok(clade__file_read(path, &bytes, &n_bytes));
    for (size_t n = 0; n < n_bytes; n++) {
        test_write_file(path, bytes, n);
        assert_refused(n % 16 == 0 ? *state : NULL, path, "");
    }
    free(bytes);
}

/* A changed byte makes a file that is refused, or that is a right one of another model. */
static void no_changed_byte_does_harm(void **state)
{
    static const unsigned char changes[] = {0x01, 0x02, 0x10, 0x20, 0x80, 0xff};
    const char *path = test_text("%s/changed.safetensors", test_folder());
    unsigned char *bytes;
    size_t n_bytes;
    int n_loaded = 0, n_refused = 0;
    write_model(path, header, DATA_BYTES);
    assert_ok(clade__file_read(path, &bytes, &n_bytes));
    for (size_t i = 0; i < n_bytes - DATA_BYTES; i++)
        for (size_t c = 0; c < sizeof changes; c++) {
            clade_model *model;
            bytes[i] ^= changes[c];
            test_write_file(path, bytes, n_bytes);
            clade_status status = clade_load(&model, (i + c) % 8 ? NULL : *state, path);
            if (status == CLADE_OK) {
                n_loaded++;
                assert_true(clade_model_n_parameters(model) == 8);
            } else {
                n_refused++;
                assert_fails(status, CLADE_EDATA, path);
                assert_null(model);
            }
            clade_model_free(model);
            bytes[i] ^= changes[c];
        }
    assert_true(n_refused > n_loaded && n_loaded > 0);
    free(bytes);
}

/* Of a file that clade has written: numbers and texts have a checksum. What is read all the same is the
 * same model: the change is in a blank or in the checksum's own name. */
static void no_changed_byte_goes_unnoticed(void **state)
{
    const char *path = test_text("%s/changed.safetensors", test_folder());
    clade_data *data;
    clade_model *whole = trained(*state, CLADE_LOSS_MSE, &data), *model;
    unsigned char *bytes;
    size_t n_bytes, n_same = 0;
    assert_ok(clade_save(whole, path));
    assert_ok(clade__file_read(path, &bytes, &n_bytes));
    clade_model_free(whole);
    assert_ok(clade_load(&whole, NULL, path));
    size_t n = clade__model_parameter_bytes(whole);
    for (size_t i = 0; i < n_bytes; i++) {
        bytes[i] ^= (unsigned char)(1u << i % 8);
        test_write_file(path, bytes, n_bytes);
        clade_status status = clade_load(&model, NULL, path);
        if (status == CLADE_OK) {
            n_same++;
            assert_memory_equal(model->session.initial, whole->session.initial, n);
            assert_int_equal(clade_model_loss(model), CLADE_LOSS_MSE);
            assert_true(model->input.scale == whole->input.scale);
            assert_true(model->input.shift == whole->input.shift);
        } else {
            assert_fails(status, CLADE_EDATA, path);
        }
        if (i >= n_bytes - n)
            assert_fails(status, CLADE_EDATA, "bytes of it have changed since it was written");
        clade_model_free(model);
        bytes[i] ^= (unsigned char)(1u << i % 8);
    }
    assert_in_range(n_same, 1, strlen("clade.checksum") + 8);
    free(bytes);
    clade_model_free(whole);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_comes_back),
        cmocka_unit_test(a_loaded_model_is_trained_further),
        cmocka_unit_test(without_a_device_a_model_is_described),
        cmocka_unit_test(what_cannot_be_written_leaves_nothing),
        cmocka_unit_test(infinite_numbers_are_refused),
        cmocka_unit_test(edited_headers_are_refused),
        cmocka_unit_test(files_that_are_no_models_are_refused),
        cmocka_unit_test(a_truncated_file_is_refused),
        cmocka_unit_test(no_changed_byte_does_harm),
        cmocka_unit_test(no_changed_byte_goes_unnoticed),
        cmocka_unit_test(a_version_that_is_not_known_is_refused),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
