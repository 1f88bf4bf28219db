/* Compiling: what is asked is checked, planned, and refused if it is too much. */
#include "graph/executable.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- how each parameter is trained ------------------------------------------------------------- */

static clade_status check_group(const clade_parameter_group *group)
{
    CLADE_WANT_UNUSED("compile", group->reserved);
    if (!group->pattern || !*group->pattern)
        return clade__fail(CLADE_EINVAL, "compile: a group of parameters wants a pattern of names");
    if (!(group->lr_factor >= 0.0f && group->lr_factor <= 1e6f))
        return clade__fail(CLADE_EINVAL, "compile: the group '%.60s' has an lr_factor of %g, want at "
                           "least 0", group->pattern, (double)group->lr_factor);
    return CLADE_OK;
}

/* The parameters whose names match; a later group's word counts. */
static clade_status apply_group(clade__executable *exe, const clade_parameter_group *group, int index)
{
    int n = 0;
    CLADE_TRY(check_group(group));
    for (int i = 0; i < exe->graph->n_parameters; i++) {
        const clade__parameter *p = &exe->graph->parameters[i];
        if (!p->trained || fnmatch(group->pattern, p->name, 0) != 0) continue;
        n++;
        exe->parameters[i].trains = !group->frozen;
        exe->parameters[i].group = group->lr_factor == 0.0f || group->lr_factor == 1.0f ? 0 : index;
        if (group->no_decay) exe->parameters[i].decay = 0.0f;
    }
    exe->lr_factors[index] = group->lr_factor == 0.0f ? 1.0f : group->lr_factor;
    if (n > 0) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "compile: no parameter's name matches the pattern '%.60s'; the first "
                       "is '%s'", group->pattern, exe->graph->parameters[0].name);
}

static clade_status plan_parameters(clade__executable *exe, const clade__executable_options *options)
{
    const clade_optimizer *o = &exe->optimizer;
    exe->n_groups = options->n_groups + 1;
    exe->lr_factors = malloc((size_t)exe->n_groups * sizeof *exe->lr_factors);
    exe->parameters = calloc((size_t)exe->graph->n_parameters + 1, sizeof *exe->parameters);
    if (!exe->lr_factors || !exe->parameters) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    exe->lr_factors[0] = 1.0f;
    for (int i = 0; i < exe->graph->n_parameters; i++) {
        const clade__parameter *p = &exe->graph->parameters[i];
        bool spared = o->decay_weights_only && !p->decays;
        exe->parameters[i] = (clade__parameter_plan){.trains = exe->trains && p->trained,
                                                     .decay = spared ? 0.0f : o->weight_decay};
    }
    for (int i = 0; i < options->n_groups; i++)
        CLADE_TRY(apply_group(exe, &options->groups[i], i + 1));
    return CLADE_OK;
}

/* A gradient goes through a layer that has parameters which train, or comes after one. */
static clade_status find_gradients(clade__executable *exe)
{
    const clade__graph *graph = exe->graph;
    bool any = false;
    exe->needs_grad = calloc((size_t)graph->n_layers, sizeof *exe->needs_grad);
    if (!exe->needs_grad) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = 0; exe->trains && i < graph->n_layers; i++) {
        const clade__layer *layer = graph->layers[i];
        bool needs = false;
        for (int k = 0; k < layer->n_parameters; k++)
            needs = needs ||
                    (layer->parameters[k] >= 0 && exe->parameters[layer->parameters[k]].trains);
        for (int k = 0; k < layer->n_inputs; k++)
            needs = needs || exe->needs_grad[layer->inputs[k]->layer->index];
        exe->needs_grad[i] = needs;
        any = any || needs;
        if (needs && !clade__layer_type_has_gradient(layer->type))
            return clade__fail(CLADE_EINVAL, "compile: layer '%s' (%s) has no gradient", layer->name,
                               layer->type->name);
    }
    if (!exe->trains || any) return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "compile: the model has no parameters to train%s",
                       graph->n_parameters > 0 ? ": all are frozen" : "");
}

/* ---- open -------------------------------------------------------------------------------------- */

/* The last part of a batch may be smaller. */
static clade_status check_parts(const clade__executable *exe)
{
    int64_t rest = exe->batch % exe->micro_batch;
    CLADE_TRY(clade__graph_check_batch(exe->graph, exe->micro_batch));
    return clade__graph_check_batch(exe->graph, rest > 0 ? rest : exe->micro_batch);
}

static clade_status open_executable(clade__executable *exe, const clade__executable_options *options)
{
    CLADE_TRY(plan_parameters(exe, options));
    CLADE_TRY(find_gradients(exe));
    if (options->infer_batch > 0)
        exe->infer_batch = options->infer_batch;
    else
        CLADE_TRY(clade__memory_choose_inference(exe, &options->feeds));
    if (exe->trains && options->accumulate == CLADE_ACCUMULATE_AUTO)
        CLADE_TRY(clade__memory_choose_parts(exe, &options->feeds));
    if (exe->trains) CLADE_TRY(check_parts(exe));
    CLADE_TRY(clade__memory_plan(exe));
    CLADE_TRY(clade__memory_check(exe, &options->feeds));
    return clade__executable_check(exe);
}

clade_status clade__executable_open(clade__executable *exe, const clade__graph *graph,
                                    const clade__executable_options *options)
{
    int64_t n_parts = options->accumulate > 0 ? options->accumulate : 1;
    *exe = (clade__executable){.graph = graph,
                               .device = options->device,
                               .gemm = options->gemm,
                               .output = options->output,
                               .trains = options->trains,
                               .keep_gradients = options->keep_gradients,
                               .optimizer = options->optimizer,
                               .batch = options->batch,
                               .micro_batch = (options->batch + n_parts - 1) / n_parts};
    return open_executable(exe, options);
}

void clade__executable_free(clade__executable *exe)
{
    clade__layout_free(exe->train_layout);
    clade__layout_free(exe->infer_layout);
    free(exe->lr_factors);
    free(exe->parameters);
    free(exe->needs_grad);
    *exe = (clade__executable){0};
}
