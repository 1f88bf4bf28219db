"""The workloads, those of `clade bench train`, and the numbers that every system starts from.

`config` is the network as a training of Clade's, in data/; of images, where `files` says whose format.
"""

import random
import struct

SAMPLES = 2048
MEMORY_STEPS = 10  # until all that a step takes is taken

WORKLOADS = {
    "sigmoid-1000-900x3-10": {
        "config": "sigmoid-1000-900x3-10.yaml",
        "layers": [1000, 900, 900, 900, 10], "batches": [100], "activation": "sigmoid",
        "loss": "mse", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0},
    "cifar10-3072-3072-10": {
        "config": "cifar10-3072-3072-10.yaml", "files": "cifar10",
        "layers": [3072, 3072, 10], "batches": [10, 100], "activation": "relu",
        "loss": "cross_entropy", "lr": 0.01, "momentum": 0.5, "weight_decay": 1e-4},
    "mnist-784-512-512-10": {
        "config": "mnist-mlp.yaml", "files": "mnist",
        "layers": [784, 512, 512, 10], "batches": [128], "activation": "relu",
        "loss": "cross_entropy", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0},
    # Convolutions: (conv, channels, kernel, padding), relu, pool and linear, on images.
    "lenet": {
        "config": "lenet.yaml", "files": "mnist",
        "image": [1, 28, 28], "batches": [128], "loss": "cross_entropy", "lr": 0.01, "momentum": 0.9,
        "weight_decay": 0.0, "layers": [("conv", 6, 5, 2), "relu", "pool", ("conv", 16, 5, 0), "relu",
                                        "pool", ("linear", 120), "relu", ("linear", 84), "relu",
                                        ("linear", 10)]},
    "mnist-cnn": {
        "config": "mnist-cnn.yaml", "files": "mnist",
        "image": [1, 28, 28], "batches": [128], "loss": "cross_entropy", "lr": 0.01, "momentum": 0.9,
        "weight_decay": 0.0, "layers": [("conv", 32, 3, 0), "relu", ("conv", 64, 3, 0), "relu", "pool",
                                        ("linear", 128), "relu", ("linear", 10)]},
    # Networks that step_torch.py writes out; each system starts from numbers of its own.
    "vgg-small": {"config": "vgg-small.yaml", "files": "cifar10",
                  "image": [3, 32, 32], "network": "vgg", "layers": [], "batches": [128],
                  "loss": "cross_entropy", "lr": 0.01, "momentum": 0.9, "weight_decay": 0.0},
    "resnet20": {"config": "resnet20.yaml", "files": "cifar10",
                 "image": [3, 32, 32], "network": "resnet20", "layers": [], "batches": [128],
                 "loss": "cross_entropy", "lr": 0.01, "momentum": 0.9, "weight_decay": 0.0},
}


def shapes(workload):
    """Of all parameters in order, weight before bias, each with the inputs of one of its outputs."""
    if "image" not in workload:
        for n_in, n_out in zip(workload["layers"], workload["layers"][1:]):
            yield (n_out, n_in), n_in
            yield (n_out,), n_in
        return
    channels, height, width = workload["image"]
    flat = None
    for layer in workload["layers"]:
        if layer == "pool":
            height, width = height // 2, width // 2
        if layer[0] == "conv":
            n_in = channels * layer[2] ** 2
            yield (layer[1], channels, layer[2], layer[2]), n_in
            yield (layer[1],), n_in
            channels, shrink = layer[1], layer[2] - 1 - 2 * layer[3]
            height, width = height - shrink, width - shrink
        if layer[0] == "linear":
            n_in = flat or channels * height * width
            yield (layer[1], n_in), n_in
            yield (layer[1],), n_in
            flat = layer[1]


def write_images(folder, kind, n=SAMPLES):
    """Noise as files of MNIST's or CIFAR-10's, for the first part, and the data's spec."""
    draw = random.Random(1)
    labels = bytes(draw.randrange(10) for _ in range(n))
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "cifar10":
        records = (bytes([label]) + draw.randbytes(3072) for label in labels)
        (folder / "data_batch_1.bin").write_bytes(b"".join(records))
    else:
        (folder / "train-images-idx3-ubyte").write_bytes(
            struct.pack(">4i", 0x803, n, 28, 28) + draw.randbytes(n * 784))
        (folder / "train-labels-idx1-ubyte").write_bytes(
            struct.pack(">2i", 0x801, n) + labels)
    return f"{kind}:{folder}"


def prepare(name, batch):
    """Data, the order of its batches, and initial parameters: the same in every process."""
    import numpy as np

    workload = WORKLOADS[name]
    layers = workload["layers"]
    rng = np.random.default_rng(1)
    samples = SAMPLES // batch * batch
    image = "image" in workload
    sample = workload["image"] if image else [layers[0]]
    data = rng.random((samples, *sample), dtype=np.float32)
    labels = rng.integers(0, 10 if image else layers[-1], samples)
    batches = rng.permutation(samples).reshape(-1, batch)
    parameters = []
    for shape, n_in in shapes(workload):
        if workload.get("activation") == "sigmoid":
            values = rng.standard_normal(shape)
        else:
            values = rng.uniform(-1, 1, shape) / n_in**0.5
        parameters.append(values.astype(np.float32))
    return data, labels, batches, parameters
