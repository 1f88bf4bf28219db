/* A training's settings as the library takes them. */
#ifndef CLADE_CLI_FIT_OPTIONS_H
#define CLADE_CLI_FIT_OPTIONS_H

#include "cli/setup.h"

/* All that settings and data decide; folder, job and the functions to call are the caller's to add. *augment is
 * pointed to where images are changed. The setup is borrowed. */
clade_fit_options cli_fit_options(const cli_setup *setup, clade_augment *augment);

#endif
