#define _POSIX_C_SOURCE 200809L
#include "cli/train_report.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/run_folder.h"

/* metrics: NULL when there are none; epoch: 0 for those of no one epoch. */
static void add_metrics(clade__json *json, const char *key, const clade_metrics *metrics,
                        int64_t epoch)
{
    if (!metrics) {
        clade__json_null(json, key);
        return;
    }
    clade__json_object(json, key);
    cli_json_metrics(json, metrics);
    if (epoch > 0) clade__json_number(json, "epoch", (double)epoch);
    clade__json_object_end(json);
}

clade_status cli_train_json(const cli_trained *t)
{
    const clade_fit_result *result = t->result;
    clade__json json = {0};
    char path[CLI_PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/model.safetensors", t->folder);
    clade__json_object(&json, NULL);
    clade__json_string(&json, "run", t->folder);
    /* A training that diverges before its first epoch ends may leave no model. */
    clade__json_string(&json, "model", access(path, F_OK) == 0 ? path : NULL);
    clade__json_string(&json, "status", clade_fit_end_name(result->end));
    if (result->why[0]) clade__json_string(&json, "why", result->why);
    if (result->diverged.step > 0) {
        clade__json_number(&json, "step", (double)result->diverged.step);
        clade__json_string(&json, "phase", clade_phase_name(result->diverged.phase));
        if (result->diverged.layer[0]) clade__json_string(&json, "layer", result->diverged.layer);
    }
    clade__json_number(&json, "epochs", result->epochs);
    clade__json_number(&json, "steps", (double)result->steps);
    clade__json_number(&json, "seconds", result->seconds);
    clade__json_number(&json, "samples_per_second", result->samples_per_second);
    bool has_train = result->epochs > 0, has_valid = result->has_valid;
    bool has_best = result->best_epoch > 0;
    add_metrics(&json, "train", has_train ? &result->train : NULL, 0);
    add_metrics(&json, "valid", has_valid ? &result->valid : NULL, 0);
    add_metrics(&json, "best", has_best ? &result->best_valid : NULL, result->best_epoch);
    clade__json_object_end(&json);
    return cli_print_json(&json);
}

/* How long a step takes: by the last epoch, since the first one has its kernels compiled. */
static void print_speed(const cli_trained *t, FILE *to)
{
    const clade_fit_result *result = t->result;
    char count[32], seconds[32];
    int64_t n = clade_data_describe(t->setup->train).n_samples;
    int64_t batch = t->setup->settings.values[CLI_BATCH].count;
    if (!(result->samples_per_second > 0.0)) return;
    if (batch > n) batch = n;
    fprintf(to, "last epoch at %s samples/s, %s for a batch of %lld\n",
            cli_count_text(count, sizeof count, (int64_t)(result->samples_per_second + 0.5)),
            cli_seconds_text(seconds, sizeof seconds, (double)batch / result->samples_per_second),
            (long long)batch);
}

/* Three lines: how it ended and how good it is; how fast it was; where the model lies. */
static void print_summary(const cli_trained *t, FILE *to)
{
    const clade_fit_result *result = t->result;
    char metrics[64];
    if (result->end == CLADE_STOPPED)
        fprintf(to, "stopped by the user at step %lld", (long long)result->steps);
    else
        fprintf(to, "%s %d epoch%s, %lld step%s",
                result->end == CLADE_STOPPED_EARLY ? "stopped early after" : "completed",
                result->epochs, result->epochs == 1 ? "" : "s", (long long)result->steps,
                result->steps == 1 ? "" : "s");
    fprintf(to, " in %.1f s", result->seconds);
    if (result->has_valid) {
        fprintf(to, "; %s %s", t->setup->valid_is_train ? "training data" : "held-out",
                cli_metrics_text(metrics, sizeof metrics, &result->valid));
        if (result->best_epoch > 0 && result->best_epoch < result->epochs)
            fprintf(to, " (best in epoch %d: %s)", result->best_epoch,
                    cli_metrics_text(metrics, sizeof metrics, &result->best_valid));
    } else if (result->epochs > 0) {
        fprintf(to, "; train %s", cli_metrics_text(metrics, sizeof metrics, &result->train));
    }
    fprintf(to, "\n");
    print_speed(t, to);
    fprintf(to, "model saved as %s/model.safetensors\n", t->folder);
}

/* The summary in lines that fit. Without memory for that, as it comes. */
void cli_train_summary(const cli_trained *t, FILE *to)
{
    char *text = NULL;
    size_t n_bytes;
    FILE *lines = open_memstream(&text, &n_bytes);
    if (lines) print_summary(t, lines);
    if (lines && fclose(lines) == 0)
        cli_print_lines(to, 2, text);
    else
        print_summary(t, to);
    free(text);
}

clade_status cli_train_check(const cli_trained *t)
{
    const clade_fit_result *result = t->result;
    if (result->end == CLADE_STOPPED || !result->has_valid || isfinite(result->valid.loss))
        return CLADE_OK;
    return clade__fail(CLADE_EDIVERGED, "the last validation is not finite: on %lld of %lld samples the "
                       "network or its loss gives NaN or infinity; the model is saved, and those samples "
                       "count as wrong; `clade predict` names them; look for far larger numbers than in "
                       "the training data, or standardize the data (--standardize)",
                       (long long)result->valid.n_not_finite, (long long)result->valid.n_samples);
}
