#!/usr/bin/env python3
"""State dicts of LeNet and ResNet-20 as PyTorch saves them, and what PyTorch computes with them.

    state_dict.py write lenet|resnet20 FILE
        made-up parameters, named and laid out as those of torch.nn's modules, counts of batches too
    state_dict.py check lenet|resnet20 FILE FEATURES LABELS LOGITS RIGHT
        runs the network in double precision on FEATURES, raw float32 from 0 to 1, and compares with
        LOGITS, raw float32, and with how many of LABELS, raw int32, are said to be right
    state_dict.py kept FILE MODEL
        whether MODEL, saved by Clade, has the bits of FILE in all that an optimizer changes

The networks are written out here, after torch.nn.Sequential and torchvision's ResNet; nothing of
Clade's is used. Exits with 0, with 1 where something differs, with 2 where it cannot be read.
"""

import sys

import numpy as np
from safetensors.numpy import load_file, save_file

from read_model import TOLERANCE, conv2d, linear, normalised, windows

STRIDES = {"layer1": 1, "layer2": 2, "layer3": 2}  # of the first block


# ---- the networks ---------------------------------------------------------------------------------

def conv(p, name, x, stride=1, padding=0):
    layer = {"stride": stride, "padding": padding, "dilation": 1, "groups": 1}
    return conv2d(p, name, layer, x)[0]


def bn(p, name, x):
    return normalised(p, name, {"type": "batch_norm", "eps": 1e-5}, x)[0]


def full(p, name, x):
    return linear(p, name, {"units": len(p[name + ".weight"])}, x)[0]


def relu(x):
    return np.maximum(x, 0.0)


def lenet(p, x):
    """Sequential(Conv2d, ReLU, MaxPool2d, Conv2d, ReLU, MaxPool2d, Flatten, Linear, ReLU, Linear, ReLU,
    Linear)."""
    for name, padding in ("0", 2), ("3", 0):
        x = windows(relu(conv(p, name, x, padding=padding)), {"kernel_size": 2}, -np.inf).max((0, 1))
    x = x.reshape(len(x), -1)
    return full(p, "11", relu(full(p, "9", relu(full(p, "7", x)))))


def basic_block(p, name, x, stride):
    y = relu(bn(p, name + ".bn1", conv(p, name + ".conv1", x, stride, 1)))
    y = bn(p, name + ".bn2", conv(p, name + ".conv2", y, 1, 1))
    if stride == 2:
        x = bn(p, name + ".downsample.1", conv(p, name + ".downsample.0", x, stride))
    return relu(y + x)


def resnet20(p, x):
    x = relu(bn(p, "bn1", conv(p, "conv1", x, 1, 1)))
    for layer, stride in STRIDES.items():
        for block in range(3):
            x = basic_block(p, f"{layer}.{block}", x, stride if block == 0 else 1)
    return full(p, "fc", x.mean((2, 3)))


# ---- their parameters -----------------------------------------------------------------------------

def lenet_layers():
    yield from (("0", (6, 1, 5, 5), True), ("3", (16, 6, 5, 5), True), ("7", (120, 400), True),
                ("9", (84, 120), True), ("11", (10, 84), True))


def resnet20_layers():
    """Name, shape of the weight, and whether there is a bias; batch norm behind each convolution."""
    n_in = 1
    yield "conv1", (16, 1, 3, 3), False
    yield "bn1", (16,), True
    n_in = 16
    for layer, n_out in zip(STRIDES, (16, 32, 64)):
        for block in range(3):
            name = f"{layer}.{block}."
            yield name + "conv1", (n_out, n_in, 3, 3), False
            yield name + "bn1", (n_out,), True
            yield name + "conv2", (n_out, n_out, 3, 3), False
            yield name + "bn2", (n_out,), True
            if n_in != n_out:
                yield name + "downsample.0", (n_out, n_in, 1, 1), False
                yield name + "downsample.1", (n_out,), True
            n_in = n_out
    yield "fc", (10, 64), True


NETWORKS = {"lenet": (lenet, lenet_layers), "resnet20": (resnet20, resnet20_layers)}


def state_dict(layers):
    """Weights as PyTorch draws them, statistics as training leaves them."""
    random = np.random.default_rng(7)
    state = {}
    for name, shape, bias in layers():
        bound = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
        draw = lambda size: random.uniform(-bound, bound, size).astype(np.float32)
        state[name + ".weight"] = draw(shape)
        if bias:
            state[name + ".bias"] = draw(shape[0])
        if len(shape) == 1:
            state[name + ".weight"] += np.float32(1)
            state[name + ".running_mean"] = draw(shape)
            state[name + ".running_var"] = np.float32(0.5) + np.abs(draw(shape))
            state[name + ".num_batches_tracked"] = np.array(1185, np.int64)
    return state


# ---- commands -------------------------------------------------------------------------------------

def write(network, path):
    save_file(state_dict(NETWORKS[network][1]), path, {"format": "pt"})
    return 0


def check(network, path, features, labels, logits, right):
    p = {name: value.astype(np.float64) for name, value in load_file(path).items()}
    x = np.fromfile(features, "<f4").reshape(-1, 1, 28, 28).astype(np.float64)
    labels, got = np.fromfile(labels, "<i4"), np.fromfile(logits, "<f4").reshape(len(x), 10)
    want = NETWORKS[network][0](p, x)
    difference, n_right = np.abs(got - want).max(), (want.argmax(1) == labels).sum()
    print(f"{network}: {len(x)} samples, outputs up to {np.abs(want).max():.3g}: largest difference "
          f"{difference:.3g}; {n_right} are right, Clade says {right}")
    return 0 if difference <= TOLERANCE and n_right == int(right) else 1


def kept(path, model):
    state, got = load_file(path), load_file(model)
    want = {name for name in state if not name.endswith("num_batches_tracked")}
    if set(got) != want:
        print(f"the model has {sorted(got)}, not {sorted(want)}")
        return 1
    moved = [name for name in want if ".running_" not in name
             and (got[name].dtype, got[name].tobytes()) != (state[name].dtype, state[name].tobytes())]
    print(f"{len(want)} tensors, {len(moved)} of which have other bits")
    return 1 if moved else 0


if __name__ == "__main__":
    try:
        sys.exit({"write": write, "check": check, "kept": kept}[sys.argv[1]](*sys.argv[2:]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"state_dict.py: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)
