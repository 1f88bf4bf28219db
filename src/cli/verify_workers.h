/* clade verify by several processes: most of its time is the driver's compiler, which uses one core. */
#ifndef CLADE_CLI_VERIFY_WORKERS_H
#define CLADE_CLI_VERIFY_WORKERS_H

#include "cli/common.h"

/* Runs clade_verify on the call's device; *info is what it is. On a CPU of several cores as many
 * processes share the work, and the cases come in the order of one. While it runs stderr tells how far
 * it is, on a terminal. A driver that crashes ends the program by its signal, after a word on where. */
clade_status cli_verify_run(const cli_call *call, const clade_verify_options *options,
                            clade_device_info *info, clade_verify_result *result);

#endif
