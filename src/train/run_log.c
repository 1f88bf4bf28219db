#define _POSIX_C_SOURCE 200809L
#include "train/run_log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "blas/gemm.h"
#include "graph/dry_run.h"
#include "graph/layer.h"

#define SAVE_EVERY_SECONDS 5.0
#define MAX_PATH_BYTES 4096

static void file_in(char *out, const clade__run_log *log, const char *name)
{
    snprintf(out, MAX_PATH_BYTES, "%s/%s", log->folder, name);
}

static clade_status fail_log(const clade__run_log *log)
{
    return clade__fail(CLADE_EIO, "cannot write '%s/metrics.jsonl': %s", log->folder,
                       clade__errno_text(errno));
}

static clade_status open_metrics(clade__run_log *log)
{
    char path[MAX_PATH_BYTES];
    file_in(path, log, "metrics.jsonl");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return fail_log(log);
    log->metrics = fdopen(fd, "r+");
    if (log->metrics) return CLADE_OK;
    clade_status status = fail_log(log);
    close(fd);
    return status;
}

clade_status clade__run_log_open(clade__run_log *log, const char *folder, const clade_model *model,
                                 bool has_valid)
{
    *log = (clade__run_log){.folder = folder, .kept_step = -1};
    if (!folder) return CLADE_OK;
    size_t bytes = clade__model_parameter_bytes(model);
    log->last = malloc(bytes);
    log->best = has_valid ? malloc(bytes) : NULL;
    clade_status status = CLADE_OK;
    if (!log->last || (has_valid && !log->best))
        status = clade__fail(CLADE_ENOMEM, "no memory to keep the model");
    if (status == CLADE_OK) status = clade__run_lock_take(&log->lock, folder);
    if (status == CLADE_OK)
        clade__remove_temporaries(folder);
    else
        clade__run_log_close(log);
    log->last_saved_at = clade__seconds();
    return status;
}

/* Also where that cannot be told. */
static bool is_in(const char *folder, const char *name)
{
    char path[MAX_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0 || errno != ENOENT;
}

bool clade__run_log_keeps_model(const char *folder)
{
    char path[MAX_PATH_BYTES];
    unsigned char *log;
    size_t n_bytes;
    if (!is_in(folder, "model.safetensors") && !is_in(folder, "best.safetensors")) return false;
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    if (clade__file_read(path, &log, &n_bytes) != CLADE_OK) return true;
    bool ended = strstr((const char *)log, "{\"event\":\"end\"") != NULL;
    free(log);
    return ended;
}

clade_status clade__run_log_cut(clade__run_log *log, int64_t n_bytes)
{
    struct stat about;
    CLADE_TRY(open_metrics(log));
    int fd = fileno(log->metrics);
    if (fstat(fd, &about) != 0) return fail_log(log);
    if (n_bytes > about.st_size) n_bytes = about.st_size;
    if (ftruncate(fd, n_bytes) != 0 || fseek(log->metrics, 0, SEEK_END) != 0) return fail_log(log);
    return CLADE_OK;
}

clade_status clade__run_log_sync(clade__run_log *log, int64_t *n_bytes)
{
    if (fflush(log->metrics) != 0 || fsync(fileno(log->metrics)) != 0) return fail_log(log);
    *n_bytes = ftell(log->metrics);
    return CLADE_OK;
}

void clade__run_log_restore(clade__run_log *log, const clade_model *model, const float *last,
                            bool has_best)
{
    char path[MAX_PATH_BYTES];
    clade__run_log_take(log, model, last);
    log->best_unsaved = has_best;
    file_in(path, log, "best.safetensors");
    if (!has_best) (void)unlink(path);
}

void clade__run_log_close(clade__run_log *log)
{
    if (log->metrics) fclose(log->metrics);
    clade__run_lock_release(&log->lock);
    free(log->last);
    free(log->best);
    *log = (clade__run_log){0};
}

/* Writes an event as one line. */
static clade_status write_event(clade__run_log *log, clade__json *event)
{
    clade__json_object_end(event);
    char *text = clade__json_finish(event);
    if (!text) return clade__fail(CLADE_ENOMEM, "no memory to write metrics.jsonl");
    bool wrote = fprintf(log->metrics, "%s\n", text) > 0 && fflush(log->metrics) == 0;
    free(text);
    return wrote ? CLADE_OK : fail_log(log);
}

static clade__json begin_event(const char *name)
{
    clade__json event = {0};
    clade__json_object(&event, NULL);
    clade__json_string(&event, "event", name);
    return event;
}

/* Loss and accuracy always, where NaN becomes null, and what else there is. */
static void add_metrics(clade__json *event, const char *part, const clade_metrics *metrics)
{
    char key[64];
    const char *name;
    for (int i = 0; (name = clade_metric_name(i)); i++) {
        double value = clade_metric_value(metrics, name);
        if (i > 1 && isnan(value)) continue;
        snprintf(key, sizeof key, "%s_%s", part, name);
        clade__json_number(event, key, value);
    }
    if (metrics->n_not_finite == 0) return;
    snprintf(key, sizeof key, "%s_not_finite", part);
    clade__json_number(event, key, (double)metrics->n_not_finite);
}

/* Every gemm of a training step, and who does it. */
static clade_status add_gemms(clade__json *event, const clade_model *model)
{
    clade__commands *dry;
    clade__gemm_call call;
    CLADE_TRY(clade__dry_run(&dry, &model->exe, true, model->exe.micro_batch, NULL));
    clade__json_list(event, "gemm_calls");
    for (size_t i = 0; clade__gemm_dry_call(dry, i, &call); i++) {
        clade__json_object(event, NULL);
        clade__json_number(event, "m", (double)call.args.m);
        clade__json_number(event, "n", (double)call.args.n);
        clade__json_number(event, "k", (double)call.args.k);
        clade__json_bool(event, "trans_a", call.args.trans_a);
        clade__json_bool(event, "trans_b", call.args.trans_b);
        clade__json_number(event, "times", (double)call.times);
        clade__json_string(event, "provider", call.provider);
        clade__json_object_end(event);
    }
    clade__json_list_end(event);
    clade__commands_free(dry);
    return CLADE_OK;
}

clade_status clade__run_log_start(clade__run_log *log, const clade_model *model,
                                  const clade__run_start *start)
{
    if (!log->folder) return CLADE_OK;
    const clade_device_info *info = clade_device_describe(model->device);
    clade__json event = begin_event("start");
    clade__json_string(&event, "device", info->name);
    clade__json_string(&event, "platform", info->platform);
    clade__json_string(&event, "driver", info->driver);
    clade__json_number(&event, "compute_units", info->compute_units);
    clade__json_string(&event, "clade", clade_version());
    clade__json_string(&event, "gemm", clade__gemm_provider_name(model->exe.gemm));
    clade_status status = add_gemms(&event, model);
    if (status != CLADE_OK) {
        free(clade__json_finish(&event));
        return status;
    }
    clade__json_number(&event, "parameters", (double)clade_model_n_parameters(model));
    clade__json_number(&event, "seed", (double)model->session.seed);
    clade__json_number(&event, "batch", (double)model->exe.batch);
    clade__json_number(&event, "micro_batch", (double)model->exe.micro_batch);
    clade__json_number(&event, "train_samples", (double)start->n_train);
    clade__json_number(&event, "valid_samples", (double)start->n_valid);
    clade__json_number(&event, "memory_bytes_planned", (double)start->memory_bytes);
    clade__json_bool(&event, "data_on_device", start->resident);
    clade__json_bool(&event, "valid_is_train", start->valid_is_train);
    return write_event(log, &event);
}

clade_status clade__run_log_message(clade__run_log *log, const char *text)
{
    if (!log->folder) return CLADE_OK;
    clade__json event = begin_event("message");
    clade__json_string(&event, "text", text);
    return write_event(log, &event);
}

clade_status clade__run_log_epoch(clade__run_log *log, const clade_progress *progress)
{
    if (!log->folder) return CLADE_OK;
    clade__json event = begin_event("epoch");
    clade__json_number(&event, "epoch", progress->epoch);
    clade__json_number(&event, "step", (double)progress->step);
    clade__json_number(&event, "lr", clade__decimal(progress->lr));
    add_metrics(&event, "train", &progress->train);
    if (progress->has_valid) {
        add_metrics(&event, "valid", &progress->valid);
        clade__json_bool(&event, "best", progress->best);
    }
    clade__json_number(&event, "seconds", progress->seconds);
    clade__json_number(&event, "samples_per_second", progress->samples_per_second);
    return write_event(log, &event);
}

clade_status clade__run_log_end(clade__run_log *log, const clade_fit_result *result)
{
    if (!log->folder) return CLADE_OK;
    clade__json event = begin_event("end");
    clade__json_string(&event, "status", clade_fit_end_name(result->end));
    if (result->why[0]) clade__json_string(&event, "why", result->why);
    if (result->diverged.step > 0) {
        const clade_divergence *at = &result->diverged;
        clade__json_number(&event, "step", (double)at->step);
        clade__json_string(&event, "phase", clade_phase_name(at->phase));
        if (at->layer[0]) clade__json_string(&event, "layer", at->layer);
    }
    clade__json_number(&event, "steps", (double)result->steps);
    clade__json_number(&event, "epochs", result->epochs);
    clade__json_number(&event, "seconds", result->seconds);
    if (result->best_epoch > 0) {
        clade__json_number(&event, "best_epoch", result->best_epoch);
        add_metrics(&event, "best_valid", &result->best_valid);
    }
    return write_event(log, &event);
}

clade_status clade__run_log_keep(clade__run_log *log, clade_model *model, bool is_best)
{
    if (!log->folder) return CLADE_OK;
    log->kept_step = -1; /* while it is written over */
    log->last_unsaved = false;
    CLADE_TRY(clade__model_read_parameters(model, log->last));
    log->kept_step = model->session.step;
    log->last_unsaved = true;
    if (is_best && log->best) {
        memcpy(log->best, log->last, clade__model_parameter_bytes(model));
        log->best_unsaved = true;
    }
    return CLADE_OK;
}

void clade__run_log_take(clade__run_log *log, const clade_model *model, const float *values)
{
    if (!log->folder) return;
    memcpy(log->last, values, clade__model_parameter_bytes(model));
    log->kept_step = model->session.step;
    log->last_unsaved = true;
}

static clade_status save_one(const clade__run_log *log, const clade_model *model, const char *name,
                             const float *values, bool *unsaved)
{
    char path[MAX_PATH_BYTES];
    if (!*unsaved) return CLADE_OK;
    file_in(path, log, name);
    CLADE_TRY(clade__save_values(model, values, path));
    *unsaved = false;
    return CLADE_OK;
}

clade_status clade__run_log_save(clade__run_log *log, const clade_model *model, bool now)
{
    if (!log->folder) return CLADE_OK;
    if (!now && clade__seconds() - log->last_saved_at < SAVE_EVERY_SECONDS) return CLADE_OK;
    clade_status best = save_one(log, model, "best.safetensors", log->best, &log->best_unsaved);
    clade_status last = save_one(log, model, "model.safetensors", log->last, &log->last_unsaved);
    log->last_saved_at = clade__seconds();
    return best != CLADE_OK ? best : last;
}
