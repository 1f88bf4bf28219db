/* A job of several ranks trains what one device trains: the same model to rounding, on all ranks to the bit,
 * however the batch is shared; and its ranks end together. The ranks are threads here. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>

#include "dist/job.h"
#include "network.h"
#include "reference.h"
#include "thread_ranks.h"

#define DROPOUT "{\"type\":\"dropout\",\"p\":0.3}"

static const char plain[] = "{\"input\":[4],\"layers\":[" LINEAR(70) "," RELU "," DROPOUT "," LINEAR(3) "]}";
/* Its gradients fill several buckets. */
static const char large[] = "{\"input\":[4],\"layers\":[" LINEAR(500) "," RELU "," LINEAR(600) "," RELU
                            "," LINEAR(3) "]}";
static const char images[] = "{\"input\":[1,6,6],\"layers\":[{\"type\":\"conv2d\",\"out_channels\":5,\"kernel_size\":3},"
                             "{\"type\":\"batch_norm\"}," RELU ",{\"type\":\"flatten\"}," LINEAR(3) "]}";

typedef struct rank_case {
    const char *name, *json;
    int n_ranks;
    int64_t n, batch, accumulate;
    clade_optimizer optimizer;
    float clip_norm;
    bool stream, weighted, flips;
    float shares[4];
} rank_case;

static const float class_weights[3] = {1.0f, 2.5f, 0.5f};

/* What a rank does, and what came of it. */
typedef struct rank_work {
    const rank_case *c;
    const net_batch *all;
    clade_fit_options options;
    const char *folder;
    bool validates; /* on the training data */
    bool profiles;
    clade_profile_totals totals[THREAD_MOST_RANKS];
    uint64_t n_joined[THREAD_MOST_RANKS]; /* buckets, as the profile has them */
    int wrong_rank; /* the rank that `spoil` is about; -1: none */
    enum { SPOIL_NOTHING, SPOIL_SEED, SPOIL_STOP, SPOIL_LATE } spoil;
    clade_status status[THREAD_MOST_RANKS];
    char message[THREAD_MOST_RANKS][600];
    float *parameters[THREAD_MOST_RANKS];
    int64_t n_parameters;
    clade_fit_result result[THREAD_MOST_RANKS];
    int n_messages[THREAD_MOST_RANKS];
    char last_message[600];
} rank_work;

static clade_status make_model(clade_model **model, clade_device *device, const rank_work *w, int rank)
{
    const rank_case *c = w->c;
    bool other = w->spoil == SPOIL_SEED && w->wrong_rank == rank;
    clade_optimizer optimizer = c->optimizer;
    optimizer.clip_norm = c->clip_norm;
    CLADE_TRY(clade_model_create(model, device, other ? 10 : 9));
    return clade_compile(*model, clade_model_layers(*model, c->json),
                         &(clade_compile_options){.optimizer = optimizer, .batch = c->batch,
                                                  .accumulate = c->accumulate, .keep_gradients = true});
}

/* Of the calls that are one rank's own. */
typedef struct user {
    rank_work *w;
    int rank;
} user;

static bool on_progress(const clade_progress *progress, void *context)
{
    const user *u = context;
    bool spoils = u->rank == u->w->wrong_rank;
    return !(spoils && u->w->spoil == SPOIL_STOP && progress->step >= 3);
}

static void on_message(const char *text, void *context)
{
    const user *u = context;
    u->w->n_messages[u->rank]++;
    snprintf(u->w->last_message, sizeof u->w->last_message, "%s", text);
}

static clade_status begin_badly(void *context)
{
    (void)context;
    return clade__fail(CLADE_EIO, "the disk is full");
}

static clade_status train(clade_model *model, rank_work *w, clade_job *job)
{
    int rank = clade_job_rank(job);
    user u = {w, rank};
    clade_fit_options options = w->options;
    clade_data *data = net_data(model, w->all, 3);
    clade_augment flips = {.flip = true};
    options.job = job;
    options.stream = w->c->stream;
    options.class_weights = w->c->weighted ? class_weights : NULL;
    options.augment = w->c->flips ? &flips : NULL;
    options.shares = w->c->shares[0] > 0.0f ? w->c->shares : NULL;
    options.on_progress = on_progress;
    options.on_message = on_message;
    options.user = &u;
    options.run_dir = w->folder;
    if (w->spoil == SPOIL_LATE) options.on_begin = begin_badly;
    if (w->validates) options.validate = data;
    clade_status status = clade_fit(model, data, &options, &w->result[rank]);
    clade_data_free(data);
    if (status != CLADE_OK) return status;
    w->n_parameters = clade_model_n_parameters(model);
    w->parameters[rank] = malloc((size_t)w->n_parameters * sizeof(float));
    return clade__model_read_parameters(model, w->parameters[rank]);
}

static clade_status end_profile(rank_work *w, clade_device *device, int rank)
{
    const clade_profile_entry *entries;
    size_t n;
    CLADE_TRY(clade_profile_end(device, &entries, &n));
    for (size_t i = 0; i < n; i++)
        if (entries[i].phase == CLADE_PHASE_COMMUNICATION) w->n_joined[rank] += entries[i].n_calls;
    return clade_profile_describe(device, &w->totals[rank]);
}

static void run_rank(clade__transport *transport, void *context)
{
    rank_work *w = context;
    struct clade_job job = {.transport = transport};
    clade_device *device = NULL;
    clade_model *model = NULL;
    clade_status status = thread_ranks_device(transport, &device);
    if (status == CLADE_OK) status = make_model(&model, device, w, transport->rank);
    if (status == CLADE_OK && w->profiles) status = clade_profile_begin(device);
    if (status == CLADE_OK) status = train(model, w, &job);
    if (status == CLADE_OK && w->profiles) status = end_profile(w, device, transport->rank);
    clade_model_free(model);
    w->status[transport->rank] = status;
    snprintf(w->message[transport->rank], sizeof w->message[0], "%s", clade_error());
}

static void run_ranks(rank_work *w, int n)
{
    if (n == 1)
        run_rank(&clade__transport_self, w);
    else
        thread_ranks_run(n, run_rank, w);
}

static void expect_all_well(const rank_work *w, int n)
{
    for (int r = 0; r < n; r++)
        if (w->status[r] != CLADE_OK) fail_msg("%s: rank %d: %s", w->c->name, r, w->message[r]);
}

static void free_work(rank_work *w)
{
    for (int r = 0; r < THREAD_MOST_RANKS; r++) free(w->parameters[r]);
}

static net_batch data_of(clade_device *device, const rank_case *c)
{
    rank_work w = {.c = c, .wrong_rank = -1};
    clade_model *model;
    assert_ok(make_model(&model, device, &w, 0));
    net_batch all = net_random_batch(model, 31, c->n, 3);
    clade_model_free(model);
    return all;
}

/* ---- the same training ------------------------------------------------------------------------- */

#define SGD  {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.1f, .momentum = 0.9f}
#define ADAM {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.01f}

static const rank_case cases[] = {
    {"two ranks", plain, 2, 24, 12, 1, SGD, .clip_norm = 0.0f},
    {"four ranks", plain, 4, 30, 12, 1, SGD, .clip_norm = 0.0f},
    {"short last batch without rows for a rank", plain, 3, 25, 12, 1, SGD, .clip_norm = 0.0f},
    {"several buckets", large, 2, 24, 12, 1, SGD, .clip_norm = 0.0f},
    {"several buckets, clipped", large, 3, 24, 12, 1, SGD, .clip_norm = 0.05f},
    {"adam, in parts", plain, 2, 40, 20, 5, ADAM, .clip_norm = 0.0f},
    {"streamed", plain, 3, 26, 12, 1, ADAM, .stream = true},
    {"class weights", plain, 2, 24, 12, 1, SGD, .weighted = true},
    {"unequal shares", plain, 3, 29, 12, 1, SGD, .shares = {2, 1, 1}},
    {"flipped images", images, 2, 24, 12, 1, SGD, .flips = true},
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

/* Batch norm has the statistics of each rank's rows: of two equal ones those of `accumulate` 2. */
static int64_t alone_in_parts(const rank_case *c)
{
    return c->json == images ? 2 : c->accumulate;
}

static void compare(const rank_case *c, const rank_work *one, const rank_work *many)
{
    double *want = ref_widen(one->parameters[0], one->n_parameters);
    /* A channel's running variance is that of its last part alone, or the mean over ranks. */
    if (c->json != images)
        test_assert_close(c->name, many->parameters[0], want, one->n_parameters, 1e-6, 1e-5);
    free(want);
    for (int r = 1; r < c->n_ranks; r++)
        assert_memory_equal(many->parameters[r], many->parameters[0],
                            (size_t)one->n_parameters * sizeof(float));
    assert_true(fabs(many->result[0].train.loss - one->result[0].train.loss) <= 1e-6 * one->result[0].train.loss);
    for (int r = 0; r < c->n_ranks; r++) {
        assert_true(many->result[r].train.loss == many->result[0].train.loss);
        assert_true(many->result[r].valid.accuracy == many->result[0].valid.accuracy);
        assert_int_equal(many->result[r].train.n_samples, c->n);
        assert_int_equal(many->result[r].steps, one->result[0].steps);
    }
    if (c->json == images) return;
    assert_true(fabs(many->result[0].valid.loss - one->result[0].valid.loss) <= 1e-5);
    assert_true(many->result[0].valid.accuracy == one->result[0].valid.accuracy);
}

static void ranks_train_as_one(void **state)
{
    for (int i = 0; i < N_CASES; i++) {
        const rank_case *c = &cases[i];
        rank_case alone = *c;
        alone.accumulate = alone_in_parts(c);
        alone.shares[0] = 0.0f;
        net_batch all = data_of(*state, c);
        rank_work one = {.c = &alone, .all = &all, .options = {.epochs = 3}, .validates = true, .wrong_rank = -1};
        rank_work many = one;
        many.c = c;
        rank_work again = many;
        run_ranks(&one, 1);
        run_ranks(&many, c->n_ranks);
        run_ranks(&again, c->n_ranks);
        expect_all_well(&one, 1);
        expect_all_well(&many, c->n_ranks);
        expect_all_well(&again, c->n_ranks);
        compare(c, &one, &many);
        assert_memory_equal(again.parameters[0], many.parameters[0],
                            (size_t)many.n_parameters * sizeof(float));
        free_work(&one);
        free_work(&many);
        free_work(&again);
        net_free_batch(&all);
    }
}

/* ---- kept and resumed -------------------------------------------------------------------------- */

static void another_number_of_ranks_goes_on(void **state)
{
    const rank_case *c = &cases[1];
    net_batch all = data_of(*state, c);
    rank_work one = {.c = c, .all = &all, .options = {.epochs = 4}, .wrong_rank = -1};
    run_ranks(&one, 1);
    expect_all_well(&one, 1);
    double *want = ref_widen(one.parameters[0], one.n_parameters);
    static const int then_now[][2] = {{4, 2}, {2, 4}, {4, 1}, {1, 4}};
    for (int i = 0; i < 4; i++) {
        /* In the middle of an epoch: its sums so far are those of all ranks. */
        rank_work begun = {.c = c, .all = &all, .options = {.epochs = 4, .max_steps = 4},
                           .folder = test_folder(), .wrong_rank = -1};
        rank_work resumed = {.c = c, .all = &all, .options = {.epochs = 4, .resume = true},
                             .folder = begun.folder, .wrong_rank = -1};
        run_ranks(&begun, then_now[i][0]);
        expect_all_well(&begun, then_now[i][0]);
        run_ranks(&resumed, then_now[i][1]);
        expect_all_well(&resumed, then_now[i][1]);
        test_assert_close("resumed", resumed.parameters[0], want, one.n_parameters, 1e-6, 1e-5);
        for (int r = 0; r < then_now[i][1]; r++) {
            assert_int_equal(resumed.result[r].steps, one.result[0].steps);
            assert_true(fabs(resumed.result[r].train.loss - one.result[0].train.loss) <= 1e-5);
        }
        free_work(&begun);
        free_work(&resumed);
    }
    free(want);
    free_work(&one);
    net_free_batch(&all);
}

/* ---- ends -------------------------------------------------------------------------------------- */

static void expect_all_end(const rank_work *w, int n, clade_status status, const char *message)
{
    for (int r = 0; r < n; r++) {
        if (w->status[r] != status) fail_msg("rank %d: %d, %s", r, (int)w->status[r], w->message[r]);
        if (!strstr(w->message[r], message)) fail_msg("rank %d: %s", r, w->message[r]);
    }
}

static void ranks_end_together(void **state)
{
    const rank_case *c = &cases[1];
    net_batch all = data_of(*state, c);
    rank_work w = {.c = c, .all = &all, .options = {.epochs = 3}, .wrong_rank = 2, .spoil = SPOIL_SEED};
    run_ranks(&w, 4);
    expect_all_end(&w, 4, CLADE_ERANK, "seed: 10', and rank 0 'seed: 9'");

    w = (rank_work){.c = c, .all = &all, .options = {.epochs = 30, .log_every = 1}, .wrong_rank = 3,
                    .spoil = SPOIL_STOP};
    run_ranks(&w, 4);
    expect_all_well(&w, 4);
    for (int r = 0; r < 4; r++) {
        assert_int_equal(w.result[r].end, CLADE_STOPPED);
        assert_int_equal(w.result[r].steps, w.result[0].steps);
        assert_in_range(w.result[r].steps, 3, 8);
    }
    free_work(&w);

    w = (rank_work){.c = c, .all = &all, .options = {.epochs = 3}, .wrong_rank = 0, .spoil = SPOIL_LATE,
                    .folder = test_folder()};
    run_ranks(&w, 3);
    expect_all_end(&w, 3, CLADE_EIO, "the disk is full");
    assert_string_equal(w.message[0], "the disk is full");
    assert_string_equal(w.message[1], "rank 0: the disk is full");
    net_free_batch(&all);
}

static void ranks_diverge_together(void **state)
{
    rank_case c = cases[1];
    c.optimizer.lr = 1e20f;
    net_batch all = data_of(*state, &c);
    rank_work w = {.c = &c, .all = &all, .options = {.epochs = 300}, .wrong_rank = -1};
    run_ranks(&w, 3);
    expect_all_end(&w, 3, CLADE_EDIVERGED, "training diverged: in step ");
    for (int r = 1; r < 3; r++) {
        assert_string_equal(w.message[r], w.message[0]);
        assert_int_equal(w.result[r].diverged.step, w.result[0].diverged.step);
        assert_int_equal(w.n_messages[r], 0);
    }
    net_free_batch(&all);
}

static void what_cannot_be_shared_is_refused(void **state)
{
    rank_case c = cases[0];
    c.batch = 3;
    net_batch all = data_of(*state, &c);
    rank_work w = {.c = &c, .all = &all, .wrong_rank = -1};
    run_ranks(&w, 4);
    expect_all_end(&w, 4, CLADE_EINVAL, "fit: a batch of 3 samples is too small for 4 ranks");
    c.shares[0] = 1.0f;
    c.shares[1] = -1.0f;
    run_ranks(&w, 2);
    expect_all_end(&w, 2, CLADE_EINVAL, "fit: the share of rank 1 is -1, want a number above 0");
    net_free_batch(&all);
}

static void shares_follow_what_is_measured(void **state)
{
    rank_case c = cases[0];
    c.n = 240;
    net_batch all = data_of(*state, &c);
    rank_work w = {.c = &c, .all = &all, .options = {.epochs = 12, .share_auto = true}, .wrong_rank = -1};
    run_ranks(&w, 2);
    expect_all_well(&w, 2);
    assert_true(w.n_messages[0] > 0 && w.n_messages[1] == 0);
    assert_non_null(strstr(w.last_message, "of 12 samples: rank 0 "));
    assert_memory_equal(w.parameters[1], w.parameters[0], (size_t)w.n_parameters * sizeof(float));
    free_work(&w);
    net_free_batch(&all);
}

static void a_profile_has_the_communication(void **state)
{
    const rank_case *c = &cases[3];
    net_batch all = data_of(*state, c);
    rank_work w = {.c = c, .all = &all, .options = {.epochs = 3}, .wrong_rank = -1, .profiles = true};
    run_ranks(&w, 2);
    expect_all_well(&w, 2);
    for (int r = 0; r < 2; r++) {
        assert_true(w.n_joined[r] > 6 && w.n_joined[r] % 6 == 0); /* several in each of the steps */
        assert_true(w.totals[r].communication_seconds > 0.0 && w.totals[r].exposed_seconds > 0.0);
    }
    free_work(&w);
    net_free_batch(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_train_as_one),
        cmocka_unit_test(another_number_of_ranks_goes_on),
        cmocka_unit_test(ranks_end_together),
        cmocka_unit_test(ranks_diverge_together),
        cmocka_unit_test(what_cannot_be_shared_is_refused),
        cmocka_unit_test(shares_follow_what_is_measured),
        cmocka_unit_test(a_profile_has_the_communication),
    };
    return cmocka_run_group_tests(tests, test_open_device, thread_ranks_close_devices);
}
