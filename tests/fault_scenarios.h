/* What test_faults.c lets fail: short uses of the library, each whole, from nothing to nothing. */
#ifndef CLADE_TESTS_FAULT_SCENARIOS_H
#define CLADE_TESTS_FAULT_SCENARIOS_H

#include <clade/clade.h>

/* Where scenarios read and write. `files` has what fault_put_files makes; in `run` there is a model
 * under each name that a scenario writes. */
typedef struct fault_folders {
    char files[64], run[64], cache[64];
} fault_folders;

extern fault_folders fault_folder;

extern const char *const fault_model_names[]; /* those names; NULL at the end */

/* *result is a number that a fault which does no harm does not change. */
typedef struct fault_scenario {
    const char *name;
    clade_status (*run)(double *result);
    bool from_empty_cache; /* nothing is built or measured yet: takes longer */
} fault_scenario;

extern const fault_scenario fault_scenarios[];
extern const int fault_n_scenarios;

/* fault_images.c, fault_jobs.c, fault_ranks.c, fault_reports.c, fault_steps.c, fault_tables.c */
clade_status fault_run_images(double *result);
clade_status fault_run_jobs(double *result);
clade_status fault_run_ranks(double *result);
clade_status fault_run_reports(double *result);
clade_status fault_run_steps(double *result);
clade_status fault_run_tables(double *result);

void fault_put_files(void);
void fault_put_images(void);
clade_status fault_save_model(const char *path);

#endif
