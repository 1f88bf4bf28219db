/* clade bench: what a device can do, and how much of it this library gets. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench_parallel.h"
#include "cli/bench_report.h"
#include "cli/plot.h"

enum { MAX_SHAPES = 256, MAX_SHAPE_TEXT = 80 };
#define USUAL_LOSS 0.25

/* What to measure. */
typedef struct bench_plan {
    bool device, gemm, ops, train, batching, parallel;
    bool quiet;
    clade_bench_options options;
    clade_bench_shape *shapes; /* (MAX_SHAPES) */
    int n_shapes;
    const char *workload;
    int64_t batch;
    double to_loss;     /* of parallel; 0: none */
    const char *output; /* of the picture of batching, or parallel */
} bench_plan;

/* ---- the command line ------------------------------------------------------------------------ */

static clade_status choose_parts(const cli_call *call, bench_plan *plan)
{
    static const char *const parts[] = {"device", "gemm", "ops", "train", "batching", "parallel"};
    char hint[128];
    const char *word = call->n_arguments ? call->arguments[0] : NULL;
    plan->device = !word || strcmp(word, "device") == 0;
    plan->gemm = word && strcmp(word, "gemm") == 0;
    plan->ops = word && strcmp(word, "ops") == 0;
    plan->train = !word || strcmp(word, "train") == 0;
    plan->batching = word && strcmp(word, "batching") == 0;
    plan->parallel = word && strcmp(word, "parallel") == 0;
    if (plan->device || plan->gemm || plan->ops || plan->train || plan->batching || plan->parallel)
        return CLADE_OK;
    return clade__fail(CLADE_EINVAL, "bench: unknown measurement '%s'%s", word,
                       clade__suggest(hint, sizeof hint, word, parts, 6));
}

/* An option that would be of no use is a mistake. */
static clade_status check_use(const cli_call *call, const bench_plan *plan)
{
    const bool steps = plan->train || plan->batching || plan->parallel;
    const struct {
        const char *option;
        bool used;
        const char *where;
    } rows[] = {{"shape", plan->gemm, "gemm"},
                {"provider", plan->gemm || steps, "gemm, train, batching and parallel"},
                {"workload", steps, "train, batching and parallel"},
                {"batch", steps, "train, batching and parallel"},
                {"to-loss", plan->parallel, "parallel"},
                {"output", plan->batching || plan->parallel, "batching and parallel"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (cli_value_of(call, rows[i].option) && !rows[i].used)
            return clade__fail(CLADE_EINVAL, "bench: --%s is for %s", rows[i].option,
                               rows[i].where);
    return CLADE_OK;
}

static bool parse_trans(const char *text, clade_bench_shape *shape)
{
    if (strlen(text) != 2 || strspn(text, "nt") != 2) return false;
    shape->trans_a = text[0] == 't';
    shape->trans_b = text[1] == 't';
    return true;
}

/* "100,900,1000" or "100,900,1000,nt" */
static clade_status parse_shape(const char *text, clade_bench_shape *shape)
{
    char copy[MAX_SHAPE_TEXT], *fields[5];
    int n = 0;
    *shape = (clade_bench_shape){0};
    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy; at && n < 5; n++) {
        fields[n] = at;
        at = strchr(at, ',');
        if (at) *at++ = '\0';
    }
    int64_t *sizes[] = {&shape->m, &shape->n, &shape->k};
    bool good = (n == 3 || n == 4) && strlen(text) < sizeof copy;
    for (int i = 0; good && i < 3; i++) good = cli_parse_count(fields[i], sizes[i]);
    if (good && n == 4) good = parse_trans(fields[3], shape);
    if (!good)
        return clade__fail(CLADE_EINVAL,
                           "--shape is '%s', want M,N,K or M,N,K,nt (nn, nt, tn or tt)", text);
    for (int i = 0; i < 3; i++)
        if (*sizes[i] < 1 || *sizes[i] > INT32_MAX)
            return clade__fail(CLADE_EINVAL, "--shape is '%s', want sizes from 1 to %d", text,
                               INT32_MAX);
    return CLADE_OK;
}

/* The values given, joined by blanks; or the list. */
static clade_status choose_shapes(const char *text, bench_plan *plan)
{
    plan->shapes = calloc(MAX_SHAPES, sizeof *plan->shapes);
    if (!plan->shapes) return clade__fail(CLADE_ENOMEM, "no memory for the shapes");
    if (!text) {
        while (plan->n_shapes < MAX_SHAPES &&
               clade_bench_gemm_shape(plan->n_shapes, &plan->shapes[plan->n_shapes]))
            plan->n_shapes++;
        return CLADE_OK;
    }
    for (;;) {
        char one[MAX_SHAPE_TEXT + 1];
        size_t length = strcspn(text, " ");
        if (plan->n_shapes == MAX_SHAPES)
            return clade__fail(CLADE_EINVAL, "--shape: more than %d shapes", MAX_SHAPES);
        snprintf(one, sizeof one, "%.*s", (int)length, text);
        CLADE_TRY(parse_shape(one, &plan->shapes[plan->n_shapes]));
        plan->n_shapes++;
        if (!text[length]) return CLADE_OK;
        text += length + 1;
    }
}

/* The library would refuse it too, but after a device is open and its limits are measured. */
static clade_status check_workload(const char *name)
{
    const char *names[16];
    char hint[256];
    const clade_bench_workload *workload;
    size_t n = 0;
    for (; n < 16 && (workload = clade_bench_workload_at((int)n)); n++) {
        names[n] = workload->name;
        if (strcmp(name, workload->name) == 0) return CLADE_OK;
    }
    return clade__fail(CLADE_EINVAL, "bench: unknown workload '%s'%s", name,
                       clade__suggest(hint, sizeof hint, name, names, n));
}

static clade_status read_options(const cli_call *call, bench_plan *plan)
{
    CLADE_TRY(choose_parts(call, plan));
    CLADE_TRY(check_use(call, plan));
    const char *seconds = cli_value_of(call, "seconds"), *batch = cli_value_of(call, "batch");
    const char *to_loss = cli_value_of(call, "to-loss");
    plan->quiet = call->quiet;
    plan->workload = cli_value_of(call, "workload");
    plan->options.provider = cli_value_of(call, "provider");
    if (seconds && (!cli_parse_real(seconds, &plan->options.seconds) ||
                    !(plan->options.seconds > 0.0 && plan->options.seconds <= 60.0)))
        return clade__fail(CLADE_EINVAL, "--seconds is %s, want a number above 0, at most 60",
                           seconds);
    if (batch && (!cli_parse_count(batch, &plan->batch) || plan->batch < 1))
        return clade__fail(CLADE_EINVAL, "--batch is %s, want a whole number, at least 1", batch);
    if (plan->workload) CLADE_TRY(check_workload(plan->workload));
    plan->to_loss = USUAL_LOSS;
    if (to_loss && (!cli_parse_real(to_loss, &plan->to_loss) || !(plan->to_loss >= 0.0 && plan->to_loss <= 100.0)))
        return clade__fail(CLADE_EINVAL, "--to-loss is %s, want a number up to 100, or 0 for none", to_loss);
    plan->output = cli_value_of(call, "output");
    bool png;
    if (plan->output) CLADE_TRY(cli_plot_format(plan->output, &png));
    if (!plan->gemm && plan->options.provider && strcmp(plan->options.provider, "openblas") == 0)
        return clade__fail(CLADE_EINVAL, "bench: openblas runs beside the device, not on it: it is "
                           "for gemm alone");
    return plan->gemm ? choose_shapes(cli_value_of(call, "shape"), plan) : CLADE_OK;
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* What is measured now: over the line before on a terminal. */
static void tell(const bench_plan *plan, const char *what)
{
    if (plan->quiet) return;
    bool terminal = isatty(STDERR_FILENO);
    fprintf(stderr, terminal ? "\r\033[K%s" : *what ? "%s\n" : "%s", what);
}

static clade_status measure_gemms(clade_bench *bench, const bench_plan *plan,
                                  cli_bench_report *report)
{
    report->gemms = calloc((size_t)plan->n_shapes, sizeof *report->gemms);
    if (!report->gemms) return clade__fail(CLADE_ENOMEM, "no memory for the results");
    for (int i = 0; i < plan->n_shapes; i++) {
        const clade_bench_shape *shape = &plan->shapes[i];
        cli_bench_gemm *gemm = &report->gemms[i];
        char what[128];
        snprintf(what, sizeof what, "gemm %d of %d: %lld,%lld,%lld,%c%c", i + 1, plan->n_shapes,
                 (long long)shape->m, (long long)shape->n, (long long)shape->k,
                 shape->trans_a ? 't' : 'n', shape->trans_b ? 't' : 'n');
        tell(plan, what);
        gemm->shape = *shape;
        CLADE_TRY(clade_bench_gemm(bench, shape, gemm->results, &gemm->n_results));
        report->n_gemms++;
    }
    if (!plan->options.provider || strcmp(plan->options.provider, "openblas") == 0)
        report->has_openblas = clade_bench_openblas(bench, &report->openblas);
    return CLADE_OK;
}

static clade_status measure_ops(clade_bench *bench, const bench_plan *plan,
                                cli_bench_report *report)
{
    size_t n_ops = 0, n_sizes = 0;
    int64_t rows, cols;
    while (clade_bench_op_name((int)n_ops)) n_ops++;
    while (clade_bench_op_size((int)n_sizes, &rows, &cols)) n_sizes++;
    report->ops = calloc(n_ops * n_sizes, sizeof *report->ops);
    if (!report->ops) return clade__fail(CLADE_ENOMEM, "no memory for the results");
    for (int i = 0; clade_bench_op_name(i); i++) {
        tell(plan, clade_bench_op_name(i));
        for (int k = 0; clade_bench_op_size(k, &rows, &cols); k++) {
            CLADE_TRY(clade_bench_op(bench, i, rows, cols, &report->ops[report->n_ops]));
            report->n_ops++;
        }
    }
    return CLADE_OK;
}

/* A workload at one batch, or at those that it has. */
static clade_status measure_trains(clade_bench *bench, const bench_plan *plan,
                                   cli_bench_report *report)
{
    const clade_bench_workload *workload;
    size_t n = 0;
    while (clade_bench_workload_at((int)n)) n++;
    report->trains = calloc(2 * n, sizeof *report->trains);
    if (!report->trains) return clade__fail(CLADE_ENOMEM, "no memory for the results");
    for (int i = 0; (workload = clade_bench_workload_at(i)); i++) {
        if (plan->workload && strcmp(plan->workload, workload->name) != 0) continue;
        for (int k = 0; k < 2; k++) {
            int64_t batch = plan->batch ? plan->batch : workload->batches[k];
            if (batch == 0 || (plan->batch && k > 0)) continue;
            tell(plan, workload->name);
            CLADE_TRY(clade_bench_train(bench, workload->name, batch,
                                        &report->trains[report->n_trains]));
            report->n_trains++;
        }
    }
    return CLADE_OK;
}

/* 1, 2, 5, 10, ... and the largest; measured from there on, so that what is too large is told at
 * once. */
static clade_status measure_batchings(clade_bench *bench, const bench_plan *plan,
                                      cli_bench_report *report)
{
    enum { MOST = 64 };
    int64_t largest = plan->batch ? plan->batch : 100, step = 1;
    const char *workload = plan->workload ? plan->workload : clade_bench_workload_at(0)->name;
    report->batchings = calloc(MOST, sizeof *report->batchings);
    if (!report->batchings) return clade__fail(CLADE_ENOMEM, "no memory for the results");
    size_t n = 0;
    for (; step < largest; n++) {
        report->batchings[n].batch = step;
        step = n % 3 == 1 ? step / 2 * 5 : step * 2;
    }
    report->batchings[n++].batch = largest;
    for (size_t i = n; i-- > 0;) {
        clade_bench_batching_result *result = &report->batchings[i];
        char what[128];
        snprintf(what, sizeof what, "%s, batch %lld", workload, (long long)result->batch);
        tell(plan, what);
        CLADE_TRY(clade_bench_batching(bench, workload, result->batch, result));
    }
    report->n_batchings = n;
    return CLADE_OK;
}

static clade_status measure(clade_bench *bench, const bench_plan *plan, cli_bench_report *report)
{
    if (plan->batching) return measure_batchings(bench, plan, report);
    tell(plan, "the device's limits");
    CLADE_TRY(clade_bench_device(bench, &report->limits));
    report->show_limits = plan->device;
    if (plan->gemm) CLADE_TRY(measure_gemms(bench, plan, report));
    if (plan->ops) CLADE_TRY(measure_ops(bench, plan, report));
    return plan->train ? measure_trains(bench, plan, report) : CLADE_OK;
}

/* The picture that was asked for must be there in the end; of the usual one, a line says what is
 * missing. */
static clade_status draw(cli_call *call, const bench_plan *plan, cli_bench_report *report)
{
    const char *output = plan->output ? plan->output : "batching.svg";
    clade__text script = {0};
    bool png;
    CLADE_TRY(cli_plot_format(output, &png));
    cli_batching_script(&script, report, png);
    clade_status status = cli_plot_draw(&script, output);
    clade__text_free(&script);
    if (status == CLADE_OK) report->picture = output;
    if (status == CLADE_OK || plan->output) return status;
    if (!call->quiet) fprintf(stderr, "no picture: %s\n", clade_error());
    return CLADE_OK;
}

/* Prints what was measured, even when its picture cannot be drawn. */
static clade_status print(cli_call *call, const bench_plan *plan, cli_bench_report *report)
{
    char why[1024];
    call->writing = true;
    clade_status drawn = plan->batching ? draw(call, plan, report) : CLADE_OK;
    snprintf(why, sizeof why, "%s", clade_error());
    CLADE_TRY(call->json ? cli_bench_print_json(report) : cli_bench_print(report));
    return drawn == CLADE_OK ? CLADE_OK : clade__fail_again(drawn, why);
}

static clade_status run_plan(cli_call *call, const bench_plan *plan)
{
    clade_device *device = NULL;
    clade_bench *bench = NULL;
    cli_bench_report report = {0};
    clade_status status = plan->output ? cli_plot_check(call) : CLADE_OK;
    if (status == CLADE_OK)
        status = clade_device_open_units(&device, call->device, call->compute_units);
    if (status == CLADE_OK) status = clade_bench_open(&bench, device, &plan->options);
    if (status == CLADE_OK) {
        report.device = clade_device_describe(device);
        status = measure(bench, plan, &report);
        tell(plan, "");
    }
    if (status == CLADE_OK) status = print(call, plan, &report);
    free(report.gemms);
    free(report.ops);
    free(report.trains);
    free(report.batchings);
    clade_bench_free(bench);
    clade_device_free(device);
    return status;
}

/* All ranks have one command line, and one message where it is wrong. */
static clade_status run_parallel(cli_call *call)
{
    bench_plan plan = {0};
    cli_train_job job = {0};
    clade_status status = cli_train_job_open(&job, call);
    if (status == CLADE_OK) status = cli_train_job_agree(&job, call, read_options(call, &plan));
    if (status == CLADE_OK)
        status = cli_bench_parallel_run(call, &job,
                                        &(cli_bench_parallel){.options = &plan.options,
                                                              .workload = plan.workload,
                                                              .batch = plan.batch, .to_loss = plan.to_loss,
                                                              .output = plan.output});
    cli_train_job_close(&job, call, status);
    return status;
}

static clade_status run_bench(cli_call *call)
{
    bench_plan plan = {0};
    if (call->n_arguments && strcmp(call->arguments[0], "parallel") == 0) return run_parallel(call);
    clade_status status = read_options(call, &plan);
    if (status == CLADE_OK) status = run_plan(call, &plan);
    free(plan.shapes);
    return status;
}

static const cli_option bench_options[] = {
    {"seconds", "S", "for each measurement, about (default: 0.3)"},
    {"shape", "M,N,K",
     "gemm: this shape instead of the list; with ,nt behind it B is transposed, with ,tn A, with "
     ",tt both; may be given more than once"},
    {"provider", "NAME",
     "gemm: only this one of tiled, clblast and openblas; train, batching, parallel: this one of "
     "tiled and clblast"},
    {"workload", "NAME", "train: only this one; batching, parallel: this one (default: the first)"},
    {"batch", "N",
     "train: samples in a step (default: the workload's); batching: the largest batch (default: "
     "100); parallel: of all processes together (default: the workload's)"},
    {"to-loss", "X", "parallel: the held-out loss that digits are trained to (default: 0.25), or 0 for none"},
    {"output", "FILE", "batching, parallel: the picture, FILE.svg or FILE.png (batching's default: batching.svg)"},
};

const cli_command cli_command_bench = {
    .name = "bench",
    .synopsis = "[device|gemm|ops|train|batching|parallel] [options]",
    .summary = "measure the device, and gemm, operations and training on it",
    .about =
        "Measures, and says what share of the device's limit it is. Each time is the\n"
        "median of blocks of calls, enqueued back to back, with one wait at the end.\n"
        "  device    arithmetic, memory bandwidth, what a launch and waiting for it cost\n"
        "  gemm      matrix products as the workloads below have them, and cubes, by\n"
        "            every provider in turns; beside OpenBLAS where that is installed\n"
        "  ops       every other operation at three sizes, against the roofline\n"
        "  train     whole training steps of known networks, on random data:\n"
        "            sigmoid-1000-900x3-10, cifar10-3072-3072-10, mnist-784-512-512-10, lenet,\n"
             "            mnist-cnn, vgg-small, resnet20\n"
        "  batching  these steps one sample at a time, in growing batches, and whole, on\n"
        "            one compute unit and on all; with a picture, drawn by gnuplot\n"
        "  parallel  a step of a job, started by mpirun: what computing and what\n"
        "            communication take, what one process takes; and by a model how\n"
        "            far that scales, to 4,096 processes; then trainings to a loss, in\n"
        "            each way of `clade train --parallel`; with a picture of it\n"
        "Without one of these: device, then train. Leave the machine alone meanwhile.\n"
        "\n"
        "Examples:\n"
        "  clade bench\n"
        "  clade bench gemm --shape 128,512,784,nt --shape 1024,1024,1024\n"
        "  clade bench train --workload cifar10-3072-3072-10 --batch 32 --json\n"
        "  clade bench batching --output batching.png\n"
        "  mpirun -n 2 clade bench parallel --workload mnist-784-512-512-10 --batch 512\n",
    .options = bench_options,
    .n_options = sizeof bench_options / sizeof bench_options[0],
    .repeats = "shape",
    .max_arguments = 1,
    .run = run_bench,
};
