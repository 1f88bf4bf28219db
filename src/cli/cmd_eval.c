/* clade eval MODEL --data SPEC: loss and accuracy of a saved model. */
#include <math.h>

#include "cli/common.h"

static const cli_option options[] = {
    {"data", "SPEC",
     "what to evaluate on, as for train; the test part, unless the spec "
     "ends in ?part=train"},
};

static clade_status print_result(const cli_call *call, const clade_metrics *metrics)
{
    if (call->json) {
        clade__json json = {0};
        clade__json_object(&json, NULL);
        clade__json_number(&json, "samples", (double)metrics->n_samples);
        cli_json_metrics(&json, metrics);
        clade__json_object_end(&json);
        return cli_print_json(&json);
    }
    printf("samples   %lld\nloss      %.6f\n", (long long)metrics->n_samples, metrics->loss);
    if (!isnan(metrics->accuracy)) printf("accuracy  %.2f%%\n", 100 * metrics->accuracy);
    return CLADE_OK;
}

static clade_status run_eval(cli_call *call)
{
    const char *spec = cli_value_of(call, "data");
    if (!spec) return clade__fail(CLADE_EINVAL, "eval: --data SPEC is missing");
    clade_device *device = NULL;
    clade_model *model = NULL;
    clade_data *data = NULL;
    clade_metrics metrics;
    clade_status status = cli_open_all(&device, &model, &data, call, spec, NULL);
    if (status == CLADE_OK && !call->quiet)
        fprintf(stderr, "device  %s\n", clade_device_reason(device));
    if (status == CLADE_OK) status = clade_evaluate(model, data, &metrics);
    if (status == CLADE_OK) status = print_result(call, &metrics);
    clade_data_free(data);
    clade_model_free(model);
    clade_device_free(device);
    return status;
}

const cli_command cli_command_eval = {
    .name = "eval",
    .synopsis = "MODEL --data SPEC [options]",
    .summary = "loss and accuracy of a model on data",
    .about = "Runs a saved model over data and prints the mean loss and, for data with\n"
             "classes, the share of samples whose class it names rightly.\n"
             "\n"
             "Examples:\n"
             "  clade eval runs/first/model.safetensors --data digits\n"
             "  clade eval model.safetensors --data mnist:DIR\n"
             "  clade eval model.safetensors --data \"mnist:DIR?part=train\" --json\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_eval,
};
