/* What a training leaves in its run folder: metrics.jsonl, a line an event, and the models.
 *
 *   model.safetensors  the last; written again as training goes on
 *   best.safetensors   the best on the validation data: by accuracy, then by loss
 *
 * A model is copied to the host when it is worth keeping and written at most every few seconds, so
 * that epochs of milliseconds do not wait for the disk.
 */
#ifndef CLADE_TRAIN_RUN_LOG_H
#define CLADE_TRAIN_RUN_LOG_H

#include <stdio.h>

#include <clade/train.h>

#include "graph/model.h"
#include "train/run_lock.h"

typedef struct clade__run_log {
    const char *folder; /* NULL: nothing is written */
    clade__run_lock lock;
    FILE *metrics; /* NULL before clade__run_log_cut */
    float *last, *best;  /* parameters as they were; best is NULL without validation */
    int64_t kept_step;   /* of the model, after which `last` was kept; -1 before the first */
    bool last_unsaved, best_unsaved;
    double last_saved_at; /* of clade__seconds() */
} clade__run_log;

/* Takes the folder's lock, and removes what a killed process left half written; nothing else changes.
 * CLADE_EIO when it cannot be written, CLADE_ESTATE while another training holds the lock. */
clade_status clade__run_log_open(clade__run_log *log, const char *folder, const clade_model *model,
                                 bool has_valid);

/* Whether the folder has a model that may be all there is of a run: its log, if there is one, says that the
 * run has ended. */
bool clade__run_log_keeps_model(const char *folder);

/* Opens metrics.jsonl, cuts it to its first n bytes, and goes on behind them. */
clade_status clade__run_log_cut(clade__run_log *log, int64_t n_bytes);

/* Brings the log to the disk; *n_bytes is its length. */
clade_status clade__run_log_sync(clade__run_log *log, int64_t *n_bytes);

/* Takes over the models of a training that goes on: the parameters it goes on from, and the best, if
 * any; best.safetensors may be of a later epoch that has yet to come again. */
void clade__run_log_restore(clade__run_log *log, const clade_model *model, const float *last,
                            bool has_best);

/* Frees; writes nothing. */
void clade__run_log_close(clade__run_log *log);

typedef struct clade__run_start {
    int64_t n_train, n_valid;
    uint64_t memory_bytes;
    bool resident;
    bool valid_is_train; /* the validation data is the training data */
} clade__run_start;

clade_status clade__run_log_start(clade__run_log *log, const clade_model *model,
                                  const clade__run_start *start);
clade_status clade__run_log_message(clade__run_log *log, const char *text);
clade_status clade__run_log_epoch(clade__run_log *log, const clade_progress *progress);
clade_status clade__run_log_end(clade__run_log *log, const clade_fit_result *result);

/* Copies the parameters, which are known to be finite, as the last model, and as the best too where
 * is_best. */
clade_status clade__run_log_keep(clade__run_log *log, clade_model *model, bool is_best);

/* The same of parameters that the host has, as the last model. */
void clade__run_log_take(clade__run_log *log, const clade_model *model, const float *values);

/* Writes what is kept and not yet written, the last although the best failed; unless `now` is set,
 * only every few seconds. */
clade_status clade__run_log_save(clade__run_log *log, const clade_model *model, bool now);

#endif
