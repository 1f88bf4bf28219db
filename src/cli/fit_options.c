#include "cli/fit_options.h"

#include <string.h>

static clade_span span_of(const cli_value *value)
{
    return (clade_span){.count = value->count, .unit = value->unit};
}

static clade_schedule schedule_of(const cli_value *values)
{
    clade_schedule schedule = {
        .warmup = span_of(&values[CLI_WARMUP]),
        .step_size = values[CLI_STEP_SIZE].count,
        .gamma = clade__decimal(values[CLI_GAMMA].real),
        .min_lr = clade__decimal(values[CLI_MIN_LR].real),
        .factor = clade__decimal(values[CLI_LR_FACTOR].real),
        .patience = values[CLI_LR_PATIENCE].count,
        .threshold = clade__decimal(values[CLI_LR_THRESHOLD].real)};
    for (int i = 0; clade_schedule_name((clade_schedule_kind)i); i++)
        if (strcmp(clade_schedule_name((clade_schedule_kind)i), values[CLI_SCHEDULE].text) == 0)
            schedule.kind = (clade_schedule_kind)i;
    return schedule;
}

clade_fit_options cli_fit_options(const cli_setup *setup, clade_augment *augment)
{
    const cli_value *values = setup->settings.values;
    *augment = (clade_augment){.crop = values[CLI_CROP].count, .flip = values[CLI_FLIP].flag,
                               .cutout = values[CLI_CUTOUT].count};
    bool augmented = augment->crop > 0 || augment->flip || augment->cutout > 0;
    return (clade_fit_options){.epochs = (int)values[CLI_EPOCHS].count,
                               .max_steps = values[CLI_MAX_STEPS].count,
                               .validate = setup->valid,
                               .log_every = values[CLI_LOG_EVERY].count,
                               .replacement = values[CLI_REPLACEMENT].flag,
                               .balanced = strcmp(values[CLI_SAMPLING].text, "balanced") == 0,
                               .class_weights = setup->class_weights,
                               .augment = augmented ? augment : NULL,
                               .checkpoint_every = span_of(&values[CLI_CHECKPOINT_EVERY]),
                               .keep = (int)values[CLI_KEEP].count,
                               .schedule = schedule_of(values),
                               .patience = values[CLI_PATIENCE].count,
                               .min_delta = clade__decimal(values[CLI_MIN_DELTA].real)};
}
