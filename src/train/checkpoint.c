#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/safetensors.h"
#include "ops/ops.h"
#include "train/recipe.h"

enum { NAME_BYTES = 128 };

/* The tensors behind the parameters. */
typedef struct extra {
    size_t n;
    clade__saved_tensor *tensors; /* (n); names are in `names` */
    char (*names)[NAME_BYTES];
} extra;

static int n_states(const clade_model *model)
{
    return clade__optimizer_n_states(&model->exe.optimizer);
}

static void add_tensor(extra *e, const char *prefix, const char *name, clade_shape shape,
                       const float *values)
{
    snprintf(e->names[e->n], NAME_BYTES, "%s%s", prefix, name);
    e->tensors[e->n] = (clade__saved_tensor){e->names[e->n], shape, values};
    e->n++;
}

/* A tensor for each parameter, or for each that trains, one after another in values; gives where they
 * end. */
static const float *add_tensors(extra *e, const char *prefix, const clade_model *model,
                                const float *values, bool all)
{
    for (int i = 0; i < model->graph.n_parameters; i++) {
        const clade__parameter *p = &model->graph.parameters[i];
        if (!all && !model->exe.parameters[i].trains) continue;
        add_tensor(e, prefix, p->name, p->shape, values);
        values += clade_shape_elements(p->shape);
    }
    return values;
}

static void extra_free(extra *e)
{
    free(e->tensors);
    free(e->names);
}

/* The layout of a checkpoint, written once: for writing its values, for reading its tensors. */
static clade_status extra_of(extra *e, const clade_model *model, const clade__checkpoint *c)
{
    size_t most = (size_t)model->graph.n_parameters * (size_t)(n_states(model) + 1) + 1;
    *e = (extra){.tensors = calloc(most, sizeof *e->tensors), .names = calloc(most, NAME_BYTES)};
    if (!e->tensors || !e->names) {
        extra_free(e);
        return clade__fail(CLADE_ENOMEM, "no memory for a checkpoint");
    }
    const float *values = c->values + clade_model_n_parameters(model);
    for (int k = 0; k < n_states(model); k++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "optimizer.%d.", k);
        values = add_tensors(e, prefix, model, values, false);
    }
    if (c->state.best_epoch > 0) (void)add_tensors(e, "best.", model, c->best, true);
    if (c->state.epoch_step > 0)
        add_tensor(e, "", "sums", CLADE_SHAPE(c->state.epoch_step, CLADE__N_SUMS * model->graph.n_losses),
                   c->sums);
    return CLADE_OK;
}

/* ---- write ----------------------------------------------------------------------------------- */

clade_status clade__checkpoint_write(const char *folder, const clade_model *model,
                                     const clade__checkpoint *checkpoint)
{
    char path[CLADE__CHECKPOINT_PATH];
    extra e;
    CLADE_TRY(extra_of(&e, model, checkpoint));
    char *state = clade__fit_state_text(&checkpoint->state);
    clade_status status = state ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory for a checkpoint");
    if (status == CLADE_OK) {
        const clade__saved_text texts[] = {{"clade.checkpoint", state},
                                           {"clade.recipe", checkpoint->recipe},
                                           {"clade.platform", checkpoint->platform}};
        const clade__saved_more more = {e.tensors, e.n, texts, 3};
        clade__checkpoint_path(path, folder, checkpoint->state.step);
        status = clade__save_with(model, checkpoint->values, &more, path);
    }
    free(state);
    extra_free(&e);
    return status;
}

/* ---- read ------------------------------------------------------------------------------------ */

/* What a file says, before anything is taken from it. */
static clade_status check_file(const clade__safetensors *file, const clade__checkpoint *wanted,
                               clade__fit_state *state, bool *same_platform)
{
    const char *text = clade__safetensors_text(file, "clade.checkpoint");
    const char *recipe = clade__safetensors_text(file, "clade.recipe");
    const char *platform = clade__safetensors_text(file, "clade.platform");
    const char *checksum = clade__safetensors_text(file, "clade.checksum");
    if (!text || !recipe || !platform || !checksum)
        return clade__fail(CLADE_EDATA, "it is no checkpoint: its metadata lacks a part of one");
    CLADE_TRY(clade__safetensors_verify(file));
    CLADE_TRY(clade__recipe_check(wanted->recipe, recipe));
    if (!clade__fit_state_parse(state, text))
        return clade__fail(CLADE_EDATA, "its state is of another version of clade");
    *same_platform = strcmp(platform, wanted->platform) == 0;
    return CLADE_OK;
}

static clade_status check_tensors(const clade__safetensors *file, const clade_model *model,
                                  const extra *e)
{
    size_t n = clade__safetensors_n_tensors(file);
    if (n != (size_t)model->graph.n_parameters + e->n)
        return clade__fail(CLADE_EDATA, "it has %zu tensors, want %zu", n,
                           (size_t)model->graph.n_parameters + e->n);
    for (int i = 0; i < model->graph.n_parameters; i++)
        CLADE_TRY(clade__safetensors_check(file, model->graph.parameters[i].name,
                                           model->graph.parameters[i].shape));
    for (size_t i = 0; i < e->n; i++)
        CLADE_TRY(clade__safetensors_check(file, e->tensors[i].name, e->tensors[i].shape));
    return CLADE_OK;
}

/* Every tensor, from the file to where the layout has it. */
static void copy_tensors(const clade__safetensors *file, const clade_model *model, const extra *e,
                         float *values)
{
    for (int i = 0; i < model->graph.n_parameters; i++) {
        clade__safetensors_copy(file, model->graph.parameters[i].name, values);
        values += clade_shape_elements(model->graph.parameters[i].shape);
    }
    for (size_t i = 0; i < e->n; i++)
        clade__safetensors_copy(file, e->tensors[i].name, (float *)(uintptr_t)e->tensors[i].values);
}

static clade_status take(const clade__safetensors *file, const clade_model *model,
                         int64_t n_batches, clade__checkpoint *checkpoint, bool *same_platform)
{
    clade__checkpoint read = *checkpoint;
    extra e;
    CLADE_TRY(check_file(file, checkpoint, &read.state, same_platform));
    const clade__fit_state *s = &read.state;
    if (s->epochs < 0 || s->step < 0 || s->epoch_step < 0 || s->epoch_step > n_batches ||
        (s->best_epoch > 0 && !read.best))
        return clade__fail(CLADE_EDATA, "its state cannot be: step %lld of %lld in an epoch",
                           (long long)s->epoch_step, (long long)n_batches);
    CLADE_TRY(extra_of(&e, model, &read));
    clade_status status = check_tensors(file, model, &e);
    if (status == CLADE_OK) {
        copy_tensors(file, model, &e, read.values);
        checkpoint->state = read.state;
    }
    extra_free(&e);
    return status;
}

clade_status clade__checkpoint_read(const char *folder, int64_t step, const clade_model *model,
                                    int64_t n_batches, clade__checkpoint *checkpoint,
                                    bool *same_platform)
{
    char path[CLADE__CHECKPOINT_PATH];
    clade__safetensors *file;
    clade__checkpoint_path(path, folder, step);
    CLADE_TRY(clade__safetensors_read(&file, path));
    clade_status status = take(file, model, n_batches, checkpoint, same_platform);
    clade__safetensors_free(file);
    return status == CLADE_EDATA ? clade__fail(CLADE_EDATA, "'%s' is damaged: %s", path,
                                               clade_error())
                                 : status;
}
