/* Scenarios of test_faults.c: classes with weights, and a report of each kind. */
#include "fault_scenarios.h"

#include "base/error.h"

typedef struct subject {
    clade_device *device;
    clade_data *data;
    clade_model *model;
} subject;

/* A model of one layer for so many samples with labels or targets. */
static clade_status open_subject(subject *s, const clade_data_arrays *arrays, int n_outputs,
                                 clade_loss loss)
{
    CLADE_TRY(clade_device_open(&s->device, NULL));
    CLADE_TRY(clade_data_from_arrays(&s->data, arrays));
    CLADE_TRY(clade_model_create(&s->model, s->device, 1));
    clade_node *output = clade_linear(clade_input(s->model, arrays->shape), n_outputs);
    return clade_compile(s->model, output, &(clade_compile_options){.loss = loss, .batch = 4,
                                                                    .keep_gradients = true});
}

static void close_subject(subject *s)
{
    clade_model_free(s->model);
    clade_data_free(s->data);
    clade_device_free(s->device);
}

static clade_status report(subject *s, double *figure)
{
    clade_report *made;
    CLADE_TRY(clade_report_create(&made, s->model, s->data,
                                  &(clade_report_options){.most_points = 2}));
    *figure += made->metrics.loss;
    clade_report_free(made);
    return CLADE_OK;
}

static clade_status weigh(subject *s, double *loss)
{
    static const int32_t labels[6] = {0, 1, 0, 0, 1, 0};
    static const float x[6] = {1, 2, 3, 4, 5, 6};
    float weights[2];
    clade_gradcheck_result checked;
    CLADE_TRY(open_subject(s, &(clade_data_arrays){.n_samples = 6, .shape = CLADE_SHAPE(1),
                                                   .features = x, .labels = labels, .n_classes = 2},
                           2, CLADE_LOSS_CROSS_ENTROPY));
    CLADE_TRY(clade_data_class_weights(s->data, weights));
    CLADE_TRY(clade_gradcheck(s->model, s->data,
                              &(clade_gradcheck_options){.class_weights = weights, .elements = 1},
                              &checked));
    clade_gradcheck_free(&checked);
    CLADE_TRY(clade_fit(s->model, s->data,
                        &(clade_fit_options){.class_weights = weights, .balanced = true}, NULL));
    return report(s, loss);
}

/* Labels or numbers. */
static clade_status answer(subject *s, clade_loss loss, double *figure)
{
    static const float x[4] = {1, 2, 3, 4}, targets[8] = {0, 1, 1, 0, 1, 1, 0, 0};
    CLADE_TRY(open_subject(s, &(clade_data_arrays){.n_samples = 4, .shape = CLADE_SHAPE(1),
                                                   .features = x, .targets = targets, .n_targets = 2},
                           2, loss));
    return report(s, figure);
}

clade_status fault_run_reports(double *result)
{
    subject subjects[3] = {{0}};
    *result = 0;
    clade_status status = weigh(&subjects[0], result);
    if (status == CLADE_OK) status = answer(&subjects[1], CLADE_LOSS_BCE_WITH_LOGITS, result);
    if (status == CLADE_OK) status = answer(&subjects[2], CLADE_LOSS_MSE, result);
    for (int i = 0; i < 3; i++) close_subject(&subjects[i]);
    return status;
}
