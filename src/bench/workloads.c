#include "bench/workloads.h"

#include <string.h>

#include "base/philox.h"
#include "base/text.h"
#include "data/dataset.h"

#define SEED 1
#define STREAM 900 /* of random numbers: none that the library uses */

#define CONV(channels, size) "{\"type\":\"conv2d\",\"out_channels\":" #channels ",\"kernel_size\":" #size "}"
#define CONV_PADDED(channels, size, padding)                                                       \
    "{\"type\":\"conv2d\",\"out_channels\":" #channels ",\"kernel_size\":" #size ",\"padding\":" #padding "}"
#define RELU           "{\"type\":\"relu\"}"
#define POOL           "{\"type\":\"max_pool2d\",\"kernel_size\":2}"
#define FLATTEN        "{\"type\":\"flatten\"}"
#define LINEAR(units)  "{\"type\":\"linear\",\"units\":" #units "}"
#define NORM           "{\"type\":\"batch_norm\"}"
/* Convolutions without a bias, since a batch norm follows, of as many channels as a use of the block says. */
#define CONV3(more)                                                                                \
    "{\"type\":\"conv2d\",\"out_channels\":\"$c\",\"kernel_size\":3,\"padding\":1,\"bias\":false" more "}"
#define SHORTCUT                                                                                   \
    "{\"type\":\"conv2d\",\"inputs\":[\"in\"],\"out_channels\":\"$c\",\"kernel_size\":1,\"stride\":2,\"bias\":false}"
#define ADD(before, other) "{\"type\":\"add\",\"inputs\":[\"" before "\",\"" other "\"]}," RELU
#define USE(block, name, channels, repeat)                                                         \
    "{\"block\":\"" block "\",\"name\":\"" name "\",\"c\":" #channels ",\"repeat\":" #repeat "}"
static const char vgg_small[] =
    "{\"input\":[3,32,32],\"blocks\":{\"stage\":[" CONV3("") "," NORM "," RELU "," CONV3("") "," NORM "," RELU "," POOL
    "]},\"layers\":[" USE("stage", "a", 32, 1) "," USE("stage", "b", 64, 1) "," USE("stage", "c", 128, 1) "," FLATTEN
    "," LINEAR(10) "]}";
/* He et al. 2016, section 4.2, with their shortcut B; as --model resnet20 is. */
static const char resnet20[] =
    "{\"input\":[3,32,32],\"blocks\":{\"stem\":[" CONV3("") "," NORM "," RELU "],\"same\":[" CONV3("") "," NORM
    "," RELU "," CONV3("") "," NORM "," ADD("4", "in") "],\"half\":[" CONV3(",\"stride\":2") "," NORM "," RELU
    "," CONV3("") "," NORM "," SHORTCUT "," NORM "," ADD("4", "6") "]},\"layers\":[" USE("stem", "s", 16, 1)
    "," USE("same", "a", 16, 3) "," USE("half", "b", 32, 1) "," USE("same", "c", 32, 2) "," USE("half", "d", 64, 1)
    "," USE("same", "e", 64, 2) ",{\"type\":\"adaptive_avg_pool2d\",\"output_size\":1}," FLATTEN "," LINEAR(10) "]}";

#define OF(input, all) "{\"input\":" input ",\"layers\":[" all "]}"

#define NORMAL(deviation) {.kind = CLADE_INIT_NORMAL, .std = (deviation)}

const clade__workload clade__workloads[] = {
    {
        .about = {"sigmoid-1000-900x3-10",
                  "sigmoid after every layer, mse, sgd 0.1; 1000 random vectors", {100}},
        .n_dims = 5, .dims = {1000, 900, 900, 900, 10}, .sigmoid = true,
        .loss = CLADE_LOSS_MSE, .optimizer = {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.1f},
        .weight = NORMAL(1.0f), .bias = NORMAL(1.0f), .n_samples = 1000,
    },
    {
        .about = {"cifar10-3072-3072-10",
                  "relu, cross_entropy, sgd 0.01 with momentum 0.5; random bytes", {10, 100}},
        .n_dims = 3, .dims = {3072, 3072, 10}, .bytes = true,
        .loss = CLADE_LOSS_CROSS_ENTROPY,
        .optimizer = {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.01f, .momentum = 0.5f,
                      .weight_decay = 1e-4f},
        .weight = NORMAL(0.01f), .bias = NORMAL(0.1f), .n_samples = 4000,
    },
    {
        .about = {"mnist-784-512-512-10",
                  "relu, cross_entropy, sgd 0.1 with momentum 0.9; random bytes", {128}},
        .n_dims = 4, .dims = {784, 512, 512, 10}, .bytes = true,
        .loss = CLADE_LOSS_CROSS_ENTROPY,
        .optimizer = {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.1f, .momentum = 0.9f},
        .n_samples = 8192,
    },
    {
        .about = {"lenet", "cross_entropy, sgd 0.01 with momentum 0.9; random images, 28 x 28", {128}},
        .layers = OF("[1,28,28]", CONV_PADDED(6, 5, 2) "," RELU "," POOL "," CONV(16, 5) "," RELU "," POOL ","
                     FLATTEN "," LINEAR(120) "," RELU "," LINEAR(84) "," RELU "," LINEAR(10)),
        .image = {1, 28, 28}, .bytes = true, .loss = CLADE_LOSS_CROSS_ENTROPY,
        .optimizer = {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.01f, .momentum = 0.9f}, .n_samples = 2048,
    },
    {
        .about = {"mnist-cnn",
                  "conv 32, conv 64, pool, 9216-128-10, sgd 0.01 with momentum 0.9; random images, 28 x 28",
                  {128}},
        .layers = OF("[1,28,28]", CONV(32, 3) "," RELU "," CONV(64, 3) "," RELU "," POOL "," FLATTEN ","
                     LINEAR(128) "," RELU "," LINEAR(10)),
        .image = {1, 28, 28}, .bytes = true, .loss = CLADE_LOSS_CROSS_ENTROPY,
        .optimizer = {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.01f, .momentum = 0.9f}, .n_samples = 2048,
    },
    {
        .about = {"vgg-small", "conv 32-32-64-64-128-128 with batch norm; random images, 3 x 32 x 32", {128}},
        .layers = vgg_small, .image = {3, 32, 32}, .bytes = true, .loss = CLADE_LOSS_CROSS_ENTROPY,
        .optimizer = {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.01f, .momentum = 0.9f}, .n_samples = 1024,
    },
    {
        .about = {"resnet20", "of CIFAR-10, sgd 0.01 with momentum 0.9; random images, 3 x 32 x 32", {128}},
        .layers = resnet20, .image = {3, 32, 32}, .bytes = true, .loss = CLADE_LOSS_CROSS_ENTROPY,
        .optimizer = {.kind = CLADE_OPTIMIZER_SGD, .lr = 0.01f, .momentum = 0.9f}, .n_samples = 1024,
    },
};

const int clade__n_workloads = (int)(sizeof clade__workloads / sizeof clade__workloads[0]);

const clade_bench_workload *clade_bench_workload_at(int i)
{
    return i >= 0 && i < clade__n_workloads ? &clade__workloads[i].about : NULL;
}

clade_status clade__workload_find(const char *name, const clade__workload **out)
{
    const char *names[16];
    char hint[256];
    for (int i = 0; i < clade__n_workloads; i++) {
        *out = &clade__workloads[i];
        names[i] = (*out)->about.name;
        if (strcmp(name, names[i]) == 0) return CLADE_OK;
    }
    return clade__fail(CLADE_EINVAL, "bench: unknown workload '%s'%s", name,
                       clade__suggest(hint, sizeof hint, name, names, (size_t)clade__n_workloads));
}

static clade_node *build_linear(clade_model *model, const clade__workload *workload)
{
    clade_node *node = clade_input(model, CLADE_SHAPE(workload->dims[0]));
    for (int i = 1; i < workload->n_dims; i++) {
        node = clade_linear_with(node, &(clade_linear_options){.units = workload->dims[i],
                                                               .weight_init = workload->weight,
                                                               .bias_init = workload->bias});
        if (workload->sigmoid)
            node = clade_sigmoid(node);
        else if (i + 1 < workload->n_dims)
            node = clade_relu(node);
    }
    return node;
}

clade_status clade__workload_model(clade_model **out, const clade__workload *workload, clade_device *device,
                                   const clade__workload_options *options)
{
    clade_model *model = NULL;
    CLADE_TRY(clade_model_create(&model, device, SEED));
    clade_node *node =
        workload->layers ? clade_model_layers(model, workload->layers) : build_linear(model, workload);
    clade_status status = clade_compile(
        model, node,
        &(clade_compile_options){.loss = workload->loss, .optimizer = workload->optimizer,
                                 .batch = options->batch, .gemm = options->gemm,
                                 .keep_gradients = options->keep_gradients});
    if (status == CLADE_OK)
        *out = model;
    else
        clade_model_free(model);
    return status;
}

clade_status clade__workload_data(clade_data **out, const clade__workload *workload, int64_t batch)
{
    int64_t n = workload->n_samples > batch ? workload->n_samples : batch;
    const int64_t *image = workload->image;
    clade_shape shape = workload->layers ? CLADE_SHAPE(image[0], image[1], image[2])
                                         : CLADE_SHAPE(workload->dims[0]);
    int64_t cols = clade_shape_elements(shape);
    int64_t classes = workload->layers ? 10 : workload->dims[workload->n_dims - 1];
    CLADE_TRY(clade__data_create(out, n, shape, workload->bytes ? CLADE_UINT8 : CLADE_FLOAT32,
                                 (int)classes, 0));
    clade__random random = clade__random_start(SEED, STREAM);
    if (workload->bytes) {
        unsigned char *values = (*out)->values;
        for (int64_t i = 0; i < n * cols; i++)
            values[i] = (unsigned char)(clade__random_word(&random) >> 24);
        (*out)->scaling.scale = 1.0f / 255.0f;
    } else {
        float *values = (*out)->values;
        for (int64_t i = 0; i < n * cols; i++) values[i] = clade__random_uniform(&random);
    }
    for (int64_t i = 0; i < n; i++)
        (*out)->labels[i] = (int32_t)clade__random_below(&random, (uint32_t)classes);
    return CLADE_OK;
}
