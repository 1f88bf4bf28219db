"""The workloads, those of `clade bench train`, and the numbers that every system starts from."""

WORKLOADS = {
    "sigmoid-1000-900x3-10": {
        "layers": [1000, 900, 900, 900, 10], "batches": [100], "activation": "sigmoid",
        "loss": "mse", "lr": 0.1, "momentum": 0.0, "weight_decay": 0.0},
    "cifar10-3072-3072-10": {
        "layers": [3072, 3072, 10], "batches": [10, 100], "activation": "relu",
        "loss": "cross_entropy", "lr": 0.01, "momentum": 0.5, "weight_decay": 1e-4},
    "mnist-784-512-512-10": {
        "layers": [784, 512, 512, 10], "batches": [128], "activation": "relu",
        "loss": "cross_entropy", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0},
}


def prepare(name, batch):
    """Data, the order of its batches, and initial parameters: the same in every process."""
    import numpy as np

    workload = WORKLOADS[name]
    layers = workload["layers"]
    rng = np.random.default_rng(1)
    samples = 2048 // batch * batch
    data = rng.random((samples, layers[0]), dtype=np.float32)
    labels = rng.integers(0, layers[-1], samples)
    batches = rng.permutation(samples).reshape(-1, batch)
    parameters = []
    for n_in, n_out in zip(layers, layers[1:]):
        for shape in (n_out, n_in), (n_out,):
            if workload["activation"] == "sigmoid":
                values = rng.standard_normal(shape)
            else:
                values = rng.uniform(-1, 1, shape) / n_in**0.5
            parameters.append(values.astype(np.float32))
    return data, labels, batches, parameters
