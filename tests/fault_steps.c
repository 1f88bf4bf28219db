/* A scenario of test_faults.c: a training loop of one's own, of a loss that ignores rows, in parts. */
#include "fault_scenarios.h"

#include "base/error.h"

enum { N = 6 };

typedef struct subject {
    clade_device *device;
    clade_model *model;
    clade_tensor *x, *labels, *y, *loss;
} subject;

static clade_status open_subject(subject *s)
{
    static const int32_t labels[N] = {0, 1, -1, 1, 0, 0};
    static const float x[2 * N] = {1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6};
    CLADE_TRY(clade_device_open(&s->device, NULL));
    CLADE_TRY(clade_model_create(&s->model, s->device, 1));
    clade_node *input = clade_input_named(s->model, "x", CLADE_FLOAT32, CLADE_SHAPE(2));
    clade_node *target = clade_input_named(s->model, "labels", CLADE_INT32, CLADE_SHAPE(1));
    clade_node *output = clade_linear(input, 2);
    if (input && target && output) /* else the model has the error */
        CLADE_TRY(clade_add_loss(output, target, &(clade_loss_options){.ignores = true,
                                                                       .ignore_index = -1}));
    CLADE_TRY(clade_compile(s->model, output, &(clade_compile_options){.batch = N, .accumulate = 2,
                                                                       .optimizer = clade_adam(0.1f)}));
    CLADE_TRY(clade_tensor_create(&s->x, s->device, CLADE_FLOAT32, CLADE_SHAPE(N, 2), x));
    CLADE_TRY(clade_tensor_create(&s->labels, s->device, CLADE_INT32, CLADE_SHAPE(N), labels));
    CLADE_TRY(clade_tensor_create(&s->y, s->device, CLADE_FLOAT32, CLADE_SHAPE(N, 2), NULL));
    return clade_tensor_create(&s->loss, s->device, CLADE_FLOAT32, CLADE_SHAPE(1), NULL);
}

static void close_subject(subject *s)
{
    clade_tensor *all[] = {s->x, s->labels, s->y, s->loss};
    for (int i = 0; i < 4; i++) clade_tensor_free(all[i]);
    clade_model_free(s->model);
    clade_device_free(s->device);
}

static clade_status train(subject *s, double *result)
{
    const clade_profile_entry *entries;
    size_t n_entries;
    float loss, y[2 * N];
    CLADE_TRY(open_subject(s));
    const clade_tensor *const inputs[] = {s->x, s->labels};
    const clade_batch batch = {.n = N, .inputs = inputs, .n_inputs = 2};
    CLADE_TRY(clade_profile_begin(s->device));
    CLADE_TRY(clade_gradients(s->model, &batch, s->loss));
    CLADE_TRY(clade_update(s->model));
    CLADE_TRY(clade_step(s->model, &batch, s->loss));
    CLADE_TRY(clade_forward(s->model, &batch, s->y));
    CLADE_TRY(clade_profile_end(s->device, &entries, &n_entries));
    CLADE_TRY(clade_tensor_read(s->loss, &loss));
    CLADE_TRY(clade_tensor_read(s->y, y));
    *result = (double)loss + (double)y[0];
    return CLADE_OK;
}

clade_status fault_run_steps(double *result)
{
    subject s = {0};
    clade_status status = train(&s, result);
    close_subject(&s);
    return status;
}
