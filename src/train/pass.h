/* A pass: one way through a data set in batches, training or not, that can be made again and again.
 *
 * All is recorded when it is opened, for the full batch and for the short last one. A batch that is
 * more than the model does at a time is done in parts; a training step's update follows the last of
 * them. The sums of loss and hits of each batch stay on the device, one row a batch and loss, until they
 * are asked for.
 */
#ifndef CLADE_TRAIN_PASS_H
#define CLADE_TRAIN_PASS_H

#include <clade/train.h>

#include "dist/join.h"
#include "train/bind.h"
#include "train/feed.h"
#include "train/row_counts.h"
#include "train/shares.h"
#include "train/turns.h"

/* How a batch is done: in parts of `part` samples, the last of them with what is left. In a job of several
 * ranks, n of its samples from `first` on are this rank's, and may be none. */
typedef struct clade__parts {
    int64_t of, first, n, part;
    clade__commands *first_part, *next, *last; /* one part is the last; next: between them, if there are */
} clade__parts;

/* What a pass knows of one loss. */
typedef struct clade__pass_loss {
    clade__row_counts counts;
    int32_t slot; /* the row of the sums that the next batch writes */
} clade__pass_loss;

/* What an evaluation sums beside that; all NULL in training. */
typedef struct clade__pass_more {
    unsigned set;         /* which sums, see ops/metric_sums.h */
    clade_tensor *sums;   /* (n_batches, n of the set) */
    float *host;          /* the same, once they are read */
    clade_tensor *values; /* (n of the set, rows): scratch */
    clade_tensor *center; /* (cols) of errors: the means of the targets' columns */
} clade__pass_more;

typedef struct clade__pass {
    clade_model *model;
    clade__feed feed;
    clade__binding binding; /* what the feed makes of the data */
    clade_tensor *weights; /* (classes) of the classes, or NULL; see clade__pass_options */
    float *host_weights;   /* the same */
    bool training;
    clade__ranks *ranks;  /* NULL: there is one */
    clade__shares *shares;
    const clade__turns *turns; /* NULL unless ranks train apart */
    clade__join *join;    /* of gradients, in training together */
    clade__votes votes;   /* that the next step takes to the others */
    int64_t n_samples, batch, n_batches;
    clade__parts full, rest; /* rest: of the short last batch, of 0 samples if there is none */
    clade__pass_loss *losses; /* (n_losses) */
    int n_losses;
    clade_tensor *sums; /* (n_batches * n_losses, CLADE__N_SUMS): loss, hits, rows that are not finite */
    float *host_sums;   /* the same, as far as they were read */
    clade__pass_more more;
    int32_t slot;       /* the batch that runs next: whose totals are read */
} clade__pass;

/* Log points: where sums are read while more batches are on their way, about ten times a second. */
typedef struct clade__pace {
    int64_t interval; /* batches from one to the next */
    double at;        /* when the last one was, of clade__seconds() */
} clade__pace;

clade__pace clade__pace_begin(void);

/* Called at a log point. */
void clade__pace_next(clade__pace *pace);

typedef struct clade__pass_options {
    bool training;
    bool resident;                /* keep the data on the device */
    const float *class_weights;   /* as in clade_fit_options, checked; NULL outside training */
    bool replacement, balanced;   /* the same */
    const clade_augment *augment; /* the same, checked */
    clade__ranks *ranks;          /* of a job of several; NULL: one. Borrowed, and so is: */
    clade__shares *shares;        /* what each does of a batch; or in training, of whole batches: */
    const clade__turns *turns;    /* shares is NULL then */
} clade__pass_options;

/* CLADE_EDATA when the data does not fit the model. */
clade_status clade__pass_open(clade__pass *pass, clade_model *model, const clade_data *data,
                              const clade__pass_options *options);
void clade__pass_close(clade__pass *pass);

/* Records what follows the backward of a step of one rank: gradients are clipped and applied. */
clade_status clade__record_update(clade_model *model, clade__commands *commands);

/* Tries every gemm that a pass over so many samples will run, short batches included; before the model's
 * memory is taken. In training, with shares unless they are NULL. */
clade_status clade__pass_check(const clade_model *model, bool training, int64_t n_samples,
                               const clade__shares *shares);

/* check_data.c: whether data has the answers that the model wants; its samples are for clade__bind. */
clade_status clade__check_data(const clade_model *model, const clade_data *data);

/* CLADE_EDATA where all samples, if there are two or more, are of one class: there is nothing to learn. */
clade_status clade__check_two_classes(const clade_model *model, const clade_data *data);

/* Whether the losses are ones of such targets: bce_with_logits wants them in [0, 1], and a label of a field
 * must be a class or the one to ignore. */
clade_status clade__check_targets(const clade_model *model, const clade_data *data);

/* Whether the device has room for the data beside what is planned and held. */
bool clade__data_fits(const clade_model *model, const clade_data *data, bool shuffled,
                      uint64_t planned);

/* Draws the order of an epoch; before its first batch, in training. */
clade_status clade__pass_shuffle(clade__pass *pass, uint64_t seed, int64_t epoch);

/* Enqueues batch number `index`; of one that another rank does the step is only counted. */
clade_status clade__pass_run(clade__pass *pass, int64_t index);

/* Records all anew, after the shares have changed. */
clade_status clade__pass_share(clade__pass *pass);

/* The same as clade__pass_run by hand: begins the batch; its parts are then fed and run, one after another; and
 * ends it, however that went. */
typedef struct clade__part {
    int64_t first, n;          /* its samples, in the epoch's order */
    clade__commands *commands; /* to run */
} clade__part;

void clade__pass_begin(clade__pass *pass, int64_t index);
bool clade__pass_is_mine(const clade__pass *pass, int64_t index);
int64_t clade__pass_n_parts(const clade__pass *pass, int64_t index);
clade_status clade__pass_feed(clade__pass *pass, int64_t index, int64_t i, clade__part *part);
clade_status clade__pass_end(clade__pass *pass, clade_status status);

/* The samples of a batch. */
int64_t clade__pass_n_in(const clade__pass *pass, int64_t index);

/* ---- pass_join.c ------------------------------------------------------------------------------- */

/* Where there are ranks, the join of a training's gradients. */
clade_status clade__pass_open_join(clade__pass *pass);

/* How far a recording is: so many buckets are ready. */
typedef struct clade__ready {
    clade__pass *pass;
    int n;
} clade__ready;

/* Lets a plan that is about to be recorded say which buckets are ready. */
void clade__pass_record_ready(clade__ready *ready, clade__plan *plan);

/* Records what follows its backward: gradients meet those of other ranks, and are clipped and applied. */
clade_status clade__pass_record_join(clade__pass *pass, clade__ready *ready, clade__commands *commands);

/* The whole step of a rank that has no samples of the last batch. */
clade_status clade__pass_record_nothing(clade__pass *pass, clade__commands *commands);

/* ---- pass_metrics.c ---------------------------------------------------------------------------- */

/* Memory for the sums; how they are recorded, behind a part's losses. */
clade_status clade__pass_sums_open(clade__pass *pass);
void clade__pass_sums_close(clade__pass *pass);
clade_status clade__pass_sums_record(clade__pass *pass, const clade__plan *plan, clade__commands *commands);

/* Device memory of what an evaluation of so many samples sums beside losses and hits. */
uint64_t clade__pass_more_bytes(const clade_model *model, int64_t n_samples, bool has_labels);

/* Waits for what the batches [from, to) of an evaluation have summed beside that. */
clade_status clade__pass_read_more(clade__pass *pass, int64_t from, int64_t to);

/* Forgets what was read. */
void clade__pass_clear_sums(clade__pass *pass);

/* Makes the sums of batches [from, to), which have been read, those of all ranks. */
clade_status clade__pass_sum_up(clade__pass *pass, int64_t from, int64_t to);

/* Starts to read the sums of batches [from, to). */
clade_status clade__pass_read_begin(clade__pass *pass, int64_t from, int64_t to,
                                    clade__transfer *transfer);

/* Waits for the sums of the batch that was begun last, and gives the sum of its losses. */
clade_status clade__pass_read_loss(clade__pass *pass, float *loss);

/* Whether the losses of a batch whose sums have been read are finite. */
bool clade__pass_is_finite(const clade__pass *pass, int64_t index);

/* Of no samples, and all not a number but the loss. */
clade_metrics clade__no_metrics(void);

/* Over the batches [0, n) from sums that have been read. */
clade_metrics clade__pass_metrics(const clade__pass *pass, int64_t n);

#endif
