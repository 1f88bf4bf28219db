"""PyTorch trains by a recipe of recipes.py.

    python torch_training.py RECIPE DIR EPOCHS THREADS

Reads {"seed": N, "run": FOLDER}, one a line; trains anew and writes FOLDER/metrics.jsonl as `clade train` has
it, then answers with a line of JSON. Data lies in memory as floats; an epoch is a permutation and an
index_select for each batch. Time is that of training: validation, compilation and the reading of files are
left out.
"""

import gzip
import json
import math
import os
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

from recipes import RECIPES
from step_torch import VARIANTS, make_network, train_step
from worker import run

INFERENCE_BATCH = 500


def read_idx(folder, name):
    for path in pathlib.Path(folder, name), pathlib.Path(folder, name + ".gz"):
        if path.exists():
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            shape = np.frombuffer(data, ">i4", data[3], 4)
            return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)
    sys.exit(f"no {name} or {name}.gz in {folder}")


def read_mnist(folder, part):
    part = {"train": "train", "test": "t10k"}[part]
    images = read_idx(folder, part + "-images-idx3-ubyte").reshape(-1, 784)
    return images, read_idx(folder, part + "-labels-idx1-ubyte")


def read_cifar10(folder, part):
    """Records of a label and an image, (channels, height, width)."""
    pattern = {"train": "data_batch_*.bin", "test": "test_batch.bin"}[part]
    paths = sorted(pathlib.Path(folder).glob(pattern))
    if not paths:
        sys.exit(f"no {pattern} in {folder}")
    records = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 3073) for path in paths])
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]


def read_part(name, folder, part):
    """Values from 0 to 1, and classes."""
    x, y = {"mnist": read_mnist, "cifar10": read_cifar10}[name](folder, part)
    return torch.from_numpy(x.astype(np.float32)) / 255, torch.from_numpy(y.astype(np.int64))


def augmented(x, crop, flip):
    """Each image of x moved by up to `crop` pixels, black around it, and mirrored in half of all cases."""
    n, channels, height, width = x.shape
    rows = torch.arange(height) + torch.randint(2 * crop + 1, (n, 1))
    cols = torch.arange(width) + torch.randint(2 * crop + 1, (n, 1))
    if flip:
        cols = torch.where(torch.rand(n, 1) < 0.5, cols.flip(1), cols)
    return F.pad(x, (crop,) * 4)[torch.arange(n)[:, None, None, None],
                                 torch.arange(channels)[:, None, None],
                                 rows[:, None, :, None], cols[:, None, None, :]]


class Trainer:
    def __init__(self, recipe, variant, x, y):
        self.recipe, self.variant, self.x, self.y = recipe, variant, x, y
        self.net = make_network(recipe, variant)
        self.train, self.optimizer = train_step(self.net, F.cross_entropy, variant, recipe["lr"],
                                                recipe["momentum"], recipe["weight_decay"])
        if recipe.get("standardize_channels"):
            self.std, self.mean = torch.std_mean(x, (0, 2, 3), keepdim=True)

    def restart(self, seed):
        torch.manual_seed(seed)
        self.optimizer.state.clear()
        for layer in self.net.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()

    def see(self, x):
        """What the network sees of values from 0 to 1."""
        if self.recipe.get("standardize_channels"):
            x = (x - self.mean) / self.std
        if "channels_last" in self.variant:
            x = x.contiguous(memory_format=torch.channels_last)
        return x

    def batch(self, index):
        x = self.x.index_select(0, index)
        if "crop" in self.recipe:
            x = augmented(x, self.recipe["crop"], self.recipe.get("flip"))
        return self.train(self.see(x), self.y.index_select(0, index))

    def order(self):
        """Of an epoch; the last batch is short, and trained too."""
        return torch.randperm(len(self.x)).split(self.recipe["batch"])

    def set_rate(self, share):
        """share: how much of the training is done."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe["lr"] * (1 + math.cos(math.pi * share)) / 2

    def epoch(self, number, n_epochs):
        """Epoch 0, 1, ...: the mean loss of its samples."""
        order, total = self.order(), []
        for i, index in enumerate(order):
            if self.recipe.get("cosine"):
                self.set_rate((number + i / len(order)) / n_epochs)
            total.append(self.batch(index) * len(index))
        return torch.stack(total).sum().item() / len(self.x)

    def evaluate(self, x, y):
        """Loss and accuracy."""
        self.net.eval()
        with torch.no_grad():
            outputs = torch.cat([self.net(self.see(part)) for part in x.split(INFERENCE_BATCH)])
        self.net.train()
        return (F.cross_entropy(outputs, y).item(),
                (outputs.argmax(1) == y).float().mean().item())

    def fit(self, seed, n_epochs, test):
        """A line of metrics.jsonl for each epoch, until the last, or the target. seed None: from what the
        network has."""
        if seed is not None:
            self.restart(seed)
        seconds, accuracy, number = 0.0, 0.0, 0
        while number < n_epochs and accuracy < self.recipe.get("target", 2):
            started = time.perf_counter()
            train_loss = self.epoch(number, n_epochs)
            seconds += time.perf_counter() - started
            number += 1
            loss, accuracy = self.evaluate(*test)
            yield {"event": "epoch", "epoch": number, "train_loss": train_loss,
                   "valid_loss": loss, "valid_accuracy": accuracy, "seconds": seconds}


class Steps:
    """As worker.run wants them: whole batches, over and over."""

    def __init__(self, trainer):
        self.trainer, self.batches = trainer, trainer.order()[:-1]

    def step(self, i):
        self.trainer.batch(self.batches[i % len(self.batches)])

    def wait(self):
        pass


def open_fastest(recipe, data):
    best = None
    for variant in VARIANTS:
        try:
            trainer = Trainer(recipe, variant, *data)
            order = trainer.order()
            for index in (order[0], order[-1]) * 3:
                trainer.batch(index)  # a whole batch and the short one: compiled for both
            _, seconds, _ = run(Steps(trainer), 1.0)  # the least is steadiest on a busy machine
        except Exception as error:
            print(f"{variant}: {error}", file=sys.stderr)
            continue
        if best is None or seconds < best[0]:
            best = seconds, trainer
    return best[1]


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, folder, epochs, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    trainer = open_fastest(RECIPES[name], read_part(name, folder, "train"))
    test = read_part(name, folder, "test")
    print(json.dumps({"version": torch.__version__, "variant": trainer.variant}), file=answers,
          flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        run_folder = pathlib.Path(request["run"])
        run_folder.mkdir(parents=True, exist_ok=True)
        with (run_folder / "metrics.jsonl").open("w") as metrics:
            for event in trainer.fit(request["seed"], int(epochs), test):
                print(json.dumps(event), file=metrics, flush=True)
        print(json.dumps({}), file=answers, flush=True)


if __name__ == "__main__":
    main()
