/* A training loop of one's own beside clade_fit: the same network, the same data, the same bits.
 *
 *     cc -std=c11 own_loop.c -o own_loop -lclade -lm && ./own_loop
 *
 * Points of three spiral arms are to be told apart. clade_fit trains one network on them; a second one is
 * trained by hand: an order for each epoch, batches that the host gathers and sends, a step for each, and a
 * learning rate that is lowered as the step schedule does it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clade/clade.h>

enum { SAMPLES = 1000, FEATURES = 2, CLASSES = 3, BATCH = 64, EPOCHS = 2 };
#define LR 0.125f

/* Ends the program where a call fails; the system takes back what it held. */
static void check(clade_status status)
{
    if (status == CLADE_OK) return;
    fprintf(stderr, "%s\n", clade_error());
    exit(1);
}

static float features[SAMPLES][FEATURES];
static int32_t labels[SAMPLES];

static void make_samples(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = i % CLASSES;
        double along = (double)i / SAMPLES, angle = 5.0 * along + 2.1 * labels[i];
        features[i][0] = (float)(along * cos(angle));
        features[i][1] = (float)(along * sin(angle));
    }
}

/* Weights, order and dropout follow from the seed. */
static clade_model *make_network(clade_device *device)
{
    clade_model *model;
    check(clade_model_create(&model, device, 7));
    clade_node *h = clade_relu(clade_linear(clade_input(model, CLADE_SHAPE(FEATURES)), 64));
    h = clade_relu(clade_linear(clade_dropout(h, 0.1f), 64));
    check(clade_compile(model, clade_linear(h, CLASSES),
                        &(clade_compile_options){.loss = CLADE_LOSS_CROSS_ENTROPY, .batch = BATCH,
                                                 .optimizer = clade_sgd(LR, 0.9f)}));
    return model;
}

static void train_by_fit(clade_model *model)
{
    clade_data *data;
    check(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = SAMPLES,
                                                             .shape = CLADE_SHAPE(FEATURES),
                                                             .features = &features[0][0],
                                                             .labels = labels, .n_classes = CLASSES}));
    check(clade_fit(model, data, &(clade_fit_options){.epochs = EPOCHS,
                                                      .schedule = clade_schedule_step(1, 0.5)}, NULL));
    clade_data_free(data);
}

/* Gathers n samples and sends them to x (n, FEATURES) and y (n). */
static void send_batch(clade_tensor *x, clade_tensor *y, const int32_t *order, int64_t n)
{
    float values[BATCH][FEATURES];
    int32_t answers[BATCH];
    for (int64_t i = 0; i < n; i++) {
        memcpy(values[i], features[order[i]], sizeof values[i]);
        answers[i] = labels[order[i]];
    }
    check(clade_tensor_write(x, values));
    check(clade_tensor_write(y, answers));
}

/* An epoch's last batch is short: n samples of x and y are views of their first ones. */
static void step(clade_model *model, clade_tensor *x, clade_tensor *y, const int32_t *order, int64_t n,
                 clade_tensor *loss)
{
    clade_tensor *some_x, *some_y;
    check(clade_tensor_view(&some_x, x, 0, CLADE_SHAPE(n, FEATURES)));
    check(clade_tensor_view(&some_y, y, 0, CLADE_SHAPE(n)));
    send_batch(some_x, some_y, order, n);
    const clade_tensor *const inputs[] = {some_x};
    const clade_batch batch = {.n = n, .inputs = inputs, .n_inputs = 1, .answers = some_y};
    check(clade_step(model, &batch, loss));
    clade_tensor_free(some_x);
    clade_tensor_free(some_y);
}

static float train_by_hand(clade_model *model, clade_device *device)
{
    static int32_t order[SAMPLES];
    clade_tensor *x, *y, *loss;
    float last;
    check(clade_tensor_create(&x, device, CLADE_FLOAT32, CLADE_SHAPE(BATCH, FEATURES), NULL));
    check(clade_tensor_create(&y, device, CLADE_INT32, CLADE_SHAPE(BATCH), NULL));
    check(clade_tensor_create(&loss, device, CLADE_FLOAT32, CLADE_SHAPE(1), NULL));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        check(clade_model_shuffle(model, order, SAMPLES));
        check(clade_set_lr(model, ldexpf(LR, -epoch))); /* halved after each epoch */
        for (int64_t first = 0; first < SAMPLES; first += BATCH) {
            int64_t left = SAMPLES - first;
            step(model, x, y, order + first, left < BATCH ? left : BATCH, loss);
        }
    }
    check(clade_tensor_read(loss, &last));
    clade_tensor_free(x);
    clade_tensor_free(y);
    clade_tensor_free(loss);
    return last;
}

/* How many values of the parameters differ, bit for bit. */
static int64_t count_differences(clade_model *a, clade_model *b)
{
    int64_t n_different = 0;
    for (int i = 0; i < clade_model_n_tensors(a); i++) {
        clade_tensor *of_a, *of_b;
        check(clade_model_parameter(a, i, &of_a));
        check(clade_model_parameter(b, i, &of_b));
        int64_t n = clade_tensor_elements(of_a);
        uint32_t *x = malloc(2 * (size_t)n * sizeof *x), *y = x + n;
        if (!x) exit(1);
        check(clade_tensor_read(of_a, x));
        check(clade_tensor_read(of_b, y));
        for (int64_t k = 0; k < n; k++) n_different += x[k] != y[k];
        free(x);
    }
    return n_different;
}

int main(void)
{
    clade_device *device;
    make_samples();
    check(clade_device_open(&device, NULL));
    clade_model *fitted = make_network(device), *own = make_network(device);
    train_by_fit(fitted);
    float loss = train_by_hand(own, device);
    int64_t n = clade_model_n_parameters(own), n_different = count_differences(fitted, own);
    printf("a loop of one's own: loss %.3f; of %lld values, %lld differ from clade_fit's\n", (double)loss,
           (long long)n, (long long)n_different);
    clade_model_free(fitted);
    clade_model_free(own);
    clade_device_free(device);
    return n_different == 0 ? 0 : 1;
}
