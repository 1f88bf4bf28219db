/* clade predict MODEL --data SPEC: what a saved model says of each sample. */
#include "base/file.h"
#include "cli/predictions.h"
#include "cli/profile_report.h"

enum { CHUNK = 8192 }; /* samples predicted at a time */

static const cli_option options[] = {
    {"data", "SPEC",
     "the samples, as for train; the test part, unless the spec ends in "
     "?part=train. Without labels: csv:FILE?label=none, npy:X, images:DIR?labels=none"},
    {"keep", "COLUMN[,COLUMN...]",
     "carry columns of the table along as they are, such as an id, before the predictions; "
     "one that has the name of a column below is called NAME_2"},
    {"limit", "N", "only the first N samples"},
    {"profile", "FILE",
     "measure each kernel: a table of device time at the end, and a trace in FILE for "
     "chrome://tracing or ui.perfetto.dev"},
};

/* Where the time went. */
typedef struct times {
    double preparing, predicting, printing;
} times;

/* The first chunk is predicted twice: the first time also builds its kernels. Nothing is printed
 * before that went well, and the end of a JSON document only when all did. */
static clade_status predict(cli_predictions *to, clade_model *model, clade_data *data, int64_t limit,
                            times *spent)
{
    double began = clade__seconds(), now;
    CLADE_TRY(cli_predictions_make(to, model, data, 0, limit < CHUNK ? limit : CHUNK));
    spent->preparing = clade__seconds() - began;
    CLADE_TRY(cli_predictions_begin(to));
    for (int64_t first = 0; first < limit; first += CHUNK) {
        int64_t n = limit - first < CHUNK ? limit - first : CHUNK;
        began = clade__seconds();
        CLADE_TRY(cli_predictions_make(to, model, data, first, n));
        now = clade__seconds();
        spent->predicting += now - began;
        CLADE_TRY(cli_predictions_print(to, first, n));
        spent->printing += clade__seconds() - now;
    }
    cli_predictions_end(to);
    return CLADE_OK;
}

static void print_times(const times *spent, const clade_data *data, int64_t n)
{
    char count[32], rate[32], texts[4][32];
    cli_say(NULL, "%s samples predicted in %s, %s samples/s; read in %s, prepared in %s, printed in %s",
            cli_count_text(count, sizeof count, n),
            cli_seconds_text(texts[0], sizeof texts[0], spent->predicting),
            cli_count_text(rate, sizeof rate, (int64_t)((double)n / spent->predicting)),
            cli_seconds_text(texts[1], sizeof texts[1], clade_data_describe(data).seconds),
            cli_seconds_text(texts[2], sizeof texts[2], spent->preparing),
            cli_seconds_text(texts[3], sizeof texts[3], spent->printing));
}

/* Predicts, and says on stderr what it took: at the end, after all that was measured. */
static clade_status predict_timed(const cli_call *call, cli_predictions *to, clade_device *device,
                                  clade_model *model, clade_data *data, int64_t limit)
{
    const char *profile = cli_value_of(call, "profile");
    times spent = {0};
    if (profile) CLADE_TRY(clade_profile_begin(device));
    CLADE_TRY(predict(to, model, data, limit, &spent));
    CLADE_TRY(cli_flush());
    if (profile) CLADE_TRY(cli_profile_finish(device, profile, call->quiet));
    if (!call->quiet) print_times(&spent, data, limit);
    return cli_predictions_check(to);
}

static clade_status run_predict(cli_call *call)
{
    const char *spec = cli_value_of(call, "data");
    const char *keep = cli_value_of(call, "keep"), *limit_text = cli_value_of(call, "limit");
    int64_t limit = 0;
    if (!spec) return clade__fail(CLADE_EINVAL, "predict: --data SPEC is missing");
    if (limit_text && (!cli_parse_count(limit_text, &limit) || limit < 1))
        return clade__fail(CLADE_EINVAL, "--limit is %s, want a whole number, at least 1",
                           limit_text);
    CLADE_TRY(cli_profile_check(call));
    clade_device *device = NULL;
    clade_model *model = NULL;
    clade_data *data = NULL;
    cli_predictions to = {0};
    clade_status status = cli_open_all(&device, &model, &data, call, spec, keep, true);
    if (status == CLADE_OK && keep && !clade_data_kept_name(data, 0))
        status = clade__fail(CLADE_EINVAL, "--keep %s: '%s' has no columns to carry along; they are "
                             "those of a table, csv:FILE", keep, spec);
    if (status == CLADE_OK) status = cli_predictions_open(&to, model, data, call->json, CHUNK);
    if (status == CLADE_OK) {
        int64_t n_samples = clade_data_describe(data).n_samples;
        call->writing = true;
        if (!limit || limit > n_samples) limit = n_samples;
        status = predict_timed(call, &to, device, model, data, limit);
    }
    cli_predictions_close(&to);
    clade_data_free(data);
    clade_model_free(model);
    clade_device_free(device);
    return status;
}

const cli_command cli_command_predict = {
    .name = "predict",
    .synopsis = "MODEL --data SPEC [options]",
    .summary = "class and probabilities of each sample, as CSV",
    .about = "Runs a saved model over data and prints one line for each sample: \"index\", its\n"
             "row in the data's file, counted from 0; \"class\", the class that the model\n"
             "gives it; and the probability of each class, p_NAME. A model of several labels\n"
             "(bce_with_logits, several targets) has y_NAME, 0 or 1, and p_NAME of each\n"
             "label, and no class; one that predicts numbers has y_NAME of each target. What\n"
             "has no name is p0, p1, ... or y0, y1, ...\n"
             "\n"
             "A row whose outputs are not finite has no class (in JSON: null). Where there\n"
             "are such rows, stderr counts them and names the first; exit status 1.\n"
             "\n"
             "At the end stderr says how long predicting took, apart from reading, preparing\n"
             "kernels and printing. Where it fails midway it has printed the samples so far,\n"
             "and exits with 1; JSON then lacks its end.\n"
             "\n"
             "Examples:\n"
             "  clade predict runs/first/model.safetensors --data digits --limit 5\n"
             "  clade predict model.safetensors --data mnist:DIR > predictions.csv\n"
             "  clade predict model.safetensors --data \"csv:rows.csv?label=none\"\n"
             "  clade predict model.safetensors --data csv:houses.csv --keep id,street\n"
             "  clade predict model.safetensors --data mnist:DIR --json\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_predict,
};
