/* A training as one rank of a job: how it begins, is kept the same on all ranks, and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/text.h"
#include "graph/buckets.h"
#include "train/fit.h"
#include "train/recipe.h"

/* ---- open and close ---------------------------------------------------------------------------- */

static clade_status open_shares(clade__fit *f)
{
    const clade_model *model = f->model;
    int64_t least = f->apart.on ? 1 : clade__graph_least_batch(&model->graph);
    if (!f->apart.on && model->exe.batch < f->ranks.n * least)
        return clade__fail(CLADE_EINVAL, "fit: a batch of %lld sample%s is too small for %d ranks, each of "
                           "which does at least %lld: take a larger batch, or fewer ranks",
                           (long long)model->exe.batch, model->exe.batch == 1 ? "" : "s", f->ranks.n,
                           (long long)least);
    return clade__shares_open(&f->shares, f->ranks.n, f->ranks.rank, f->options->shares, least);
}

clade_status clade__fit_meet(clade__fit *f)
{
    clade__transport *transport = clade__job_transport(f->options->job);
    int32_t keeps = f->options->run_dir != NULL;
    f->keeps = f->writes = keeps;
    f->alike_step = -1;
    if (transport->n_ranks == 1) return CLADE_OK;
    CLADE_TRY(clade__ranks_open(&f->ranks, transport));
    f->together = &f->ranks;
    CLADE_TRY(clade__ranks_broadcast(f->together, &keeps, sizeof keeps));
    f->keeps = keeps;
    f->writes = keeps && f->ranks.rank == 0;
    CLADE_TRY(clade__check_compiled(f->model, "fit", true));
    f->apart.on = f->options->parallel != CLADE_PARALLEL_SYNC;
    if (!f->apart.on && !f->model->exe.keep_gradients)
        return clade__fail(CLADE_ESTATE, "fit: ranks of a job sum their gradients, which must be stored: "
                           "compile with keep_gradients");
    return open_shares(f);
}

clade_status clade__fit_part(clade__fit *f, clade_status status)
{
    if (!f->together) /* of several ranks, this one could not even meet the others */
        return clade__job_ended(f->options->job, status, clade_job_n_ranks(f->options->job) == 1);
    status = clade__ranks_end(f->together, status);
    return clade__job_ended(f->options->job, status, status == CLADE_EDIVERGED || f->ranks.heard);
}

/* ---- the same training ------------------------------------------------------------------------- */

/* A line "name: value" for all that must be the same on all ranks. */
static char *text_of_all(const clade__fit *f)
{
    const clade_fit_options *o = f->options;
    clade__text text = {0};
    char *recipe = clade__recipe_text(f->model, f->train.feed.data, o, &f->schedule.options);
    clade__text_append(&text, "version: %s\n%s", clade_version(), recipe ? recipe : "");
    clade__text_append(&text, "epochs: %d\nmax_steps: %lld\nlog_every: %lld\n", o->epochs,
                       (long long)o->max_steps, (long long)o->log_every);
    clade__text_append(&text, "checkpoint_every: %lld %d\npatience: %lld\nmin_delta: %.17g\n",
                       (long long)o->checkpoint_every.count, (int)o->checkpoint_every.unit,
                       (long long)o->patience, o->min_delta);
    clade__text_append(&text, "bytes at a multiple of which a gradient begins: %zu\n",
                       clade__bucket_alignment(f->model->device));
    clade__text_append(&text, "share_auto: %d\nshares:", o->share_auto);
    for (int i = 0; i < f->shares.n; i++) clade__text_append(&text, " %.9g", f->shares.parts[i]);
    clade__text_append(&text, "\n");
    text.failed = text.failed || !recipe;
    free(recipe);
    if (text.failed) clade__text_free(&text);
    return text.data;
}

/* Whether all ranks' devices round in the same way: whether they are of one kind. */
static clade_status compare_devices(clade__fit *f)
{
    const clade_device_info *info = clade_device_describe(f->model->device);
    const char *texts[] = {info->name, info->platform, info->driver};
    uint32_t mine = 0, *all = malloc((size_t)f->ranks.n * sizeof *all);
    if (!all) return clade__fail(CLADE_ENOMEM, "no memory to compare ranks");
    for (int i = 0; i < 3; i++)
        mine = (uint32_t)crc32_z(mine, (const Bytef *)texts[i], strlen(texts[i]) + 1);
    clade_status status = clade__ranks_gather(f->together, &mine, sizeof mine, all);
    for (int i = 0; status == CLADE_OK && i < f->ranks.n; i++) f->mixed = f->mixed || all[i] != mine;
    free(all);
    if (status != CLADE_OK) return status;
    CLADE_TRY(clade__fit_first_finding(f, f->mixed ? 0 : -1, NULL, 0, &f->mixed));
    return CLADE_OK;
}

clade_status clade__fit_compare(clade__fit *f)
{
    if (!f->together) return CLADE_OK;
    char *mine = text_of_all(f);
    if (!mine) return clade__fail(CLADE_ENOMEM, "no memory to compare ranks");
    /* A rank that has failed before is at its end's meeting: so here is one too, at which it is heard. */
    clade_status status = clade__ranks_meet(f->together, CLADE__MEET_GATHER, NULL);
    if (status == CLADE_OK) status = clade_job_compare(f->options->job, "what they train", mine);
    free(mine);
    return status == CLADE_OK ? compare_devices(f) : status;
}

clade_status clade__fit_begin_alike(clade__fit *f, bool resumed)
{
    int32_t goes_on = resumed;
    bool first = f->ranks.rank == 0;
    size_t sums = (size_t)(f->train.n_batches * f->train.n_losses) * CLADE__N_SUMS * sizeof(float);
    if (!f->together) return CLADE_OK;
    if (first && !resumed) CLADE_TRY(clade__fit_copy(f));
    CLADE_TRY(clade__ranks_broadcast(f->together, &goes_on, sizeof goes_on));
    CLADE_TRY(clade__ranks_broadcast(f->together, f->kept.values, clade__model_trained_bytes(f->model)));
    if (!goes_on) return first ? CLADE_OK : clade__model_write_trained(f->model, f->kept.values);
    CLADE_TRY(clade__ranks_broadcast(f->together, &f->kept.state, sizeof f->kept.state));
    CLADE_TRY(clade__ranks_broadcast(f->together, f->train.host_sums, sums));
    return first ? CLADE_OK : clade__fit_restore(f);
}

/* ---- while it trains --------------------------------------------------------------------------- */

void clade__fit_hear(clade__fit *f)
{
    if (f->together) f->agreed = clade__ranks_votes(f->together);
}

/* The mean of what the ranks have, each weighing as much as it does of a batch. */
static clade_status join_state(clade__fit *f, int parameter, float *values)
{
    clade_tensor *state = f->model->session.parameters[parameter].value;
    int64_t n = clade_tensor_elements(state), batch = f->train.batch;
    float weight = (float)((double)clade__shares_of(&f->shares, batch).n / (double)batch);
    CLADE_TRY(clade_tensor_read(state, values));
    for (int64_t i = 0; i < n; i++) values[i] *= weight;
    CLADE_TRY(clade__ranks_sum_floats(f->together, values, n));
    return clade_tensor_write(state, values);
}

/* values: room for all. */
static clade_status join_all(clade__fit *f, float *values)
{
    const clade__graph *graph = &f->model->graph;
    for (int i = 0; i < graph->n_parameters; i++)
        if (!graph->parameters[i].trained) CLADE_TRY(join_state(f, i, values));
    if (!f->mixed) return CLADE_OK;
    if (f->ranks.rank == 0) CLADE_TRY(clade__model_read_trained(f->model, values));
    CLADE_TRY(clade__ranks_broadcast(f->together, values, clade__model_trained_bytes(f->model)));
    return f->ranks.rank == 0 ? CLADE_OK : clade__model_write_trained(f->model, values);
}

clade_status clade__fit_make_alike(clade__fit *f)
{
    if (!f->together || f->alike_step == f->state.step) return CLADE_OK;
    f->alike_step = f->state.step;
    if (f->apart.on) return clade__fit_average(f);
    float *values = malloc(clade__model_trained_bytes(f->model));
    if (!values) return clade__fail(CLADE_ENOMEM, "no memory to make ranks alike");
    clade_status status = join_all(f, values);
    free(values);
    return status;
}

clade_status clade__fit_first_finding(clade__fit *f, int64_t place, void *what, size_t n_bytes, bool *any)
{
    *any = place >= 0;
    if (!f->together) return CLADE_OK;
    size_t n = (size_t)f->ranks.n, first = n;
    int64_t *places = malloc(n * sizeof *places);
    char *all = malloc(n * n_bytes + 1);
    clade_status status = places && all ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory for %zu ranks", n);
    if (status == CLADE_OK) status = clade__ranks_gather(f->together, &place, sizeof place, places);
    if (status == CLADE_OK && n_bytes > 0) status = clade__ranks_gather(f->together, what, n_bytes, all);
    for (size_t i = 0; status == CLADE_OK && i < n; i++)
        if (places[i] >= 0 && (first == n || places[i] < places[first])) first = i;
    *any = status == CLADE_OK && first < n;
    if (*any && n_bytes > 0) memcpy(what, all + first * n_bytes, n_bytes);
    free(places);
    free(all);
    return status;
}
