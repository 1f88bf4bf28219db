/* Lets the command that is linked with this fail, as the environment says, which a test sets:
 *
 *   CLADE_FAULT_SITE=N   the first call of the N-th site
 *   CLADE_FAULT_LIST=F   writes all sites of the command's own sources to F at the end, each on a
 *                        line: number, calls, FILE:LINE, function
 */
#define CLADE_FAULTS_APART
#include "faults.h"

#include <string.h>

static void write_list(void)
{
    fault_end();
    FILE *list = fopen(getenv("CLADE_FAULT_LIST"), "w");
    for (fault_site *const *at = __start_fault_sites; list && at < __stop_fault_sites; at++) {
        const char *file = strstr((*at)->file, "/cli/");
        if (file)
            fprintf(list, "%td %d %s:%d %s\n", at - __start_fault_sites, (*at)->n_calls, file + 1,
                    (*at)->line, (*at)->call);
    }
    if (list) fclose(list);
}

__attribute__((constructor)) static void begin(void)
{
    const char *site = getenv("CLADE_FAULT_SITE");
    fault_plan plan = {.call = 1, .code = CL_OUT_OF_RESOURCES};
    if (site) plan.site = __start_fault_sites[atoi(site)];
    fault_begin(&plan);
    if (getenv("CLADE_FAULT_LIST")) atexit(write_list);
}
