/* The settings of a training: one table for config keys, options, defaults, ranges and help.
 *
 * A setting's value comes from its default, the config file or the command line; the later of these
 * stands. A row with a NULL default is decided when model, data and optimizer are known.
 */
#ifndef CLADE_CLI_SETTINGS_H
#define CLADE_CLI_SETTINGS_H

#include <cjson/cJSON.h>

#include "cli/common.h"

/* REAL's bounds belong to its range, OPEN's do not; TEXT's are of its length. AUTO is a COUNT, or "auto"
 * and the count that stood before. A CHOICE's argument lists its words, and a SPAN's, after its N, its
 * units: without one it is in steps. */
typedef enum cli_kind {
    CLI_TEXT,
    CLI_CHOICE,
    CLI_COUNT,
    CLI_AUTO,
    CLI_SPAN,
    CLI_REAL,
    CLI_OPEN,
    CLI_FLAG
} cli_kind;

#define CLI_COUNT_MAX 9e15 /* exact in a double */

/* id, config key, option, kind, default, least, most, argument, help. Rows of one section of the
 * config stand together; the resolved config is written in this order. */
#define CLI_SETTINGS(X)                                                                            \
    X(NAME, "name", "name", TEXT, NULL, 1, 100, "NAME",                                            \
      "what the run is called; a part of its default folder")                                      \
    X(MODEL, "model", "model", TEXT, NULL, 1, 1000, "SPEC",                                        \
      "the network: mlp:512,512 for two hidden layers, linear for none; of images cnn:32,64 for "  \
      "convolutions of so many channels, lenet, resnet20 (of 32x32) or resnet18 (of 224x224); the " \
      "output layer follows from the data")                                                        \
    X(ACTIVATION, "activation", "activation", CHOICE, "relu", 0, 0,                                \
      "relu|leaky_relu|sigmoid|tanh|gelu", "after each hidden layer of mlp and cnn (default: relu)")       \
    X(DROPOUT, "dropout", "dropout", REAL, "0", 0, 1, "P",                                         \
      "after each hidden layer of mlp, and before the last of cnn, drop values with this "          \
      "probability (default: 0)")            \
    X(LOSS, "loss", "loss", CHOICE, NULL, 0, 0, "cross_entropy|mse|bce_with_logits",               \
      "default: cross_entropy for data with classes, else mse")                                    \
    X(DATA, "data.train", "data", TEXT, NULL, 1, 4000, "SPEC",                                     \
      "what to train on: digits, mnist:DIR, cifar10:DIR, cifar100:DIR, images:DIR, csv:FILE, "     \
      "npy:X,Y or random, with the options at the end of `clade train --help`")                    \
    X(VALID, "data.valid", "valid", TEXT, NULL, 1, 4000, "SPEC",                                   \
      "what to validate on after each epoch, or none (default: the test part of --data)")          \
    X(SCALE, "data.scale", NULL, OPEN, NULL, -1e30, 1e30, "X", NULL)                               \
    X(SHIFT, "data.shift", NULL, OPEN, NULL, -1e30, 1e30, "X", NULL)                               \
    X(STANDARDIZE, "data.standardize", "standardize", FLAG, "false", 0, 0, NULL,                   \
      "let the network see each feature with mean 0 and deviation 1 over the training data; "      \
      "the model keeps how")                                                                       \
    X(STANDARDIZE_TARGETS, "data.standardize_targets", "standardize-targets", FLAG, "false", 0, 0,  \
      NULL,                                                                                        \
      "the same for the numbers to predict; predictions are in their own units all the same")      \
    X(STANDARDIZE_CHANNELS, "data.standardize_channels", "standardize-channels", FLAG, "false", 0, 0,  \
      NULL,                                                                                        \
      "of images: let the network see each channel with mean 0 and deviation 1")                   \
    X(CROP, "augment.crop", "crop", COUNT, "0", 0, 30000, "N",                                     \
      "move each training image by up to N pixels each way, anew in each epoch (default: 0)")      \
    X(FLIP, "augment.flip", "flip", FLAG, "false", 0, 0, NULL,                                     \
      "mirror half of the training images left to right, others in each epoch")                    \
    X(CUTOUT, "augment.cutout", "cutout", COUNT, "0", 0, 30000, "N",                               \
      "blank a square of N pixels a side somewhere in each training image (default: 0)")           \
    X(OPTIMIZER, "optimizer.type", "optimizer", CHOICE, "sgd", 0, 0, "sgd|adam|adamw",             \
      "how parameters follow their gradients (default: sgd)")                                      \
    X(LR, "optimizer.lr", "lr", OPEN, NULL, 0, 1e6, "X",                                           \
      "learning rate (default: 0.1 for sgd, of cnn and lenet 0.02; 0.001 for adam and adamw)")                            \
    X(MOMENTUM, "optimizer.momentum", "momentum", REAL, NULL, 0, 1, "X", "of sgd (default: 0.9)")  \
    X(NESTEROV, "optimizer.nesterov", "nesterov", FLAG, NULL, 0, 0, NULL,                          \
      "sgd with Nesterov's momentum")                                                              \
    X(WEIGHT_DECAY, "optimizer.weight_decay", "weight-decay", REAL, "0", 0, 1e6, "X",              \
      "how strongly parameters are drawn to 0 (default: 0)")                                       \
    X(DECAY_WEIGHTS_ONLY, "optimizer.decay_weights_only", NULL, FLAG, "false", 0, 0, NULL, NULL)    \
    X(BETA1, "optimizer.beta1", NULL, OPEN, NULL, 0, 1, "X", NULL)                                 \
    X(BETA2, "optimizer.beta2", NULL, OPEN, NULL, 0, 1, "X", NULL)                                 \
    X(EPSILON, "optimizer.epsilon", NULL, OPEN, NULL, 0, 1, "X", NULL)                             \
    X(CLIP_NORM, "optimizer.clip_norm", "clip-norm", REAL, "0", 0, 1e30, "X",                      \
      "scale all gradients together to a 2-norm of at most X; 0, the default: do not")             \
    X(SCHEDULE, "schedule.type", "schedule", CHOICE, "constant", 0, 0,                             \
      "constant|step|cosine|plateau", "how the learning rate moves (default: constant)")           \
    X(WARMUP, "schedule.warmup", "warmup", SPAN, "0", 0, 1e9, "N[steps|epochs]",                   \
      "let the learning rate rise from 0 for so long first (default: 0)")                          \
    X(STEP_SIZE, "schedule.step_size", "step-size", COUNT, NULL, 1, 1e9, "N",                      \
      "of step: multiply the rate by --gamma every N epochs")                                      \
    X(GAMMA, "schedule.gamma", "gamma", REAL, NULL, 1e-30, 1, "X", "of step (default: 0.1)")       \
    X(MIN_LR, "schedule.min_lr", "min-lr", REAL, NULL, 0, 1e6, "X",                                \
      "of cosine, where the rate ends, and of plateau, where it stays (default: 0)")               \
    X(LR_FACTOR, "schedule.factor", "lr-factor", OPEN, NULL, 0, 1, "X",                            \
      "of plateau: what the rate is multiplied by when the loss falls no more (default: 0.1)")     \
    X(LR_PATIENCE, "schedule.patience", "lr-patience", COUNT, NULL, 0, 1e9, "N",                   \
      "of plateau: after more than N such epochs (default: 10)")                                   \
    X(LR_THRESHOLD, "schedule.threshold", NULL, REAL, NULL, 0, 0.9999, "X", NULL)                  \
    X(PATIENCE, "early_stopping.patience", "patience", COUNT, "0", 0, 1e9, "N",                    \
      "stop after N epochs without a better validation; 0, the default: never")                    \
    X(MIN_DELTA, "early_stopping.min_delta", "min-delta", REAL, "0", 0, 1e30, "X",                 \
      "how much better, in accuracy (of 1) or, where there is none, in loss (default: 0)")         \
    X(CHECKPOINT_EVERY, "checkpoint.every", "checkpoint-every", SPAN, "600s", 0, 1e9,              \
      "N[s|steps|epochs]", "write a checkpoint so often; 0: only at the end (default: 600s)")      \
    X(KEEP, "checkpoint.keep", "keep", COUNT, "2", 1, 1e6, "N",                                    \
      "keep the last N checkpoints (default: 2)")                                                  \
    X(EPOCHS, "train.epochs", "epochs", COUNT, "5", 1, 1e9, "N",                                   \
      "how often to go through the data (default: 5)")                                             \
    X(MAX_STEPS, "train.max_steps", "max-steps", COUNT, "0", 0, CLI_COUNT_MAX, "N",                \
      "stop after N steps; 0, the default, sets no limit")                                         \
    X(BATCH, "train.batch", "batch", AUTO, "128", 1, 1e9, "N|auto",                                \
      "samples in a step (default: 128); auto keeps their number and sets --accumulate to the "    \
      "fewest parts that fit the device's memory")                                                 \
    X(ACCUMULATE, "train.accumulate", "accumulate", COUNT, "1", 1, 1e9, "K",                       \
      "do each step in K parts, with the memory of one (default: 1)")                              \
    X(REPLACEMENT, "train.replacement", "replacement", FLAG, "false", 0, 0, NULL,                  \
      "draw the samples of an epoch with replacement, not each of them once")                      \
    X(SAMPLING, "train.sampling", "sampling", CHOICE, "uniform", 0, 0, "uniform|balanced",           \
      "balanced: draw the samples of an epoch with replacement, each class as often as another "   \
      "on average (default: uniform)")                                                             \
    X(CLASS_WEIGHTS, "train.class_weights", "class-weights", TEXT, "none", 1, 100000, "LIST",      \
      "how much a sample of each class counts in the training's loss, which is their weighted "    \
      "mean: balanced (by how rare the class is), CLASS=X,CLASS=X,... (1 of all others), or "       \
      "X,X,... in the order of the classes (default: none). The validation is not weighted")       \
    X(FREEZE, "train.freeze", "freeze", TEXT, "none", 1, 10000, "PATTERN[,PATTERN...]",            \
      "keep the parameters whose names match as they are: '0.*', '*.bias' (default: none)")         \
    X(INIT, "train.init", "init", TEXT, "none", 1, 3000, "FILE",                                   \
      "start from the parameters of a model file, in place of random ones (default: none)")         \
    X(SHARE, "train.share", "share", TEXT, "equal", 1, 10000, "equal|auto|X,X,...",                 \
      "how the processes of a job, which mpirun has started, share each batch: all do the same "    \
      "(the default), auto: by how long each takes, or each so much, as 2,1,1 for three")           \
    X(PARALLEL, "train.parallel", "parallel", CHOICE, "sync", 0, 0, "sync|simu|weighted",          \
      "how they train: sync (the default): gradients are summed in each step; simu: each makes "   \
      "steps of its own, on batches in turn, and the models are averaged (SimuParallelSGD, "       \
      "Zinkevich et al. 2010); weighted: as many as it can, by --share, else by auto, and an "     \
      "average weighs each by (1 - weight decay * learning rate)^(steps it is behind) (WP-SGD, "   \
      "Cheng et al. 2017)")                                                                        \
    X(AVERAGE_EVERY, "train.average_every", "average-every", COUNT, "0", 0, CLI_COUNT_MAX, "K",    \
      "of simu and weighted: average after K steps of each process; 0, the default: at the end of "\
      "each epoch alone")                                                                          \
    X(SEED, "train.seed", "seed", COUNT, "1", 0, CLI_COUNT_MAX, "N",                               \
      "where initial weights and shuffles start (default: 1)")                                     \
    X(LOG_EVERY, "train.log_every", "log-every", COUNT, "0", 0, CLI_COUNT_MAX, "N",                \
      "steps between two progress reports; 0, the default: by time")                               \
    X(DEVICE, "device", "device", TEXT, NULL, 0, 200, "SEL",                                       \
      "the device: gpu, cpu, accelerator, an index from `clade devices`, PLATFORM:DEVICE "         \
      "numbers, pocl, rusticl or the like, or part of a name (default: $CLADE_DEVICE, else the best)")                        \
    X(GEMM, "gemm", "gemm", TEXT, NULL, 1, 100, "NAME",                                            \
      "who multiplies matrices: auto; tiled, which is for CPUs; local, which is for GPUs; or "     \
      "clblast (default: $CLADE_GEMM, else auto)")                                                 \
    X(RUN, "run", "run", TEXT, NULL, 1, 3000, "DIR", "the run's folder (default: runs/NAME-TIME)")

typedef enum cli_setting_id {
#define CLI_SETTING_ID(id, ...) CLI_##id,
    CLI_SETTINGS(CLI_SETTING_ID)
#undef CLI_SETTING_ID
        CLI_N_SETTINGS
} cli_setting_id;

typedef struct cli_setting {
    const char *path, *option;
    cli_kind kind;
    const char *initial;
    double least, most;
    const char *argument, *help;
} cli_setting;

extern const cli_setting cli_settings_table[CLI_N_SETTINGS];

/* Later ones override earlier ones. */
typedef enum cli_origin { CLI_UNSET, CLI_DEFAULT, CLI_FILE, CLI_COMMAND } cli_origin;

typedef struct cli_value {
    cli_origin origin;
    char *where; /* "--batch" or "FILE:LINE: train.batch", for messages */
    char *text;  /* as it was given; NULL when unset */
    int64_t count;
    clade_unit unit; /* of a span's count */
    float real; /* what the library computes with */
    bool flag; /* of AUTO: it is auto */
} cli_value;

/* Where a part of the model's description stands in the config: path "model.layers[1].type". */
typedef struct cli_place {
    char *path;
    int line;
} cli_place;

typedef struct cli_settings {
    cli_value values[CLI_N_SETTINGS];
    char *config;      /* the config file's path; NULL without one */
    cJSON *layers;     /* the config's model, when it is a mapping */
    cli_place *places; /* its parts' lines */
    size_t n_places, places_capacity;
} cli_settings;

/* Sets the defaults. */
clade_status cli_settings_start(cli_settings *settings);
void cli_settings_free(cli_settings *settings);

/* Takes a value from text, unless a later origin has set it. CLADE_ECONFIG, starting with `where`,
 * for one that is not of the setting's kind or range. */
clade_status cli_setting_set(cli_settings *settings, cli_setting_id id, cli_origin origin,
                             const char *where, const char *text);

/* Sets a value that has been decided, where none was given. */
clade_status cli_setting_decide(cli_settings *settings, cli_setting_id id, const char *format, ...)
    CLADE_PRINTF(3, 4);

/* The text of a setting, NULL when it is unset. */
const char *cli_setting_text(const cli_settings *settings, cli_setting_id id);

/* Whether two values of one setting are the same, however they are written. */
bool cli_setting_equal(cli_setting_id id, const cli_value *a, const cli_value *b);

/* The shortest text that reads back as the same float. */
char *cli_real_text(char *out, size_t out_bytes, float value);

/* Refuses parts for a batch that is done in the parts that fit. */
clade_status cli_settings_resolve_batch(const cli_settings *settings);

/* Decides the settings of optimizer and schedule, and refuses those of another one; and refuses a
 * scale for data that is standardized. */
clade_status cli_settings_resolve_optimizer(cli_settings *settings);
clade_status cli_settings_resolve_schedule(cli_settings *settings);
clade_status cli_settings_resolve_scale(cli_settings *settings);

/* Appends the settings as a config that can be run again; `layers` is the model's description. */
void cli_settings_write(const cli_settings *settings, const cJSON *layers, clade__text *out);

#endif
