#include "graph/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"

/* Initial values are a function of seed and the parameter's index: the same on every device. */
static void initialise(const clade__parameter *p, uint64_t seed, int index, float *values, int64_t n)
{
    clade__random random = clade__random_start(seed, CLADE__STREAM_PARAMETER + (uint64_t)index);
    double fan_in = (double)p->fan_in, fan_out = (double)p->fan_out;
    double bound = p->init.kind == CLADE_INIT_XAVIER ? sqrt(6.0 / (fan_in + fan_out))
                                                     : 1.0 / sqrt(fan_in);
    double mean = p->init.kind == CLADE_INIT_HE ? 0.0 : (double)p->init.mean;
    double std = p->init.kind == CLADE_INIT_HE ? sqrt(2.0 / fan_in) : (double)p->init.std;
    for (int64_t i = 0; i < n; i++) {
        switch (p->init.kind) {
        case CLADE_INIT_DEFAULT:
        case CLADE_INIT_XAVIER:
            values[i] = (float)(bound * (2.0 * (double)clade__random_uniform(&random) - 1.0));
            break;
        case CLADE_INIT_HE:
        case CLADE_INIT_NORMAL:
            values[i] = (float)(mean + std * clade__random_normal(&random));
            break;
        case CLADE_INIT_CONSTANT: values[i] = p->init.value; break;
        }
    }
}

static clade_status create_zeroed(clade_tensor **out, clade_device *device, clade_shape shape)
{
    CLADE_TRY(clade_tensor_create(out, device, CLADE_FLOAT32, shape, NULL));
    return clade__commands_zero(clade__immediate(device), *out);
}

static clade_status create_value(clade__session *session, const clade__executable *exe, int index,
                                 const float *given)
{
    const clade__parameter *p = &exe->graph->parameters[index];
    int64_t n = clade_shape_elements(p->shape);
    float *values = given ? NULL : malloc((size_t)n * sizeof *values);
    if (!given && !values)
        return clade__fail(CLADE_ENOMEM, "no memory for the first values of %s", p->name);
    if (!given) initialise(p, session->seed, index, values, n);
    clade_status status = clade_tensor_create(&session->parameters[index].value, exe->device,
                                              CLADE_FLOAT32, p->shape, given ? given : values);
    free(values);
    return status;
}

static clade_status create_parameter(clade__session *session, const clade__executable *exe, int index,
                                     const float *given)
{
    clade__parameter_tensors *t = &session->parameters[index];
    clade_shape shape = exe->graph->parameters[index].shape;
    CLADE_TRY(create_value(session, exe, index, given));
    if (!exe->trains || !exe->parameters[index].trains) return CLADE_OK;
    const clade__bucket_place *place = &session->bucket_plan.places[index];
    if (place->bucket >= 0)
        CLADE_TRY(clade_tensor_view(&t->grad, session->buckets[place->bucket], place->offset, shape));
    else if (!exe->parameters[index].stepped)
        CLADE_TRY(create_zeroed(&t->grad, exe->device, shape));
    for (int i = 0; i < clade__optimizer_n_states(&exe->optimizer); i++)
        CLADE_TRY(create_zeroed(&t->state[i], exe->device, shape));
    return CLADE_OK;
}

static clade_status create_buckets(clade__session *session, const clade__executable *exe)
{
    CLADE_TRY(clade__bucket_plan_open(&session->bucket_plan, exe));
    session->buckets = calloc((size_t)session->bucket_plan.n + 1, sizeof(clade_tensor *));
    if (!session->buckets) return clade__fail(CLADE_ENOMEM, "no memory for gradients");
    for (int i = 0; i < session->bucket_plan.n; i++)
        CLADE_TRY(create_zeroed(&session->buckets[i], exe->device,
                                CLADE_SHAPE(session->bucket_plan.sizes[i])));
    return CLADE_OK;
}

static void release_buckets(clade__session *session)
{
    for (int i = 0; session->buckets && i < session->bucket_plan.n; i++)
        clade_tensor_free(session->buckets[i]);
    free(session->buckets);
    session->buckets = NULL;
    clade__bucket_plan_free(&session->bucket_plan);
}

static clade_status create_workspace(clade__session *session, const clade__executable *exe)
{
    int n = clade__executable_n_slots(exe);
    session->workspace = calloc((size_t)n, sizeof(clade__buffer *));
    if (!session->workspace) return clade__fail(CLADE_ENOMEM, "no memory for the workspace");
    session->n_workspace = n;
    for (int i = 0; i < n; i++)
        CLADE_TRY(clade__buffer_create(&session->workspace[i], exe->device,
                                       clade__executable_slot_bytes(exe, i)));
    return CLADE_OK;
}

static clade_status open_numbers(clade__session *session, const clade__executable *exe)
{
    session->group_lrs = calloc((size_t)exe->n_groups + 1, sizeof *session->group_lrs);
    session->parameters = calloc((size_t)exe->graph->n_parameters + 1, sizeof *session->parameters);
    if (!session->group_lrs || !session->parameters)
        return clade__fail(CLADE_ENOMEM, "no memory for parameters");
    return CLADE_OK;
}

static clade_status take_memory(clade__session *session, const clade__executable *exe)
{
    const float *given = session->initial;
    CLADE_TRY(open_numbers(session, exe));
    CLADE_TRY(create_buckets(session, exe));
    for (int i = 0; i < exe->graph->n_parameters; i++) {
        CLADE_TRY(create_parameter(session, exe, i, given));
        if (given) given += clade_shape_elements(exe->graph->parameters[i].shape);
    }
    int64_t n_partials = exe->trains ? clade__optimizer_partials(exe) : 0;
    if (n_partials > 0) {
        CLADE_TRY(create_zeroed(&session->clip_scale, exe->device, CLADE_SHAPE(1)));
        CLADE_TRY(create_zeroed(&session->clip_partials, exe->device, CLADE_SHAPE(n_partials)));
    }
    if (exe->trains)
        CLADE_TRY(clade_tensor_create(&session->peaks, exe->device, CLADE_FLOAT32,
                                      CLADE_SHAPE(clade__n_parameter_peaks(exe->graph)), NULL));
    return create_workspace(session, exe);
}

clade_status clade__session_materialize(clade__session *session, const clade__executable *exe)
{
    if (session->materialized) return CLADE_OK;
    clade_status status = take_memory(session, exe);
    if (status != CLADE_OK) {
        clade__session_release(session, exe);
        return status;
    }
    free(session->initial);
    session->initial = NULL;
    session->materialized = true;
    return CLADE_OK;
}

void clade__session_release(clade__session *session, const clade__executable *exe)
{
    int n_parameters = session->parameters ? exe->graph->n_parameters : 0;
    for (int i = 0; i < n_parameters; i++) {
        clade__parameter_tensors *t = &session->parameters[i];
        clade_tensor_free(t->value);
        clade_tensor_free(t->grad);
        for (int k = 0; k < CLADE__MAX_STATE; k++) clade_tensor_free(t->state[k]);
    }
    release_buckets(session);
    free(session->parameters);
    free(session->group_lrs);
    session->parameters = NULL;
    session->group_lrs = NULL;
    clade_tensor_free(session->clip_scale);
    clade_tensor_free(session->clip_partials);
    clade_tensor_free(session->peaks);
    session->clip_scale = session->clip_partials = session->peaks = NULL;
    for (int i = 0; i < session->n_workspace; i++) clade__buffer_free(session->workspace[i]);
    free(session->workspace);
    session->workspace = NULL;
    session->n_workspace = 0;
    session->materialized = false;
}

clade_status clade__session_withdraw(clade__session *session, const clade__executable *exe)
{
    if (!session->materialized) return CLADE_OK;
    float *values = malloc((size_t)clade__graph_n_values(exe->graph) * sizeof *values + 1), *at = values;
    if (!values) return clade__fail(CLADE_ENOMEM, "no memory for the parameters");
    for (int i = 0; i < exe->graph->n_parameters; i++) {
        clade_status status = clade_tensor_read(session->parameters[i].value, at);
        if (status != CLADE_OK) {
            free(values);
            return status;
        }
        at += clade_shape_elements(exe->graph->parameters[i].shape);
    }
    clade__session_release(session, exe);
    session->initial = values;
    return CLADE_OK;
}

/* ---- dry --------------------------------------------------------------------------------------- */

static clade_status create_dry(clade_tensor **out, clade_device *device, clade_shape shape)
{
    *out = malloc(sizeof **out);
    if (!*out) return clade__fail(CLADE_ENOMEM, "no memory to plan a step");
    **out = clade__tensor_view(device, NULL, CLADE_FLOAT32, shape);
    return CLADE_OK;
}

clade_status clade__session_open_dry(clade__session *session, const clade__executable *exe)
{
    *session = (clade__session){.dry = true};
    CLADE_TRY(open_numbers(session, exe));
    for (int i = 0; i < exe->graph->n_parameters; i++) {
        clade__parameter_tensors *t = &session->parameters[i];
        clade_shape shape = exe->graph->parameters[i].shape;
        CLADE_TRY(create_dry(&t->value, exe->device, shape));
        if (!exe->trains || !exe->parameters[i].trains) continue;
        CLADE_TRY(create_dry(&t->grad, exe->device, shape));
        for (int k = 0; k < clade__optimizer_n_states(&exe->optimizer); k++)
            CLADE_TRY(create_dry(&t->state[k], exe->device, shape));
    }
    return CLADE_OK;
}

/* ---- finite ------------------------------------------------------------------------------------ */

int64_t clade__n_parameter_peaks(const clade__graph *graph)
{
    int64_t n = 0;
    for (int i = 0; i < graph->n_parameters; i++)
        n += clade__n_peaks(clade_shape_elements(graph->parameters[i].shape));
    return n;
}

clade_status clade__session_is_finite(clade__session *session, const clade__executable *exe,
                                      bool *finite)
{
    clade__commands *commands = clade__immediate(exe->device);
    int64_t n = clade__n_parameter_peaks(exe->graph), first = 0;
    clade__commands_scope(commands, CLADE_PHASE_METRICS, NULL);
    for (int i = 0; i < exe->graph->n_parameters; i++) {
        CLADE_TRY(clade__peaks(commands, session->peaks, first, session->parameters[i].value));
        first += clade__n_peaks(clade_shape_elements(exe->graph->parameters[i].shape));
    }
    clade__commands_scope(commands, CLADE_PHASE_OTHER, NULL);
    float *peaks = malloc((size_t)n * sizeof *peaks);
    if (!peaks) return clade__fail(CLADE_ENOMEM, "no memory to look at the parameters");
    clade_status status = clade_tensor_read(session->peaks, peaks);
    *finite = true;
    for (int64_t i = 0; status == CLADE_OK && i < n; i++) *finite = *finite && isfinite(peaks[i]);
    free(peaks);
    return status;
}
