#include "train/run_log.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/file.h"
#include "base/text.h"
#include "blas/gemm.h"
#include "graph/layer.h"

#define SAVE_EVERY_SECONDS 5.0
#define MAX_PATH_BYTES 4096

static void file_in(char *out, const clade__run_log *log, const char *name)
{
    snprintf(out, MAX_PATH_BYTES, "%s/%s", log->folder, name);
}

clade_status clade__run_log_open(clade__run_log *log, const char *folder, const clade_model *model,
                                 bool has_valid)
{
    *log = (clade__run_log){.folder = folder};
    if (!folder) return CLADE_OK;
    char path[MAX_PATH_BYTES];
    file_in(path, log, "metrics.jsonl");
    size_t bytes = clade__model_parameter_bytes(model);
    log->now = malloc(bytes);
    log->last = malloc(bytes);
    log->best = has_valid ? malloc(bytes) : NULL;
    if (!log->now || !log->last || (has_valid && !log->best)) {
        clade__run_log_close(log);
        return clade__fail(CLADE_ENOMEM, "no memory to keep the model");
    }
    log->metrics = fopen(path, "w");
    if (!log->metrics) {
        clade_status status =
            clade__fail(CLADE_EIO, "cannot write '%s': %s", path, strerror(errno));
        clade__run_log_close(log);
        return status;
    }
    log->last_saved_at = clade__seconds();
    return CLADE_OK;
}

void clade__run_log_close(clade__run_log *log)
{
    if (log->metrics) fclose(log->metrics);
    free(log->now);
    free(log->last);
    free(log->best);
    *log = (clade__run_log){0};
}

/* Writes an event as one line, and takes it over. */
static clade_status write_event(clade__run_log *log, cJSON *event)
{
    char *text = cJSON_PrintUnformatted(event);
    cJSON_Delete(event);
    if (!text) return clade__fail(CLADE_ENOMEM, "no memory to write metrics.jsonl");
    errno = 0;
    bool wrote = fprintf(log->metrics, "%s\n", text) > 0 && fflush(log->metrics) == 0;
    cJSON_free(text);
    return wrote ? CLADE_OK
                 : clade__fail(CLADE_EIO, "cannot write '%s/metrics.jsonl': %s", log->folder,
                               strerror(errno));
}

static cJSON *begin_event(const char *name)
{
    cJSON *event = cJSON_CreateObject();
    cJSON_AddStringToObject(event, "event", name);
    return event;
}

static void add_metrics(cJSON *event, const char *part, const clade_metrics *metrics)
{
    char key[32];
    snprintf(key, sizeof key, "%s_loss", part);
    cJSON_AddNumberToObject(event, key, metrics->loss);
    snprintf(key, sizeof key, "%s_accuracy", part);
    cJSON_AddNumberToObject(event, key, metrics->accuracy); /* NaN becomes null */
}

/* Every gemm of a training step, and who does it. */
static void add_gemms(cJSON *event, const clade_model *model)
{
    cJSON *list = cJSON_AddArrayToObject(event, "gemm_calls");
    for (int i = 1; i < model->n_nodes; i++) {
        clade_gemm_args calls[CLADE__MAX_GEMMS];
        int n = clade__gemm_calls(model->nodes[i], model->micro_batch, true, calls);
        for (int k = 0; k < n; k++) {
            const clade_gemm_args *call = &calls[k];
            cJSON *item = cJSON_CreateObject();
            cJSON_AddNumberToObject(item, "m", (double)call->m);
            cJSON_AddNumberToObject(item, "n", (double)call->n);
            cJSON_AddNumberToObject(item, "k", (double)call->k);
            cJSON_AddBoolToObject(item, "trans_a", call->trans_a);
            cJSON_AddBoolToObject(item, "trans_b", call->trans_b);
            cJSON_AddStringToObject(item, "provider", clade__gemm_provider_of(model->device, call));
            cJSON_AddItemToArray(list, item);
        }
    }
}

clade_status clade__run_log_start(clade__run_log *log, const clade_model *model,
                                  const clade__run_start *start)
{
    if (!log->folder) return CLADE_OK;
    const clade_device_info *info = clade_device_describe(model->device);
    cJSON *event = begin_event("start");
    cJSON_AddStringToObject(event, "device", info->name);
    cJSON_AddStringToObject(event, "platform", info->platform);
    cJSON_AddStringToObject(event, "driver", info->driver);
    cJSON_AddNumberToObject(event, "compute_units", info->compute_units);
    cJSON_AddStringToObject(event, "clade", clade_version());
    cJSON_AddStringToObject(event, "gemm", clade__gemm_selected(model->device));
    add_gemms(event, model);
    cJSON_AddNumberToObject(event, "parameters", (double)clade_model_n_parameters(model));
    cJSON_AddNumberToObject(event, "seed", (double)model->seed);
    cJSON_AddNumberToObject(event, "batch", (double)model->batch);
    cJSON_AddNumberToObject(event, "micro_batch", (double)model->micro_batch);
    cJSON_AddNumberToObject(event, "train_samples", (double)start->n_train);
    cJSON_AddNumberToObject(event, "valid_samples", (double)start->n_valid);
    cJSON_AddNumberToObject(event, "memory_bytes_planned", (double)start->memory_bytes);
    cJSON_AddBoolToObject(event, "data_on_device", start->resident);
    cJSON_AddBoolToObject(event, "valid_is_train", start->valid_is_train);
    return write_event(log, event);
}

clade_status clade__run_log_epoch(clade__run_log *log, const clade_progress *progress)
{
    if (!log->folder) return CLADE_OK;
    cJSON *event = begin_event("epoch");
    cJSON_AddNumberToObject(event, "epoch", progress->epoch);
    cJSON_AddNumberToObject(event, "step", (double)progress->step);
    cJSON_AddNumberToObject(event, "lr", clade__decimal(progress->lr));
    add_metrics(event, "train", &progress->train);
    if (progress->has_valid) {
        add_metrics(event, "valid", &progress->valid);
        cJSON_AddBoolToObject(event, "best", progress->best);
    }
    cJSON_AddNumberToObject(event, "seconds", progress->seconds);
    cJSON_AddNumberToObject(event, "samples_per_second", progress->samples_per_second);
    return write_event(log, event);
}

clade_status clade__run_log_end(clade__run_log *log, const clade_fit_result *result)
{
    if (!log->folder) return CLADE_OK;
    cJSON *event = begin_event("end");
    cJSON_AddStringToObject(event, "status", clade_fit_end_name(result->end));
    if (result->why[0]) cJSON_AddStringToObject(event, "why", result->why);
    cJSON_AddNumberToObject(event, "steps", (double)result->steps);
    cJSON_AddNumberToObject(event, "epochs", result->epochs);
    cJSON_AddNumberToObject(event, "seconds", result->seconds);
    if (result->has_valid) {
        cJSON_AddNumberToObject(event, "best_epoch", result->best_epoch);
        add_metrics(event, "best_valid", &result->best_valid);
    }
    return write_event(log, event);
}

/* A step may overflow a parameter while its own loss, made before, is finite: such a model must not
 * take the place of a good one. */
clade_status clade__run_log_keep(clade__run_log *log, clade_model *model, bool is_best)
{
    if (!log->folder) return CLADE_OK;
    size_t bytes = clade__model_parameter_bytes(model), n = bytes / sizeof(float);
    CLADE_TRY(clade__model_read_parameters(model, log->now));
    for (size_t i = 0; i < n; i++)
        if (!isfinite(log->now[i]))
            return clade__fail(CLADE_EDIVERGED, "training diverged: a parameter is not finite after "
                               "step %lld; try a smaller learning rate", (long long)model->step);
    memcpy(log->last, log->now, bytes);
    log->last_unsaved = true;
    if (is_best && log->best) {
        memcpy(log->best, log->last, bytes);
        log->best_unsaved = true;
    }
    return CLADE_OK;
}

clade_status clade__run_log_save(clade__run_log *log, const clade_model *model, bool now)
{
    if (!log->folder) return CLADE_OK;
    if (!now && clade__seconds() - log->last_saved_at < SAVE_EVERY_SECONDS) return CLADE_OK;
    char path[MAX_PATH_BYTES];
    if (log->best_unsaved) {
        file_in(path, log, "best.safetensors");
        CLADE_TRY(clade__save_values(model, log->best, path));
        log->best_unsaved = false;
    }
    if (log->last_unsaved) {
        file_in(path, log, "model.safetensors");
        CLADE_TRY(clade__save_values(model, log->last, path));
        log->last_unsaved = false;
    }
    log->last_saved_at = clade__seconds();
    return CLADE_OK;
}
