/* What became of a training: as a summary for people, as JSON, as an exit status. */
#ifndef CLADE_CLI_TRAIN_REPORT_H
#define CLADE_CLI_TRAIN_REPORT_H

#include "cli/setup.h"

typedef struct cli_trained {
    const cli_setup *setup;
    const clade_fit_result *result;
    const char *folder;
} cli_trained;

/* Of one that has not diverged, in lines that fit. */
void cli_train_summary(const cli_trained *trained, FILE *to);

clade_status cli_train_json(const cli_trained *trained);

/* CLADE_EDIVERGED where the network overflows on the last validation's samples. */
clade_status cli_train_check(const cli_trained *trained);

#endif
