/* A program with a decimal comma. Whatever is written to a file has the same bytes as under the "C" locale,
 * and is read under either: numbers, JSON, tables, models, checkpoints, configs. */
#define _POSIX_C_SOURCE 200809L
#include "events.h"
#include "network.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/c_locale.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"
#include "base/text.h"
#include "cli/config.h"
#include "cli/network.h"
#include "train/state.h"

/* ---- the locale ------------------------------------------------------------------------------ */

static bool has_comma(const char *name)
{
    return setlocale(LC_ALL, name) && strcmp(localeconv()->decimal_point, ",") == 0;
}

/* Makes a German locale in the build's folder; the system's sources for it are in the package locales. */
static bool make_locale(void)
{
    char folder[1024], command[2200];
    const char *build = getenv("CLADE_TEST_BUILD");
    snprintf(folder, sizeof folder, "%s/locale", build ? build : test_folder());
    snprintf(command, sizeof command,
             "mkdir -p '%s' && localedef -i de_DE -f UTF-8 '%s/de_DE.UTF-8' >'%s/log' 2>&1", folder,
             folder, folder);
    bool there = test_is_there(test_text("%s/de_DE.UTF-8/LC_NUMERIC", folder));
    return (there || system(command) == 0) && setenv("LOCPATH", folder, 1) == 0;
}

static const char *comma; /* the locale's name */

/* Where there is no such locale the program ends as skipped, or as failed under CLADE_REQUIRE_DEVICE=1. */
static int open_all(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8"};
    for (int round = 0; round < 2 && !comma; round++) {
        for (int i = 0; i < 4 && !comma; i++)
            if (has_comma(names[i])) comma = names[i];
        if (!comma && !make_locale()) break;
    }
    setlocale(LC_ALL, "C");
    if (!comma) {
        const char *required = getenv("CLADE_REQUIRE_DEVICE");
        print_message("no locale with a decimal comma; localedef or the package locales is missing\n");
        exit(required && strcmp(required, "1") == 0 ? 1 : 77);
    }
    return test_open_device(state);
}

static void use(bool with_comma)
{
    assert_non_null(setlocale(LC_ALL, with_comma ? comma : "C"));
}

static int use_c(void **state)
{
    (void)state;
    return setlocale(LC_ALL, "C") == NULL;
}

/* The program's own locale is as it was. */
static void assert_untouched(bool with_comma)
{
    char text[16];
    snprintf(text, sizeof text, "%.1f", 1.5);
    assert_string_equal(text, with_comma ? "1,5" : "1.5");
    assert_true(strtod(text, NULL) == 1.5);
}

/* ---- numbers, JSON --------------------------------------------------------------------------- */

static const double numbers[] = {0.0,    -0.0,   0.1,         -1.5,     1e300,   1.0 / 3.0, 5e-324,
                                 123456, 1e-7f,  3.14159274f, 16777217, 2.5e-10, (double)INFINITY,
                                 -(double)INFINITY};
enum { N_NUMBERS = sizeof numbers / sizeof numbers[0] };

static char *write_numbers(void)
{
    clade__json json = {0};
    clade__text text = {0};
    clade__json_list(&json, NULL);
    for (int i = 0; i < N_NUMBERS; i++) clade__json_number(&json, NULL, numbers[i]);
    clade__json_list_end(&json);
    char *list = clade__json_finish(&json);
    clade__text_append(&text, "%s", list);
    free(list);
    for (int i = 0; i < N_NUMBERS; i++) {
        char one[64];
        clade__format(one, sizeof one, "%.9g", clade__decimal((float)numbers[i]));
        clade__text_append(&text, " %.17g %s", numbers[i], one);
    }
    (void)clade__fail(CLADE_EIO, "%.2f", 0.25);
    clade__text_append(&text, " %s", clade_error());
    return text.data;
}

static void numbers_are_written_with_a_point(void **state)
{
    (void)state;
    char *want = write_numbers();
    use(true);
    assert_untouched(true);
    char *got = write_numbers();
    assert_untouched(true);
    assert_string_equal(got, want);
    assert_non_null(strstr(got, "0.10000000000000001"));
    assert_non_null(strstr(got, "0.33333333333333331"));
    assert_non_null(strstr(got, " 0.25"));
    free(got);
    free(want);
}

static void numbers_are_read_with_a_point(void **state)
{
    (void)state;
    for (int with_comma = 0; with_comma < 2; with_comma++) {
        use(with_comma);
        for (int i = 0; i < N_NUMBERS; i++) {
            char text[64];
            double got = 7;
            clade__format(text, sizeof text, "%.17g", numbers[i]);
            assert_true(clade__number_read(text, &got));
            assert_true(got == numbers[i] && signbit(got) == signbit(numbers[i]));
        }
        static const char *const none[] = {"", "1,5", "0x1", " 1", "1 ", "1e", "nanx", "infin", "-", "--1", ".", "1e999"};
        double got, nan;
        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
            assert_false(clade__number_read(none[i], &got));
        assert_true(clade__number_read("-nan", &nan) && isnan(nan));

        static const char document[] = "{\"a\":[1.5,-2.25e-3]} \n";
        cJSON *root = clade__json_parse(document, strlen(document), true);
        const cJSON *list = cJSON_GetObjectItem(root, "a");
        assert_true(cJSON_GetArrayItem(list, 0)->valuedouble == 1.5);
        assert_true(cJSON_GetArrayItem(list, 1)->valuedouble == -2.25e-3);
        cJSON_Delete(root);
        assert_null(clade__json_parse("[1,5] 2", 7, true));
        root = clade__json_parse("[1,5] 2", 7, false);
        assert_int_equal(cJSON_GetArraySize(root), 2);
        cJSON_Delete(root);
        assert_null(clade__json_parse(NULL, 0, false));
        assert_untouched(with_comma);
    }
}

/* A thread that writes has no other locale than it had, and no effect on those beside it. */
static void *write_beside(void *user)
{
    const char *want = user;
    for (int i = 0; i < 300; i++) {
        char *got = write_numbers();
        bool same = strcmp(got, want) == 0;
        free(got);
        if (!same) return NULL;
        assert_untouched(true);
    }
    return user;
}

static void threads_do_not_meet(void **state)
{
    (void)state;
    pthread_t threads[4];
    char *want = write_numbers();
    use(true);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_beside, want), 0);
    for (int i = 0; i < 4; i++) {
        void *got;
        assert_int_equal(pthread_join(threads[i], &got), 0);
        assert_ptr_equal(got, want);
    }
    free(want);
}

static void letters_are_compared_alike(void **state)
{
    (void)state;
    use(true);
    assert_true(clade__contains_nocase("INTEL(R) Graphics", "intel"));
    const char *const words[] = {"linear", "softmax"};
    assert_string_equal(clade__nearest_word("LINEAR", words, 2), "linear");
}

/* ---- training -------------------------------------------------------------------------------- */

static const char network[] = "{\"input\":[4],\"layers\":[{\"type\":\"linear\",\"units\":6,\"init\":"
                              "{\"type\":\"normal\",\"std\":0.25}},{\"type\":\"leaky_relu\",\"slope\":0.125},"
                              "{\"type\":\"dropout\",\"p\":0.1},{\"type\":\"linear\",\"units\":3}]}";

static bool stop_after_five(const clade_progress *progress, void *user)
{
    (void)user;
    return progress->step < 5;
}

/* Trains in the folder, or goes on there; model and data are made anew. */
static void train(clade_device *device, const char *folder, bool stop, bool resume)
{
    const float weights[] = {1.0f, 0.1f, 2.5f};
    clade_optimizer optimizer = {.kind = CLADE_OPTIMIZER_ADAM, .lr = 0.05f, .weight_decay = 0.01f};
    clade_model *model = net_model(device, 3, network,
                                   &(clade_compile_options){.loss = CLADE_LOSS_CROSS_ENTROPY,
                                                            .optimizer = optimizer, .batch = 16});
    net_batch batch = net_random_batch(model, 1, 50, 3);
    clade_data *data = net_data(model, &batch, 3);
    assert_ok(clade_data_set_scale(data, 0.3f, -0.7f));
    assert_ok(clade_fit(model, data,
                        &(clade_fit_options){.epochs = 4, .validate = data, .run_dir = folder,
                                             .resume = resume, .log_every = 1, .class_weights = weights,
                                             .schedule = clade_schedule_plateau(0.3, 1),
                                             .patience = 50, .min_delta = 0.01,
                                             .on_progress = stop ? stop_after_five : NULL},
                        NULL));
    net_free_batch(&batch);
    clade_data_free(data);
    clade_model_free(model);
}

static void a_training_goes_on_under_another_locale(void **state)
{
    char whole[256], folder[256];
    snprintf(whole, sizeof whole, "%s", test_folder());
    train(*state, whole, false, false);
    for (int i = 1; i < 4; i++) { /* which of the two parts has a comma */
        snprintf(folder, sizeof folder, "%s", test_folder());
        use(i & 1);
        train(*state, folder, true, false);
        use(i & 2);
        train(*state, folder, false, true);
        assert_untouched(i & 2);
        use(false);
        test_assert_same_files(test_text("%s/model.safetensors", folder),
                               test_text("%s/model.safetensors", whole));
        test_assert_same_files(test_text("%s/best.safetensors", folder),
                               test_text("%s/best.safetensors", whole));
        events_assert_same(folder, whole);
    }
}

enum { MESSAGES = 2048 };

static void keep_message(const char *text, void *user)
{
    char *all = user;
    snprintf(all + strlen(all), MESSAGES - strlen(all), "%s\n", text);
}

/* What a training on large numbers is warned of, and what a device with too little memory refuses. */
static void read_messages(clade_device *device, char *warning, char *refusal)
{
    clade_device *small;
    clade_model *model = net_model(device, 3, network, &(clade_compile_options){.batch = 16});
    net_batch batch = net_random_batch(model, 1, 50, 3);
    clade_data *data = net_data(model, &batch, 3);
    assert_ok(clade_data_set_scale(data, 999.0f, 12.5f));
    assert_ok(clade_fit(model, data, &(clade_fit_options){.max_steps = 1, .on_message = keep_message,
                                                          .user = warning}, NULL));
    net_free_batch(&batch);
    clade_data_free(data);
    clade_model_free(model);
    assert_int_equal(setenv("CLADE_MEMORY", "13M", 1), 0);
    assert_ok(clade_device_open(&small, NULL));
    unsetenv("CLADE_MEMORY");
    assert_ok(clade_model_create(&model, small, 1));
    clade_node *y = clade_linear(clade_input(model, CLADE_SHAPE(3000)), 3000);
    assert_int_equal(clade_compile(model, y, NULL), CLADE_EDEVICEMEM);
    snprintf(refusal, MESSAGES, "%s", clade_error());
    clade_model_free(model);
    clade_device_free(small);
}

static void messages_have_a_point(void **state)
{
    char warning[2][MESSAGES] = {"", ""}, refusal[2][MESSAGES];
    for (int i = 0; i < 2; i++) {
        use(i == 1);
        read_messages(*state, warning[i], refusal[i]);
    }
    assert_non_null(strstr(warning[0], "and deviation "));
    assert_non_null(strstr(refusal[0], "13.0 MiB"));
    assert_string_equal(warning[1], warning[0]);
    assert_string_equal(refusal[1], refusal[0]);
}

static void a_state_has_the_same_text(void **state)
{
    (void)state;
    clade__fit_state made = {.epochs = 3, .seconds = 1.25, .train = {.loss = 0.1, .accuracy = 1.0 / 3},
                             .valid = {.loss = (double)NAN}, .plateau = {.lr = 1e-7, .least = (double)INFINITY},
                             .mark = {.loss = -(double)INFINITY}};
    char *want = clade__fit_state_text(&made);
    use(true);
    char *got = clade__fit_state_text(&made);
    assert_string_equal(got, want);
    assert_null(strchr(got, ','));
    clade__fit_state read = {0};
    assert_true(clade__fit_state_parse(&read, got));
    assert_true(read.seconds == 1.25 && read.train.loss == 0.1 && read.train.accuracy == 1.0 / 3);
    assert_true(isnan(read.valid.loss) && read.plateau.lr == 1e-7 && isinf(read.plateau.least));
    assert_true(read.mark.loss == -(double)INFINITY && read.epochs == 3);
    char *again = clade__fit_state_text(&read);
    assert_string_equal(again, want);
    free(again);
    free(got);
    free(want);
}

/* ---- tables and models ----------------------------------------------------------------------- */

/* A table that is read, trained on, saved and predicted. */
static void serve_table(clade_device *device, const char *table, const char *path, float *outputs)
{
    clade_data *data;
    clade_model *model, *loaded;
    assert_ok(clade_data_open_with(&data, test_text("csv:%s?target=y&missing=0.5&test=0", table),
                                   &(clade_data_options){.part = "train", .standardize = true,
                                                         .standardize_targets = true}));
    assert_ok(clade_model_create(&model, device, 1));
    clade_node *node = clade_linear(clade_input(model, CLADE_SHAPE(4)), 1);
    assert_ok(clade_compile(model, node, &(clade_compile_options){.loss = CLADE_LOSS_MSE,
                                                                  .optimizer = clade_sgd(0.01f, 0.9f)}));
    assert_ok(clade_fit(model, data, NULL, NULL));
    assert_ok(clade_save(model, path));
    clade_data_free(data);
    clade_model_free(model);
    assert_ok(clade_load(&loaded, device, path));
    assert_ok(clade_data_open_with(&data, test_text("csv:%s", table),
                                   &(clade_data_options){.schema = clade_model_schema(loaded), .whole = true}));
    assert_ok(clade_predict(loaded, data, 0, 6, false, outputs));
    clade_data_free(data);
    clade_model_free(loaded);
}

static void a_table_becomes_the_same_model(void **state)
{
    static const char rows[] = "a,b,c,y\n1.5,red,0.25,10.75\n-2.5e-1,blue,,3.5\n.125,red,7,0.1\n"
                               "3.75,blue,1.1,2.2\n2.5,red,0.3333333333333333333,4.4\n0.1,blue,9.9,5.5\n";
    char table[256], first[256], second[256];
    float want[6], got[6];
    snprintf(table, sizeof table, "%s/t.csv", test_folder());
    snprintf(first, sizeof first, "%s/first", test_folder());
    snprintf(second, sizeof second, "%s/second", test_folder());
    test_write_file(table, rows, strlen(rows));
    serve_table(*state, table, first, want);
    use(true);
    serve_table(*state, table, second, got);
    assert_untouched(true);
    test_assert_same_files(first, second);
    assert_memory_equal(got, want, sizeof want);
}

/* ---- configs and options --------------------------------------------------------------------- */

static const char config[] =
    "model:\n  input: [4]\n  layers:\n    - {type: linear, units: 5, init: {type: normal, std: 0.25}}\n"
    "    - {type: leaky_relu, slope: 0.125}\n    - {type: linear, units: 3}\n"
    "data: {train: digits, scale: 0.00392157, shift: -1.5}\n"
    "optimizer: {type: sgd, lr: 0.125, momentum: 0.9, weight_decay: 1e-4}\n"
    "early_stopping: {patience: 3, min_delta: 0.001}\ntrain: {epochs: 2, seed: 7}\n";

/* The config that a run writes, of such a file and such an option. */
static char *resolve(const char *path)
{
    cli_settings settings = {0};
    cJSON *layers = NULL;
    clade__text out = {0};
    clade_data_info data = {.shape = CLADE_SHAPE(4), .n_classes = 3};
    assert_ok(cli_settings_start(&settings));
    assert_ok(cli_config_read(path, &settings));
    assert_ok(cli_setting_set(&settings, CLI_CLIP_NORM, CLI_COMMAND, "--clip-norm", "2.5e-1"));
    assert_ok(cli_settings_resolve_optimizer(&settings));
    assert_ok(cli_network_describe(&settings, &data, &layers));
    assert_true(settings.values[CLI_LR].real == 0.125f && settings.values[CLI_CLIP_NORM].real == 0.25f);
    cli_settings_write(&settings, layers, &out);
    assert_false(out.failed);
    cJSON_Delete(layers);
    cli_settings_free(&settings);
    return out.data;
}

static void a_config_has_the_same_text(void **state)
{
    (void)state;
    char path[256], again[256];
    snprintf(path, sizeof path, "%s/config.yaml", test_folder());
    snprintf(again, sizeof again, "%s/again.yaml", test_folder());
    test_write_file(path, config, strlen(config));
    char *want = resolve(path);
    use(true);
    char *got = resolve(path);
    assert_string_equal(got, want);
    test_write_file(again, got, strlen(got));
    char *read = resolve(again);
    assert_string_equal(read, want);
    cli_settings settings = {0};
    assert_ok(cli_settings_start(&settings));
    assert_fails(cli_setting_set(&settings, CLI_LR, CLI_COMMAND, "--lr", "0,1"), CLADE_ECONFIG,
                 "--lr is '0,1'");
    cli_settings_free(&settings);
    free(read);
    free(got);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(numbers_are_written_with_a_point, use_c),
        cmocka_unit_test_teardown(numbers_are_read_with_a_point, use_c),
        cmocka_unit_test_teardown(threads_do_not_meet, use_c),
        cmocka_unit_test_teardown(letters_are_compared_alike, use_c),
        cmocka_unit_test_teardown(a_training_goes_on_under_another_locale, use_c),
        cmocka_unit_test_teardown(messages_have_a_point, use_c),
        cmocka_unit_test_teardown(a_state_has_the_same_text, use_c),
        cmocka_unit_test_teardown(a_table_becomes_the_same_model, use_c),
        cmocka_unit_test_teardown(a_config_has_the_same_text, use_c),
    };
    return cmocka_run_group_tests(tests, open_all, test_close_device);
}
