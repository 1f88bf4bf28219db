/* clade info MODEL: the layers of a saved model. Needs no device. */
#include <math.h>

#include "cli/columns_report.h"

static clade_status add_layers(clade__json *json, const clade_model *model)
{
    for (int i = 0; i < clade_model_n_layers(model); i++) {
        clade_layer_info info;
        CLADE_TRY(clade_model_layer(model, i, &info));
        clade__json_object(json, NULL);
        clade__json_string(json, "name", info.name);
        clade__json_string(json, "type", info.type);
        cli_json_shape(json, "shape", info.shape);
        clade__json_number(json, "parameters", (double)info.parameters);
        clade__json_object_end(json);
    }
    return CLADE_OK;
}

/* A number, or a list with one for each value of a sample. */
static void add_scale(clade__json *json, const char *key, double all, const double *each, int64_t n)
{
    if (!each) {
        clade__json_number(json, key, all);
        return;
    }
    clade__json_list(json, key);
    for (int64_t i = 0; i < n; i++) clade__json_number(json, NULL, each[i]);
    clade__json_list_end(json);
}

static void add_input(clade__json *json, const clade_model *model)
{
    clade_model_scale input = clade_model_input_scale(model);
    int64_t n = clade_shape_elements(clade_model_input_shape(model));
    add_scale(json, "input_scale", input.scale, input.feature_scale, n);
    add_scale(json, "input_shift", input.shift, input.feature_shift, n);
}

/* What the network sees, where that is not the values as they are or, of a table, as columns make them. */
static void print_input(const clade_model *model)
{
    clade_model_scale input = clade_model_input_scale(model);
    bool of_table = clade_schema_n_columns(clade_model_schema(model)) > 0;
    if (input.feature_scale)
        printf("input: each value has a scale and a shift of its own, which --json lists\n");
    else if (input.scale != 1.0 || input.shift != 0.0)
        printf("input: the network sees %s * %.6g %c %.6g\n",
               of_table ? "what the columns below give" : "value", input.scale,
               input.shift < 0.0 ? '-' : '+', fabs(input.shift));
}

/* Where there are several. */
static clade_status add_inputs(clade__json *json, const clade_model *model)
{
    int n = clade_model_n_inputs(model);
    if (n < 2) return CLADE_OK;
    clade__json_list(json, "inputs");
    for (int i = 0; i < n; i++) {
        clade_input_info input;
        CLADE_TRY(clade_model_input_at(model, i, &input));
        clade__json_object(json, NULL);
        clade__json_string(json, "name", input.name);
        clade__json_string(json, "type", clade_dtype_name(input.dtype));
        cli_json_shape(json, "shape", input.shape);
        clade__json_bool(json, "target", input.compared);
        clade__json_object_end(json);
    }
    clade__json_list_end(json);
    return CLADE_OK;
}

static clade_status print_json(const clade_model *model, const char *path)
{
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_string(&json, "model", path);
    cli_json_shape(&json, "input", clade_model_input_shape(model));
    clade_status status = add_inputs(&json, model);
    add_input(&json, model);
    cli_json_shape(&json, "output", clade_model_output_shape(model));
    clade__json_list(&json, "layers");
    if (status == CLADE_OK) status = add_layers(&json, model);
    clade__json_list_end(&json);
    int64_t parameters = clade_model_n_parameters(model);
    clade__json_number(&json, "parameters", (double)parameters);
    clade__json_number(&json, "bytes", (double)parameters * sizeof(float));
    const char *loss = clade_loss_name(clade_model_loss(model));
    clade__json_string(&json, "loss", loss ? loss : "unknown");
    clade__json_list(&json, "classes");
    for (int i = 0; clade_model_class_name(model, i); i++)
        clade__json_string(&json, NULL, clade_model_class_name(model, i));
    clade__json_list_end(&json);
    cli_columns_json(&json, clade_model_schema(model));
    clade__json_object_end(&json);
    if (status == CLADE_OK) return cli_print_json(&json);
    clade__text_free(&json.text);
    return status;
}

static clade_status fill_table(const clade_model *model, cli_table *table)
{
    char text[128];
    static const char *const heads[] = {"NAME", "TYPE", "OUTPUT", "PARAMETERS"};
    for (int i = 0; i < table->n_columns; i++) cli_table_add(table, "%s", heads[i]);
    for (int i = 0; i < clade_model_n_inputs(model); i++) {
        clade_input_info input;
        CLADE_TRY(clade_model_input_at(model, i, &input));
        cli_table_add(table, "%s", clade_model_n_inputs(model) > 1 ? input.name : "");
        cli_table_add(table, "%s", input.compared ? "target" : "input");
        cli_table_add(table, "%s", cli_shape_text(text, sizeof text, input.shape));
        cli_table_add(table, "0");
    }
    for (int i = 0; i < clade_model_n_layers(model); i++) {
        clade_layer_info info;
        CLADE_TRY(clade_model_layer(model, i, &info));
        cli_table_add(table, "%s", info.name);
        cli_table_add(table, "%s", info.type);
        cli_table_add(table, "%s", cli_shape_text(text, sizeof text, info.shape));
        cli_table_add(table, "%s", cli_count_text(text, sizeof text, info.parameters));
    }
    return cli_table_print(table);
}

static clade_status print_table(const clade_model *model)
{
    cli_table table = {.n_columns = 4, .right = 1u << 3};
    clade_status status = fill_table(model, &table);
    cli_table_free(&table);
    CLADE_TRY(status);
    char count[32], bytes[32];
    int64_t parameters = clade_model_n_parameters(model);
    const char *loss = clade_loss_name(clade_model_loss(model));
    printf("\n%s parameters, %s; trained with %s\n",
           cli_count_text(count, sizeof count, parameters),
           cli_bytes_text(bytes, sizeof bytes, (uint64_t)parameters * sizeof(float)),
           loss ? loss : "an unknown loss");
    print_input(model);
    clade__text classes = {0};
    for (int i = 0; clade_model_class_name(model, i); i++)
        clade__text_append(&classes, "%s%s", i ? ", " : "classes: ", clade_model_class_name(model, i));
    status = classes.failed ? clade__fail(CLADE_ENOMEM, "no memory for the classes") : CLADE_OK;
    if (status == CLADE_OK && classes.data) cli_print_lines(stdout, 9, classes.data);
    clade__text_free(&classes);
    return status == CLADE_OK ? cli_columns_print(clade_model_schema(model)) : status;
}

static clade_status run_info(cli_call *call)
{
    const char *path = call->arguments[0];
    clade_model *model = NULL;
    clade_status status = clade_load(&model, NULL, path);
    if (status == CLADE_OK) status = call->json ? print_json(model, path) : print_table(model);
    clade_model_free(model);
    return status;
}

const cli_command cli_command_info = {
    .name = "info",
    .synopsis = "MODEL [options]",
    .summary = "show a model's layers, shapes, parameters and bytes",
    .about = "Shows what a model file holds: each layer with the shape of its output for one\n"
             "sample and its number of parameters; how numbers are scaled for the network; the\n"
             "classes, where they have names, in the order of predict's p0, p1, ...; and, of\n"
             "a table, what becomes of each column. Needs no device.\n"
             "\n"
             "Examples:\n"
             "  clade info runs/first/model.safetensors\n"
             "  clade info model.safetensors --json\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .no_device = true,
    .run = run_info,
};
