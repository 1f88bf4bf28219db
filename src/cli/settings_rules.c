/* What settings ask of each other: which belong together, and what follows from the others' values. */
#include "cli/settings.h"

#include <stdlib.h>
#include <string.h>

#include "cli/models.h"

clade_status cli_settings_resolve_batch(const cli_settings *settings)
{
    const cli_value *batch = &settings->values[CLI_BATCH];
    const cli_value *accumulate = &settings->values[CLI_ACCUMULATE];
    /* A --batch auto on the command line is stronger than the parts in the file. */
    if (batch->flag && accumulate->origin >= batch->origin)
        return clade__fail(CLADE_ECONFIG, "%s is for a batch that is a number, and %s is auto",
                           accumulate->where, batch->where);
    return CLADE_OK;
}

/* Unsets a setting that is of `owners` alone, and refuses it where it was given for this `type`. */
static clade_status drop_foreign(cli_settings *settings, cli_setting_id id, const char *owners,
                                 cli_setting_id type, const char *what)
{
    cli_value *value = &settings->values[id];
    /* A type on the command line takes the other's settings in the file with it. */
    if (value->origin >= settings->values[type].origin && value->origin > CLI_DEFAULT)
        return clade__fail(CLADE_ECONFIG, "%s is for %s, and the %s is %s", value->where, owners,
                           what, settings->values[type].text);
    free(value->where);
    free(value->text);
    *value = (cli_value){0};
    return CLADE_OK;
}

clade_status cli_settings_resolve_optimizer(cli_settings *settings)
{
    static const cli_setting_id of_sgd[] = {CLI_MOMENTUM, CLI_NESTEROV};
    static const cli_setting_id of_adam[] = {CLI_BETA1, CLI_BETA2, CLI_EPSILON};
    cli_value *values = settings->values;
    bool sgd = strcmp(values[CLI_OPTIMIZER].text, "sgd") == 0;
    for (int i = 0; i < (sgd ? 3 : 2); i++)
        CLADE_TRY(drop_foreign(settings, sgd ? of_adam[i] : of_sgd[i],
                               sgd ? "adam and adamw" : "sgd", CLI_OPTIMIZER, "optimizer"));
    CLADE_TRY(cli_setting_decide(settings, CLI_LR, sgd ? cli_model_sgd_lr(settings) : "0.001"));
    if (!sgd) {
        CLADE_TRY(cli_setting_decide(settings, CLI_BETA1, "0.9"));
        CLADE_TRY(cli_setting_decide(settings, CLI_BETA2, "0.999"));
        return cli_setting_decide(settings, CLI_EPSILON, "1e-8");
    }
    CLADE_TRY(cli_setting_decide(settings, CLI_MOMENTUM, "0.9"));
    CLADE_TRY(cli_setting_decide(settings, CLI_NESTEROV, "false"));
    if (values[CLI_NESTEROV].flag && !(values[CLI_MOMENTUM].real > 0))
        return clade__fail(CLADE_ECONFIG, "%s needs a momentum above 0",
                           values[CLI_NESTEROV].where);
    return CLADE_OK;
}

clade_status cli_settings_resolve_schedule(cli_settings *settings)
{
    static const struct {
        cli_setting_id id;
        const char *owners, *initial; /* NULL: it must be given */
    } rows[] = {
        {CLI_STEP_SIZE, "step", NULL},         {CLI_GAMMA, "step", "0.1"},
        {CLI_MIN_LR, "cosine and plateau", "0"}, {CLI_LR_FACTOR, "plateau", "0.1"},
        {CLI_LR_PATIENCE, "plateau", "10"},    {CLI_LR_THRESHOLD, "plateau", "1e-4"},
    };
    const cli_value *type = &settings->values[CLI_SCHEDULE];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!strstr(rows[i].owners, type->text))
            CLADE_TRY(drop_foreign(settings, rows[i].id, rows[i].owners, CLI_SCHEDULE, "schedule"));
        else if (rows[i].initial)
            CLADE_TRY(cli_setting_decide(settings, rows[i].id, "%s", rows[i].initial));
        else if (!cli_setting_text(settings, rows[i].id))
            return clade__fail(CLADE_ECONFIG, "%s is %s, which needs --%s (%s in a config)",
                               type->where, type->text, cli_settings_table[rows[i].id].option,
                               cli_settings_table[rows[i].id].path);
    }
    const cli_value *min_lr = &settings->values[CLI_MIN_LR];
    if (min_lr->text && min_lr->real > settings->values[CLI_LR].real)
        return clade__fail(CLADE_ECONFIG, "%s is %s, above the learning rate, %s", min_lr->where,
                           min_lr->text, settings->values[CLI_LR].text);
    return CLADE_OK;
}

clade_status cli_settings_resolve_scale(cli_settings *settings)
{
    static const cli_setting_id of_scale[] = {CLI_SCALE, CLI_SHIFT};
    const cli_value *features = &settings->values[CLI_STANDARDIZE];
    const cli_value *channels = &settings->values[CLI_STANDARDIZE_CHANNELS];
    if (features->flag && channels->flag)
        return clade__fail(CLADE_ECONFIG, "%s: each feature is standardized already; leave out one of both",
                           channels->where);
    for (int i = 0; i < 2 && (features->flag || channels->flag); i++)
        CLADE_TRY(drop_foreign(settings, of_scale[i], "data that is not standardized",
                               features->flag ? CLI_STANDARDIZE : CLI_STANDARDIZE_CHANNELS,
                               "setting data.standardize"));
    return CLADE_OK;
}
