#include "cli/predictions.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the outputs are -------------------------------------------------------------------- */

/* The name of what an output is for, NULL where there is none: of a class or a target. A lone output
 * of a classifier speaks for class 1. */
static const char *output_name(const cli_predictions *p, int64_t i)
{
    bool lone = p->classes && p->n_outputs == 1;
    const char *name = clade_model_class_name(p->model, lone ? 1 : (int)i);
    return name ? name : clade_schema_target(clade_model_schema(p->model), i);
}

/* "p_setosa", or "p0" without a name. */
static const char *column_name(const cli_predictions *p, char letter, int64_t i, clade__text *out)
{
    const char *name = output_name(p, i);
    out->length = 0;
    if (name)
        clade__text_append(out, "%c_%s", letter, name);
    else
        clade__text_append(out, "%c%lld", letter, (long long)i);
    return out->failed ? "" : out->data;
}

/* Whether the command itself prints a column of this name. */
static bool is_own_column(const cli_predictions *p, const char *name, clade__text *room)
{
    if (strcmp(name, "index") == 0 || (p->classes && strcmp(name, "class") == 0)) return true;
    for (int64_t i = 0; i < p->n_outputs; i++) {
        if (strcmp(name, column_name(p, p->probabilities ? 'p' : 'y', i, room)) == 0) return true;
        if (p->labels && strcmp(name, column_name(p, 'y', i, room)) == 0) return true;
    }
    return false;
}

static bool is_kept_column(const cli_predictions *p, const char *name)
{
    for (int i = 0; i < p->n_kept; i++)
        if (strcmp(name, clade_data_kept_name(p->data, i)) == 0) return true;
    return false;
}

clade_status cli_predictions_open(cli_predictions *p, const clade_model *model,
                                  const clade_data *data, bool json, int64_t room)
{
    clade_data_info info = clade_data_describe(data);
    bool mse = clade_model_loss(model) == CLADE_LOSS_MSE;
    bool named = clade_model_class_name(model, 0) != NULL;
    *p = (cli_predictions){
        .model = model,
        .data = data,
        .json = json,
        .probabilities = !mse,
        .n_outputs = clade_shape_elements(clade_model_output_shape(model)),
    };
    bool targets = clade_schema_n_targets(clade_model_schema(model)) > 0 || info.n_targets > 0;
    p->labels = clade_model_loss(model) == CLADE_LOSS_BCE_WITH_LOGITS && p->n_outputs > 1 &&
                !named && targets;
    bool rows = clade_model_output_shape(model).rank > 1; /* then a sample is of no one class */
    p->classes = !p->labels && !rows && (!mse || named || info.n_classes > 0);
    while (clade_data_kept_name(data, p->n_kept)) p->n_kept++;
    for (int i = 0; i < p->n_kept; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(clade_data_kept_name(data, i), clade_data_kept_name(data, k)) == 0)
                return clade__fail(CLADE_EINVAL, "--keep has the column '%s' twice",
                                   clade_data_kept_name(data, i));
    size_t n = (size_t)room * (size_t)p->n_outputs;
    p->raw = malloc(n * sizeof *p->raw);
    p->outputs = malloc(n * sizeof *p->outputs);
    if (!p->raw || !p->outputs)
        return clade__fail(CLADE_ENOMEM, "no memory for %lld predictions", (long long)room);
    return CLADE_OK;
}

void cli_predictions_close(cli_predictions *p)
{
    free(p->raw);
    free(p->outputs);
}

clade_status cli_predictions_make(cli_predictions *p, clade_model *model, clade_data *data,
                                  int64_t first, int64_t n)
{
    CLADE_TRY(clade_predict(model, data, first, n, p->probabilities, p->raw));
    if (p->probabilities) return clade_model_probabilities(model, n, p->raw, p->outputs);
    memcpy(p->outputs, p->raw, (size_t)n * (size_t)p->n_outputs * sizeof *p->raw);
    return CLADE_OK;
}

static bool is_finite(const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return false;
    return true;
}

/* Whether an output that stands for yes or no says yes: as the device counts hits. */
static bool is_on(const cli_predictions *p, float raw)
{
    return raw > (p->probabilities ? 0.0f : 0.5f);
}

/* The first of the largest outputs, as the device counts hits. As the model was trained it has a
 * name, else its digits: the data may number its own classes differently. */
static const char *class_of(const cli_predictions *p, const float *raw, char *out, size_t out_bytes)
{
    int best = 0;
    for (int i = 1; i < p->n_outputs; i++)
        if (raw[i] > raw[best]) best = i;
    if (p->n_outputs == 1) best = is_on(p, raw[0]);
    const char *name = clade_model_class_name(p->model, best);
    if (name) return name;
    snprintf(out, out_bytes, "%d", best);
    return out;
}

/* ---- printed --------------------------------------------------------------------------------- */

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

/* A kept column has its own name; where that is one of ours, with _2 or more behind it. */
static void print_kept_name(const cli_predictions *p, int i, clade__text *name, clade__text *room)
{
    const char *own = clade_data_kept_name(p->data, i);
    name->length = 0;
    clade__text_append(name, "%s", own);
    for (int n = 2; !name->failed && !room->failed; n++) {
        bool taken = is_own_column(p, name->data, room) ||
                     (n > 2 && is_kept_column(p, name->data));
        if (!taken) break;
        name->length = 0;
        clade__text_append(name, "%s_%d", own, n);
    }
    putchar(',');
    if (!name->failed) print_csv_text(name->data);
}

static void print_columns(const cli_predictions *p, char letter, clade__text *room)
{
    for (int64_t i = 0; i < p->n_outputs; i++) {
        putchar(',');
        print_csv_text(column_name(p, letter, i, room));
    }
}

static clade_status print_csv_head(const cli_predictions *p)
{
    clade__text name = {0}, room = {0};
    fputs("index", stdout);
    for (int i = 0; i < p->n_kept; i++) print_kept_name(p, i, &name, &room);
    if (p->classes) fputs(",class", stdout);
    if (p->labels) print_columns(p, 'y', &room);
    print_columns(p, p->probabilities ? 'p' : 'y', &room);
    putchar('\n');
    bool failed = name.failed || room.failed;
    clade__text_free(&name);
    clade__text_free(&room);
    return failed ? clade__fail(CLADE_ENOMEM, "no memory for the names of columns") : CLADE_OK;
}

clade_status cli_predictions_begin(const cli_predictions *p)
{
    if (!p->json) return print_csv_head(p);
    clade__json json = {0};
    clade__json_object(&json, NULL);
    clade__json_number(&json, "schema", 1);
    clade__json_list(&json, "names");
    for (int64_t i = 0; i < p->n_outputs; i++) clade__json_string(&json, NULL, output_name(p, i));
    clade__json_list_end(&json);
    clade__json_list(&json, "predictions");
    char *text = clade__json_finish(&json);
    if (!text) return clade__fail(CLADE_ENOMEM, "no memory for the JSON document");
    fputs(text, stdout);
    free(text);
    return CLADE_OK;
}

void cli_predictions_end(const cli_predictions *p)
{
    if (p->json) puts("\n]}");
}

static void print_csv_number(float value)
{
    char text[32];
    clade__format(text, sizeof text, ",%.9g", (double)value);
    fputs(isnan(value) ? ",nan" : text, stdout);
}

static void print_csv_row(const cli_predictions *p, int64_t sample, const float *raw,
                          const float *outputs, bool finite)
{
    char digits[16];
    printf("%lld", (long long)clade_data_row(p->data, sample));
    for (int i = 0; i < p->n_kept; i++) {
        putchar(',');
        print_csv_text(clade_data_kept(p->data, i, sample));
    }
    if (p->classes) {
        putchar(',');
        if (finite) print_csv_text(class_of(p, raw, digits, sizeof digits));
    }
    for (int64_t i = 0; p->labels && i < p->n_outputs; i++)
        fputs(!finite ? "," : is_on(p, raw[i]) ? ",1" : ",0", stdout);
    for (int64_t i = 0; i < p->n_outputs; i++) print_csv_number(outputs[i]);
    putchar('\n');
}

static void json_row(const cli_predictions *p, int64_t sample, const float *raw,
                     const float *outputs, bool finite, clade__json *json)
{
    char digits[16];
    clade__json_object(json, NULL);
    clade__json_number(json, "index", (double)clade_data_row(p->data, sample));
    if (p->n_kept > 0) clade__json_object(json, "keep");
    for (int i = 0; i < p->n_kept; i++)
        clade__json_string(json, clade_data_kept_name(p->data, i),
                           clade_data_kept(p->data, i, sample));
    if (p->n_kept > 0) clade__json_object_end(json);
    if (p->classes)
        clade__json_string(json, "class",
                           finite ? class_of(p, raw, digits, sizeof digits) : NULL);
    if (p->labels && finite) {
        clade__json_list(json, "labels");
        for (int64_t i = 0; i < p->n_outputs; i++) clade__json_number(json, NULL, is_on(p, raw[i]));
        clade__json_list_end(json);
    } else if (p->labels) {
        clade__json_null(json, "labels");
    }
    clade__json_list(json, p->probabilities ? "probabilities" : "outputs");
    for (int64_t i = 0; i < p->n_outputs; i++) clade__json_number(json, NULL, (double)outputs[i]);
    clade__json_list_end(json);
    clade__json_object_end(json);
}

/* The document is printed row by row: whole, it would hold every number. */
static clade_status print_json_row(const cli_predictions *p, int64_t sample, const float *raw,
                                   const float *outputs, bool finite)
{
    clade__json json = {0};
    json_row(p, sample, raw, outputs, finite, &json);
    char *text = clade__json_finish(&json);
    if (!text) return clade__fail(CLADE_ENOMEM, "no memory for the JSON document");
    printf("%s\n%s", p->n_printed ? "," : "", text);
    free(text);
    return CLADE_OK;
}

clade_status cli_predictions_print(cli_predictions *p, int64_t first, int64_t n)
{
    for (int64_t i = 0; i < n; i++, p->n_printed++) {
        const float *raw = p->raw + i * p->n_outputs, *outputs = p->outputs + i * p->n_outputs;
        bool finite = is_finite(raw, p->n_outputs);
        if (!finite && p->n_not_finite++ == 0)
            p->first_not_finite = clade_data_row(p->data, first + i);
        if (p->json)
            CLADE_TRY(print_json_row(p, first + i, raw, outputs, finite));
        else
            print_csv_row(p, first + i, raw, outputs, finite);
        if (ferror(stdout)) /* whoever read it is gone: predict no further */
            return clade__fail(CLADE_EIO, "cannot write to stdout: %s", clade__errno_text(errno));
    }
    return CLADE_OK;
}

clade_status cli_predictions_check(const cli_predictions *p)
{
    if (p->n_not_finite == 0) return CLADE_OK;
    return clade__fail(CLADE_EWRONG, "%lld of %lld rows have outputs that are not finite, the first is "
                       "row %lld: there is no prediction for them; compare their values with those of "
                       "the training data", (long long)p->n_not_finite, (long long)p->n_printed,
                       (long long)p->first_not_finite);
}
