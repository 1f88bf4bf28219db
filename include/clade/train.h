/* Training and using a model: fit, evaluate, predict. */
#ifndef CLADE_TRAIN_H
#define CLADE_TRAIN_H

#include <signal.h>

#include <clade/data.h>
#include <clade/job.h>
#include <clade/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clade_metrics {
    int64_t n_samples;
    double loss;     /* mean over the rows that count, of several losses the weighted sum of their means; not
                      * finite where that of one row is not. A sample is one row, unless the network's target
                      * has several for each */
    double accuracy; /* share of right classes among the rows that count, of the first loss of classes; NaN
                      * when the targets are numbers */
    int64_t n_not_finite; /* rows with an output or a loss that is NaN or infinite: in no class, and so
                           * wrong in the accuracy */
    /* Of the first loss, where it has them; NaN else, and in training: */
    double top5_accuracy; /* of more than five classes: the share of rows whose class is among the five
                           * largest outputs */
    double perplexity;    /* of cross_entropy without label smoothing: exp(its loss) */
    double mae, r2;       /* of mse with numbers as targets: the mean absolute error, and 1 - squared errors /
                           * squared deviations from the mean of each column (scikit-learn's r2_score with
                           * "variance_weighted"), in the units that the network is trained in */
    uint64_t reserved[4];
} clade_metrics;

/* Metrics by name: "loss", "accuracy", "top5_accuracy", "perplexity", "mae", "r2"; NULL behind the last. The
 * value of one, NaN where there is none of the name. */
CLADE_API const char *clade_metric_name(int index);
CLADE_API double clade_metric_value(const clade_metrics *metrics, const char *name);

/* How the learning rate moves while a model is fitted, by PyTorch's definitions. lr is the
 * optimizer's; epochs and steps are those of the call, counted from 0.
 *   constant  lr
 *   step      lr gamma^floor(epoch / step_size)                                        (StepLR)
 *   cosine    min_lr + (lr - min_lr) (1 + cos(pi t / T)) / 2 in step t of the T that are planned,
 *             the warm-up counted in neither                       (CosineAnnealingLR, by steps)
 *   plateau   lr; times factor, but not below min_lr, after each row of more than `patience` epochs
 *             none of which had a loss below (1 - threshold) times the least before it. The loss of
 *             the validation, of the training where there is none          (ReduceLROnPlateau)
 * In a warm-up of n steps, step t has (t + 1) / n of the rate. */
typedef enum clade_schedule_kind {
    CLADE_SCHEDULE_CONSTANT,
    CLADE_SCHEDULE_STEP,
    CLADE_SCHEDULE_COSINE,
    CLADE_SCHEDULE_PLATEAU
} clade_schedule_kind;

/* So much of a training. */
typedef enum clade_unit { CLADE_STEPS, CLADE_EPOCHS, CLADE_SECONDS } clade_unit;
typedef struct clade_span {
    int64_t count; /* 0: none */
    clade_unit unit;
} clade_span;

/* Zeroed: constant, without a warm-up. */
typedef struct clade_schedule {
    clade_schedule_kind kind;
    clade_span warmup; /* in steps or epochs */
    int64_t step_size; /* step: in epochs, at least 1 */
    double gamma;      /* step: in (0, 1]; 0 means 0.1 */
    double min_lr;     /* cosine, plateau: at least 0, at most lr */
    double factor;     /* plateau: in (0, 1); 0 means 0.1 */
    int64_t patience;  /* plateau: in epochs, as given; PyTorch's default is 10 */
    double threshold;  /* plateau: in [0, 1), as given; PyTorch's default is 1e-4 */
    uint64_t reserved[8];
} clade_schedule;

/* PyTorch's defaults for what is not an argument. */
CLADE_API clade_schedule clade_schedule_step(int64_t step_size, double gamma);
CLADE_API clade_schedule clade_schedule_cosine(double min_lr);
CLADE_API clade_schedule clade_schedule_plateau(double factor, int64_t patience);

/* "constant", "step", "cosine", "plateau". NULL out of range. */
CLADE_API const char *clade_schedule_name(clade_schedule_kind kind);

/* What on_progress is told: at least at every epoch's end, and every log interval before it. */
typedef struct clade_progress {
    int epoch, n_epochs; /* counted from 1 */
    int64_t step, n_steps;             /* of the whole training; n_steps is what is planned */
    int64_t epoch_step, n_epoch_steps; /* of this epoch */
    float lr;                          /* of the step that was made last */
    clade_metrics train;               /* of this epoch so far */
    bool epoch_end;
    bool has_valid;                    /* at an epoch's end, when there is validation data */
    clade_metrics valid;
    bool best;                         /* the best validation so far; never one that is not finite */
    double seconds;                    /* of training, validation not counted, so far */
    double samples_per_second;         /* of this epoch */
    uint64_t reserved[8];
} clade_progress;

/* Random changes of images, (channels, height, width) or (height, width), in training: each image anew in
 * each epoch, by seed, epoch and its number in the data alone. Zeroed: none. */
typedef struct clade_augment {
    int64_t crop;   /* move by at most so many pixels each way, with value 0 beyond the edges: torchvision's
                     * RandomCrop of the image's size with this padding. Below height and width */
    bool flip;      /* mirror half of the images left to right: RandomHorizontalFlip */
    int64_t cutout; /* then blank a square of so many pixels a side, what the network sees as 0, about a
                     * place anywhere in the image (DeVries & Taylor 2017); 0: none */
    uint64_t reserved[4];
} clade_augment;

/* How the ranks of a job train one model (clade_fit_options).
 *   sync      together: each does its share of each batch, and their gradients are summed in each step
 *   simu      apart: each makes whole steps by itself, on batches that are dealt to the ranks in turn, and the
 *             models are averaged at the end of each epoch, or more often. Of one epoch this is SimuParallelSGD
 *             (Zinkevich, Weimer, Li, Smola: Parallelized Stochastic Gradient Descent, NIPS 2010), each rank's
 *             part being its batches of the shuffled data; of several, each begins with the average
 *   weighted  the same for ranks that make different numbers T_i of steps, by their shares: the models are
 *             averaged with weights (1 - lambda eta)^(T_max - T_i) / sum_j (1 - lambda eta)^(T_max - T_j), which
 *             is WP-SGD (Cheng, Li, Zhang: Weighted parallel SGD for distributed unbalanced-workload training
 *             system, arXiv:1708.04801, 2017). lambda is the optimizer's weight_decay, the regularizer of that
 *             paper, and eta the learning rate of the last step; without weight decay all weigh the same */
typedef enum clade_parallel {
    CLADE_PARALLEL_SYNC,
    CLADE_PARALLEL_SIMU,
    CLADE_PARALLEL_WEIGHTED
} clade_parallel;

typedef struct clade_fit_options {
    int epochs;           /* 0 means 1 */
    int64_t max_steps;    /* stop after so many steps; 0: no limit */
    clade_data *validate; /* may be NULL */
    int64_t log_every;    /* steps between calls of on_progress; 0: about ten times a second */
    const char *run_dir;  /* an existing, writable folder for metrics.jsonl, model.safetensors (last),
                           * best.safetensors and checkpoints; NULL: none is written. While it trains
                           * it holds a lock there, on run.lock, which stays when it has ended:
                           * CLADE_ESTATE where another training holds it. */
    clade_span checkpoint_every; /* 0: only when training ends or is stopped */
    int keep;             /* how many checkpoints to keep, the newest; 0 means 2 */
    bool resume;          /* go on from the newest checkpoint in run_dir that is not damaged, with the
                           * bits of a training that was never interrupted. Anew where there is
                           * none, in a folder without a model or of a run that was killed; not in
                           * one with a model whose run has ended, which would be replaced.
                           * Model, data, batch, seed, optimizer and schedule must be those of the
                           * run; how long it lasts, if not shorter than it has already lasted, and
                           * what it leaves may be other. With a cosine schedule it lasts as long as
                           * was planned when it began. */
    const float *class_weights; /* (classes of the training data) how much a sample of each class counts, or
                           * NULL: all the same. The loss of a step is then the weighted mean of its
                           * samples' losses, sum(w l) / sum(w) over all of the batch, as PyTorch's
                           * cross_entropy has it; and so is the training loss, the mean of these over the
                           * samples. The validation loss is not weighted, nor is any accuracy. None below
                           * 0, one above it; for targets CLADE_EINVAL */
    bool balanced;        /* draw an epoch's samples with replacement, each class as often as another on
                           * average: PyTorch's WeightedRandomSampler with 1 / n_c, n_c samples of the
                           * class. For targets CLADE_EINVAL */
    bool replacement;     /* draw an epoch's samples with replacement: some come more than once, and
                           * about 37 % not at all; else each comes once, shuffled */
    clade_schedule schedule;
    int64_t patience;     /* stop after so many epochs in a row without a better validation; 0: never.
                           * Better is higher in accuracy or, at the same or without one, lower in
                           * loss, by more than min_delta; one whose loss is not finite never is. */
    double min_delta;
    bool stream;          /* keep the data on the host even when the device could hold it */
    bool (*on_progress)(const clade_progress *progress, void *user); /* false stops after the step */
    void (*on_message)(const char *text, void *user); /* a line that the user should know of: how it was
                           * resumed, or what looks wrong in data, network or result; in the log too */
    clade_status (*on_begin)(void *user); /* with a run_dir: it is locked, nothing in it has changed
                                           * yet, and nothing is refused any more: the run is about to
                                           * begin or to go on. For what the caller keeps with it, or
                                           * clears away; what is not CLADE_OK ends the training. */
    void *user;
    const volatile sig_atomic_t *stop; /* may be NULL; once it is not 0, training stops after the
                                        * step, validation within some tenths of a second: for a
                                        * signal's handler, or another thread */
    const clade_augment *augment; /* of the training data's images; NULL: none. CLADE_EINVAL for data of
                                   * other shapes or of named fields */
    clade_job *job;       /* train as one of its ranks, NULL: alone. Each rank has a device of its own, the
                           * whole data, and the same model, compiled with keep_gradients, and calls
                           * clade_fit with the same options; else CLADE_ERANK or CLADE_EINVAL. Unless
                           * `parallel` says otherwise, it does its
                           * share of each batch, and gradients are summed in the order of the ranks: what
                           * is trained is what one rank would train, to rounding, and the same to the bit
                           * whenever the same ranks do it. Batch norm has the statistics of each rank's
                           * share. Rank 0 alone writes run_dir and calls on_message and on_begin; a
                           * checkpoint can be resumed by any number of ranks. What fails on one rank ends
                           * clade_fit on all, with its status and its message */
    const float *shares;  /* (ranks) of the job: how much of each batch each rank does, in proportion. NULL:
                           * all the same. CLADE_EINVAL for one that is not above 0, or where there are not
                           * samples enough in a batch for each rank */
    bool share_auto;      /* begin with these, measure how long each rank takes, and share by that: once in
                           * the first steps, and again where it changes. The bits then depend on the time */
    int64_t average_every; /* simu, weighted: average after so many steps of each rank, counted in each epoch,
                           * and at its end; 0: only there. CLADE_EINVAL with sync */
    clade_parallel parallel; /* of the job's ranks. With simu and weighted gradients need not be kept; a step is
                           * a batch that some rank has done, an epoch has as many as on one device, and at least
                           * one for each rank, else CLADE_EINVAL. Batches are dealt by shares, which simu has
                           * not (CLADE_EINVAL). The same ranks and shares make the same bits. Averaged are
                           * parameters, running statistics and the optimizer's state, and a rank that made no
                           * step counts nothing. Checkpoints are made at averages: one that is due waits for
                           * the next. A training that is stopped, or ends within an epoch, averages there, so
                           * that one which goes on from it has averaged once more */
    uint64_t reserved[10];
} clade_fit_options;

typedef enum clade_fit_end {
    CLADE_COMPLETED,
    CLADE_STOPPED,      /* by on_progress or stop */
    CLADE_DIVERGED,
    CLADE_STOPPED_EARLY /* for want of a better validation */
} clade_fit_end;

/* Where a training diverged: the first NaN or infinity of the steps before the loss showed it. */
typedef struct clade_divergence {
    int64_t step;      /* counted from 1; 0: training did not diverge, or this was not found */
    clade_phase phase; /* what the step was doing: CLADE_PHASE_FEED (the data is not finite), _FORWARD,
                        * _LOSS, _BACKWARD (a gradient) or _OPTIMIZER (a parameter, by its update) */
    char layer[64];    /* its name, as clade_layer_info has it; "" where it is in none */
    uint64_t reserved[4];
} clade_divergence;

typedef struct clade_fit_result {
    clade_fit_end end;
    char why[512];          /* in one line, where training diverged or stopped early; else "" */
    clade_divergence diverged;
    int64_t steps;
    int epochs;             /* finished, one that max_steps cut short among them */
    double seconds;         /* of training, validation not counted */
    double samples_per_second;
    clade_metrics train;    /* of the last of these epochs, over the samples that it did */
    bool has_valid;
    clade_metrics valid;    /* after it */
    clade_metrics best_valid;
    int best_epoch;         /* 0 where the loss of no validation was finite */
    uint64_t reserved[8];
} clade_fit_result;

/* For clade_compile_options; data may be NULL. */
CLADE_API clade_data_size clade_data_size_of(const clade_data *data);

/* The device memory that clade_fit will hold, to the byte but for what the driver adds: the model's,
 * the data's where it lies on the device, else that of a part of a batch, and the sums of its batches.
 * CLADE_EDEVICEMEM where the device has not that much, as clade_compile. options may be NULL. */
CLADE_API CLADE_MUST_CHECK clade_status clade_fit_memory(const clade_model *model,
                                                         const clade_data *train,
                                                         const clade_fit_options *options,
                                                         clade_memory *memory);

/* Trains a compiled model. Stays CLADE_OK when it is stopped. CLADE_EDIVERGED when a loss or a
 * gradient is NaN or infinite, which is noticed within two log intervals of a tenth of a second each.
 * Then the steps since a copy of the training, ten seconds old at most or as long as 200 copies take,
 * are made again to find where it began: the result has the place, the message names layer and step,
 * and the model is what it was in that copy. CLADE_EDATA when the data does not fit the model, has a
 * single class, or has targets outside [0, 1] with bce_with_logits, or when every checkpoint to resume from
 * is damaged; CLADE_EINVAL, naming the setting, when the run to resume began with another, has ended and
 * left no checkpoint, was planned by its cosine schedule to last longer or shorter, or has done more than
 * epochs and max_steps want; CLADE_EIO when run_dir cannot be written, the last checkpoint being as good as before. After any failure the
 * model of the last epoch and the best one are still saved where they can be, and the message says so.
 * A validation whose loss is not finite ends nothing: on_message is told of it, and the result has it.
 * options and result may be NULL. */
CLADE_API CLADE_MUST_CHECK clade_status clade_fit(clade_model *model, clade_data *train,
                                                  const clade_fit_options *options,
                                                  clade_fit_result *result);

/* Loss and accuracy over all of the data.
 *
 * A table is read as the model reads it: see clade_data_open_with. Plain numbers, as from memory, are
 * seen through the same centers and scales; data that was read in another way is CLADE_EDATA. So it is
 * with the validation data of clade_fit, and with clade_predict.
 *
 * Labels go by what the data calls its classes, by value where these are numbers (1, 1.0, 01) and by text
 * where they are words, never by the place in a file: one that lacks a class of the training data numbers
 * the others differently. Labels that are numbers without names, as in arrays, are places among the
 * outputs of a model whose classes are words. CLADE_EDATA, with the row, for a class that the model was
 * not trained on.
 *
 * CLADE_EDATA, with the sample, for a target outside [0, 1] of a model with bce_with_logits.
 *
 * CLADE_OK also where the network overflows on some samples: metrics->n_not_finite counts them. */
CLADE_API CLADE_MUST_CHECK clade_status clade_evaluate(clade_model *model, clade_data *data,
                                                       clade_metrics *metrics);

/* The network's outputs for samples [first, first + n) of the data, (n, outputs) float32, into host
 * memory; as probabilities: softmax after cross_entropy, sigmoid after bce_with_logits, unchanged
 * after mse, but in the target's own units where it was standardized. With raw set, the last node's own
 * values. */
CLADE_API CLADE_MUST_CHECK clade_status clade_predict(clade_model *model, clade_data *data,
                                                      int64_t first, int64_t n, bool raw,
                                                      float *outputs);

/* Raw outputs of n samples, as clade_predict gives them with raw set, as probabilities: (n, outputs)
 * both, and they may be the same memory. By the model's loss as there, in double precision on the host.
 * A sample that has an output which is not finite has NaN for all: an infinite logit is an overflow,
 * and no certainty. */
CLADE_API CLADE_MUST_CHECK clade_status clade_model_probabilities(const clade_model *model, int64_t n,
                                                                  const float *raw,
                                                                  float *probabilities);

/* Launches once all that a use of the model will launch, so that the driver builds it now and keeps it, and with
 * it the tilings that compiling has measured: another process then finds it all in the caches. Of a model that is
 * compiled for training, all of clade_fit with these options: steps on the first batch and on the short last one,
 * an evaluation of `validate`; parameters and state are then what they were. Of a loaded one, evaluation, where
 * the data has answers, and prediction; data may be NULL then, for a batch of zeros, which leaves out what a
 * short last batch needs. Nothing is written but caches; run_dir, resume and the functions to call are not looked
 * at. A driver that keeps no programs has Clade's own kept (see CLADE_CACHE_DIR), but not CLBlast's. options may
 * be NULL. The errors of clade_fit, clade_evaluate and clade_predict; CLADE_EINVAL for options->job. */
CLADE_API CLADE_MUST_CHECK clade_status clade_warm(clade_model *model, clade_data *data,
                                                   const clade_fit_options *options);

/* "completed", "stopped", "diverged", "stopped_early". */
CLADE_API const char *clade_fit_end_name(clade_fit_end end);

#ifdef __cplusplus
}
#endif

#endif
