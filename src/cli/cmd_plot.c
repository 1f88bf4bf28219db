/* clade plot RUN [RUN ...], clade plot EVAL.json: curves of loss and accuracy over epochs, or what an
 * evaluation found, as an SVG or a PNG. */
#include <string.h>

#include "cli/plot_eval.h"

static const cli_option options[] = {
    {"output", "FILE",
     "the picture, FILE.svg or FILE.png (default: RUN/curves.svg for one run, "
     "curves.svg in the working directory for several; EVAL.svg for an EVAL.json)"},
};

static clade_status draw(const cli_curves *runs, int n, const char *output)
{
    clade__text script = {0};
    bool png;
    clade_status status = cli_plot_format(output, &png);
    if (status == CLADE_OK) {
        cli_plot_script(&script, runs, n, png);
        status = cli_plot_draw(&script, output);
    }
    clade__text_free(&script);
    return status;
}

/* ---- clade train --plot ---------------------------------------------------------------------- */

static clade_status draw_in_folder(const cli_curves *run, FILE *to)
{
    if (run->n_epochs == 0) {
        if (to) fprintf(to, "no curves drawn: no epoch was finished\n");
        return CLADE_OK;
    }
    clade__text output = {0};
    clade__text_append(&output, "%s/curves.svg", run->folder);
    clade_status status = output.failed ? clade__fail(CLADE_ENOMEM, "no memory for the picture")
                                        : draw(run, 1, output.data);
    if (status == CLADE_OK && to) fprintf(to, "curves drawn in %s\n", output.data);
    clade__text_free(&output);
    return status;
}

clade_status cli_plot_trained(const cli_call *call, const char *folder, clade_status trained)
{
    if (trained != CLADE_OK && trained != CLADE_EDIVERGED) return trained;
    char message[1024];
    snprintf(message, sizeof message, "%s", clade_error());
    cli_curves run = {0};
    clade_status status = cli_curves_read(&run, &folder, 1);
    if (status == CLADE_OK)
        status = draw_in_folder(&run, !call->json ? stdout : call->quiet ? NULL : stderr);
    cli_curves_free(&run, 1);
    return trained == CLADE_OK ? status : clade__fail_again(trained, message);
}

/* ---- clade plot ------------------------------------------------------------------------------ */

static clade_status print_result(const cli_call *call, const cli_curves *runs, const char *output)
{
    if (!call->json) {
        printf("curves drawn in %s\n", output);
        return CLADE_OK;
    }
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_string(&json, "output", output);
    clade__json_list(&json, "runs");
    for (int i = 0; i < call->n_arguments; i++) {
        clade__json_object(&json, NULL);
        clade__json_string(&json, "run", runs[i].folder);
        clade__json_number(&json, "epochs", (double)runs[i].n_epochs);
        clade__json_object_end(&json);
    }
    clade__json_list_end(&json);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

/* The picture lies beside the document, unless another place is given. */
static clade_status plot_evaluation(cli_call *call, cli_evaluation *evaluation, clade__text *output,
                                    clade__text *script)
{
    const char *given = cli_value_of(call, "output"), *path = call->arguments[0];
    size_t length = strlen(path);
    bool png = false, json = length > 5 && strcmp(path + length - 5, ".json") == 0;
    if (given) CLADE_TRY(cli_plot_format(given, &png));
    CLADE_TRY(cli_evaluation_read(evaluation, path));
    if (given)
        clade__text_append(output, "%s", given);
    else
        clade__text_append(output, "%.*s.svg", (int)(json ? length - 5 : length), path);
    cli_evaluation_script(script, evaluation, png);
    if (output->failed) return clade__fail(CLADE_ENOMEM, "no memory for the picture");
    call->writing = true;
    CLADE_TRY(cli_plot_draw(script, output->data));
    if (!call->json) {
        printf("evaluation drawn in %s\n", output->data);
        return CLADE_OK;
    }
    clade__json json_text = {0};
    clade__json_object(&json_text, NULL);
    clade__json_number(&json_text, "schema", 1);
    clade__json_string(&json_text, "output", output->data);
    clade__json_string(&json_text, "evaluation", path);
    clade__json_object_end(&json_text);
    return cli_print_json(&json_text);
}

static clade_status run_evaluation(cli_call *call)
{
    cli_evaluation evaluation = {0};
    clade__text output = {0}, script = {0};
    clade_status status = plot_evaluation(call, &evaluation, &output, &script);
    clade__text_free(&output);
    clade__text_free(&script);
    cli_evaluation_free(&evaluation);
    return status;
}

static clade_status plot(cli_call *call, cli_curves *runs, clade__text *output)
{
    int n = call->n_arguments;
    const char *given = cli_value_of(call, "output");
    bool png;
    if (given) CLADE_TRY(cli_plot_format(given, &png));
    CLADE_TRY(cli_curves_read(runs, call->arguments, n));
    for (int i = 0; i < n; i++) {
        if (runs[i].n_epochs == 0)
            return clade__fail(CLADE_EDATA, "'%s' has no epoch yet: there is nothing to draw",
                               runs[i].folder);
        if (runs[i].cut && !call->quiet)
            fprintf(stderr, "%s: the last line of metrics.jsonl is not whole yet; left out\n",
                    runs[i].folder);
    }
    if (given)
        clade__text_append(output, "%s", given);
    else
        clade__text_append(output, "%s%scurves.svg", n == 1 ? runs[0].folder : "",
                           n == 1 ? "/" : "");
    if (output->failed) return clade__fail(CLADE_ENOMEM, "no memory for the picture");
    call->writing = true;
    CLADE_TRY(draw(runs, n, output->data));
    return print_result(call, runs, output->data);
}

static clade_status run_plot(cli_call *call)
{
    if (call->n_arguments == 1 && cli_is_file(call->arguments[0])) return run_evaluation(call);
    cli_curves runs[CLI_MAX_RUNS] = {{0}};
    clade__text output = {0};
    clade_status status = plot(call, runs, &output);
    clade__text_free(&output);
    cli_curves_free(runs, call->n_arguments);
    return status;
}

const cli_command cli_command_plot = {
    .name = "plot",
    .synopsis = "RUN [RUN ...] | EVAL.json [options]",
    .summary = "draw the curves of runs, or what an evaluation found",
    .about = "Draws loss and accuracy over epochs, from the metrics.jsonl in the folders of\n"
             "runs, as SVG or PNG: one colour a run, validation solid, training dashed. A\n"
             "run that is still being written is drawn as far as it is. Needs gnuplot\n"
             "(package gnuplot-nox), and no device.\n"
             "\n"
             "Of a document that `clade eval --json` printed it draws the confusion matrix,\n"
             "each row coloured by its shares; of several labels, how many of each are called\n"
             "on and off; of numbers, those predicted against the true ones, for the first six\n"
             "targets and up to 1,000 samples.\n"
             "\n"
             "Examples:\n"
             "  clade plot runs/first\n"
             "  clade plot runs/sgd runs/adam --output compare.png\n"
             "  clade eval model.safetensors --data digits --json > e.json; clade plot e.json\n"
             "  clade train --model mlp:128 --data digits --plot    the same at a run's end\n",
    .options = options,
    .n_options = sizeof options / sizeof options[0],
    .min_arguments = 1,
    .max_arguments = CLI_MAX_RUNS,
    .no_device = true,
    .run = run_plot,
};
