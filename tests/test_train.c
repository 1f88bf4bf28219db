/* Training: the steps against a double-precision reference, what repeats bit for bit, progress,
 * validation and stopping. What is written, and what is refused, is in test_run_folder. */
#include "network.h"
#include "reference.h"

#include "data/dataset.h"


static const char small[] = "{\"input\":[4],\"layers\":[" LINEAR(3) "]}";
static const char deeper[] =
    "{\"input\":[2],\"layers\":[" LINEAR(16) ",{\"type\":\"relu\"}," LINEAR(3) "]}";

/* Three blobs, one a class. */
static clade_data *blobs(uint64_t seed, int64_t n)
{
    static const float centre[3][2] = {{2.0f, 0.0f}, {-1.0f, 1.7f}, {-1.0f, -1.7f}};
    clade_data *data;
    float *x = test_random(seed, 2 * n, -0.8f, 0.8f);
    int32_t *labels = ref_labels(seed + 1, n, 3);
    for (int64_t i = 0; i < 2 * n; i++) x[i] += centre[labels[i / 2]][i % 2];
    assert_ok(clade_data_from_arrays(&data, &(clade_data_arrays){.n_samples = n,
                                                                 .shape = CLADE_SHAPE(2),
                                                                 .features = x,
                                                                 .labels = labels,
                                                                 .n_classes = 3}));
    free(x);
    free(labels);
    return data;
}

static clade_model *blob_model(clade_device *device, uint64_t seed, int64_t batch)
{
    return net_model(device, seed, deeper, &(clade_compile_options){
                                               .optimizer = clade_sgd(0.2f, 0.9f),
                                               .batch = batch});
}

static void blobs_are_learnt(void **state)
{
    clade_data *train = blobs(1, 500), *test = blobs(7, 300);
    clade_model *model = blob_model(*state, 1, 32);
    clade_fit_result result;
    clade_metrics metrics;
    assert_ok(clade_evaluate(model, test, &metrics));
    double loss_before = metrics.loss;
    assert_ok(clade_fit(model, train, &(clade_fit_options){.epochs = 5}, &result));
    assert_ok(clade_evaluate(model, test, &metrics));
    assert_true(metrics.accuracy > 0.97);
    assert_true(metrics.loss < 0.2 && metrics.loss < 0.5 * loss_before);
    assert_int_equal(metrics.n_samples, 300);
    assert_int_equal(result.end, CLADE_COMPLETED);
    assert_int_equal(result.steps, 5 * 16); /* 15 full batches and one of 20 */
    assert_int_equal(result.epochs, 5);
    assert_int_equal(result.train.n_samples, 500);
    assert_true(result.train.accuracy > 0.95 && !result.has_valid);
    assert_true(result.seconds > 0 && result.samples_per_second > 0);
    clade_model_free(model);
    clade_data_free(train);
    clade_data_free(test);
}

/* ---- steps against the reference --------------------------------------------------------------- */

/* Epochs of plain SGD as the library must do them: the order of clade__shuffle, or of clade__draw
 * with replacement, batch by batch, the short one last. Returns the last epoch's mean loss. */
static double train_reference(const clade_model *model, double *w, const net_batch *all,
                              int64_t batch_size, int n_epochs, double lr, bool replacement)
{
    int64_t n_parameters = clade_model_n_parameters(model);
    int32_t *order = malloc((size_t)all->n * sizeof *order);
    double loss = 0.0;
    assert_non_null(order);
    for (int epoch = 0; epoch < n_epochs; epoch++) {
        (replacement ? clade__draw : clade__shuffle)(order, all->n, model->session.seed, epoch);
        loss = 0.0;
        for (int64_t first = 0; first < all->n; first += batch_size) {
            int64_t n = all->n - first < batch_size ? all->n - first : batch_size;
            net_batch batch = net_pick(model, all, order + first, n);
            double *grad = net_gradient(model, w, &batch);
            loss += net_loss(model, w, &batch) * (double)n;
            for (int64_t i = 0; i < n_parameters; i++) w[i] -= lr * grad[i];
            free(grad);
            net_free_batch(&batch);
        }
    }
    free(order);
    return loss / (double)all->n;
}

static void steps_are_those_of_the_reference(void **state)
{
    static const struct {
        int64_t n, batch;
        int n_classes, n_epochs;
        clade_loss loss;
        bool stream, replacement;
    } cases[] = {
        {23, 5, 3, 3, CLADE_LOSS_CROSS_ENTROPY, false, false}, /* a short last batch, of 3 */
        {23, 5, 3, 3, CLADE_LOSS_CROSS_ENTROPY, true, false},
        {20, 5, 3, 2, CLADE_LOSS_CROSS_ENTROPY, false, false}, /* none */
        {11, 10, 3, 2, CLADE_LOSS_CROSS_ENTROPY, true, false}, /* one of 1 */
        {7, 50, 3, 3, CLADE_LOSS_CROSS_ENTROPY, false, false}, /* a batch larger than the data */
        {7, 50, 3, 3, CLADE_LOSS_CROSS_ENTROPY, true, false},
        {1, 1, 3, 2, CLADE_LOSS_CROSS_ENTROPY, false, false},
        {23, 5, 0, 2, CLADE_LOSS_MSE, false, false}, /* numbers as targets */
        {23, 5, 0, 2, CLADE_LOSS_MSE, true, false},
        {23, 5, 3, 2, CLADE_LOSS_BCE_WITH_LOGITS, false, false},
        {23, 5, 3, 3, CLADE_LOSS_CROSS_ENTROPY, false, true},
        {23, 5, 3, 3, CLADE_LOSS_CROSS_ENTROPY, true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model = net_model(
            *state, 9, small, &(clade_compile_options){.loss = cases[i].loss,
                                                       .optimizer = clade_sgd(0.25f, 0.0f),
                                                       .batch = cases[i].batch});
        net_batch all = net_random_batch(model, 31, cases[i].n, cases[i].n_classes);
        clade_data *data = net_data(model, &all, cases[i].n_classes);
        clade_fit_result result;
        double *want = net_parameters(model);
        double loss = train_reference(model, want, &all, cases[i].batch, cases[i].n_epochs, 0.25,
                                      cases[i].replacement);
        assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = cases[i].n_epochs,
                                                              .stream = cases[i].stream,
                                                              .replacement = cases[i].replacement},
                            &result));
        double *got = net_parameters(model);
        ref_check_doubles("weights", got, want, clade_model_n_parameters(model), 1e-5);
        assert_true(fabs(result.train.loss - loss) <= 1e-5);
        assert_true(isnan(result.train.accuracy) == (cases[i].n_classes == 0));
        assert_int_equal(result.steps, cases[i].n_epochs *
                                           ((cases[i].n + cases[i].batch - 1) / cases[i].batch));
        free(want);
        free(got);
        net_free_batch(&all);
        clade_data_free(data);
        clade_model_free(model);
    }
}

/* ---- the same bits ----------------------------------------------------------------------------- */

static double *train_blobs(clade_device *device, const clade_data *data, uint64_t seed,
                           const clade_fit_options *options)
{
    clade_model *model = blob_model(device, seed, 32);
    assert_ok(clade_fit(model, (clade_data *)data, options, NULL));
    double *parameters = net_parameters(model);
    clade_model_free(model);
    return parameters;
}

enum { N_PARAMETERS = 2 * 16 + 16 + 16 * 3 + 3 };

static bool same_bits(const double *a, const double *b)
{
    return memcmp(a, b, N_PARAMETERS * sizeof *a) == 0;
}

static void one_seed_gives_one_model(void **state)
{
    clade_data *data = blobs(1, 200);
    double *first = train_blobs(*state, data, 1, &(clade_fit_options){.epochs = 3});
    double *again = train_blobs(*state, data, 1, &(clade_fit_options){.epochs = 3});
    double *streamed =
        train_blobs(*state, data, 1, &(clade_fit_options){.epochs = 3, .stream = true});
    double *logged =
        train_blobs(*state, data, 1, &(clade_fit_options){.epochs = 3, .log_every = 1,
                                                          .validate = data});
    double *other = train_blobs(*state, data, 2, &(clade_fit_options){.epochs = 3});
    assert_true(same_bits(first, again));
    assert_true(same_bits(first, streamed));
    assert_true(same_bits(first, logged));
    assert_false(same_bits(first, other));
    free(first);
    free(again);
    free(streamed);
    free(logged);
    free(other);
    clade_data_free(data);
}

/* Data of bytes: gathered by a kernel, or on the host. */
static void bytes_train_alike_streamed(void **state)
{
    clade_data *data;
    assert_ok(clade_data_open(&data, "digits?n=300"));
    double *parameters[2];
    int64_t n = 0;
    for (int stream = 0; stream < 2; stream++) {
        clade_model *model = net_model(
            *state, 1, "{\"input\":[28,28],\"layers\":[{\"type\":\"flatten\"}," LINEAR(16) ",{\"type\":\"relu\"}," LINEAR(
                           10) "]}",
            &(clade_compile_options){.optimizer = clade_sgd(0.1f, 0.9f), .batch = 64});
        clade_fit_result result;
        assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 8, .stream = stream},
                            &result));
        assert_true(result.train.accuracy > 0.8);
        n = clade_model_n_parameters(model);
        parameters[stream] = net_parameters(model);
        clade_model_free(model);
    }
    assert_memory_equal(parameters[0], parameters[1], (size_t)n * sizeof(double));
    free(parameters[0]);
    free(parameters[1]);
    clade_data_free(data);
}

/* Two calls of two epochs are one of four: shuffles and optimizer go on where they were. */
static void fit_goes_on_where_it_was(void **state)
{
    clade_data *data = blobs(1, 200);
    double *at_once = train_blobs(*state, data, 1, &(clade_fit_options){.epochs = 4});
    clade_model *model = blob_model(*state, 1, 32);
    for (int i = 0; i < 2; i++) {
        clade_fit_result result;
        assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 2}, &result));
        assert_int_equal(result.epochs, 2);
        assert_int_equal(result.steps, 14);
    }
    double *in_two = net_parameters(model);
    assert_true(same_bits(at_once, in_two));
    free(at_once);
    free(in_two);
    clade_model_free(model);
    clade_data_free(data);
}

/* ---- progress, validation, stopping ----------------------------------------------------------- */

/* What on_progress was told. */
typedef struct watch {
    int n_calls, n_epoch_ends, n_valid, n_best;
    int64_t last_step, stop_at; /* 0: never */
    uint64_t held;  /* bytes held at the first epoch's end */
    bool same_held;
    clade_device *device;
    clade_progress last;
} watch;

static bool on_progress(const clade_progress *p, void *user)
{
    watch *w = user;
    w->n_calls++;
    assert_true(p->step >= w->last_step && p->step <= p->n_steps);
    assert_true(p->epoch >= 1 && p->epoch <= p->n_epochs);
    assert_true(p->epoch_step >= 1 && p->epoch_step <= p->n_epoch_steps);
    w->last_step = p->step;
    if (p->epoch_end) {
        uint64_t held = clade_device_bytes_held(w->device);
        if (w->n_epoch_ends == 0) w->held = held;
        w->same_held = held == w->held;
        w->n_epoch_ends++;
        w->n_best += p->best;
    }
    w->n_valid += p->has_valid;
    w->last = *p;
    return w->stop_at == 0 || p->step < w->stop_at;
}

static void progress_is_told_and_validation_done(void **state)
{
    clade_data *train = blobs(1, 500), *valid = blobs(7, 300);
    clade_model *model = blob_model(*state, 1, 50);
    watch w = {.device = *state};
    clade_fit_result result;
    clade_metrics metrics;
    assert_ok(clade_fit(model, train, &(clade_fit_options){.epochs = 4, .log_every = 3,
                                                           .validate = valid,
                                                           .on_progress = on_progress, .user = &w},
                        &result));
    assert_int_equal(w.n_epoch_ends, 4);
    assert_int_equal(w.n_valid, 4); /* at the ends, and only there */
    assert_true(w.n_calls > 4 && w.n_calls <= 4 * 4);
    assert_true(w.n_best >= 1);
    assert_int_equal(w.last.step, 40);
    assert_int_equal(w.last.n_steps, 40);
    assert_int_equal(w.last.n_epochs, 4);
    assert_int_equal(w.last.train.n_samples, 500);
    assert_true(w.last.samples_per_second > 0 && w.last.seconds > 0);

    /* What is said of the validation is what evaluation says, to the last bit. */
    assert_ok(clade_evaluate(model, valid, &metrics));
    assert_true(result.has_valid && result.valid.n_samples == 300);
    assert_true(result.valid.loss == metrics.loss && result.valid.accuracy == metrics.accuracy);
    assert_true(w.last.valid.loss == metrics.loss);
    assert_true(result.best_valid.accuracy >= result.valid.accuracy);
    assert_in_range(result.best_epoch, 1, 4);
    clade_model_free(model);
    clade_data_free(train);
    clade_data_free(valid);
}

static void a_step_takes_no_memory(void **state)
{
    clade_data *data = blobs(1, 500);
    for (int stream = 0; stream < 2; stream++) {
        clade_model *model = blob_model(*state, 1, 32);
        watch w = {.device = *state};
        assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 4, .validate = data,
                                                              .stream = stream,
                                                              .on_progress = on_progress,
                                                              .user = &w}, NULL));
        assert_int_equal(w.n_epoch_ends, 4);
        assert_true(w.same_held && w.held > 0);
        clade_model_free(model);
    }
    clade_data_free(data);
}

static void max_steps_ends_it(void **state)
{
    static const struct {
        int64_t max_steps, steps;
        int epochs;
    } cases[] = {{1, 1, 1}, {7, 7, 1}, {8, 8, 2}, {1000, 21, 3}, {0, 21, 3}};
    clade_data *data = blobs(1, 200); /* 7 steps an epoch */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clade_model *model = blob_model(*state, 1, 32);
        watch w = {.device = *state};
        clade_fit_result result;
        assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 3,
                                                              .max_steps = cases[i].max_steps,
                                                              .on_progress = on_progress,
                                                              .user = &w}, &result));
        assert_int_equal(result.end, CLADE_COMPLETED);
        assert_int_equal(result.steps, cases[i].steps);
        assert_int_equal(result.epochs, cases[i].epochs);
        assert_int_equal(w.last.step, cases[i].steps);
        assert_int_equal(w.last.n_steps, cases[i].steps);
        assert_int_equal(model->session.step, cases[i].steps);
        clade_model_free(model);
    }
    clade_data_free(data);
}

static void false_stops_after_the_step(void **state)
{
    clade_data *data = blobs(1, 200);
    clade_model *model = blob_model(*state, 1, 32);
    watch w = {.device = *state, .stop_at = 10};
    clade_fit_result result;
    assert_ok(clade_fit(model, data, &(clade_fit_options){.epochs = 3, .log_every = 1,
                                                          .on_progress = on_progress, .user = &w},
                        &result));
    assert_int_equal(result.end, CLADE_STOPPED);
    assert_int_equal(result.steps, 10);
    assert_int_equal(result.epochs, 1); /* finished */
    double *stopped = net_parameters(model);
    double *ten = train_blobs(*state, data, 1, &(clade_fit_options){.epochs = 3, .max_steps = 10});
    assert_true(same_bits(stopped, ten));
    free(stopped);
    free(ten);
    clade_model_free(model);
    clade_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blobs_are_learnt),
        cmocka_unit_test(steps_are_those_of_the_reference),
        cmocka_unit_test(one_seed_gives_one_model),
        cmocka_unit_test(fit_goes_on_where_it_was),
        cmocka_unit_test(progress_is_told_and_validation_done),
        cmocka_unit_test(a_step_takes_no_memory),
        cmocka_unit_test(max_steps_ends_it),
        cmocka_unit_test(false_stops_after_the_step),
        cmocka_unit_test(bytes_train_alike_streamed),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
