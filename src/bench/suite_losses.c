/* The losses of a workload's first steps against the same steps in double precision on the host: the formulas
 * of graph/reference.h, and sgd as torch.optim.SGD has it (cl/sgd.cl). A loss is off by the rounding of one
 * forward; from the second step on also by what the parameters have taken from it, which the steps' rates
 * keep small: about 1e-6 of the loss is seen, and CLADE_SUITE_LOSS_BOUND is allowed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "bench/steps.h"
#include "bench/suite_state.h"
#include "graph/reference.h"

/* What the host may compute for a row: some seconds, as the formulas are written. */
#define HOST_FLOPS       3e9
#define HOST_FLOPS_SMALL 2e8
#define LEAST_SAMPLES    2

typedef struct comparison {
    clade__steps steps;
    int64_t n;             /* samples of a step */
    clade__reference *reference;
    double *x, *velocity;  /* (n, cols) of a batch; (parameters) */
    int32_t *labels;       /* (n) of a batch */
    float *values;         /* of all parameters, as they were at first */
} comparison;

/* ---- the reference --------------------------------------------------------------------------- */

static clade_status open_reference(comparison *c)
{
    clade_model *model = c->steps.model;
    size_t n_values = clade__model_parameter_bytes(model) / sizeof(float);
    int64_t cols = c->steps.pass.binding.sources.list[0].cols;
    c->x = calloc((size_t)(c->n * cols), sizeof *c->x);
    c->labels = calloc((size_t)c->n, sizeof *c->labels);
    c->velocity = calloc(n_values + 1, sizeof *c->velocity);
    c->values = calloc(n_values + 1, sizeof *c->values);
    if (!c->x || !c->labels || !c->velocity || !c->values)
        return clade__fail(CLADE_ENOMEM, "no memory for the reference's steps");
    CLADE_TRY(clade__model_read_parameters(model, c->values));
    const double *const inputs[] = {c->x};
    CLADE_TRY(clade__reference_create(&c->reference, model,
                                      &(clade__reference_batch){.n = c->n, .x = inputs, .labels = c->labels,
                                                                .step = 1}));
    for (size_t i = 0; i < n_values; i++) c->reference->parameters[i] = (double)c->values[i];
    return CLADE_OK;
}

/* The samples of batch number `step`, in the epoch's order. */
static void take_batch(comparison *c, int step)
{
    const clade__feed *feed = &c->steps.pass.feed;
    const clade__source *source = &c->steps.pass.binding.sources.list[0];
    const int32_t *labels = c->steps.pass.binding.labels;
    if (!labels) labels = c->steps.data->labels;
    for (int64_t i = 0; i < c->n; i++) {
        int64_t sample = feed->host_order[step * c->n + i];
        c->labels[i] = labels[sample];
        for (int64_t k = 0; k < source->cols; k++)
            c->x[i * source->cols + k] = clade__source_value(source, sample, k);
    }
}

/* One step of sgd on all that trains. */
static void update(comparison *c)
{
    const clade__executable *exe = &c->steps.model->exe;
    const clade__graph *graph = &c->steps.model->graph;
    const double lr = (double)exe->optimizer.lr, momentum = (double)exe->optimizer.momentum;
    double *w = c->reference->parameters, *v = c->velocity;
    const double *dw = c->reference->gradients;
    for (int i = 0; i < graph->n_parameters; i++) {
        int64_t n = clade_shape_elements(graph->parameters[i].shape);
        const double decay = (double)exe->parameters[i].decay;
        for (int64_t k = 0; exe->parameters[i].trains && k < n; k++) {
            v[k] = momentum * v[k] + dw[k] + decay * w[k];
            w[k] -= lr * v[k];
        }
        w += n;
        v += n;
        dw += n;
    }
}

/* ---- comparing ------------------------------------------------------------------------------- */

static clade_status run_step(comparison *c, int step, double *got, double *want)
{
    const double *const inputs[] = {c->x};
    float sum = 0.0f;
    CLADE_TRY(clade__steps_next(&c->steps));
    CLADE_TRY(clade__pass_read_loss(&c->steps.pass, &sum));
    *got = (double)sum / (double)c->n;
    take_batch(c, step);
    c->reference->batch.x = inputs;
    clade__reference_forward(c->reference, 0);
    *want = clade__reference_loss(c->reference);
    CLADE_TRY(clade__reference_backward(c->reference));
    update(c);
    return CLADE_OK;
}

/* Not for NaN. */
static bool agrees(double got, double want)
{
    return fabs(got - want) <= CLADE_SUITE_LOSS_BOUND * fabs(want);
}

static clade_status compare(comparison *c, clade__suite_entry *entry)
{
    clade_suite_row *row = &entry->row;
    CLADE_TRY(open_reference(c));
    row->loss_samples = (int)c->n;
    for (int step = 0; step < CLADE_SUITE_LOSSES && !entry->wrong; step++) {
        double got = 0.0, want = 0.0;
        CLADE_TRY(run_step(c, step, &got, &want));
        row->losses[row->n_losses] = got;
        row->reference[row->n_losses++] = want;
        entry->wrong = !agrees(got, want);
        if (entry->wrong)
            clade__format(entry->why, sizeof entry->why, "the loss of step %d is %.9g, want %.9g within %g",
                          step + 1, got, want, CLADE_SUITE_LOSS_BOUND * fabs(want));
    }
    return CLADE_OK;
}

/* As many samples as the host's time allows, for forward and backward of all steps. */
static int64_t n_samples(const clade_suite *suite, const clade__suite_entry *entry, double flops)
{
    double allowed = suite->options.small ? HOST_FLOPS_SMALL : HOST_FLOPS;
    double n = allowed / (CLADE_SUITE_LOSSES * (flops > 1.0 ? flops : 1.0));
    int64_t batch = entry->row.batch < LEAST_SAMPLES ? LEAST_SAMPLES : entry->row.batch;
    return n < LEAST_SAMPLES ? LEAST_SAMPLES : n > (double)batch ? batch : (int64_t)n;
}

clade_status clade__suite_check_losses(clade_suite *suite, clade__suite_entry *entry, double flops)
{
    comparison c = {.n = n_samples(suite, entry, flops)};
    const clade__workload *workload = &clade__workloads[entry->index];
    CLADE_TRY(clade__steps_open(&c.steps, workload,
                                &(clade__steps_options){.device = suite->device, .batch = c.n}));
    clade_status status = compare(&c, entry);
    clade__reference_free(c.reference);
    clade__steps_close(&c.steps);
    free(c.x);
    free(c.labels);
    free(c.velocity);
    free(c.values);
    return status;
}
