/* Models: build a network from nodes, compile it for training, save and load it.
 *
 * A builder takes a node and returns the node after it. Given no node it returns NULL; the first
 * error is kept by the model and returned by clade_compile, so calls can be nested freely. Nodes
 * are owned by their model. Shapes here are those of one sample; the batch is in front of them.
 */
#ifndef CLADE_MODEL_H
#define CLADE_MODEL_H

#include <clade/ops.h>
#include <clade/schema.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clade_model clade_model;
typedef struct clade_node clade_node;

/* ---- build ----------------------------------------------------------------------------------- */

/* An empty model. seed decides the initial weights and every shuffle. The device is borrowed; NULL
 * gives a model that can be described but neither compiled nor run. */
CLADE_API CLADE_MUST_CHECK clade_status clade_model_create(clade_model **out, clade_device *device,
                                                           uint64_t seed);
CLADE_API void clade_model_free(clade_model *model);

/* The network's input, float32. A flat sample of as many elements fits too; other dimensions do not,
 * since they are another order of elements. */
CLADE_API clade_node *clade_input(clade_model *model, clade_shape sample);

/* One of several inputs, by name, of float32 or int32 values: letters, digits, '_', '-' and single dots.
 * The target of a loss is such an input too. Data of named fields feeds them (clade_data_from_fields); a
 * network of one input, and one target at most, takes samples with labels or targets as well. */
CLADE_API clade_node *clade_input_named(clade_model *model, const char *name, clade_dtype dtype,
                                        clade_shape sample);

/* How a parameter starts. fan_in and fan_out are a weight's in and out features. */
typedef enum clade_init_kind {
    CLADE_INIT_DEFAULT, /* torch.nn.Linear's: uniform in ±1/sqrt(fan_in), weight and bias */
    CLADE_INIT_XAVIER,  /* uniform in ±sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010) */
    CLADE_INIT_HE,      /* normal with std sqrt(2 / fan_in) (He et al. 2015) */
    CLADE_INIT_NORMAL,  /* normal with the given mean and std */
    CLADE_INIT_CONSTANT /* value */
} clade_init_kind;

typedef struct clade_init {
    clade_init_kind kind;
    float mean, std; /* CLADE_INIT_NORMAL */
    float value;     /* CLADE_INIT_CONSTANT */
    uint64_t reserved[4];
} clade_init;

typedef struct clade_linear_options {
    int64_t units;   /* out features, at least 1 */
    bool no_bias;
    clade_init weight_init, bias_init; /* xavier and he set a bias to 0 */
    const char *name;  /* of the layer; NULL: its position */
    const char *shared_weight, *shared_bias; /* the name of a parameter of an earlier layer that is used in
                                              * place of an own one: "encoder.weight"; NULL: an own one */
    uint64_t reserved[8];
} clade_linear_options;

/* y = x Wᵀ + b over a sample's last dimension, as torch.nn.Linear; parameters "N.weight" (units, in) and
 * "N.bias" (units), N the layer's name or else its position, as in torch.nn.Sequential. */
CLADE_API clade_node *clade_linear(clade_node *x, int64_t units);
CLADE_API clade_node *clade_linear_with(clade_node *x, const clade_linear_options *options);

typedef struct clade_conv2d_options {
    int64_t out_channels;   /* at least 1 */
    int64_t kernel_size[2]; /* height and width; a second of 0 is as the first */
    clade_conv2d_window window;
    bool no_bias;
    clade_init weight_init, bias_init; /* as clade_linear_options; fan_in is a window's elements */
    const char *name;
    const char *shared_weight, *shared_bias;
    uint64_t reserved[8];
} clade_conv2d_options;

/* A convolution of samples (channels, height, width), as torch.nn.Conv2d; parameters "N.weight"
 * (out_channels, channels / groups, kernel height, kernel width) and "N.bias" (out_channels). The short
 * form has a square kernel, a stride of 1 and the same padding on all sides. In a description:
 * {"type": "conv2d", "out_channels": 16, "kernel_size": 3, "stride": [2, 1], "padding": "same",
 * "dilation": 1, "groups": 1, "bias": false}. */
CLADE_API clade_node *clade_conv2d(clade_node *x, int64_t out_channels, int64_t kernel_size,
                                   int64_t padding);
CLADE_API clade_node *clade_conv2d_with(clade_node *x, const clade_conv2d_options *options);

typedef struct clade_conv_transpose2d_options {
    int64_t out_channels;   /* at least 1 */
    int64_t kernel_size[2]; /* height and width; a second of 0 is as the first */
    clade_conv_transpose2d_window window;
    bool no_bias;
    clade_init weight_init, bias_init; /* as clade_linear_options; fan_in is PyTorch's for this weight: out_channels
                                        * / groups times the kernel's elements */
    const char *name;
    const char *shared_weight, *shared_bias;
    uint64_t reserved[8];
} clade_conv_transpose2d_options;

/* A transposed convolution of samples (channels, height, width), as torch.nn.ConvTranspose2d; parameters
 * "N.weight" (channels, out_channels / groups, kernel height, kernel width) and "N.bias" (out_channels). The
 * short form has a square kernel, the same stride both ways and no padding: with a stride as large as the kernel
 * an image becomes so many times as high and wide. In a description:
 * {"type": "conv_transpose2d", "out_channels": 16, "kernel_size": 3, "stride": 2, "padding": [1, 0],
 * "output_padding": 1, "dilation": 1, "groups": 1, "bias": false}. */
CLADE_API clade_node *clade_conv_transpose2d(clade_node *x, int64_t out_channels, int64_t kernel_size,
                                             int64_t stride);
CLADE_API clade_node *clade_conv_transpose2d_with(clade_node *x,
                                                  const clade_conv_transpose2d_options *options);

CLADE_API clade_node *clade_sigmoid(clade_node *x);
CLADE_API clade_node *clade_tanh(clade_node *x);
CLADE_API clade_node *clade_relu(clade_node *x);
CLADE_API clade_node *clade_leaky_relu(clade_node *x, float slope); /* 0 means PyTorch's 0.01 */
CLADE_API clade_node *clade_gelu(clade_node *x);

/* torch.nn.Dropout: training drops each element with probability p, in [0, 1], and divides the others
 * by 1 - p; evaluation changes nothing. The masks follow from the model's seed and the step. */
CLADE_API clade_node *clade_dropout(clade_node *x, float p);

/* A sample's elements in one dimension, in row-major order. */
CLADE_API clade_node *clade_flatten(clade_node *x);

typedef struct clade_batch_norm_options {
    float momentum; /* of the running statistics, in [0, 1]; 0 means PyTorch's 0.1 */
    float epsilon;  /* 0 means PyTorch's 1e-5 */
    bool no_affine; /* no weight and no bias */
    const char *name; /* of the layer; NULL: its position */
    uint64_t reserved[8];
} clade_batch_norm_options;

/* torch.nn.BatchNorm1d and 2d of a sample (channels) or (channels, height, width): y = (x - mean) /
 * sqrt(variance + epsilon) * weight + bias, each channel by itself. In training the mean and the variance are
 * those of the samples that go through the device at a time: the batch, its last and shorter one, or a part of
 * it with clade_compile_options.accumulate. They must be more than one value for each channel: where they are
 * not, compiling or fitting fails with CLADE_EINVAL. Outside training they are running ones, which training
 * moves. Parameters "N.weight" and "N.bias", 1 and 0 at first, and state "N.running_mean" and "N.running_var",
 * (channels) each; PyTorch's num_batches_tracked is not kept, and ignored where weights are loaded. */
CLADE_API clade_node *clade_batch_norm(clade_node *x);
CLADE_API clade_node *clade_batch_norm_with(clade_node *x, const clade_batch_norm_options *options);

typedef struct clade_group_norm_options {
    int64_t num_groups; /* a divisor of the channels */
    float epsilon;      /* 0 means PyTorch's 1e-5 */
    bool no_affine;     /* no weight and no bias */
    const char *name;   /* of the layer; NULL: its position */
    uint64_t reserved[8];
} clade_group_norm_options;

/* torch.nn.GroupNorm of a sample (channels, …): each of num_groups groups of neighbouring channels by its own mean
 * and variance, in training and outside alike. Parameters "N.weight" and "N.bias" (channels), 1 and 0 at first. */
CLADE_API clade_node *clade_group_norm(clade_node *x, int64_t num_groups);
CLADE_API clade_node *clade_group_norm_with(clade_node *x, const clade_group_norm_options *options);

/* torch.nn.MaxPool2d and AvgPool2d of a sample (channels, height, width); of each pair the height's before
 * the width's. Out of them comes (channels, out height, out width), see clade/ops.h. */
typedef struct clade_max_pool2d_options {
    int64_t kernel_size[2]; /* at least 1; a second of 0 is as the first */
    int64_t stride[2];      /* 0: the kernel_size */
    int64_t padding[2];     /* on each side, at most half the kernel_size */
    int64_t dilation[2];    /* 0: 1 */
    const char *name;       /* of the layer; NULL: its position */
    uint64_t reserved[8];
} clade_max_pool2d_options;

typedef struct clade_avg_pool2d_options {
    int64_t kernel_size[2], stride[2], padding[2];
    bool leaves_padding_out; /* of the number it divides by: PyTorch's count_include_pad, false */
    const char *name;
    uint64_t reserved[8];
} clade_avg_pool2d_options;

CLADE_API clade_node *clade_max_pool2d(clade_node *x, int64_t kernel_size);
CLADE_API clade_node *clade_max_pool2d_with(clade_node *x, const clade_max_pool2d_options *options);
CLADE_API clade_node *clade_avg_pool2d(clade_node *x, int64_t kernel_size);
CLADE_API clade_node *clade_avg_pool2d_with(clade_node *x, const clade_avg_pool2d_options *options);

/* torch.nn.AdaptiveAvgPool2d: (channels, height, width) of these sizes out of any. */
CLADE_API clade_node *clade_adaptive_avg_pool2d(clade_node *x, int64_t height, int64_t width);

/* Over a sample's last dimension. A classifier trained with cross_entropy ends in plain logits. */
CLADE_API clade_node *clade_softmax(clade_node *x);
CLADE_API clade_node *clade_log_softmax(clade_node *x);

/* Element by element; both of one shape. */
CLADE_API clade_node *clade_add(clade_node *a, clade_node *b);

CLADE_API clade_node *clade_multiply(clade_node *a, clade_node *b);

/* A sample's elements in another shape, in row-major order; one dimension may be -1: what is left for it. Costs
 * nothing. float32 or int32. */
CLADE_API clade_node *clade_reshape(clade_node *x, clade_shape sample);

/* torch.nn.Upsample, nearest: a sample (channels, height, width) scale_factor times as high and wide. */
CLADE_API clade_node *clade_upsample(clade_node *x, int64_t scale_factor);

/* Reduces a sample over its dimension dim (0 is the first after the batch), or CLADE_ALL of it to
 * one number. argmax gives int32 and no gradient: only the last node of a model that is not
 * trained. */
CLADE_API clade_node *clade_sum(clade_node *x, int dim);
CLADE_API clade_node *clade_mean(clade_node *x, int dim);
CLADE_API clade_node *clade_max(clade_node *x, int dim);
CLADE_API clade_node *clade_argmax(clade_node *x, int dim);

/* Parts of a sample along its dimension dim: 0 is the first after the batch, and -1 the last. float32 or int32
 * values; int32 ones have no gradient.
 * clade_concat: n nodes of one type, 1 or more, one behind another, as torch.cat; other dimensions equal.
 * clade_slice: `length` elements from `start` on, as torch.narrow; a negative start counts from the end.
 * clade_split: n parts, at most 64, of the given sizes, which together are all of the dimension, as
 * torch.split; gives the first, of which clade_output gives the others. */
CLADE_API clade_node *clade_concat(clade_node *const *nodes, int n, int dim);
CLADE_API clade_node *clade_slice(clade_node *x, int dim, int64_t start, int64_t length);
CLADE_API clade_node *clade_split(clade_node *x, int dim, const int64_t *sizes, int n);

/* Output number `output`, from 0, of the layer that node is an output of. */
CLADE_API clade_node *clade_output(clade_node *node, int output);

/* Builds nodes from a description in JSON, the form of a config's `model:` entry:
 *   {"input": [784], "layers": [{"type": "linear", "units": 512}, {"type": "relu"}, …]}
 * and returns the last, or that which "output" names. A layer may have "name", "inputs": ["name", …]
 * where it does not follow the layer before it, with "name:1" for a layer's second output, as of
 * {"type": "split", "sizes": [3, 5], "dim": -1}, and "parameters": {"weight": "0.weight"} where it shares
 * one with a layer before it. "input" names the network's input; several are
 * "inputs": [{"name": …, "type": "int32", "shape": […]}, …]. "losses" is a list of
 * {"type": "cross_entropy", "prediction": …, "target": …}, see clade_add_loss. An error's message starts
 * with the place: "model.layers[1].type: …". */
CLADE_API clade_node *clade_model_layers(clade_model *model, const char *json);

/* ---- compile --------------------------------------------------------------------------------- */

typedef enum clade_loss {
    CLADE_LOSS_CROSS_ENTROPY, /* softmax and negative log-likelihood of the labels */
    CLADE_LOSS_MSE,           /* mean squared error; labels become one-hot targets */
    CLADE_LOSS_BCE_WITH_LOGITS
} clade_loss;

/* A loss of the network's own. Zeroed but for kind: as PyTorch's losses with reduction "mean". */
typedef struct clade_loss_options {
    clade_loss kind;
    float weight;          /* in the sum of all losses, above 0; 0 means 1 */
    bool ignores;          /* rows whose label is ignore_index count for nothing */
    int32_t ignore_index;
    float label_smoothing; /* cross_entropy: in [0, 1] */
    uint64_t reserved[8];
} clade_loss_options;

/* Compares a prediction (…, outputs) with a target, an input of the network: int32 labels, one for each
 * row of the prediction's last dimension, or float32 numbers, as many as the prediction's. Its mean is
 * over the rows that count. What is trained is the sum of all losses. A network without one has the loss
 * of clade_compile_options, of its output and the labels or targets of the data. */
CLADE_API CLADE_MUST_CHECK clade_status clade_add_loss(clade_node *prediction, clade_node *target,
                                                       const clade_loss_options *options);

typedef enum clade_optimizer_kind {
    CLADE_OPTIMIZER_SGD,
    CLADE_OPTIMIZER_ADAM,
    CLADE_OPTIMIZER_ADAMW
} clade_optimizer_kind;

/* Zero means PyTorch's default: lr 0.001 (adam, adamw) or 0.01 (sgd), beta1 0.9, beta2 0.999,
 * epsilon 1e-8, and 0 for the rest; adamw's weight_decay is taken as given. */
typedef struct clade_optimizer {
    clade_optimizer_kind kind;
    float lr;
    float momentum; /* sgd */
    bool nesterov;  /* sgd, with momentum */
    float beta1, beta2, epsilon; /* adam, adamw */
    float weight_decay;
    bool decay_weights_only; /* weight_decay leaves biases alone; as PyTorch has it, it does not */
    float clip_norm; /* all gradients together are scaled to a 2-norm of at most this; 0: they are not */
    uint64_t reserved[8];
} clade_optimizer;

CLADE_API clade_optimizer clade_sgd(float lr, float momentum);
CLADE_API clade_optimizer clade_adam(float lr);
CLADE_API clade_optimizer clade_adamw(float lr, float weight_decay);

/* Data, as far as memory is concerned: see clade_data_size_of in clade/train.h. */
typedef struct clade_data_size {
    int64_t n_samples;
    uint64_t sample_bytes; /* of device memory, with label or targets */
    uint64_t fixed_bytes;  /* the same, however many samples */
    uint64_t reserved[4];
} clade_data_size;

/* Parameters by their names, and how they are trained. Where several groups match a name, the last one
 * counts. */
typedef struct clade_parameter_group {
    const char *pattern; /* of shell wildcards: "0.*", "*.bias", "encoder.[0-3].*" */
    bool frozen;         /* they stay as they are: no gradient, no optimizer state */
    float lr_factor;     /* of the learning rate, at least 0; 0 means 1 */
    bool no_decay;       /* weight_decay is not theirs */
    uint64_t reserved[4];
} clade_parameter_group;

#define CLADE_ACCUMULATE_AUTO (-1)

typedef struct clade_compile_options {
    clade_loss loss;
    clade_optimizer optimizer;
    int64_t batch;    /* samples of a step; 0 means 128 */
    int64_t accumulate; /* parts that a step does its batch in, ceil(batch / accumulate) samples at a
                         * time, before its one update: the same step to rounding, with activations
                         * of a part alone in memory. 0 means 1, CLADE_ACCUMULATE_AUTO the fewest parts
                         * that fit the device */
    clade_data_size train, valid; /* what clade_fit will be given, so that its memory is planned too;
                                   * zeros: it is not counted here */
    const char *gemm; /* provider; NULL means CLADE_GEMM, else "auto" */
    bool keep_gradients; /* store every gradient: no optimizer's step is done inside a gemm */
    const clade_parameter_group *groups; /* (n_groups); CLADE_EINVAL where one matches no parameter */
    int n_groups;
    uint64_t reserved[8];
} clade_compile_options;

/* Plans training of the network that ends in `output`, and refuses what cannot be: the first error
 * of a builder, a loss or optimizer out of range (CLADE_EINVAL), memory that the device does not
 * have (CLADE_EDEVICEMEM, with the bytes, the largest batch that fits, and the parts in which this one
 * would), a gemm that computes wrong results (CLADE_EWRONG).
 * Memory is taken at first use, not here. options may be NULL: the model's loss if it was loaded, zeros
 * else. A model is compiled once; what was refused may be tried again.
 *
 * So may a model from clade_load be, to train it further; output may be NULL then, for its own. It
 * starts from the parameters that it has, with a new optimizer's state, and steps counted anew. */
CLADE_API CLADE_MUST_CHECK clade_status clade_compile(clade_model *model, clade_node *output,
                                                      const clade_compile_options *options);

/* ---- query ----------------------------------------------------------------------------------- */

/* Device memory, in bytes: what a compiled model will hold, of batches and parameters; what a training
 * holds beside it is in clade_fit_memory. */
typedef struct clade_memory {
    uint64_t parameters;
    uint64_t gradients;
    uint64_t optimizer_state; /* and what finds the largest parameter, and the norm to clip by */
    uint64_t activations; /* and their gradients, shared by liveness; and gemm's scratch */
    uint64_t data;        /* and the sums of its batches; 0 of a model */
    uint64_t total;
    uint64_t reserved[8];
} clade_memory;

CLADE_API CLADE_MUST_CHECK clade_status clade_model_memory(const clade_model *model,
                                                           clade_memory *memory);

typedef struct clade_layer_info {
    const char *type; /* "linear", … ; owned by the model, as is name */
    const char *name; /* as in parameter names: "0", or the given one */
    clade_shape shape; /* of one sample's output; of several, the first */
    int64_t parameters;
    uint64_t reserved[8];
} clade_layer_info;

/* The layers after the input, in order. */
CLADE_API int clade_model_n_layers(const clade_model *model);
CLADE_API CLADE_MUST_CHECK clade_status clade_model_layer(const clade_model *model, int index,
                                                          clade_layer_info *info);
CLADE_API int64_t clade_model_n_parameters(const clade_model *model);

/* Of the first input. */
CLADE_API clade_shape clade_model_input_shape(const clade_model *model);

typedef struct clade_input_info {
    const char *name; /* owned by the model; "input" where it was given none */
    clade_dtype dtype;
    clade_shape shape; /* of one sample */
    bool compared;     /* losses compare with it, and no layer computes with it */
    uint64_t reserved[4];
} clade_input_info;

/* The network's inputs in their order; CLADE_EINVAL where there is none of the index. */
CLADE_API int clade_model_n_inputs(const clade_model *model);
CLADE_API CLADE_MUST_CHECK clade_status clade_model_input_at(const clade_model *model, int index,
                                                             clade_input_info *info);

/* What the network sees of each value of a sample, after what the schema makes of a table:
 * value * scale + shift. */
typedef struct clade_model_scale {
    double scale, shift;
    const double *feature_scale, *feature_shift; /* (n) of each value in place of those, owned by the model;
                                                  * NULL: those are of all values */
    uint64_t reserved[4];
} clade_model_scale;

CLADE_API clade_model_scale clade_model_input_scale(const clade_model *model);
CLADE_API clade_shape clade_model_output_shape(const clade_model *model);
CLADE_API clade_loss clade_model_loss(const clade_model *model);
CLADE_API int64_t clade_model_batch(const clade_model *model);
CLADE_API int64_t clade_model_micro_batch(const clade_model *model); /* samples at a time */

/* The samples that evaluation and prediction do at a time: chosen once for a model, by what fits the device,
 * and kept in its file, so that every program gives the same digits. */
CLADE_API int64_t clade_model_inference_batch(const clade_model *model);

/* A class's name as text, as the training data has it; owned by the model. NULL where that has none,
 * and for a label out of range. */
CLADE_API const char *clade_model_class_name(const clade_model *model, int label);

/* How the model reads tables: clade_data_open_with reads one so. NULL where it was not trained on a
 * table. Owned by the model. */
CLADE_API const clade_schema *clade_model_schema(const clade_model *model);

/* "cross_entropy", "mse", "bce_with_logits"; "sgd", "adam", "adamw". NULL out of range. */
CLADE_API const char *clade_loss_name(clade_loss loss);
CLADE_API const char *clade_optimizer_name(clade_optimizer_kind kind);

/* ---- save and load --------------------------------------------------------------------------- */

/* Writes parameters, architecture, loss, schema, input scale and class names as a safetensors file, under a
 * temporary name that is then renamed. torch.nn.Sequential's state_dict has the same names and
 * layouts. The metadata has a checksum of numbers and texts, by which clade_load sees that a byte has
 * changed; a program that changes them on purpose removes clade.checksum. */
CLADE_API CLADE_MUST_CHECK clade_status clade_save(clade_model *model, const char *path);

/* Makes a model from such a file, with seed 0, ready to evaluate and predict, and to be compiled for
 * training. With device NULL it can only be described. CLADE_EIO when it cannot be read, CLADE_EDATA
 * when it is damaged, not Clade's, or of a newer version of the format. */
CLADE_API CLADE_MUST_CHECK clade_status clade_load(clade_model **out, clade_device *device,
                                                   const char *path);

/* A parameter of the model, and the tensor of a file that has its values. */
typedef struct clade_weight_name {
    const char *parameter, *tensor;
    uint64_t reserved[2];
} clade_weight_name;

/* Zeroed: every parameter has its own name in the file, which holds them all and nothing else. */
typedef struct clade_load_options {
    const clade_weight_name *names; /* (n_names) where names differ */
    int n_names;
    bool partial; /* parameters that the file lacks keep their values, and its other tensors are left */
    uint64_t reserved[8];
} clade_load_options;

/* Sets a compiled model's parameters to the tensors of any safetensors file, float32, such as PyTorch's.
 * CLADE_EDATA lists what is missing, of another shape, or extra; nothing is changed then. options may be
 * NULL. */
CLADE_API CLADE_MUST_CHECK clade_status clade_load_weights(clade_model *model, const char *path,
                                                           const clade_load_options *options);

#ifdef __cplusplus
}
#endif

#endif
