/* What --profile shows: where the device's time went, as a table and as a trace. */
#ifndef CLADE_CLI_PROFILE_REPORT_H
#define CLADE_CLI_PROFILE_REPORT_H

#include "cli/common.h"

/* Whether the trace can be written where --profile says, if it was given: to be asked before all
 * work. */
clade_status cli_profile_check(cli_call *call);

/* Ends the device's profile, prints the table on stderr unless quiet, and writes the trace. */
clade_status cli_profile_finish(clade_device *device, const char *path, bool quiet);

#endif
