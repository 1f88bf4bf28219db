/* clade predict MODEL --data SPEC: what a saved model says of each sample. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/profile_report.h"

enum { CHUNK = 8192 }; /* samples predicted at a time */

static const cli_option options[] = {
    {"data", "SPEC",
     "the samples, as for train; the test part, unless the spec ends in "
     "?part=train. Without labels: csv:FILE?label=none, npy:X"},
    {"limit", "N", "only the first N samples"},
    {"profile", "FILE",
     "measure each kernel: a table of device time at the end, and a trace in FILE for "
     "chrome://tracing or ui.perfetto.dev"},
};

/* Where the time went. */
typedef struct times {
    double preparing, predicting, printing;
} times;

typedef struct printer {
    bool json;
    bool classes;       /* name a class; otherwise the outputs are numbers alone */
    bool probabilities; /* the outputs are probabilities */
    int64_t n_outputs;
    const clade_model *model;
} printer;

/* The largest output; what is 0 or 1 where there is one. */
static int class_of(const printer *to, const float *outputs)
{
    if (to->n_outputs == 1) return outputs[0] > 0.5f;
    int best = 0;
    for (int i = 1; i < to->n_outputs; i++)
        if (outputs[i] > outputs[best]) best = i;
    return best;
}

/* As the model was trained, else its digits: the data may number its own classes differently. */
static const char *class_name(const printer *to, int label, char *out, size_t out_bytes)
{
    const char *name = clade_model_class_name(to->model, label);
    if (name) return name;
    snprintf(out, out_bytes, "%d", label);
    return out;
}

/* As RFC 4180 quotes: only where needed, with quotes doubled. */
static void print_csv_text(const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void print_head(const printer *to)
{
    if (to->json) {
        fputs("{\"predictions\":[", stdout);
        return;
    }
    fputs(to->classes ? "index,class" : "index", stdout);
    for (int64_t i = 0; i < to->n_outputs; i++)
        printf(",%c%lld", to->probabilities ? 'p' : 'y', (long long)i);
    putchar('\n');
}

static void print_csv_row(const printer *to, int64_t index, const float *outputs)
{
    char digits[16];
    printf("%lld", (long long)index);
    if (to->classes) {
        putchar(',');
        print_csv_text(class_name(to, class_of(to, outputs), digits, sizeof digits));
    }
    for (int64_t i = 0; i < to->n_outputs; i++) printf(",%.9g", (double)outputs[i]);
    putchar('\n');
}

/* The document is printed row by row: whole, it would hold every number. */
static clade_status print_json_row(const printer *to, int64_t index, const float *outputs)
{
    char digits[16];
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_number(&json, "index", (double)index);
    if (to->classes)
        clade__json_string(&json, "class",
                           class_name(to, class_of(to, outputs), digits, sizeof digits));
    clade__json_list(&json, to->probabilities ? "probabilities" : "outputs");
    for (int64_t i = 0; i < to->n_outputs; i++) clade__json_number(&json, NULL, (double)outputs[i]);
    clade__json_list_end(&json);
    clade__json_object_end(&json);
    char *text = clade__json_finish(&json);
    if (!text) return clade__fail(CLADE_ENOMEM, "no memory for the JSON document");
    printf("%s\n%s", index ? "," : "", text);
    free(text);
    return CLADE_OK;
}

static clade_status print_chunk(const printer *to, int64_t first, int64_t n, const float *outputs)
{
    for (int64_t i = 0; i < n; i++) {
        const float *row = outputs + i * to->n_outputs;
        if (to->json)
            CLADE_TRY(print_json_row(to, first + i, row));
        else
            print_csv_row(to, first + i, row);
        if (ferror(stdout)) /* whoever read it is gone: predict no further */
            return clade__fail(CLADE_EIO, "cannot write to stdout: %s", strerror(errno));
    }
    return CLADE_OK;
}

/* The first chunk is predicted twice: the first time also builds its kernels. Nothing is printed
 * before that went well, and the end of a JSON document only when all did. */
static clade_status predict_all(const printer *to, clade_model *model, clade_data *data,
                                int64_t limit, float *outputs, times *spent)
{
    double began = clade__seconds(), now;
    CLADE_TRY(clade_predict(model, data, 0, limit < CHUNK ? limit : CHUNK, false, outputs));
    spent->preparing = clade__seconds() - began;
    print_head(to);
    for (int64_t first = 0; first < limit; first += CHUNK) {
        int64_t n = limit - first < CHUNK ? limit - first : CHUNK;
        began = clade__seconds();
        CLADE_TRY(clade_predict(model, data, first, n, false, outputs));
        now = clade__seconds();
        spent->predicting += now - began;
        CLADE_TRY(print_chunk(to, first, n, outputs));
        spent->printing += clade__seconds() - now;
    }
    if (to->json) puts("\n]}");
    return CLADE_OK;
}

static clade_status predict(const printer *to, clade_model *model, clade_data *data, int64_t limit,
                            times *spent)
{
    float *outputs = malloc((size_t)to->n_outputs * CHUNK * sizeof *outputs);
    if (!outputs) return clade__fail(CLADE_ENOMEM, "no memory for %d predictions", CHUNK);
    clade_status status = predict_all(to, model, data, limit, outputs, spent);
    free(outputs);
    return status;
}

static void print_times(const times *spent, const clade_data *data, int64_t n)
{
    char count[32], rate[32], texts[4][32];
    fprintf(stderr, "%s samples predicted in %s, %s samples/s; read in %s, prepared in %s, printed "
                    "in %s\n", cli_count_text(count, sizeof count, n),
            cli_seconds_text(texts[0], sizeof texts[0], spent->predicting),
            cli_count_text(rate, sizeof rate, (int64_t)((double)n / spent->predicting)),
            cli_seconds_text(texts[1], sizeof texts[1], clade_data_describe(data).seconds),
            cli_seconds_text(texts[2], sizeof texts[2], spent->preparing),
            cli_seconds_text(texts[3], sizeof texts[3], spent->printing));
}

/* Predicts, and says on stderr what it took: at the end, after all that was measured. */
static clade_status predict_timed(const cli_call *call, const printer *to, clade_device *device,
                                  clade_model *model, clade_data *data, int64_t limit)
{
    const char *profile = cli_value_of(call, "profile");
    times spent = {0};
    if (profile) CLADE_TRY(clade_profile_begin(device));
    CLADE_TRY(predict(to, model, data, limit, &spent));
    CLADE_TRY(cli_flush());
    if (profile) CLADE_TRY(cli_profile_finish(device, profile, call->quiet));
    if (!call->quiet) print_times(&spent, data, limit);
    return CLADE_OK;
}

static clade_status run_predict(cli_call *call)
{
    const char *spec = cli_value_of(call, "data");
    const char *limit_text = cli_value_of(call, "limit");
    int64_t limit = 0;
    if (!spec) return clade__fail(CLADE_EINVAL, "predict: --data SPEC is missing");
    if (limit_text && (!cli_parse_count(limit_text, &limit) || limit < 1))
        return clade__fail(CLADE_EINVAL, "--limit is %s, want a whole number, at least 1",
                           limit_text);
    CLADE_TRY(cli_profile_check(call));
    clade_device *device = NULL;
    clade_model *model = NULL;
    clade_data *data = NULL;
    clade_status status = cli_open_all(&device, &model, &data, call, spec, "test");
    if (status == CLADE_OK) {
        clade_data_info info = clade_data_describe(data);
        bool mse = clade_model_loss(model) == CLADE_LOSS_MSE;
        printer to = {.json = call->json,
                      .classes = !mse || info.n_classes > 0,
                      .probabilities = !mse,
                      .n_outputs = clade_shape_elements(clade_model_output_shape(model)),
                      .model = model};
        call->writing = true;
        if (!limit || limit > info.n_samples) limit = info.n_samples;
        status = predict_timed(call, &to, device, model, data, limit);
    }
    clade_data_free(data);
    clade_model_free(model);
    clade_device_free(device);
    return status;
}

const cli_command cli_command_predict = {
    .name = "predict",
    .synopsis = "MODEL --data SPEC [options]",
    .summary = "class and probabilities of each sample, as CSV",
    .about = "Runs a saved model over data and prints one line for each sample: its index,\n"
             "the class that the model gives it, and the probability of each class p0, p1,\n"
             "...; for a model trained with mse, its outputs y0, y1, ... Then stderr says how\n"
             "long predicting took, apart from reading, preparing kernels and printing.\n"
             "Where it fails midway it has printed the samples so far, and exits with 1;\n"
             "JSON then lacks its end.\n"
             "\n"
             "Examples:\n"
             "  clade predict runs/first/model.safetensors --data digits --limit 5\n"
             "  clade predict model.safetensors --data mnist:DIR > predictions.csv\n"
             "  clade predict model.safetensors --data \"csv:rows.csv?label=none\"\n"
             "  clade predict model.safetensors --data mnist:DIR --json\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_predict,
};
