#include "cli/class_weights.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SAID = 8 };

static const char *class_name(const clade_data *data, int i, char out[16])
{
    const char *name = clade_data_class_name(data, i);
    if (name) return name;
    snprintf(out, 16, "%d", i);
    return out;
}

static int find_class(const clade_data *data, int n, const char *name)
{
    char digits[16];
    for (int i = 0; i < n; i++)
        if (strcmp(class_name(data, i, digits), name) == 0) return i;
    return -1;
}

static clade_status read_weight(const char *where, const char *text, float *weight)
{
    double value;
    if (!cli_parse_real(text, &value) || value < 0 || value > 1e30)
        return clade__fail(CLADE_ECONFIG, "%s: the weight '%s' is no number from 0 to 1e30", where,
                           text);
    *weight = (float)value;
    return CLADE_OK;
}

/* "CLASS=WEIGHT", with the last '='. */
static clade_status read_named(const char *where, char *part, const clade_data *data, int n,
                               float *weights)
{
    char *equals = strrchr(part, '='), digits[16];
    *equals = '\0';
    int i = find_class(data, n, part);
    if (i < 0)
        return clade__fail(CLADE_ECONFIG, "%s: the data has no class '%s'; it has %d, the first is '%s'",
                           where, part, n, class_name(data, 0, digits));
    return read_weight(where, equals + 1, &weights[i]);
}

static clade_status read_list(const char *where, char *list, const clade_data *data, int n,
                              float *weights)
{
    bool named = strchr(list, '=') != NULL;
    int i = 0;
    for (char *part = list, *next; part; part = next, i++) {
        next = strchr(part, ',');
        if (next) *next++ = '\0';
        if (named && !strchr(part, '='))
            return clade__fail(CLADE_ECONFIG, "%s: '%s' is no CLASS=WEIGHT; a class with a comma in its "
                               "name can be weighed by a list of all weights alone", where, part);
        if (named)
            CLADE_TRY(read_named(where, part, data, n, weights));
        else if (i < n)
            CLADE_TRY(read_weight(where, part, &weights[i]));
    }
    if (!named && i != n)
        return clade__fail(CLADE_ECONFIG, "%s has %d weights, and the data has %d classes", where, i, n);
    return CLADE_OK;
}

static clade_status read_weights(float *weights, const cli_value *value, const clade_data *data)
{
    int n = clade_data_describe(data).n_classes;
    double sum = 0;
    if (strcmp(value->text, "balanced") == 0) return clade_data_class_weights(data, weights);
    char *list = malloc(strlen(value->text) + 1);
    if (!list) return clade__fail(CLADE_ENOMEM, "no memory for the weights");
    strcpy(list, value->text);
    clade_status status = read_list(value->where, list, data, n, weights);
    free(list);
    for (int i = 0; i < n; i++) sum += (double)weights[i];
    if (status == CLADE_OK && sum == 0)
        return clade__fail(CLADE_ECONFIG, "%s: all weights are 0", value->where);
    return status;
}

clade_status cli_class_weights(float **weights, const cli_settings *settings, const clade_data *data)
{
    const cli_value *value = &settings->values[CLI_CLASS_WEIGHTS];
    const cli_value *sampling = &settings->values[CLI_SAMPLING];
    clade_data_info info = clade_data_describe(data);
    bool balanced = strcmp(sampling->text, "balanced") == 0;
    bool weighed = value->text && strcmp(value->text, "none") != 0;
    *weights = NULL;
    if ((balanced || weighed) && info.n_classes == 0)
        return clade__fail(CLADE_ECONFIG, "%s is for classes, and '%s' has %lld target%s%s",
                           weighed ? value->where : sampling->where, info.name,
                           (long long)info.n_targets, info.n_targets == 1 ? "" : "s",
                           weighed ? ": labels that are targets have no weights of their own (a "
                                     "pos_weight) here"
                                   : "");
    if (!weighed) return CLADE_OK;
    float *made = malloc((size_t)info.n_classes * sizeof *made);
    if (!made) return clade__fail(CLADE_ENOMEM, "no memory for %d weights", info.n_classes);
    for (int i = 0; i < info.n_classes; i++) made[i] = 1.0f;
    clade_status status = read_weights(made, value, data);
    if (status == CLADE_OK)
        *weights = made;
    else
        free(made);
    return status;
}

void cli_say_class_weights(const float *weights, const clade_data *data)
{
    int n = clade_data_describe(data).n_classes;
    clade__text text = {0};
    char digits[16], number[32];
    for (int i = 0; weights && i < n && i < MOST_SAID; i++)
        clade__text_append(&text, "%s%.40s %s", i ? ", " : "", class_name(data, i, digits),
                           cli_real_text(number, sizeof number, weights[i]));
    if (n > MOST_SAID) clade__text_append(&text, ", ...");
    if (weights && !text.failed) cli_say("weights", "%s", text.data);
    clade__text_free(&text);
}
