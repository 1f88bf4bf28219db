/* clade bench: what a device can do, and how much of it this library gets. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench_own.h"
#include "cli/bench_parallel.h"
#include "cli/bench_plan.h"
#include "cli/bench_report.h"
#include "cli/plot.h"
#include "cli/suite.h"

/* ---- measuring ------------------------------------------------------------------------------- */

/* What is measured now: over the line before on a terminal. */
static void tell(const cli_bench_plan *plan, const char *what)
{
    if (plan->quiet) return;
    bool terminal = isatty(STDERR_FILENO);
    fprintf(stderr, terminal ? "\r\033[K%s" : *what ? "%s\n" : "%s", what);
}

static clade_status measure_gemms(clade_bench *bench, const cli_bench_plan *plan,
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

static clade_status measure_ops(clade_bench *bench, const cli_bench_plan *plan,
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
static clade_status measure_trains(clade_bench *bench, const cli_bench_plan *plan,
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
static clade_status measure_batchings(clade_bench *bench, const cli_bench_plan *plan,
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

static clade_status measure(clade_bench *bench, const cli_bench_plan *plan, cli_bench_report *report)
{
    if (plan->part == CLI_BENCH_BATCHING) return measure_batchings(bench, plan, report);
    tell(plan, "the device's limits");
    CLADE_TRY(clade_bench_device(bench, &report->limits));
    report->show_limits = plan->part == CLI_BENCH_DEVICE;
    if (plan->part == CLI_BENCH_GEMM) return measure_gemms(bench, plan, report);
    if (plan->part == CLI_BENCH_OPS) return measure_ops(bench, plan, report);
    return plan->part == CLI_BENCH_TRAIN ? measure_trains(bench, plan, report) : CLADE_OK;
}

/* The picture that was asked for must be there in the end; of the usual one, a line says what is
 * missing. */
static clade_status draw(cli_call *call, const cli_bench_plan *plan, cli_bench_report *report)
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
static clade_status print(cli_call *call, const cli_bench_plan *plan, cli_bench_report *report)
{
    char why[1024];
    call->writing = true;
    clade_status drawn = plan->part == CLI_BENCH_BATCHING ? draw(call, plan, report) : CLADE_OK;
    snprintf(why, sizeof why, "%s", clade_error());
    CLADE_TRY(call->json ? cli_bench_print_json(report) : cli_bench_print(report));
    return drawn == CLADE_OK ? CLADE_OK : clade__fail_again(drawn, why);
}

static clade_status run_plan(cli_call *call, const cli_bench_plan *plan)
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
    cli_bench_plan plan = {0};
    cli_train_job job = {0};
    clade_status status = cli_train_job_open(&job, call);
    if (status == CLADE_OK) status = cli_train_job_agree(&job, call, cli_bench_plan_read(call, &plan));
    if (status == CLADE_OK)
        status = cli_bench_parallel_run(call, &job,
                                        &(cli_bench_parallel){.options = &plan.options,
                                                              .workload = plan.workload,
                                                              .batch = plan.batch, .to_loss = plan.to_loss,
                                                              .output = plan.output});
    cli_train_job_close(&job, call, status);
    cli_bench_plan_free(&plan);
    return status;
}

static clade_status run_bench(cli_call *call)
{
    cli_bench_plan plan = {0};
    if (call->n_arguments && strcmp(call->arguments[0], "parallel") == 0) return run_parallel(call);
    clade_status status = cli_bench_plan_read(call, &plan);
    if (status == CLADE_OK) switch (plan.part) {
        case CLI_BENCH_SUITE: status = cli_suite_run(call, &plan); break;
        case CLI_BENCH_START: status = cli_suite_start(call, &plan); break;
        case CLI_BENCH_COMPARE: status = cli_suite_compare(call, &plan); break;
        case CLI_BENCH_ACCURACY: status = cli_bench_accuracy_run(call, &plan); break;
        default:
            status = plan.config ? cli_bench_own_run(call, &plan) : run_plan(call, &plan);
            break;
        }
    cli_bench_plan_free(&plan);
    return status;
}

static const cli_option bench_options[] = {
    {"seconds", "S", "for each measurement, about (default: 0.3)"},
    {"shape", "M,N,K",
     "gemm: this shape instead of the list; with ,nt behind it B is transposed, with ,tn A, with "
     ",tt both; may be given more than once"},
    {"provider", "NAME",
     "gemm: only this one of tiled, local, clblast and openblas; train, batching, parallel: this one of "
     "tiled, local and clblast"},
    {"workload", "NAME", "train: only this one; batching, parallel: this one (default: the first)"},
    {"batch", "N",
     "train: samples in a step (default: the workload's); batching: the largest batch (default: "
     "100); parallel: of all processes together (default: the workload's)"},
    {"to-loss", "X", "parallel: the held-out loss that digits are trained to (default: 0.25), or 0 for none"},
    {"accuracy", "X", "accuracy: the share of held-out digits to train to (default: 0.95)"},
    {"seeds", "N", "accuracy: how many trainings, from the seeds 1 to N (default: 5)"},
    {"rounds", "N", "the suite: how often each row is measured (default: 3)"},
    {"quick", NULL, "the suite: one short round, few samples and small shapes to check: to see that it works"},
    {"html", "FILE", "the suite, compare: a page of it, in one file"},
    {"fail-below", "X", "compare: exit with 1 where a file's figure is below X times the first one's, and by more "
     "than their noise"},
    {"output", "FILE", "batching, parallel: the picture, FILE.svg or FILE.png (batching's default: batching.svg)"},
};

const cli_command cli_command_bench = {
    .name = "bench",
    .synopsis = "[PART | compare FILE FILE...] [options]",
    .summary = "measure a device: its limits, operations and training; compare devices",
    .about =
        "Without a word, the suite: a page on the device in less than five minutes. Its\n"
        "limits, products, operations, whole training steps, cold and warm start; each\n"
        "checked for right results first, then measured in rounds, with its noise. A\n"
        "table on the terminal, with --json FILE.json a document (data/bench.schema.json),\n"
        "with --html FILE a page; with --device all, of every device. What each figure\n"
        "means: src/bench/README.md. Or one of:\n"
        "  device    arithmetic, memory bandwidth, what a launch and waiting for it cost\n"
        "  gemm      matrix products as the workloads below have them, and cubes, by\n"
        "            every provider in turns; beside OpenBLAS where that is installed\n"
        "  ops       every other operation at three sizes, against the roofline\n"
        "  train     whole training steps of known networks, on random data:\n"
        "            sigmoid-1000-900x3-10, cifar10-3072-3072-10, mnist-784-512-512-10, lenet,\n"
        "            mnist-cnn, vgg-small, resnet20; `train CONFIG.yaml`: those of a\n"
        "            config for `clade train`, your own network on your own data\n"
        "  batching  these steps one sample at a time, in growing batches, and whole, on\n"
        "            one compute unit and on all; with a picture, drawn by gnuplot\n"
        "  parallel  a step of a job, started by mpirun: what computing and what\n"
        "            communication take, what one process takes; and by a model how\n"
        "            far that scales, to 4,096 processes; then trainings to a loss, in\n"
        "            each way of `clade train --parallel`; with a picture of it\n"
        "  accuracy  how long digits take to a stated accuracy, from several seeds\n"
        "  start     the first step of a training, and nothing else; the suite times it\n"
        "  compare   the suite's documents, figure by figure, against the first one\n"
        "Each time is the median of blocks of calls, enqueued back to back, with one wait\n"
        "at the end. Leave the machine alone meanwhile.\n"
        "\n"
        "Examples:\n"
        "  clade bench --json here.json --html here.html\n"
        "  clade bench compare there.json here.json --fail-below 0.95\n"
        "  clade bench gemm --shape 128,512,784,nt --shape 1024,1024,1024\n"
        "  clade bench train --workload cifar10-3072-3072-10 --batch 32 --json\n"
        "  clade bench train data/lenet.yaml\n"
        "  clade bench batching --output batching.png\n"
        "  mpirun -n 2 clade bench parallel --workload mnist-784-512-512-10 --batch 512\n",
    .options = bench_options,
    .n_options = sizeof bench_options / sizeof bench_options[0],
    .repeats = "shape",
    .max_arguments = 64,
    .run = run_bench,
};
