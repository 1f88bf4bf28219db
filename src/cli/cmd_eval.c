/* clade eval MODEL --data SPEC: how good a saved model is. */
#include "cli/eval_report.h"

static const cli_option options[] = {
    {"data", "SPEC",
     "what to evaluate on, as for train; the test part, unless the spec "
     "ends in ?part=train"},
};

/* The report is printed all the same. */
static clade_status check_finite(const clade_metrics *metrics)
{
    if (metrics->n_not_finite == 0) return CLADE_OK;
    return clade__fail(CLADE_EWRONG, "%lld of %lld samples have an output or a loss that is not finite: "
                       "they count as wrong; `clade predict` names them; compare their values with "
                       "those of the training data", (long long)metrics->n_not_finite,
                       (long long)metrics->n_samples);
}

static clade_status run_eval(cli_call *call)
{
    const char *spec = cli_value_of(call, "data");
    if (!spec) return clade__fail(CLADE_EINVAL, "eval: --data SPEC is missing");
    clade_device *device = NULL;
    clade_model *model = NULL;
    clade_data *data = NULL;
    clade_report *report = NULL;
    clade_status status = cli_open_all(&device, &model, &data, call, spec, NULL, false);
    if (status == CLADE_OK && !call->quiet)
        cli_say("device", "%s", clade_device_reason(device));
    if (status == CLADE_OK)
        status = clade_report_create(&report, model, data,
                                     &(clade_report_options){.most_points = CLI_EVAL_POINTS});
    if (status == CLADE_OK)
        status = call->json ? cli_eval_print_json(report) : cli_eval_print_tables(report);
    if (status == CLADE_OK) status = cli_flush();
    if (status == CLADE_OK) status = check_finite(&report->metrics);
    clade_report_free(report);
    clade_data_free(data);
    clade_model_free(model);
    clade_device_free(device);
    return status;
}

const cli_command cli_command_eval = {
    .name = "eval",
    .synopsis = "MODEL --data SPEC [options]",
    .summary = "how good a model is: loss, accuracy, confusions, errors",
    .about = "Runs a saved model over data and prints the mean loss, and\n"
             "  of classes  the accuracy; its mean over the classes (balanced); whether the right\n"
             "              one is among the first five; of two classes the area under the ROC\n"
             "              curve (AUC); precision, recall and F1 of each; and which is taken for\n"
             "              which: all with few classes, else the largest confusions\n"
             "  of labels   (bce_with_logits on targets of 0 and 1) the accuracy by label and by\n"
             "              row, of which all labels must be right; and the same of each label\n"
             "  of numbers  mean absolute error, root of the mean squared error, and R2 of each\n"
             "              target, in its own units\n"
             "as scikit-learn defines them. --json has all of it, the whole confusion matrix\n"
             "too, and `clade plot` draws that document.\n"
             "\n"
             "A sample with an output that is not finite is in no class, and wrong; where there\n"
             "are any, the exit status is 1.\n"
             "\n"
             "Examples:\n"
             "  clade eval runs/first/model.safetensors --data digits\n"
             "  clade eval model.safetensors --data mnist:DIR\n"
             "  clade eval model.safetensors --data \"mnist:DIR?part=train\" --json\n"
             "  clade eval model.safetensors --data csv:new.csv --json > e.json; clade plot e.json\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_eval,
};
