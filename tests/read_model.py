#!/usr/bin/env python3
"""Reads a model that Clade saved with other people's code, and checks what Clade computes.

    read_model.py MODEL.safetensors FEATURES LOGITS [--first N]

Loads the parameters with the safetensors package, rebuilds the network from the architecture in the
file's metadata, runs it in double precision with NumPy, and compares with LOGITS, Clade's own
outputs: raw float32, (samples, outputs). FEATURES are the samples in the same order, of which the
first N, or as many as LOGITS has, are used: an IDX file of images, gzipped or not, a .npy file, or
raw float32, (samples, input). Where the network has several inputs: NAME=FILE,NAME=FILE.

Exits with 0 when no output differs by more than 1e-4, with 1 when one does, 2 when something
cannot be read. Nothing of Clade's is used here.
"""

import argparse
import gzip
import io
import json
import math
import sys

import numpy as np
from safetensors import safe_open

TOLERANCE = 1e-4


def read_features(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:6] == b"\x93NUMPY":
        return np.load(io.BytesIO(data))
    if data[:4] == b"\x00\x00\x08\x03":
        n, height, width = np.frombuffer(data, ">i4", 3, offset=4)
        pixels = np.frombuffer(data, np.uint8, offset=16)
        return pixels.reshape(n, height * width)
    return np.frombuffer(data, "<f4")


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


ERF = np.vectorize(math.erf, otypes=[float])


def pair(value):
    return value if isinstance(value, list) else [value, value]


def windows(x, layer, fill):
    """(window height, window width, samples, channels, out height, out width)."""
    kernel, padding = pair(layer["kernel_size"]), pair(layer.get("padding", 0))
    stride = pair(layer.get("stride", 0) or layer["kernel_size"])
    dilation = pair(layer.get("dilation", 1))
    x = np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in padding], constant_values=fill)
    height, width = [(x.shape[2 + i] - (kernel[i] - 1) * dilation[i] - 1) // stride[i] + 1
                     for i in range(2)]
    return np.array([[x[:, :, a * dilation[0]:, b * dilation[1]:][:, :, ::stride[0], ::stride[1]]
                      [:, :, :height, :width] for b in range(kernel[1])] for a in range(kernel[0])])


def avg_pool2d(x, layer):
    counts = windows(np.ones_like(x), layer, 0.0).sum(axis=(0, 1))
    if layer.get("count_include_pad", True):
        counts = np.prod(pair(layer["kernel_size"]))
    return windows(x, layer, 0.0).sum(axis=(0, 1)) / counts


def adaptive_avg_pool2d(x, layer):
    height, width = pair(layer["output_size"])

    def share(o, out, size):
        return slice(o * size // out, -(-(o + 1) * size // out))

    rows = [[x[:, :, share(a, height, x.shape[2]), share(b, width, x.shape[3])].mean(axis=(2, 3))
             for b in range(width)] for a in range(height)]
    return np.moveaxis(np.array(rows), (0, 1), (2, 3))


def normalised(parameters, name, layer, x):
    """batch_norm by its running statistics, or group_norm by each group's own."""
    names = {name + "." + word for word in ("weight", "bias") if layer.get("affine", True)}
    rest = [1] * (x.ndim - 2)
    if layer["type"] == "batch_norm":
        names |= {name + ".running_mean", name + ".running_var"}
        mean, variance = [parameters[f"{name}.running_{word}"].reshape(-1, *rest)
                          for word in ("mean", "var")]
    else:
        groups = x.reshape(len(x), layer["num_groups"], -1)
        width = x.shape[1] // layer["num_groups"]
        mean, variance = [np.repeat(of, width, axis=1).reshape(len(x), x.shape[1], *rest)
                          for of in (groups.mean(axis=2), groups.var(axis=2))]
    x = (x - mean) / np.sqrt(variance + layer["eps"])
    if layer.get("affine", True):
        x = x * parameters[name + ".weight"].reshape(-1, *rest)
        x = x + parameters[name + ".bias"].reshape(-1, *rest)
    return x, names


def conv2d(parameters, name, layer, x):
    weight = parameters[name + ".weight"]  # (out, in / groups, height, width)
    groups, (kh, kw) = layer["groups"], weight.shape[2:]
    stride, dilation = pair(layer["stride"]), pair(layer["dilation"])
    if layer["padding"] == "same":
        both = [(k - 1) * d for k, d in zip((kh, kw), dilation)]
        ends = [(n // 2, n - n // 2) for n in both]
    else:
        ends = [(n, n) for n in pair(layer["padding"])]
    x = np.pad(x, [(0, 0), (0, 0)] + ends)
    h, w = [(x.shape[2 + i] - (weight.shape[2 + i] - 1) * dilation[i] - 1) // stride[i] + 1
            for i in range(2)]
    x = x.reshape(len(x), groups, -1, *x.shape[2:])
    weight = weight.reshape(groups, -1, *weight.shape[1:])
    y = np.zeros((len(x), groups, weight.shape[1], h, w))
    for a in range(kh):
        for b in range(kw):
            part = x[:, :, :, a * dilation[0]:, b * dilation[1]:][..., ::stride[0], ::stride[1]]
            y += np.einsum("ngchw,goc->ngohw", part[..., :h, :w], weight[..., a, b])
    return with_bias(parameters, name, y.reshape(len(x), -1, h, w))


def conv_transpose2d(parameters, name, layer, x):
    weight = parameters[name + ".weight"]  # (in, out / groups, height, width)
    groups, (kh, kw) = layer["groups"], weight.shape[2:]
    stride, dilation, padding = [pair(layer[k]) for k in ("stride", "dilation", "padding")]
    more = pair(layer["output_padding"])
    h, w = x.shape[2:]
    full = [(x.shape[2 + i] - 1) * stride[i] + (weight.shape[2 + i] - 1) * dilation[i] + 1 + more[i]
            for i in range(2)]
    x = x.reshape(len(x), groups, -1, h, w)
    weight = weight.reshape(groups, -1, *weight.shape[1:])
    y = np.zeros((len(x), groups, weight.shape[2], *full))
    for a in range(kh):
        for b in range(kw):
            part = y[:, :, :, a * dilation[0]:, b * dilation[1]:][..., ::stride[0], ::stride[1]]
            part[..., :h, :w] += np.einsum("ngchw,gco->ngohw", x, weight[..., a, b])
    y = y[..., padding[0]:full[0] - padding[0], padding[1]:full[1] - padding[1]]
    return with_bias(parameters, name, y.reshape(len(x), -1, *y.shape[3:]))


def with_bias(parameters, name, y):
    if name + ".bias" not in parameters:
        return y, {name + ".weight"}
    return y + parameters[name + ".bias"].reshape(-1, 1, 1), {name + ".weight", name + ".bias"}


FUNCTIONS = {
    "max_pool2d": lambda x, layer: windows(x, layer, -np.inf).max(axis=(0, 1)),
    "avg_pool2d": avg_pool2d,
    "adaptive_avg_pool2d": adaptive_avg_pool2d,
    "upsample": lambda x, layer: x.repeat(pair(layer["scale_factor"])[0], axis=2)
                                  .repeat(pair(layer["scale_factor"])[1], axis=3),
    "reshape": lambda x, layer: x.reshape(len(x), *layer["shape"]),
    "relu": lambda x, layer: np.maximum(x, 0.0),
    "leaky_relu": lambda x, layer: np.where(x > 0, x, x * layer.get("slope", 0.01)),
    "sigmoid": lambda x, layer: sigmoid(x),
    "tanh": lambda x, layer: np.tanh(x),
    "gelu": lambda x, layer: 0.5 * x * (1.0 + ERF(x / math.sqrt(2.0))),
    "softmax": lambda x, layer: softmax(x),
    "log_softmax": lambda x, layer: np.log(softmax(x)),
}


def linear(parameters, name, layer, x):
    """y = x W^T + b over the last dimension; in files of version 1 over all of a sample."""
    shared = layer.get("parameters", {})
    weight_name = shared.get("weight", name + ".weight")
    bias_name = shared.get("bias", name + ".bias")
    weight = parameters[weight_name]
    if weight.shape != (layer["units"], x.shape[-1]):
        raise ValueError(f"{weight_name} is {weight.shape}, the architecture says "
                         f"{(layer['units'], x.shape[-1])}")
    y = x @ weight.T
    if bias_name not in parameters:
        return y, {weight_name}
    return y + parameters[bias_name], {weight_name, bias_name}


def run(model, parameters, values):
    """The output of the network for values: x (samples, input…) by name."""
    used = set()
    x = next(iter(values.values()))
    for position, layer in enumerate(model["layers"]):
        name = layer.get("name", str(position))
        inputs = [values[i] for i in layer["inputs"]] if "inputs" in layer else [x]
        kind = layer["type"]
        if kind == "linear":
            x, names = linear(parameters, name, layer, inputs[0])
            used |= names
        elif kind in ("conv2d", "conv_transpose2d"):
            of_kind = conv2d if kind == "conv2d" else conv_transpose2d
            x, names = of_kind(parameters, name, layer, inputs[0])
            used |= names
        elif kind in ("batch_norm", "group_norm"):
            x, names = normalised(parameters, name, layer, inputs[0])
            used |= names
        elif kind == "add":
            x = inputs[0] + inputs[1]
        elif kind == "multiply":
            x = inputs[0] * inputs[1]
        elif kind == "flatten":
            x = inputs[0].reshape(len(inputs[0]), -1)
        elif kind == "scaled":  # of tests/own_layer.c
            x = inputs[0] * parameters[name + ".gain"]
            used |= {name + ".gain", name + ".seen"}
        elif kind in FUNCTIONS:
            x = FUNCTIONS[kind](inputs[0], layer)
        else:
            raise ValueError(f"layer {position} is of a type unknown here: {kind}")
        values[name] = x
    unused = set(parameters) - used
    if unused:
        raise ValueError(f"no layer uses the parameters {sorted(unused)}")
    return values[model["output"]] if "output" in model else x


def read_inputs(model, scaling, features, n):
    """The first n samples (all: None) of each input that has a file, by name."""
    if "inputs" in model:
        files = dict(part.split("=", 1) for part in features.split(","))
        inputs = [one for one in model["inputs"] if one["name"] in files]
    else:
        files = {"input": features}
        inputs = [{"name": "input", "shape": model["input"]}]
    values = {}
    for one in inputs:
        x = read_features(files[one["name"]]).astype(np.float64).reshape(-1, math.prod(one["shape"]))
        # The library computes value * scale + shift in float32; a scale is exact as such.
        x = x * np.float32(scaling["scale"]).astype(np.float64) + np.float32(scaling["shift"])
        values[one["name"]] = x[:n].reshape(-1, *one["shape"])
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model")
    parser.add_argument("features")
    parser.add_argument("logits")
    parser.add_argument("--first", type=int, help="compare only the first N samples")
    args = parser.parse_args()

    with safe_open(args.model, "np") as file:
        metadata = file.metadata()
        parameters = {name: file.get_tensor(name) for name in file.keys()}
    for name, value in parameters.items():
        if value.dtype != np.float32:
            raise ValueError(f"{name} is {value.dtype}, not float32")
    parameters = {name: value.astype(np.float64) for name, value in parameters.items()}
    model = json.loads(metadata["clade.model"])
    scaling = json.loads(metadata["clade.input"])

    got = np.fromfile(args.logits, "<f4")
    n = args.first
    if n is None:
        last = [layer for layer in model["layers"] if layer["type"] == "linear"][-1]
        n = len(got) // last["units"]
    want = run(model, parameters, read_inputs(model, scaling, args.features, n))
    if n == 0 or len(want) < n:
        raise ValueError(f"{len(want)} samples to compare, not {n}")
    got = got.reshape(-1, *want.shape[1:])[:n].astype(np.float64)
    if got.shape != want.shape:
        raise ValueError(f"the outputs are {got.shape}, want {want.shape}")

    difference = np.abs(got - want).max()
    right = "" if difference <= TOLERANCE else f", more than {TOLERANCE:g}"
    print(f"{len(parameters)} parameters, {n} samples, {want[0].size} outputs up to "
          f"{np.abs(want).max():.3g}: largest difference {difference:.3g}{right}")
    return 0 if difference <= TOLERANCE else 1  # NaN is not <=


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, KeyError) as error:
        print(f"read_model.py: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)
