#include "cli/bench_parallel.h"

#include <stdio.h>

#include "cli/parallel_report.h"
#include "cli/plot.h"

static clade_status draw(const cli_bench_parallel *wanted, cli_parallel_report *report)
{
    clade__text script = {0};
    bool png;
    if (!wanted->output) return CLADE_OK;
    CLADE_TRY(cli_plot_format(wanted->output, &png));
    cli_parallel_script(&script, report, png);
    clade_status status = cli_plot_draw(&script, wanted->output);
    clade__text_free(&script);
    if (status == CLADE_OK) report->picture = wanted->output;
    return status;
}

/* Of the first rank; prints what was measured, even when its picture cannot be drawn. */
static clade_status print(cli_call *call, const cli_bench_parallel *wanted, cli_parallel_report *report)
{
    char why[1024];
    call->writing = true;
    CLADE_TRY(cli_parallel_expect(report));
    clade_status drawn = draw(wanted, report);
    snprintf(why, sizeof why, "%s", clade_error());
    CLADE_TRY(call->json ? cli_parallel_print_json(report) : cli_parallel_print(report));
    return drawn == CLADE_OK ? CLADE_OK : clade__fail_again(drawn, why);
}

static clade_status measure(cli_call *call, const cli_train_job *job, const cli_bench_parallel *wanted,
                            clade_device *device, clade_bench *bench)
{
    cli_parallel_report report = {.device = clade_device_describe(device)};
    const char *workload = wanted->workload ? wanted->workload : clade_bench_workload_at(0)->name;
    if (!call->quiet) fprintf(stderr, "%s, %d ranks\n", workload, job->n_ranks);
    CLADE_TRY(clade_bench_parallel(bench, job->job, workload, wanted->batch, &report.result));
    if (wanted->to_loss > 0.0) {
        if (!call->quiet) fprintf(stderr, "trainings to a loss of %g\n", wanted->to_loss);
        CLADE_TRY(clade_bench_to_loss(bench, job->job, wanted->to_loss, &report.losses, &report.n_losses));
        report.loss = wanted->to_loss;
    }
    return cli_train_job_agree(job, call, job->rank == 0 ? print(call, wanted, &report) : CLADE_OK);
}

clade_status cli_bench_parallel_run(cli_call *call, const cli_train_job *job, const cli_bench_parallel *wanted)
{
    clade_device *device = NULL;
    clade_bench *bench = NULL;
    clade_status status = wanted->output && job->rank == 0 ? cli_plot_check(call) : CLADE_OK;
    CLADE_TRY(cli_train_job_agree(job, call, status));
    CLADE_TRY(clade_job_device_open(&device, job->job, call->device, call->compute_units));
    status = cli_train_job_agree(job, call, clade_bench_open(&bench, device, wanted->options));
    if (status == CLADE_OK) status = measure(call, job, wanted, device, bench);
    clade_bench_free(bench);
    clade_device_free(device);
    return status;
}
