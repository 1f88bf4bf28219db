#define CLADE_FAULTS_APART
#include "faults.h"
#include "fault_scenarios.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "arrays.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "data/csv_file.h"
#include "data/gzip.h"
#include "device/tuned.h"
#include "graph/reference.h"
#include "ops/ops.h"
#include "support.h"

fault_folders fault_folder;
const char *const fault_model_names[] = {"model", "best", "saved", NULL};

static const char network[] =
    "{\"input\":[28,28],\"layers\":[{\"type\":\"flatten\"},{\"type\":\"linear\",\"units\":12,\"name\":\"a\"},"
    "{\"type\":\"relu\"},{\"type\":\"linear\",\"units\":12},{\"type\":\"add\",\"inputs\":[\"a\",\"3\"]},"
    "{\"type\":\"linear\",\"units\":12,\"parameters\":{\"weight\":\"3.weight\"}},{\"type\":\"gelu\"},"
    "{\"type\":\"linear\",\"units\":10}]}";

typedef struct session {
    clade_device *device;
    clade_data *train, *valid;
    clade_model *model;
} session;

static void close_session(session *s)
{
    clade_model_free(s->model);
    clade_data_free(s->valid);
    clade_data_free(s->train);
    clade_device_free(s->device);
    *s = (session){0};
}

static clade_status open_session(session *s, const char *json, const char *data,
                                 const clade_compile_options *options)
{
    CLADE_TRY(clade_device_open(&s->device, NULL));
    CLADE_TRY(clade_data_open_part(&s->train, data, "train"));
    CLADE_TRY(clade_data_open_part(&s->valid, data, "test"));
    CLADE_TRY(clade_model_create(&s->model, s->device, 1));
    clade_node *output = clade_model_layers(s->model, json);
    return clade_compile(s->model, output, options);
}

/* Whatever comes of it, all is given back. */
static clade_status in_session(clade_status (*use)(session *s, double *result), double *result)
{
    session s = {0};
    clade_status status = use(&s, result);
    close_session(&s);
    return status;
}

static const char *in_run(const char *name)
{
    return test_text("%s/%s", fault_folder.run, name);
}

/* What is to fail so, for a reason that takes memory to tell. */
static clade_status refuse(clade_status status, clade_status want)
{
    if (status == want) return CLADE_OK;
    return status == CLADE_OK ? clade__fail(CLADE_ESTATE, "was not refused") : status;
}

/* ---- training: kept on the device, sgd inside gemm, a run folder, a profile ------------------ */

static const clade_compile_options sgd_options = {.optimizer = {.lr = 0.1f, .momentum = 0.9f},
                                                  .batch = 16};

static clade_status train(session *s)
{
    const clade_profile_entry *entries;
    size_t n_entries;
    CLADE_TRY(open_session(s, network, "digits?n=40", &sgd_options));
    CLADE_TRY(clade_warm(s->model, s->train, NULL));
    CLADE_TRY(clade__file_check(in_run("trace.json")));
    CLADE_TRY(clade_profile_begin(s->device));
    CLADE_TRY(clade_fit(s->model, s->train,
                        &(clade_fit_options){.epochs = 2, .validate = s->valid, .log_every = 1,
                                             .run_dir = fault_folder.run},
                        NULL));
    CLADE_TRY(clade_profile_end(s->device, &entries, &n_entries));
    CLADE_TRY(clade_profile_write_trace(s->device, in_run("trace.json")));
    return clade_save(s->model, in_run("saved.safetensors"));
}

/* A part of the device, where it can be divided, and kernels from files. */
static clade_status evaluate(session *s, double *loss)
{
    clade_metrics metrics;
    clade_device_info *list;
    int n_devices, units;
    float outputs[40 * 10];
    CLADE_TRY(clade_devices(&list, &n_devices, NULL, 0));
    units = list[0].compute_units > 1 ? 1 : 0;
    clade_devices_free(list);
    CLADE_TRY(clade_device_open_units(&s->device, NULL, units));
    CLADE_TRY(clade_data_open_part(&s->valid, "digits?n=40", "test"));
    CLADE_TRY(clade_load(&s->model, s->device, in_run("saved.safetensors")));
    CLADE_TRY(clade_warm(s->model, NULL, NULL));
    CLADE_TRY(clade_evaluate(s->model, s->valid, &metrics));
    *loss = metrics.loss;
    return clade_predict(s->model, s->valid, 0, 40, false, outputs);
}

static clade_status run_training(double *loss)
{
    session s = {0};
    clade_status status = train(&s);
    close_session(&s);
    setenv("CLADE_KERNEL_DIR", test_text("%s/cl", getenv("CLADE_TEST_SOURCE")), 1);
    if (status == CLADE_OK) status = evaluate(&s, loss);
    close_session(&s);
    unsetenv("CLADE_KERNEL_DIR");
    return status;
}

/* ---- streaming: data on the host, standardized, with targets; every gradient kept and checked - */

static clade_status by_formulas(const clade_model *model)
{
    const double values[6] = {0.5, -1.0, 2.0}, *x = values, targets[3] = {1.0};
    clade__reference *reference;
    CLADE_TRY(clade__reference_create(&reference, model, &(clade__reference_batch){
                                                             .n = 1, .x = &x, .targets = targets}));
    clade__reference_forward(reference, 0);
    clade_status status = clade__reference_backward(reference);
    clade__reference_free(reference);
    return status;
}

static clade_status stream(session *s, double *loss)
{
    static const char layers[] =
        "{\"input\":[6],\"blocks\":{\"b\":[{\"type\":\"linear\",\"units\":\"$n\",\"name\":\"l\"},{\"type\":\"tanh\","
        "\"inputs\":[\"l\"]}]},\"layers\":[{\"block\":\"b\",\"n\":4,\"inputs\":[\"input\"]},{\"type\":\"linear\","
        "\"units\":3}]}";
    clade_gradcheck_result checked;
    clade_fit_result result;
    clade_compile_options options = {.loss = CLADE_LOSS_MSE, .optimizer = clade_adam(0.01f),
                                     .batch = 16, .keep_gradients = true};
    options.optimizer.clip_norm = 1.0f;
    CLADE_TRY(open_session(s, layers, "random?n=40&features=6&targets=3", &options));
    CLADE_TRY(clade_data_standardize(s->train));
    CLADE_TRY(clade_gradcheck(s->model, s->train, &(clade_gradcheck_options){.elements = 2},
                              &checked));
    clade_gradcheck_free(&checked);
    CLADE_TRY(by_formulas(s->model));
    CLADE_TRY(clade_fit(s->model, s->train,
                        &(clade_fit_options){.epochs = 2, .log_every = 1, .stream = true}, &result));
    *loss = result.train.loss;
    CLADE_TRY(clade_save(s->model, in_run("saved.safetensors")));
    clade_model_free(s->model);
    return clade_load(&s->model, NULL, in_run("saved.safetensors"));
}

static clade_status run_streaming(double *loss)
{
    return in_session(stream, loss);
}

/* ---- resuming: a run that was cut short, the best of it after its checkpoint, and locked for a while */

static clade_status train_part(const clade_fit_options *options, double *loss)
{
    session s = {0};
    clade_fit_result result;
    clade_fit_options o = *options;
    clade_status status = open_session(&s, network, "digits?n=40", &sgd_options);
    o.validate = s.valid;
    o.run_dir = fault_folder.run;
    if (status == CLADE_OK) status = clade_fit(s.model, s.train, &o, &result);
    if (status == CLADE_OK) *loss = result.train.loss;
    close_session(&s);
    return status;
}

/* While somebody else has the folder. */
static clade_status refuse_locked(void)
{
    double loss;
    int fd = open(in_run("run.lock"), O_RDWR);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) perror("run.lock");
    clade_status status = train_part(&(clade_fit_options){.epochs = 2, .resume = true}, &loss);
    close(fd);
    return refuse(status, CLADE_ESTATE);
}

/* A run that has ended, whose checkpoint somebody has removed. */
static clade_status refuse_finished(void)
{
    double loss;
    CLADE_TRY(train_part(&(clade_fit_options){.max_steps = 1}, &loss));
    unlink(in_run("checkpoint-1.safetensors"));
    return refuse(train_part(&(clade_fit_options){.resume = true}, &loss), CLADE_EINVAL);
}

static clade_status run_resuming(double *loss)
{
    CLADE_TRY(refuse_finished());
    CLADE_TRY(train_part(&(clade_fit_options){.max_steps = 2, .keep = 1,
                                              .checkpoint_every = {1, CLADE_STEPS}}, loss));
    CLADE_TRY(refuse_locked());
    test_write_file(in_run("half.tmp-1"), "", 0);
    clade_status status = train_part(&(clade_fit_options){.epochs = 2, .resume = true}, loss);
    unlink(in_run("half.tmp-1")); /* that it is still there is no harm */
    return status;
}

/* ---- diverging: what is gone back to, made again and looked at ------------------------------- */

static clade_status diverge(session *s, double *step)
{
    clade_fit_result result;
    clade_compile_options options = sgd_options;
    options.optimizer.lr = 1e30f;
    CLADE_TRY(open_session(s, network, "digits?n=40", &options));
    clade_status status = clade_fit(
        s->model, s->train, &(clade_fit_options){.epochs = 2, .run_dir = fault_folder.run}, &result);
    *step = (double)result.diverged.step;
    return refuse(status, CLADE_EDIVERGED);
}

static clade_status run_diverging(double *step)
{
    return in_session(diverge, step);
}

/* ---- names: classes that data in another order has by other numbers -------------------------- */

static clade_status name_classes(session *s, double *loss)
{
    static const char layers[] = "{\"input\":[2],\"layers\":[{\"type\":\"linear\",\"units\":4}]}";
    CLADE_TRY(open_session(s, layers, test_text("csv:%s/t.csv?test=0", fault_folder.files),
                           &sgd_options));
    CLADE_TRY(clade_fit(s->model, s->train, NULL, NULL));
    CLADE_TRY(clade_save(s->model, in_run("saved.safetensors")));
    clade_model_free(s->model);
    clade_data_free(s->valid);
    s->valid = NULL;
    CLADE_TRY(clade_load(&s->model, s->device, in_run("saved.safetensors")));
    CLADE_TRY(clade_data_open(&s->valid, test_text("csv:%s/u.csv?test=0", fault_folder.files)));
    clade_report *report;
    CLADE_TRY(clade_report_create(&report, s->model, s->valid, NULL));
    *loss = report->metrics.loss;
    clade_report_free(report);
    return clade_compile(s->model, NULL, NULL); /* to train it further */
}

static clade_status run_names(double *loss)
{
    clade_platform_info *platforms;
    int n;
    CLADE_TRY(clade_platforms(&platforms, &n));
    clade_platforms_free(platforms);
    return in_session(name_classes, loss);
}

/* ---- fields: two inputs, and rows that do not count ------------------------------------------- */

static clade_status use_fields(session *s, double *loss)
{
    static const char layers[] =
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[2,1]},{\"name\":\"label\",\"type\":\"int32\",\"shape\":[2]}],"
        "\"layers\":[{\"type\":\"linear\",\"inputs\":[\"x\"],\"units\":1}],\"losses\":[{\"type\":"
        "\"bce_with_logits\",\"prediction\":\"0\",\"target\":\"label\",\"ignore_index\":-1}]}";
    static const float x[8] = {0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f, 7.0f};
    static const int32_t labels[8] = {0, 1, -1, 1, -1, -1, 1, 0};
    const clade_data_field fields[] = {{"x", CLADE_FLOAT32, CLADE_SHAPE(2, 1), x, {0}},
                                       {"label", CLADE_INT32, CLADE_SHAPE(2), labels, {0}}};
    clade_fit_result result;
    CLADE_TRY(clade_device_open(&s->device, NULL));
    CLADE_TRY(clade_data_from_fields(&s->train, 4, fields, 2));
    CLADE_TRY(clade_model_create(&s->model, s->device, 1));
    clade_node *output = clade_model_layers(s->model, layers);
    CLADE_TRY(clade_compile(s->model, output, &(clade_compile_options){.batch = 2}));
    CLADE_TRY(clade_fit(s->model, s->train, &(clade_fit_options){.validate = s->train}, &result));
    *loss = result.valid.loss;
    return CLADE_OK;
}

static clade_status run_fields(double *loss)
{
    return in_session(use_fields, loss);
}

/* ---- clblast, and tensors without a model ---------------------------------------------------- */

/* The last buffer is made while others wait in the pool to be used again. */
static clade_status use_tensors(clade_device *device)
{
    clade_tensor *small, *large = NULL;
    CLADE_TRY(clade_tensor_create(&small, device, CLADE_FLOAT32, CLADE_SHAPE(138), NULL));
    clade_tensor *view = NULL;
    clade_status status = clade_tensor_fill(small, 1.0f);
    if (status == CLADE_OK) status = clade_tensor_view(&view, small, 128, CLADE_SHAPE(10));
    if (status == CLADE_OK) status = clade_add_forward(view, view, view);
    clade_tensor_free(view);
    clade_tensor_free(small);
    if (status == CLADE_OK)
        status = clade_tensor_create(&large, device, CLADE_FLOAT32, CLADE_SHAPE(1000000), NULL);
    clade_tensor_free(large);
    return status;
}

/* A product of tensors without memory, as it is read off before there is any. */
static clade_status use_dry(clade_device *device)
{
    clade_tensor x = clade__tensor_view(device, NULL, CLADE_FLOAT32, CLADE_SHAPE(8, 8)), y = x;
    clade__commands *dry;
    CLADE_TRY(clade__commands_create_dry(&dry, device));
    clade_status status = clade__linear_forward(dry, &y, &x, &x, NULL, CLADE_RELU, 0.0f);
    if (status == CLADE_OK) status = clade__gemm_check_dry(dry);
    clade__commands_free(dry);
    return status;
}

static clade_status use_clblast(session *s, double *loss)
{
    clade_metrics metrics;
    const clade_profile_entry *entries;
    size_t n_entries;
    CLADE_TRY(clade_device_open(&s->device, NULL));
    CLADE_TRY(clade_gemm_select(s->device, "clblast"));
    CLADE_TRY(clade_data_open_part(&s->valid, "digits?n=40", "test"));
    CLADE_TRY(clade_load(&s->model, s->device, in_run("saved.safetensors")));
    CLADE_TRY(clade_profile_begin(s->device));
    CLADE_TRY(clade_evaluate(s->model, s->valid, &metrics));
    CLADE_TRY(use_tensors(s->device));
    CLADE_TRY(use_dry(s->device));
    CLADE_TRY(clade_profile_end(s->device, &entries, &n_entries));
    *loss = metrics.loss;
    return CLADE_OK;
}

/* What is tuned: kept, read when the device is opened again, and removed. A file that cannot be read counts as none. */
static clade_status tune(session *s, double *loss)
{
    (void)loss;
    CLADE_TRY(clade_device_open(&s->device, NULL));
    CLADE_TRY(clade__tuned_keep(s->device, "gain 1\n"));
    clade_device_free(s->device);
    s->device = NULL;
    CLADE_TRY(clade_device_open(&s->device, NULL));
    return clade__tuned_keep(s->device, NULL);
}

static clade_status run_clblast(double *loss)
{
    CLADE_TRY(in_session(tune, loss));
    return in_session(use_clblast, loss);
}

/* ---- reading --------------------------------------------------------------------------------- */

static clade_status read_data(const char *spec, double *n)
{
    clade_data *data;
    CLADE_TRY(clade_data_open(&data, spec));
    *n += (double)clade_data_describe(data).n_samples;
    clade_data_free(data);
    return CLADE_OK;
}

static clade_status read_packed(const char *path, double *n)
{
    unsigned char *bytes;
    size_t n_bytes;
    CLADE_TRY(clade__gzip_read_file(path, &bytes, &n_bytes));
    *n += (double)n_bytes;
    fault_free(bytes); /* which counts it */
    return CLADE_OK;
}

/* Columns as text: in parts, but on one thread, since sites are counted; and headers that are not clear. */
static clade_status read_table(const char *name, double *n)
{
    static const clade__csv_want wants[] = {CLADE__CSV_AUTO, CLADE__CSV_AUTO};
    clade__csv_file file = {0};
    clade__csv_column columns[2];
    clade__parallel_set(1, 3);
    clade_status status = clade__csv_file_open(&file, test_text("%s/%s", fault_folder.files, name),
                                               &(clade__csv_dialect){0});
    if (status == CLADE_OK) status = clade__csv_file_read(&file, wants, columns);
    if (status == CLADE_OK) {
        *n += (double)file.n_rows + columns[0].n_texts + columns[1].numbers[0];
        clade__csv_columns_free(columns, 2);
    }
    clade__csv_file_close(&file);
    clade__parallel_set(0, 0);
    return status;
}

static clade_status describe_badly(void)
{
    clade_model *model;
    CLADE_TRY(clade_model_create(&model, NULL, 1));
    clade_node *node = clade_model_layers(model, "{\"input\":[0],\"layers\":[]}");
    clade_status status = clade_compile(model, node, &sgd_options);
    clade_model_free(model);
    return refuse(status, CLADE_ECONFIG);
}

static clade_status run_reading(double *n)
{
    static const float features[] = {1, 2};
    static const int32_t labels[] = {0, 1};
    clade_data *data;
    const char *in = fault_folder.files;
    *n = 0.0;
    CLADE_TRY(read_data(test_text("csv:%s/t.csv?test=0.5", in), n));
    CLADE_TRY(read_data(test_text("csv:%s/n.csv?target=b,c&test=0&n=2", in), n));
    CLADE_TRY(refuse(read_data(test_text("csv:%s/t.csv?label=knd", in), n), CLADE_EDATA));
    CLADE_TRY(read_table("text.csv", n));
    CLADE_TRY(read_table("text.csv.gz", n));
    CLADE_TRY(refuse(read_table("texts.csv", n), CLADE_EDATA));
    CLADE_TRY(read_data(test_text("npy:%s/x.npy,%s/y.npy?test=0.5", in, in), n));
    CLADE_TRY(read_data(test_text("npy:%s/z.npz", in), n));
    CLADE_TRY(read_data(test_text("npy:%s/z.npz?fields=x", in), n));
    CLADE_TRY(read_data(test_text("mnist:%s", in), n));
    CLADE_TRY(refuse(read_data(in, n), CLADE_EINVAL)); /* it has no kind */
    CLADE_TRY(read_packed(test_text("%s/train-images-idx3-ubyte.gz", in), n));
    CLADE_TRY(read_data(test_text("cifar10:%s", in), n));
    CLADE_TRY(read_data(test_text("cifar10:%s?files=data_batch_1.bin", in), n));
    CLADE_TRY(refuse(read_data(test_text("cifar10:%s?part=test", in), n), CLADE_EIO));
    CLADE_TRY(read_data(test_text("cifar100:%s", in), n));
    CLADE_TRY(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = 2,
                                                                 .shape = CLADE_SHAPE(1),
                                                                 .features = features,
                                                                 .labels = labels,
                                                                 .n_classes = 2}));
    clade_data_free(data);
    return describe_badly();
}

const fault_scenario fault_scenarios[] = {
    {"training", run_training, false},   {"streaming", run_streaming, false},
    {"first training", run_training, true}, {"clblast", run_clblast, false},
    {"reports", fault_run_reports, false}, {"tables", fault_run_tables, false},
    {"names", run_names, false},           {"reading", run_reading, false},
    {"resuming", run_resuming, false},     {"diverging", run_diverging, false},
    {"own steps", fault_run_steps, false},
    {"fields", run_fields, false},         {"images", fault_run_images, false},
    {"jobs", fault_run_jobs, false},       {"ranks", fault_run_ranks, false},
};
const int fault_n_scenarios = sizeof fault_scenarios / sizeof fault_scenarios[0];

/* ---- files ----------------------------------------------------------------------------------- */

static void put(const char *name, const void *bytes, size_t n_bytes)
{
    test_write_file(test_text("%s/%s", fault_folder.files, name), bytes, n_bytes);
}

static void put_npy(const char *name, npy file)
{
    put(name, file.bytes, file.n);
}

/* An array to turn, of bytes that are worth a note, and texts as labels. */
static void put_npz(void)
{
    static const char header[] = "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }";
    zip archive = {0};
    npy x = npy_make(1, header, "\1\2\3\377", 4), y = npy_array("|S1", "(2,)", "ab", 2);
    zip_add(&archive, "x.npy", x.bytes, x.n, (zip_how){.deflated = true});
    zip_add(&archive, "y.npy", y.bytes, y.n, (zip_how){0});
    zip_end(&archive);
    put("z.npz", archive.bytes, archive.n);
}

void fault_put_files(void)
{
    static const char table[] = "a,b,kind\n1,2,cat\n3,4,dog\n5,6,cow\n7,8,\"a, b\"\n";
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8};
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 3, 4};
    static const char names[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";
    static unsigned char record[3073], record100[3074];
    put("t.csv", table, sizeof table - 1);
    put("u.csv", "a,b,kind\n1,2,dog\n3,4,cow\n", 25);
    static const char text[] = "a,b\nx,1\n\"y\"\"\",2\nz,3\n\"y\"\"\",4\n";
    unsigned char packed[256];
    put("text.csv", text, sizeof text - 1);
    put("text.csv.gz", packed, test_gzip(packed, sizeof packed, text, sizeof text - 1));
    put("texts.csv", "a,b\nx,y\nu,v\n", 12);
    put("table.csv", "a,b,kind,part\n1,x,cat,train\n,y,dog,train\n5,x,cat,test\n7,,dog,test\n"
                     "2,y,cat,train\n3,x,dog,train\n4,y,cat,valid\n6,x,dog,valid\n", 122);
    put("n.csv", "a,b,c\n1,2,3\n4,5,6\n", 18);
    put_npy("x.npy", npy_array("<f4", "(2, 1)", (float[]){1, 2}, 8));
    put_npy("y.npy", npy_array("|u1", "(2,)", "\0\1", 2));
    put_npz();
    put("train-labels-idx1-ubyte", labels, sizeof labels);
    put("data_batch_1.bin", record, sizeof record);
    put("train.bin", record100, sizeof record100);
    fault_put_images();
    put("batches.meta.txt", names, sizeof names - 1);
    gzFile zipped = gzopen(test_text("%s/train-images-idx3-ubyte.gz", fault_folder.files), "wb");
    assert_int_equal(gzwrite(zipped, images, sizeof images), sizeof images);
    assert_int_equal(gzclose(zipped), Z_OK);
}

clade_status fault_save_model(const char *path)
{
    session s = {0};
    clade_status status = open_session(&s, network, "digits?n=10", &sgd_options);
    if (status == CLADE_OK) status = clade_save(s.model, path);
    close_session(&s);
    return status;
}
