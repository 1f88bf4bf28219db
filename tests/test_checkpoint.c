/* Checkpoints as files: what is in them, how many stay, what a damaged one comes to, what cannot be
 * gone on with, and what a disk that takes no more leaves. */
#define _XOPEN_SOURCE 700
#include "events.h"
#include "network.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "data/dataset.h"
#include "graph/safetensors.h"
#include "train/checkpoint.h"


static const char small[] = "{\"input\":[4],\"layers\":[" LINEAR(3) "]}";
static const char large[] = "{\"input\":[4],\"layers\":[" LINEAR(2000) "," LINEAR(3) "]}";

enum { SAMPLES = 40, BATCH = 10, EPOCH_STEPS = 4, N_EPOCHS = 3, N_STEPS = 12 };

/* What a test may change of a training; the rest is as it is in train(). */
typedef struct training {
    const char *json; /* NULL: small */
    uint64_t seed, valid_seed;
    int64_t n_samples;
    clade_compile_options compile;
    clade_fit_options fit;
    const char *const *classes; /* their names */
    bool no_valid;
    float scale; /* of the data; 0: 1 */
} training;

static const training plain = {
    .seed = 3,
    .valid_seed = 2,
    .n_samples = SAMPLES,
    .compile = {.optimizer = {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.05f}, .batch = BATCH},
    .fit = {.epochs = N_EPOCHS}};

static clade_data *new_data(const clade_model *model, uint64_t seed, int64_t n)
{
    net_batch batch = net_random_batch(model, seed, n, 3);
    clade_data *data = net_data(model, &batch, 3);
    net_free_batch(&batch);
    return data;
}

static clade_status train(clade_device *device, const training *t, const char *folder)
{
    clade_model *model = net_model(device, t->seed, t->json ? t->json : small, &t->compile);
    clade_data *data = new_data(model, 1, t->n_samples);
    clade_data *valid = new_data(model, t->valid_seed, SAMPLES);
    if (t->classes) assert_ok(clade__data_name_classes(data, t->classes));
    if (t->scale != 0.0f) assert_ok(clade_data_set_scale(data, t->scale, 0.0f));
    clade_fit_options options = t->fit;
    options.run_dir = folder;
    options.validate = t->no_valid ? NULL : valid;
    clade_status status = clade_fit(model, data, &options, NULL);
    clade_data_free(data);
    clade_data_free(valid);
    clade_model_free(model);
    return status;
}

/* A folder with checkpoints of the steps 2, 4, … 12. */
static void train_in_twos(clade_device *device, const char *folder)
{
    training t = plain;
    t.fit.checkpoint_every = (clade_span){2, CLADE_STEPS};
    t.fit.keep = 100;
    assert_ok(train(device, &t, folder));
}

static void keep_folder(char out[256])
{
    snprintf(out, 256, "%s", test_folder());
}

/* ---- what is there ----------------------------------------------------------------------------- */

static void a_checkpoint_is_a_model_too(void **state)
{
    char folder[256];
    clade_model *model;
    clade_data *data;
    clade_metrics metrics;
    clade__safetensors *file;
    keep_folder(folder);
    train_in_twos(*state, folder);
    assert_ok(clade_load(&model, *state, test_checkpoint(folder, 12)));
    data = new_data(model, 2, SAMPLES);
    assert_ok(clade_evaluate(model, data, &metrics));
    events log = events_read(folder);
    assert_true(events_number(events_last(&log, "epoch"), "valid_accuracy") == metrics.accuracy);
    events_free(&log);
    clade_data_free(data);
    clade_model_free(model);

    /* Two parameters, two states of adam each, the best of each, sums within an epoch. */
    assert_ok(clade__safetensors_read(&file, test_checkpoint(folder, 12)));
    assert_int_equal(clade__safetensors_n_tensors(file), 2 + 4 + 2);
    clade__safetensors_free(file);
    assert_ok(clade__safetensors_read(&file, test_checkpoint(folder, 6)));
    assert_int_equal(clade__safetensors_n_tensors(file), 2 + 4 + 2 + 1);
    assert_ok(clade__safetensors_check(file, "sums", CLADE_SHAPE(2, 3)));
    assert_ok(clade__safetensors_check(file, "optimizer.1.0.weight", CLADE_SHAPE(3, 4)));
    assert_ok(clade__safetensors_check(file, "best.0.bias", CLADE_SHAPE(3)));
    clade__safetensors_free(file);
}

static void as_many_stay_as_are_kept(void **state)
{
    static const struct {
        clade_span every;
        int keep;
        int64_t stay[6]; /* steps; 0 ends them */
    } cases[] = {
        {{0, CLADE_STEPS}, 0, {12}},
        {{5, CLADE_STEPS}, 0, {10, 12}}, /* 2 */
        {{5, CLADE_STEPS}, 1, {12}},
        {{5, CLADE_STEPS}, 9, {5, 10, 12}},
        {{1, CLADE_EPOCHS}, 9, {4, 8, 12}},
        {{2, CLADE_EPOCHS}, 9, {8, 12}},
        {{1000, CLADE_SECONDS}, 9, {12}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[256];
        keep_folder(folder);
        training t = plain;
        t.fit.checkpoint_every = cases[i].every;
        t.fit.keep = cases[i].keep;
        assert_ok(train(*state, &t, folder));
        for (int64_t step = 0; step <= N_STEPS; step++) {
            bool stays = false;
            for (int k = 0; k < 6; k++) stays = stays || (step && cases[i].stay[k] == step);
            assert_true(test_is_there(test_checkpoint(folder, step)) == stays);
        }
    }
}

static bool be_slow(const clade_progress *progress, void *user)
{
    (void)user;
    if (progress->step == 6) nanosleep(&(struct timespec){1, 100 * 1000 * 1000}, NULL);
    return true;
}

static void checkpoints_by_time(void **state)
{
    char folder[256];
    keep_folder(folder);
    training t = plain;
    t.fit.checkpoint_every = (clade_span){1, CLADE_SECONDS};
    t.fit.log_every = 1;
    t.fit.on_progress = be_slow;
    assert_ok(train(*state, &t, folder));
    assert_true(test_is_there(test_checkpoint(folder, 6)));
    assert_true(test_is_there(test_checkpoint(folder, 12)));
}

/* Adam's mean of g^2 overflows where g does not: its parameters stand still from then on, and training
 * goes on, whether a checkpoint is due or not. */
static void an_optimizer_that_overflowed_is_kept(void **state)
{
    char folder[256];
    clade__safetensors *file;
    float squares[3 * 4];
    keep_folder(folder);
    training t = plain;
    t.compile.loss = CLADE_LOSS_BCE_WITH_LOGITS;
    t.scale = 1e25f;
    for (int epochs = N_EPOCHS; epochs <= N_EPOCHS + 1; epochs++) {
        t.fit = (clade_fit_options){.epochs = epochs, .resume = epochs > N_EPOCHS,
                                    .checkpoint_every = {1, CLADE_STEPS}};
        assert_ok(train(*state, &t, folder));
        assert_ok(clade__safetensors_read(&file, test_checkpoint(folder, epochs * EPOCH_STEPS)));
        clade__safetensors_copy(file, "optimizer.1.0.weight", squares);
        assert_true(isinf(squares[0]));
        clade__safetensors_free(file);
    }
}

/* Checkpoints of another run, and what kill -9 leaves half written. */
static void a_new_training_clears_up(void **state)
{
    static const char *const names[] = {"checkpoint-99.safetensors", "model.safetensors.tmp-123",
                                        "checkpoint-7.safetensors.tmp-4", "config.yaml.tmp-77"};
    static const char *const others[] = {"checkpoint-x.safetensors", "notes.tmp-", "notes.txt",
                                         "checkpoint-5.safetensors.bak", "tmp-5"};
    char folder[256];
    keep_folder(folder);
    for (int i = 0; i < 4; i++) test_write_file(test_text("%s/%s", folder, names[i]), "x", 1);
    for (int i = 0; i < 5; i++) test_write_file(test_text("%s/%s", folder, others[i]), "x", 1);
    assert_ok(train(*state, &plain, folder));
    for (int i = 0; i < 4; i++) assert_false(test_is_there(test_text("%s/%s", folder, names[i])));
    for (int i = 0; i < 5; i++) assert_true(test_is_there(test_text("%s/%s", folder, others[i])));
}

/* ---- damage ------------------------------------------------------------------------------------ */

static void note(const char *text, void *user)
{
    snprintf(user, 1024, "%s", text);
}

/* Resumes, and what was said meanwhile. */
static clade_status resume(clade_device *device, const char *folder, char said[1024])
{
    training t = plain;
    t.fit.resume = true;
    t.fit.keep = 100;
    t.fit.on_message = note;
    t.fit.user = said;
    said[0] = '\0';
    return train(device, &t, folder);
}

static void a_damaged_checkpoint_gives_way_to_the_one_before(void **state)
{
    /* Where a byte is changed, as a share of the file; or cut off. */
    static const struct {
        double at;
        bool cut;
        const char *message;
    } cases[] = {
        {0.0, false, "damaged: "}, {0.5, false, "is damaged: its checksum"},
        {0.999, false, "is damaged: its checksum"}, {0.0, true, "no safetensors file"},
        {0.5, true, "truncated"}, {0.999, true, "truncated"},
    };
    char whole[256], said[1024];
    keep_folder(whole);
    train_in_twos(*state, whole);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[256], path[256];
        unsigned char *bytes;
        size_t n;
        keep_folder(folder);
        train_in_twos(*state, folder);
        unlink(test_checkpoint(folder, 12));
        snprintf(path, sizeof path, "%s", test_checkpoint(folder, 10));
        assert_ok(clade__file_read(path, &bytes, &n));
        size_t at = (size_t)(cases[i].at * (double)n);
        bytes[at] ^= cases[i].at == 0.0 ? 0x80 : 1;
        test_write_file(path, bytes, cases[i].cut ? at : n);
        free(bytes);
        assert_ok(resume(*state, folder, said));
        if (!strstr(said, cases[i].message)) print_error("case %zu: %s\n", i, said);
        assert_non_null(strstr(said, cases[i].message));
        assert_non_null(strstr(said, "checkpoint-10.safetensors"));
        assert_non_null(strstr(said, "going on from step 8"));
        test_assert_same_files(test_text("%s/model.safetensors", folder),
                               test_text("%s/model.safetensors", whole));
        test_assert_same_files(test_text("%s/best.safetensors", folder),
                               test_text("%s/best.safetensors", whole));
        events log = events_read(folder);
        assert_string_equal(events_text(events_last(&log, "message"), "text"), said);
        assert_int_equal(log.n, 1 + N_EPOCHS + 1 + 1);
        events_free(&log);
    }
}

enum { N_VALUES = 3 * (3 * 4 + 3), N_BEST = 3 * 4 + 3, N_SUMS = 2 * 3 };

/* No flipped bit and no cut is taken for a checkpoint, unless it changes nothing that is read. */
static void no_damage_goes_unnoticed(void **state)
{
    char folder[256], path[256];
    float values[2][N_VALUES], best[2][N_BEST], sums[2][N_SUMS];
    clade__safetensors *file;
    unsigned char *bytes;
    size_t n;
    bool same;
    keep_folder(folder);
    train_in_twos(*state, folder);
    clade_model *model = net_model(*state, 3, small, &plain.compile);
    snprintf(path, sizeof path, "%s", test_checkpoint(folder, 6));
    assert_ok(clade__safetensors_read(&file, path));
    clade__checkpoint read[2];
    for (int i = 0; i < 2; i++)
        read[i] = (clade__checkpoint){.values = values[i], .best = best[i], .sums = sums[i],
                                      .recipe = clade__safetensors_text(file, "clade.recipe"),
                                      .platform = clade__safetensors_text(file, "clade.platform")};
    assert_ok(clade__checkpoint_read(folder, 6, model, EPOCH_STEPS, &read[0], &same));
    assert_true(same && read[0].state.epoch_step == 2 && read[0].state.epochs == 1);
    assert_ok(clade__file_read(path, &bytes, &n));
    size_t n_taken = 0;
    int fd = open(path, O_RDWR);
    for (size_t at = 0; at < n; at++) {
        unsigned char changed = (unsigned char)(bytes[at] ^ 1u << at % 8);
        assert_int_equal(pwrite(fd, &changed, 1, (off_t)at), 1);
        if (clade__checkpoint_read(folder, 6, model, EPOCH_STEPS, &read[1], &same) == CLADE_OK) {
            assert_memory_equal(&read[0].state, &read[1].state, sizeof read[0].state);
            assert_memory_equal(values[0], values[1], sizeof values[0]);
            assert_memory_equal(best[0], best[1], sizeof best[0]);
            assert_memory_equal(sums[0], sums[1], sizeof sums[0]);
            assert_true(same);
            n_taken++;
        }
        assert_int_equal(pwrite(fd, &bytes[at], 1, (off_t)at), 1);
    }
    assert_true(n_taken < n / 5); /* those of the model's description, and blanks */
    for (size_t cut = n; cut-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)cut), 0);
        assert_fails(clade__checkpoint_read(folder, 6, model, EPOCH_STEPS, &read[1], &same),
                     CLADE_EDATA, path);
    }
    close(fd);
    free(bytes);
    clade__safetensors_free(file);
    clade_model_free(model);
}

static void two_damaged_ones_are_both_named(void **state)
{
    char folder[256], said[1024];
    keep_folder(folder);
    train_in_twos(*state, folder);
    test_write_file(test_checkpoint(folder, 12), "x", 1);
    test_write_file(test_checkpoint(folder, 10), "", 0);
    assert_ok(resume(*state, folder, said));
    assert_non_null(strstr(said, "checkpoint-12.safetensors"));
    assert_non_null(strstr(said, "checkpoint-10.safetensors"));
    assert_non_null(strstr(said, "going on from step 8"));
}

static void without_a_whole_one_nothing_is_trained(void **state)
{
    char folder[256], said[1024];
    keep_folder(folder);
    assert_ok(train(*state, &plain, folder));
    test_write_file(test_checkpoint(folder, 12), "nothing", 7);
    test_write_file(test_checkpoint(folder, 5), "", 0);
    unsigned char *log, *after;
    size_t n, n_after;
    assert_ok(clade__file_read(test_text("%s/metrics.jsonl", folder), &log, &n));
    assert_fails(resume(*state, folder, said), CLADE_EDATA, "no checkpoint is left to go on from");
    assert_ok(clade__file_read(test_text("%s/metrics.jsonl", folder), &after, &n_after));
    assert_true(n == n_after && memcmp(log, after, n) == 0);
    free(log);
    free(after);
}

/* A folder of a checkpoint's name is one that cannot be removed, for root neither. */
static void a_checkpoint_that_stays_stops_nothing(void **state)
{
    char folder[256], said[1024];
    training t = plain;
    keep_folder(folder);
    t.fit.max_steps = 3;
    assert_ok(train(*state, &t, folder));
    assert_int_equal(mkdir(test_checkpoint(folder, 1), 0777), 0);
    t.fit = (clade_fit_options){.epochs = N_EPOCHS, .resume = true, .keep = 1, .user = said,
                                .checkpoint_every = {2, CLADE_STEPS}, .on_message = note};
    assert_ok(train(*state, &t, folder));
    assert_non_null(strstr(said, "cannot remove"));
    assert_non_null(strstr(said, "checkpoint-1.safetensors"));
    for (int step = 2; step < N_STEPS; step++)
        assert_false(test_is_there(test_checkpoint(folder, step)));
    assert_true(test_is_there(test_checkpoint(folder, N_STEPS)));
}

/* ---- what cannot be gone on with --------------------------------------------------------------- */

static clade_status refuse_to_begin(void *user)
{
    (void)user;
    return clade__fail(CLADE_ESTATE, "not today");
}

static void other_settings_are_refused(void **state)
{
    char folder[256], said[1024];
    keep_folder(folder);
    train_in_twos(*state, folder);
    static const char *const birds[] = {"auk", "crow", "owl"};
    training cases[17];
    const char *messages[17];
    int n = 0;
#define CASE(change, text)                                                                         \
    cases[n] = plain;                                                                              \
    cases[n].change;                                                                               \
    messages[n++] = text
    CASE(json = large, "model is {");
    CASE(seed = 4, "seed is 4, and the run began with 3; a run goes on with the data and settings that it "
                   "began with: restore them, or train anew");
    CASE(compile.batch = 20, "batch is 20, and the run began with 10");
    CASE(compile.loss = CLADE_LOSS_MSE, "model is {");
    CASE(compile.optimizer = clade_sgd(0.05f, 0.0f), "optimizer is sgd, and the run began with adam");
    CASE(compile.optimizer.lr = 0.06f, "lr is 0.06");
    CASE(compile.optimizer.beta1 = 0.8f, "beta1 is 0.8");
    CASE(fit.schedule = clade_schedule_cosine(0), "schedule is cosine, and the run began with constant");
    CASE(fit.schedule.warmup.count = 7, "warmup is 7 steps, and the run began with 0 steps");
    CASE(compile.optimizer.decay_weights_only = true, "decay_weights_only is true");
    CASE(compile.optimizer.clip_norm = 2.0f, "clip_norm is 2, and the run began with 0");
    CASE(compile.accumulate = 2, "samples at a time is 5, and the run began with 10");
    CASE(fit.replacement = true, "replacement is true, and the run began with false");
    CASE(classes = birds, "classes is 3, names crc32 ");
    CASE(n_samples = 39, "training data is 39 samples");
    CASE(valid_seed = 9, "validation data is 40 samples");
    CASE(no_valid = true, "validation data is none");
#undef CASE
    for (int i = 0; i < n; i++) {
        cases[i].fit.resume = true;
        assert_fails(train(*state, &cases[i], folder), CLADE_EINVAL,
                     test_text("resume: %s", messages[i]));
    }
    assert_ok(resume(*state, folder, said)); /* and nothing was harmed */
    assert_string_equal(said, "going on from step 12");
    training t = plain;
    t.fit = (clade_fit_options){.epochs = N_EPOCHS - 1, .resume = true};
    assert_fails(train(*state, &t, folder), CLADE_EINVAL,
                 "resume: epochs is 2, and the run has already done 3 (12 steps)");
    t.fit = (clade_fit_options){.epochs = 9, .max_steps = N_STEPS - 1, .resume = true};
    assert_fails(train(*state, &t, folder), CLADE_EINVAL,
                 "resume: max_steps is 11, and the run has already done 12 steps");
    t = plain;
    t.fit.resume = true;
    t.fit.on_begin = refuse_to_begin;
    assert_fails(train(*state, &t, folder), CLADE_ESTATE, "not today");
    t = plain;
    t.fit.resume = true;
    t.fit.run_dir = NULL;
    assert_fails(train(*state, &t, NULL), CLADE_EINVAL, "resume wants a run_dir");
    t.fit = (clade_fit_options){.keep = -1};
    assert_fails(train(*state, &t, NULL), CLADE_EINVAL, "checkpoint_every and keep are 0 in unit 0");
    t.fit = (clade_fit_options){.checkpoint_every = {1, (clade_unit)5}};
    assert_fails(train(*state, &t, NULL), CLADE_EINVAL, "1 in unit 5 and 0");
}

/* ---- disks ------------------------------------------------------------------------------------- */

/* Once step 7 is reported, something happens to the folder. */
typedef struct accident {
    const char *folder;
    enum { LIMIT_FILES, LIMIT_LOG, REMOVE_FOLDER } kind;
} accident;

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static bool have_accident(const clade_progress *progress, void *user)
{
    const accident *a = user;
    struct stat log;
    if (progress->step != 7) return true;
    if (a->kind == LIMIT_FILES) limit_files(100 * 1000);
    if (a->kind == LIMIT_LOG) {
        assert_int_equal(stat(test_text("%s/metrics.jsonl", a->folder), &log), 0);
        limit_files((rlim_t)log.st_size + 50);
    }
    if (a->kind == REMOVE_FOLDER)
        assert_int_equal(rename(a->folder, test_text("%s-moved", a->folder)), 0);
    return true;
}

/* The file size limit stands in for a full disk: the system's answer is another, our way the same.
 * The models take 64 KB, the checkpoints four times as much. */
static void what_cannot_be_written_stops_training(void **state)
{
    static const struct {
        int kind;
        int64_t every;
        const char *message;
    } cases[] = {
        {LIMIT_FILES, 2, "checkpoint-8.safetensors': File too large; training can be resumed from "
                         "step 6"},
        {LIMIT_LOG, 3, "metrics.jsonl': File too large; training can be resumed from step 6"},
        {REMOVE_FOLDER, 2, "checkpoint-8.safetensors': No such file or directory; training can be"},
    };
    char whole[256];
    training t = plain;
    t.json = large;
    keep_folder(whole);
    assert_ok(train(*state, &t, whole));
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[256];
        keep_folder(folder);
        accident a = {folder, cases[i].kind};
        t.fit = (clade_fit_options){.epochs = N_EPOCHS,
                                    .checkpoint_every = {cases[i].every, CLADE_STEPS},
                                    .log_every = 1,
                                    .on_progress = have_accident,
                                    .user = &a};
        clade_status status = train(*state, &t, folder);
        limit_files(RLIM_INFINITY);
        assert_fails(status, CLADE_EIO, cases[i].message);
        if (cases[i].kind == REMOVE_FOLDER)
            assert_int_equal(rename(test_text("%s-moved", folder), folder), 0);
        assert_true(test_is_there(test_checkpoint(folder, 6)));
        assert_false(test_is_there(test_checkpoint(folder, 8)));
        t.fit = (clade_fit_options){.epochs = N_EPOCHS, .resume = true};
        assert_ok(train(*state, &t, folder));
        test_assert_same_files(test_text("%s/model.safetensors", folder),
                               test_text("%s/model.safetensors", whole));
        test_assert_same_files(test_text("%s/best.safetensors", folder),
                               test_text("%s/best.safetensors", whole));
        events_assert_same(folder, whole);
    }
}

/* Its limit is too little for the checkpoint at the end alone. */
static void a_checkpoint_that_cannot_be_written_leaves_the_models(void **state)
{
    char whole[256], folder[256];
    training t = plain;
    t.json = large;
    keep_folder(whole);
    assert_ok(train(*state, &t, whole));
    keep_folder(folder);
    accident a = {folder, LIMIT_FILES};
    t.fit.log_every = 1;
    t.fit.on_progress = have_accident;
    t.fit.user = &a;
    signal(SIGXFSZ, SIG_IGN);
    clade_status status = train(*state, &t, folder);
    limit_files(RLIM_INFINITY);
    assert_fails(status, CLADE_EIO,
                 test_text("cannot write '%s': File too large; the model after step 12 is saved as "
                           "'%s/model.safetensors'", test_checkpoint(folder, N_STEPS), folder));
    test_assert_same_files(test_text("%s/model.safetensors", folder),
                           test_text("%s/model.safetensors", whole));
    test_assert_same_files(test_text("%s/best.safetensors", folder),
                           test_text("%s/best.safetensors", whole));
}

/* ---- two at once ------------------------------------------------------------------------------- */

typedef struct intruder {
    clade_device *device;
    const char *folder;
} intruder;

static bool train_beside(const clade_progress *progress, void *user)
{
    const intruder *i = user;
    training t = plain;
    t.fit.resume = progress->epoch == 2;
    assert_fails(train(i->device, &t, i->folder), CLADE_ESTATE,
                 test_text("another training is writing into '%s' (in this process)", i->folder));
    return true;
}

static void a_folder_is_of_one_training_at_a_time(void **state)
{
    char folder[256];
    keep_folder(folder);
    intruder i = {*state, folder};
    training t = plain;
    t.fit.on_progress = train_beside;
    t.fit.user = &i;
    assert_ok(train(*state, &t, folder));
    events log = events_read(folder);
    assert_int_equal(log.n, 1 + N_EPOCHS + 1);
    events_free(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_is_a_model_too),
        cmocka_unit_test(as_many_stay_as_are_kept),
        cmocka_unit_test(checkpoints_by_time),
        cmocka_unit_test(an_optimizer_that_overflowed_is_kept),
        cmocka_unit_test(a_new_training_clears_up),
        cmocka_unit_test(a_damaged_checkpoint_gives_way_to_the_one_before),
        cmocka_unit_test(no_damage_goes_unnoticed),
        cmocka_unit_test(two_damaged_ones_are_both_named),
        cmocka_unit_test(without_a_whole_one_nothing_is_trained),
        cmocka_unit_test(a_checkpoint_that_stays_stops_nothing),
        cmocka_unit_test(other_settings_are_refused),
        cmocka_unit_test(what_cannot_be_written_stops_training),
        cmocka_unit_test(a_checkpoint_that_cannot_be_written_leaves_the_models),
        cmocka_unit_test(a_folder_is_of_one_training_at_a_time),
    };
    return cmocka_run_group_tests(tests, test_open_device, test_close_device);
}
