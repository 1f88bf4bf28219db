/* Gradients against central differences; see clade/check.h for what is compared, and how.
 *
 * The device does what a training step does up to the optimizer, on the training layout and with
 * its kernels. The host runs the network again in double precision, onward from the node whose
 * parameter was moved: with h = 1e-5 the difference is right to about 1e-10 of the loss, both for
 * its rounding and for h², so that what is left is the device's error. Where a kink, as relu's, is
 * nearer than h, the slopes to both sides differ, and h is made smaller. */
#include <math.h>
#include <stdlib.h>

#include <clade/check.h>

#include "base/philox.h"
#include "device/owner.h"
#include "graph/reference.h"
#include "train/bind.h"
#include "train/classes.h"
#include "train/pass.h"

#define STEP       1e-5
#define LEAST_STEP 1e-9   /* where rounding begins to count */
#define SMOOTH     1e-4   /* by how much the slopes to both sides may differ, as a share of them */
#define ROUNDING   1e-15  /* of the loss */
#define MASK_STEP 1       /* whose dropout masks are taken */
#define FLOOR 1e-6        /* of the largest gradient: an element below it is noise */
#define TENSOR_FLOOR 1e-4 /* the same of a tensor, whose elements' errors add up */

typedef struct check {
    clade_model *model;
    const clade_data *data;
    clade_gradcheck_options options; /* resolved */
    int32_t *labels;                 /* as in clade__binding */
    clade__sources sources;          /* what the device is fed, and the reference */
    double **x;                      /* (inputs of the network): (samples, input…) */
    double *targets;                 /* (samples, outputs), or NULL */
    clade__row_counts *counts;       /* (n_losses) of the samples */
    double *weights;                 /* of the classes that the model knows, or NULL */
    float *by_label;                 /* the same */
    clade_tensor *class_weights;     /* the same on the device */
    clade__reference *reference;
    double loss;                     /* by the reference */
    float *values;                   /* of all parameters, one after another, as they were found */
    float *gradients;                /* the same of their gradients */
    int64_t n_checked;
    double *analytic, *numeric;      /* (n_checked): of all parameters' elements, in order */
} check;

static clade_status resolve(clade_gradcheck_options *resolved,
                            const clade_gradcheck_options *options, int64_t batch,
                            int64_t n_samples)
{
    if (options) CLADE_WANT_UNUSED("gradcheck", options->reserved);
    *resolved = options ? *options : (clade_gradcheck_options){0};
    if (resolved->samples < 0)
        return clade__fail(CLADE_EINVAL, "gradcheck: samples is %lld, want at least 1",
                           (long long)resolved->samples);
    if (resolved->elements < 0 && resolved->elements != CLADE_ALL)
        return clade__fail(CLADE_EINVAL, "gradcheck: elements is %lld, want at least 1, or "
                           "CLADE_ALL", (long long)resolved->elements);
    if (!(resolved->tolerance >= 0.0) || !isfinite(resolved->tolerance))
        return clade__fail(CLADE_EINVAL, "gradcheck: tolerance is %g, want a number above 0",
                           resolved->tolerance);
    if (resolved->samples == 0) resolved->samples = 8;
    if (resolved->samples > batch) resolved->samples = batch;
    if (resolved->samples > n_samples) resolved->samples = n_samples;
    if (resolved->elements == 0) resolved->elements = 20;
    if (resolved->tolerance == 0.0) resolved->tolerance = 1e-3;
    return CLADE_OK;
}

static clade_status check_model(const clade_model *model)
{
    CLADE_TRY(clade__check_compiled(model, "gradcheck", true));
    for (int i = 0; i < model->graph.n_parameters; i++)
        if (model->exe.parameters[i].stepped)
            return clade__fail(CLADE_ESTATE, "gradcheck: the gradient of %s is not stored; compile "
                               "with keep_gradients", model->graph.parameters[i].name);
    return CLADE_OK;
}

/* ---- what the device computes ---------------------------------------------------------------- */

static clade_status record(check *c, clade__feed *feed, clade__plan *plan,
                           clade__commands *commands)
{
    static const int32_t first = 0;
    clade__step_numbers *numbers = &c->model->session.numbers;
    plan->weights = c->class_weights;
    for (int i = 0; i < c->model->graph.n_losses; i++)
        plan->losses[i].total = (clade__rows_total){c->counts[i].totals, &first};
    CLADE_TRY(clade__feed_record(feed, plan, commands));
    CLADE_TRY(clade__plan_record(plan, commands, true));
    CLADE_TRY(clade__feed_next(feed, 0, c->options.samples));
    numbers->mask_step = MASK_STEP; /* a step sets it to its own */
    numbers->first_row = 0;
    return clade__commands_run(commands);
}

/* So that it shows where one is added to what a step before has left. */
static clade_status spoil_gradients(const check *c)
{
    for (int i = 0; i < c->model->graph.n_parameters; i++) {
        clade_tensor *grad = c->model->session.parameters[i].grad;
        if (grad) CLADE_TRY(clade_tensor_fill(grad, NAN));
    }
    return CLADE_OK;
}

static clade_status read_gradients(check *c)
{
    clade_model *model = c->model;
    c->gradients = malloc(clade__model_parameter_bytes(model));
    if (!c->gradients) return clade__fail(CLADE_ENOMEM, "no memory for the gradients");
    float *at = c->gradients;
    for (int i = 0; i < model->graph.n_parameters; i++) {
        const clade_tensor *grad = model->session.parameters[i].grad;
        if (grad) CLADE_TRY(clade_tensor_read(grad, at));
        at += clade_shape_elements(model->graph.parameters[i].shape);
    }
    return CLADE_OK;
}

/* A pass moves what is state, as a batch norm's statistics: back to what it was. */
static clade_status read_values(check *c)
{
    c->values = malloc(clade__model_parameter_bytes(c->model));
    if (!c->values) return clade__fail(CLADE_ENOMEM, "no memory for the parameters");
    return clade__model_read_parameters(c->model, c->values);
}

static clade_status restore_state(const check *c)
{
    const float *at = c->values;
    for (int i = 0; i < c->model->graph.n_parameters; i++) {
        const clade__parameter *p = &c->model->graph.parameters[i];
        if (!p->trained) CLADE_TRY(clade_tensor_write(c->model->session.parameters[i].value, at));
        at += clade_shape_elements(p->shape);
    }
    return CLADE_OK;
}

/* What the rows of the samples count together, for each loss. */
static clade_status count_rows(check *c)
{
    const clade__graph *graph = &c->model->graph;
    c->counts = calloc((size_t)graph->n_losses, sizeof *c->counts);
    if (!c->counts) return clade__fail(CLADE_ENOMEM, "no memory for %d losses", graph->n_losses);
    for (int i = 0; i < graph->n_losses; i++) {
        CLADE_TRY(clade__row_counts_open(
            &c->counts[i], &(clade__row_counts_options){.device = c->model->device, .graph = graph,
                                                        .sources = &c->sources, .loss = i, .n_batches = 1,
                                                        .weights = i == 0 ? c->by_label : NULL,
                                                        .training = true}));
        clade__row_counts_count(&c->counts[i], 0, NULL, 0, c->options.samples);
        CLADE_TRY(clade__row_counts_send(&c->counts[i], 1));
    }
    return CLADE_OK;
}

static clade_status run_device(check *c)
{
    clade__feed feed;
    clade__plan plan = {0};
    clade__commands *commands = NULL;
    CLADE_TRY(clade__model_materialize(c->model));
    CLADE_TRY(read_values(c));
    CLADE_TRY(spoil_gradients(c));
    CLADE_TRY(count_rows(c));
    CLADE_TRY(clade__feed_open(&feed, c->model->device, c->data, &c->sources,
                               &(clade__feed_options){.max_batch = c->options.samples}));
    clade_status status = clade__commands_create(&commands, c->model->device);
    if (status == CLADE_OK)
        status = clade__plan_open(&plan, &(clade__plan_options){
                                             .exe = &c->model->exe, .session = &c->model->session,
                                             .training = true, .batch = c->options.samples,
                                             .has_labels = c->data->labels != NULL});
    if (status == CLADE_OK) status = record(c, &feed, &plan, commands);
    if (status == CLADE_OK) status = read_gradients(c);
    if (status == CLADE_OK) status = restore_state(c);
    clade__commands_free(commands);
    clade__plan_close(&plan);
    clade__feed_close(&feed);
    return status;
}

/* ---- the same on the host -------------------------------------------------------------------- */

/* A source as the network sees it. */
static clade_status copy_source(const check *c, const clade__source *source, double **out)
{
    int64_t cols = source->cols;
    *out = malloc((size_t)(c->options.samples * cols) * sizeof **out);
    if (!*out) return clade__fail(CLADE_ENOMEM, "no memory for the samples");
    for (int64_t i = 0; i < c->options.samples * cols; i++)
        (*out)[i] = clade__source_value(source, i / cols, i % cols);
    return CLADE_OK;
}

static clade_status copy_batch(check *c)
{
    c->x = calloc((size_t)c->model->graph.n_inputs, sizeof *c->x);
    if (!c->x) return clade__fail(CLADE_ENOMEM, "no memory for the samples");
    for (int i = 0; i < c->sources.n; i++) {
        const clade__source *source = &c->sources.list[i];
        if (source->input != CLADE__TO_ANSWERS)
            CLADE_TRY(copy_source(c, source, &c->x[source->input]));
        else if (source->dtype == CLADE_FLOAT32)
            CLADE_TRY(copy_source(c, source, &c->targets));
    }
    return CLADE_OK;
}

static clade_status open_reference(check *c)
{
    int64_t n = clade_model_n_parameters(c->model);
    CLADE_TRY(copy_batch(c));
    clade__reference_batch batch = {
        .n = c->options.samples, .x = (const double *const *)c->x,
        .labels = c->labels ? c->labels : c->data->labels, .targets = c->targets,
        .weights = c->weights, .step = MASK_STEP};
    CLADE_TRY(clade__reference_create(&c->reference, c->model, &batch));
    for (int64_t i = 0; i < n; i++) c->reference->parameters[i] = (double)c->values[i];
    clade__reference_forward(c->reference, 0);
    c->loss = clade__reference_loss(c->reference);
    return CLADE_OK;
}

/* The loss with a parameter of layer number `first`, or of layers behind it, set to a value. */
static double loss_at(clade__reference *reference, int first, double *parameter, double value)
{
    *parameter = value;
    clade__reference_forward(reference, first);
    return clade__reference_loss(reference);
}

static double difference(const check *c, int first, double *parameter)
{
    double middle = *parameter, slope = 0.0;
    for (double step = STEP; step > LEAST_STEP; step *= 0.1) {
        double above = middle + step * fmax(1.0, fabs(middle)), below = 2.0 * middle - above;
        double rise = loss_at(c->reference, first, parameter, above) - c->loss;
        double fall = c->loss - loss_at(c->reference, first, parameter, below);
        slope = (rise + fall) / (above - below);
        if (fabs(rise - fall) <= SMOOTH * (fabs(rise) + fabs(fall)) + ROUNDING * fabs(c->loss))
            break;
    }
    *parameter = middle;
    return slope;
}

static int64_t n_checked_of(const check *c, int64_t n)
{
    return c->options.elements == CLADE_ALL || c->options.elements > n ? n : c->options.elements;
}

/* Both gradients of a parameter, whose elements start at `from`, into the pairs from number `to`
 * on. It is cut into as many parts as elements are checked, and one is drawn from each. */
static void compare(check *c, int first, int64_t n, int64_t from, int64_t to, clade__random *random)
{
    int64_t n_checked = n_checked_of(c, n);
    for (int64_t k = 0; k < n_checked; k++) {
        /* Not k n / n_checked, which overflows for the largest. */
        int64_t quotient = n / n_checked, rest = n % n_checked;
        int64_t start = k * quotient + (k < rest ? k : rest);
        int64_t element = from + start +
                          clade__random_below(random, (uint32_t)(quotient + (k < rest ? 1 : 0)));
        c->analytic[to + k] = (double)c->gradients[element];
        c->numeric[to + k] =
            difference(c, first, &c->reference->parameters[element]);
    }
    clade__reference_forward(c->reference, first); /* as it was */
}

/* How many elements of parameter i are checked: none of one that does not train. */
static int64_t n_checked_in(const check *c, int i)
{
    if (!c->model->exe.parameters[i].trains) return 0;
    return n_checked_of(c, clade_shape_elements(c->model->graph.parameters[i].shape));
}

static clade_status compare_all(check *c)
{
    const clade__graph *graph = &c->model->graph;
    clade__random random = clade__random_start(c->options.seed, CLADE__STREAM_GRADCHECK);
    for (int i = 0; i < graph->n_parameters; i++) c->n_checked += n_checked_in(c, i);
    c->analytic = malloc((size_t)c->n_checked * sizeof *c->analytic);
    c->numeric = malloc((size_t)c->n_checked * sizeof *c->numeric);
    if (!c->analytic || !c->numeric) return clade__fail(CLADE_ENOMEM, "no memory to compare");
    int64_t from = 0, to = 0;
    for (int i = 0; i < graph->n_parameters; i++) {
        int64_t n = clade_shape_elements(graph->parameters[i].shape);
        if (n_checked_in(c, i) > 0) compare(c, graph->parameters[i].layer->index, n, from, to, &random);
        from += n;
        to += n_checked_in(c, i);
    }
    return CLADE_OK;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

/* As fmax, but a NaN stays. */
static double larger(double a, double b)
{
    return isnan(a) || a >= b ? a : b;
}

static double share(double error, double scale)
{
    return error == 0.0 ? 0.0 : error / scale;
}

static void judge(clade_gradcheck_parameter *p, const double *analytic, const double *numeric,
                  double largest, double tolerance)
{
    double errors = 0.0, analytics = 0.0, numerics = 0.0;
    for (int64_t i = 0; i < p->checked; i++) {
        double a = analytic[i], n = numeric[i], error = fabs(a - n);
        double scale = fmax(fmax(fabs(a), fabs(n)), FLOOR * largest);
        p->max_absolute_error = larger(p->max_absolute_error, error);
        p->max_relative_error = larger(p->max_relative_error, share(error, scale));
        errors += error * error;
        analytics += a * a;
        numerics += n * n;
    }
    p->error = share(sqrt(errors), fmax(sqrt(analytics) + sqrt(numerics),
                                        TENSOR_FLOOR * largest * sqrt((double)p->checked)));
    p->passed = p->error <= tolerance; /* not for NaN */
}

static clade_status judge_all(const check *c, clade_gradcheck_result *result)
{
    const clade__graph *graph = &c->model->graph;
    double largest = 0.0;
    for (int64_t i = 0; i < c->n_checked; i++)
        largest = fmax(largest, fmax(fabs(c->analytic[i]), fabs(c->numeric[i])));
    *result = (clade_gradcheck_result){.passed = true,
                                       .tolerance = c->options.tolerance,
                                       .samples = c->options.samples};
    result->parameters = calloc((size_t)graph->n_parameters, sizeof *result->parameters);
    if (!result->parameters) return clade__fail(CLADE_ENOMEM, "no memory for the result");
    int64_t at = 0;
    for (int i = 0; i < graph->n_parameters; i++) {
        if (n_checked_in(c, i) == 0) continue;
        clade_gradcheck_parameter *p = &result->parameters[result->n_parameters++];
        p->name = graph->parameters[i].name;
        p->shape = graph->parameters[i].shape;
        p->checked = n_checked_in(c, i);
        judge(p, c->analytic + at, c->numeric + at, largest, result->tolerance);
        result->passed = result->passed && p->passed;
        at += p->checked;
    }
    return CLADE_OK;
}

/* The weights of the data's classes as the model numbers them; a class without a sample weighs 1. */
static clade_status open_weights(check *c)
{
    if (!c->options.class_weights) return CLADE_OK;
    if (!c->data->labels)
        return clade__fail(CLADE_EINVAL, "gradcheck: class_weights are for classes, and '%s' has none",
                           c->data->name);
    const int32_t *labels = c->labels ? c->labels : c->data->labels;
    int64_t n = clade__model_n_known(c->model);
    c->by_label = malloc((size_t)n * sizeof *c->by_label);
    c->weights = malloc((size_t)n * sizeof *c->weights);
    if (!c->by_label || !c->weights) return clade__fail(CLADE_ENOMEM, "no memory for the weights");
    for (int64_t i = 0; i < n; i++) c->by_label[i] = 1.0f;
    for (int64_t i = 0; i < c->data->n_samples; i++)
        c->by_label[labels[i]] = c->options.class_weights[c->data->labels[i]];
    for (int64_t i = 0; i < n; i++) c->weights[i] = (double)c->by_label[i];
    return clade_tensor_create(&c->class_weights, c->model->device, CLADE_FLOAT32, CLADE_SHAPE(n),
                               c->by_label);
}

static clade_status open_sources(check *c)
{
    return clade__sources_open(&c->sources, c->model, c->data,
                               &(clade__source_options){.labels = c->labels});
}

static clade_status run_check(check *c, clade_gradcheck_result *result)
{
    /* A model that knows no classes yet takes them as the data numbers them, as training does. */
    if (c->model->class_names)
        CLADE_TRY(clade__match_labels(c->model, c->data, &c->labels));
    else
        CLADE_TRY(clade__check_n_classes(c->model, c->data));
    CLADE_TRY(open_weights(c));
    CLADE_TRY(open_sources(c));
    CLADE_TRY(run_device(c));
    CLADE_TRY(open_reference(c));
    CLADE_TRY(compare_all(c));
    return judge_all(c, result);
}

static void close_check(check *c)
{
    clade__reference_free(c->reference);
    clade_tensor_free(c->class_weights);
    for (int i = 0; c->counts && i < c->model->graph.n_losses; i++) clade__row_counts_close(&c->counts[i]);
    for (int i = 0; c->x && i < c->model->graph.n_inputs; i++) free(c->x[i]);
    clade__sources_close(&c->sources);
    free(c->counts);
    free(c->by_label);
    free(c->weights);
    free(c->labels);
    free(c->x);
    free(c->targets);
    free(c->values);
    free(c->gradients);
    free(c->analytic);
    free(c->numeric);
}

static clade_status gradcheck(clade_model *model, clade_data *data,
                              const clade_gradcheck_options *options, clade_gradcheck_result *result)
{
    check c = {.model = model, .data = data};
    CLADE_TRY(check_model(model));
    CLADE_TRY(clade__check_sources(model, data, false));
    CLADE_TRY(clade__check_data(model, data));
    CLADE_TRY(clade__check_targets(model, data));
    CLADE_TRY(resolve(&c.options, options, model->exe.micro_batch, data->n_samples));
    clade_status status = run_check(&c, result);
    close_check(&c);
    return status;
}

clade_status clade_gradcheck(clade_model *model, clade_data *data,
                             const clade_gradcheck_options *options, clade_gradcheck_result *result)
{
    CLADE_WANT(result);
    *result = (clade_gradcheck_result){0};
    CLADE_WANT(model);
    CLADE_WANT(data);
    CLADE_TRY(clade__device_take(model->device, "gradcheck"));
    return clade__device_give(model->device, gradcheck(model, data, options, result));
}

void clade_gradcheck_free(clade_gradcheck_result *result)
{
    if (!result) return;
    free(result->parameters);
    *result = (clade_gradcheck_result){0};
}
