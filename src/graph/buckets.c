#include "graph/buckets.h"

#include <stdlib.h>

/* What drivers of today want of a view at most: ranks of different devices sum the same buckets. */
#define USUAL_ALIGNMENT ((size_t)512)

size_t clade__bucket_alignment(const clade_device *device)
{
    size_t wanted = clade_device_describe(device)->view_alignment_bytes;
    return wanted > USUAL_ALIGNMENT ? wanted : USUAL_ALIGNMENT;
}

static int64_t rounded_up(const clade__executable *exe, int64_t n)
{
    int64_t align = (int64_t)(clade__bucket_alignment(exe->device) / sizeof(float));
    return (n + align - 1) / align * align;
}

static void place(clade__bucket_plan *plan, const clade__executable *exe, int index)
{
    const clade__parameter *p = &exe->graph->parameters[index];
    int64_t n = rounded_up(exe, clade_shape_elements(p->shape));
    const int64_t most = CLADE__BUCKET_BYTES / (int64_t)sizeof(float);
    if (plan->n == 0 || plan->sizes[plan->n - 1] >= most) {
        plan->sizes[plan->n] = 0;
        plan->last_layers[plan->n++] = p->layer->index;
    }
    int bucket = plan->n - 1;
    plan->places[index] = (clade__bucket_place){bucket, plan->sizes[bucket]};
    plan->sizes[bucket] += n;
    /* The first of a parameter's layers is the last to go back. */
    if (p->layer->index < plan->last_layers[bucket]) plan->last_layers[bucket] = p->layer->index;
}

clade_status clade__bucket_plan_open(clade__bucket_plan *plan, const clade__executable *exe)
{
    int n = exe->graph->n_parameters;
    *plan = (clade__bucket_plan){.places = malloc(((size_t)n + 1) * sizeof *plan->places),
                                 .sizes = malloc(((size_t)n + 1) * sizeof *plan->sizes),
                                 .last_layers = malloc(((size_t)n + 1) * sizeof *plan->last_layers)};
    if (!plan->places || !plan->sizes || !plan->last_layers)
        return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    for (int i = n - 1; i >= 0; i--) {
        plan->places[i].bucket = -1;
        if (exe->trains && exe->keep_gradients && exe->parameters[i].trains) place(plan, exe, i);
    }
    return CLADE_OK;
}

void clade__bucket_plan_free(clade__bucket_plan *plan)
{
    free(plan->places);
    free(plan->sizes);
    free(plan->last_layers);
    *plan = (clade__bucket_plan){0};
}
