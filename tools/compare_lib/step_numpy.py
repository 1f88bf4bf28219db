"""A training step in NumPy: matrix form, everything written in place.

Gradients are linear in the loss's, which is scaled by lr / batch from the start, so that an update
is a subtraction. Large parameters are updated in pieces that stay in the cache.
"""

import numpy as np

VARIANTS = ["in place"]
PIECE = 1 << 15


def version():
    return f"NumPy {np.__version__}"


class Step:
    def __init__(self, workload, data, labels, batches, parameters, variant, threads):
        if "image" in workload:
            raise ValueError("no convolutions here")
        self.data, self.labels, self.batches = data, labels, batches
        batch = batches.shape[1]
        widths = workload["layers"]
        empty = lambda *shape: np.empty(shape, np.float32)
        self.rows = np.arange(batch)
        self.weights, self.biases = [p.copy() for p in parameters[0::2]], [
            p.copy() for p in parameters[1::2]]
        self.values = [empty(batch, n) for n in widths]  # (batch, width) of each layer
        self.deltas = [empty(batch, n) for n in widths]
        self.target = np.zeros((batch, widths[-1]), np.float32)
        self.weight_gradients = [empty(*w.shape) for w in self.weights]
        self.bias_gradients = [empty(*b.shape) for b in self.biases]
        self.masks = [np.empty((batch, n), bool) for n in widths]
        self.lr, self.momentum = np.float32(workload["lr"]), np.float32(workload["momentum"])
        self.decay = np.float32(workload["lr"] * workload["weight_decay"])
        self.sigmoid = workload["activation"] == "sigmoid"
        self.mse = workload["loss"] == "mse"
        self.scratch = empty(PIECE)
        self.last = 0.0
        # (parameter, gradient, velocity), flat, in pieces
        self.pieces = []
        for p, g in zip(self.weights + self.biases, self.weight_gradients + self.bias_gradients):
            flat = [a.reshape(-1) for a in (p, g, np.zeros_like(p))]
            self.pieces += [[a[at:at + PIECE] for a in flat] for at in range(0, p.size, PIECE)]
        np.seterr(over="ignore", under="ignore")

    def step(self, i):
        index = self.batches[i % len(self.batches)]
        np.take(self.data, index, axis=0, out=self.values[0], mode="clip")
        n = len(self.weights)
        for k in range(n):
            z = self.values[k + 1]
            np.matmul(self.values[k], self.weights[k].T, out=z)
            z += self.biases[k]
            if self.sigmoid:
                np.negative(z, out=z)
                np.exp(z, out=z)
                z += 1
                np.reciprocal(z, out=z)
            elif k < n - 1:
                np.maximum(z, 0, out=z)
        self.loss_gradient(self.labels[index])
        for k in reversed(range(n)):
            delta = self.deltas[k + 1]
            if self.sigmoid:  # delta *= y * (1 - y)
                y = self.values[k + 1]
                delta *= y
                np.subtract(1, y, out=y)
                delta *= y
            elif k < n - 1:
                delta *= np.greater(self.values[k + 1], 0, out=self.masks[k + 1])
            np.matmul(delta.T, self.values[k], out=self.weight_gradients[k])
            np.sum(delta, axis=0, out=self.bias_gradients[k])
            if k:
                np.matmul(delta, self.weights[k], out=self.deltas[k])
        self.update()

    def loss_gradient(self, labels):
        y, delta = self.values[-1], self.deltas[-1]
        if self.mse:
            self.target.fill(0)
            self.target[self.rows, labels] = 1
            np.subtract(y, self.target, out=delta)
            self.last = float(np.vdot(delta, delta)) / y.size
            delta *= 2 * self.lr / np.float32(y.size)
        else:
            y -= y.max(axis=1, keepdims=True)
            np.exp(y, out=delta)
            total = delta.sum(axis=1, keepdims=True)
            self.last = float((np.log(total[:, 0]) - y[self.rows, labels]).mean())
            delta /= total
            delta[self.rows, labels] -= 1
            delta *= self.lr / np.float32(len(y))

    def update(self):
        for p, g, v in self.pieces:
            if self.decay:
                g += np.multiply(p, self.decay, out=self.scratch[:len(p)])
            if self.momentum:
                v *= self.momentum
                v += g
                p -= v
            else:
                p -= g

    def loss(self):
        return self.last

    def wait(self):
        pass
