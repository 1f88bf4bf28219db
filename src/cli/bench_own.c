#include "cli/bench_own.h"

#include <math.h>
#include <stdlib.h>

#include "cli/bench_report.h"
#include "cli/setup.h"

/* ---- one's own network ------------------------------------------------------------------------ */

static clade_status measure_own(cli_call *call, const cli_bench_plan *plan, const cli_setup *setup)
{
    clade_bench *bench = NULL;
    clade_bench_train_result train;
    cli_bench_report report = {.device = clade_device_describe(setup->device), .trains = &train, .n_trains = 1};
    CLADE_TRY(clade_bench_open(&bench, setup->device, &plan->options));
    clade_status status = clade_bench_device(bench, &report.limits);
    if (status == CLADE_OK) status = clade_bench_model(bench, setup->model, setup->train, &train);
    train.workload = plan->config;
    call->writing = true;
    if (status == CLADE_OK) status = call->json ? cli_bench_print_json(&report) : cli_bench_print(&report);
    clade_bench_free(bench);
    return status;
}

clade_status cli_bench_own_run(cli_call *call, const cli_bench_plan *plan)
{
    cli_setup setup = {0};
    char batch[32];
    /* All settings are the config's, but for the batch. */
    cli_call own = {.command = call->command, .device = call->device, .compute_units = call->compute_units,
                    .quiet = call->quiet};
    snprintf(batch, sizeof batch, "%lld", (long long)plan->batch);
    if (plan->batch > 0) own.values[CLI_BATCH] = batch;
    if (plan->options.provider) own.values[CLI_GEMM] = (char *)plan->options.provider;
    clade_status status = cli_setup_read(&setup, &own, plan->config);
    if (status == CLADE_OK) status = cli_setup_open(&setup, &own, &(cli_setup_wants){0});
    if (status == CLADE_OK) status = measure_own(call, plan, &setup);
    cli_setup_free(&setup);
    return status;
}

/* ---- to an accuracy --------------------------------------------------------------------------- */

typedef struct trainings {
    const cli_bench_plan *plan;
    const clade_device_info *device;
    clade_bench_accuracy_result *list; /* (n) */
    int n;
} trainings;

static int by_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of those that reached it: how many, and of their seconds the median, least and most. */
static int summarize(const trainings *t, double seconds[3])
{
    double reached[100];
    int n = 0;
    for (int i = 0; i < t->n; i++)
        if (t->list[i].reached) reached[n++] = t->list[i].seconds;
    if (n == 0) return 0;
    qsort(reached, (size_t)n, sizeof reached[0], by_seconds);
    seconds[0] = n % 2 ? reached[n / 2] : 0.5 * (reached[n / 2 - 1] + reached[n / 2]);
    seconds[1] = reached[0];
    seconds[2] = reached[n - 1];
    return n;
}

static clade_status print_json(const trainings *t)
{
    clade__json json = {0};
    double seconds[3] = {(double)NAN, (double)NAN, (double)NAN};
    int n = summarize(t, seconds);
    clade__json_object(&json, NULL);
    clade__json_object(&json, "device");
    cli_json_device(&json, t->device);
    clade__json_object_end(&json);
    clade__json_number(&json, "accuracy", t->plan->accuracy);
    clade__json_number(&json, "reached", n);
    clade__json_number(&json, "seconds_median", seconds[0]);
    clade__json_number(&json, "seconds_min", seconds[1]);
    clade__json_number(&json, "seconds_max", seconds[2]);
    clade__json_list(&json, "trainings");
    for (int i = 0; i < t->n; i++) {
        const clade_bench_accuracy_result *r = &t->list[i];
        clade__json_object(&json, NULL);
        clade__json_number(&json, "seed", (double)r->seed);
        clade__json_bool(&json, "reached", r->reached);
        clade__json_number(&json, "seconds", r->seconds);
        clade__json_number(&json, "epochs", r->epochs);
        clade__json_number(&json, "steps", (double)r->steps);
        clade__json_number(&json, "accuracy", r->accuracy);
        clade__json_object_end(&json);
    }
    clade__json_list_end(&json);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

static clade_status print_table(const trainings *t)
{
    static const char *const heads[] = {"SEED", "TIME", "EPOCHS", "STEPS", "ACCURACY", "REACHED"};
    cli_table table = {.n_columns = 6, .right = 31};
    double seconds[3];
    char text[3][32];
    cli_print("%s (%s, driver %s), %d compute unit%s\n\n", t->device->name, t->device->platform,
              t->device->driver, t->device->compute_units, t->device->compute_units == 1 ? "" : "s");
    cli_table_row(&table, heads);
    for (int i = 0; i < t->n; i++) {
        const clade_bench_accuracy_result *r = &t->list[i];
        cli_table_add(&table, "%llu", (unsigned long long)r->seed);
        cli_table_add(&table, "%s", cli_seconds_text(text[0], sizeof text[0], r->seconds));
        cli_table_add(&table, "%d", r->epochs);
        cli_table_add(&table, "%lld", (long long)r->steps);
        cli_table_add(&table, "%.2f%%", 100.0 * r->accuracy);
        cli_table_add(&table, "%s", r->reached ? "yes" : "no");
    }
    CLADE_TRY(cli_table_finish(&table));
    int n = summarize(t, seconds);
    if (n == 0) {
        cli_print("\nNone of %d trainings reached %g%%.\n", t->n, 100.0 * t->plan->accuracy);
        return CLADE_OK;
    }
    for (int i = 0; i < 3; i++) cli_seconds_text(text[i], sizeof text[i], seconds[i]);
    cli_print("\n%d of %d trainings reached %g%% of 1,024 digits that are held out: in %s by the median, %s to %s. "
              "784-512-512-10 on 4,096 digits, batches of 128, sgd 0.05 with momentum 0.9; validation and the "
              "compilation of kernels are not counted.\n", n, t->n, 100.0 * t->plan->accuracy, text[0], text[1],
              text[2]);
    return CLADE_OK;
}

static clade_status train_all(clade_device *device, trainings *t)
{
    clade_bench *bench = NULL;
    CLADE_TRY(clade_bench_open(&bench, device, &t->plan->options));
    clade_status status = CLADE_OK;
    for (int i = 0; status == CLADE_OK && i < (int)t->plan->seeds; i++) {
        if (!t->plan->quiet) cli_say(NULL, "training %d of %lld", i + 1, (long long)t->plan->seeds);
        status = clade_bench_accuracy(bench, t->plan->accuracy, (uint64_t)i + 1, &t->list[i]);
        if (status == CLADE_OK) t->n++;
    }
    clade_bench_free(bench);
    return status;
}

clade_status cli_bench_accuracy_run(cli_call *call, const cli_bench_plan *plan)
{
    clade_device *device = NULL;
    trainings t = {.plan = plan, .list = calloc((size_t)plan->seeds, sizeof *t.list)};
    clade_status status = t.list ? CLADE_OK : clade__fail(CLADE_ENOMEM, "no memory for the results");
    if (status == CLADE_OK) status = clade_device_open_units(&device, call->device, call->compute_units);
    if (status == CLADE_OK) status = train_all(device, &t);
    if (status == CLADE_OK) {
        call->writing = true;
        t.device = clade_device_describe(device);
        status = call->json ? print_json(&t) : print_table(&t);
    }
    clade_device_free(device);
    free(t.list);
    return status;
}
