#include "graph/dry_run.h"

#include <string.h>

#include "graph/plan.h"

/* With `add`, as a part of a batch that follows another. */
static clade_status record(clade__commands *commands, const clade__executable *exe,
                           clade__session *session, bool training, int64_t batch, bool add,
                           bool *stepped)
{
    clade__plan plan;
    CLADE_TRY(clade__plan_open(&plan, &(clade__plan_options){exe, session, training, batch, true}));
    plan.add = add;
    clade_status status = clade__plan_record(&plan, commands, true);
    if (status == CLADE_OK && stepped)
        memcpy(stepped, plan.stepped, (size_t)exe->graph->n_parameters * sizeof *stepped);
    clade__plan_close(&plan);
    return status;
}

clade_status clade__dry_run(clade__commands **out, const clade__executable *exe, bool training,
                            int64_t batch, bool *stepped)
{
    clade__session session;
    *out = NULL;
    clade_status status = clade__session_open_dry(&session, exe);
    if (status == CLADE_OK) status = clade__commands_create_dry(out, exe->device);
    if (status == CLADE_OK) status = record(*out, exe, &session, training, batch, false, stepped);
    clade__session_release(&session, exe);
    if (status == CLADE_OK) return CLADE_OK;
    clade__commands_free(*out);
    *out = NULL;
    return status;
}

static clade_status check(const clade__executable *exe, clade__session *session, bool training,
                          int64_t batch)
{
    clade__commands *dry = NULL;
    CLADE_TRY(clade__commands_create_dry(&dry, exe->device));
    clade_status status = record(dry, exe, session, training, batch, false, NULL);
    if (status == CLADE_OK && training && exe->micro_batch < exe->batch)
        status = record(dry, exe, session, training, batch, true, NULL);
    if (status == CLADE_OK) status = clade__gemm_check_dry(dry);
    clade__commands_free(dry);
    return status;
}

clade_status clade__dry_run_check(const clade__executable *exe, bool training, int64_t batch)
{
    clade__session session;
    clade_status status = clade__session_open_dry(&session, exe);
    if (status == CLADE_OK) status = check(exe, &session, training, batch);
    clade__session_release(&session, exe);
    return status;
}
