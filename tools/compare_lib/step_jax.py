"""A training step in JAX: one jitted function with donated parameters and momenta."""

import functools

import jax
import jax.numpy as jnp

VARIANTS = ["jit"]


def version():
    return f"JAX {jax.__version__}"


class Step:
    def __init__(self, workload, data, labels, batches, parameters, variant, threads):
        if "image" in workload:
            raise ValueError("no convolutions here")
        self.data, self.labels = jnp.asarray(data), jnp.asarray(labels)
        self.batches = [jnp.asarray(row) for row in batches]
        # Copied: what is donated must not be NumPy's memory.
        self.state = [jnp.array(p, copy=True) for p in parameters]
        if workload["momentum"]:
            self.state += [jnp.zeros_like(p) for p in self.state]
        self.train = build(workload)

    def step(self, i):
        index = self.batches[i % len(self.batches)]
        self.state, self.last = self.train(self.state, self.data, self.labels, index)

    def loss(self):
        return float(self.last)

    def wait(self):
        jax.block_until_ready((self.state, self.last))


def build(workload):
    sigmoid, mse = workload["activation"] == "sigmoid", workload["loss"] == "mse"
    lr, momentum, decay = (workload[key] for key in ("lr", "momentum", "weight_decay"))
    n = 2 * (len(workload["layers"]) - 1)

    def loss_of(parameters, x, labels):
        for k in range(0, n, 2):
            x = x @ parameters[k].T + parameters[k + 1]
            if sigmoid:
                x = jax.nn.sigmoid(x)
            elif k < n - 2:
                x = jax.nn.relu(x)
        if mse:
            return jnp.mean((x - jax.nn.one_hot(labels, x.shape[1])) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1))

    @functools.partial(jax.jit, donate_argnums=0)
    def step(state, data, labels, index):
        parameters, velocities = state[:n], state[n:]
        x, y = data[index], labels[index]
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y)
        if decay:
            gradients = [g + decay * p for p, g in zip(parameters, gradients)]
        if momentum:
            gradients = velocities = [momentum * v + g for v, g in zip(velocities, gradients)]
        return [p - lr * g for p, g in zip(parameters, gradients)] + velocities, loss

    return step
