"""How long PyTorch trains until its accuracy on MNIST's test part reaches a target.

    python torch_mnist.py DIR THREADS TARGET EPOCHS

Reads seeds, one a line; answers each with a line of JSON. Data lies in memory as floats; an epoch
is a permutation and an index_select for each batch. Time is that of training: validation,
compilation and the reading of files are left out.
"""

import gzip
import json
import os
import pathlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

from step_torch import VARIANTS, model, train_step

BATCH = 128


def read_idx(folder, name):
    for path in pathlib.Path(folder, name), pathlib.Path(folder, name + ".gz"):
        if path.exists():
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            shape = np.frombuffer(data, ">i4", data[3], 4)
            return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)
    sys.exit(f"no {name} or {name}.gz in {folder}")


def read_part(folder, part):
    x = torch.from_numpy(read_idx(folder, part + "-images-idx3-ubyte").reshape(-1, 784).copy())
    y = torch.from_numpy(read_idx(folder, part + "-labels-idx1-ubyte").astype(np.int64))
    return x.float() / 255, y


class Trainer:
    def __init__(self, variant, x, y):
        self.x, self.y = x, y
        self.net = model([784, 512, 512, 10])
        self.train, self.optimizer = train_step(self.net, F.cross_entropy, variant, 0.1, 0.9, 0.0)

    def restart(self, seed):
        torch.manual_seed(seed)
        self.optimizer.state.clear()
        for layer in self.net:
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()

    def epoch(self, n_batches=None):
        """The last batch is short, and trained too. Returns the seconds."""
        started = time.perf_counter()
        order = torch.randperm(len(self.x)).split(BATCH)
        for index in order[-n_batches:] if n_batches else order:
            self.train(self.x.index_select(0, index), self.y.index_select(0, index))
        return time.perf_counter() - started

    def accuracy(self, x, y):
        with torch.no_grad():
            return (self.net(x).argmax(1) == y).float().mean().item()


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder, threads, target, epochs = sys.argv[1], *(float(word) for word in sys.argv[2:])
    torch.set_num_threads(int(threads))
    train, test = read_part(folder, "train"), read_part(folder, "t10k")
    best = None
    for variant in VARIANTS:
        try:
            trainer = Trainer(variant, *train)
            for _ in range(3):
                trainer.epoch(2)  # a whole batch and the short one: compiled for both
            seconds = min(trainer.epoch(50) for _ in range(3))
        except Exception as error:
            print(f"{variant}: {error}", file=sys.stderr)
            continue
        if best is None or seconds < best[0]:
            best = seconds, variant, trainer
    answer = {"version": torch.__version__, "variant": best[1]}
    while True:
        print(json.dumps(answer), file=answers, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        best[2].restart(int(line))
        seconds, reached, accuracies = 0.0, None, []
        while reached is None and len(accuracies) < epochs:
            seconds += best[2].epoch()
            accuracies.append(best[2].accuracy(*test))
            if accuracies[-1] >= target:
                reached = seconds
        answer = {"seconds": reached, "epochs": len(accuracies),
                  "seconds_per_epoch": seconds / len(accuracies), "accuracies": accuracies}


if __name__ == "__main__":
    main()
