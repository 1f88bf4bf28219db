"""Seconds of training until 98 % of MNIST's test part are right: PyTorch and Clade, in turns."""

import json
import math
import statistics

from .install import LIB, Unavailable
from .systems import Process

TARGET, EPOCHS = 0.98, 20


def clade_run(clade, args, seed):
    run = args.out / "runs" / f"mnist-{seed}"
    clade.run("train", "--model", "mlp:512,512", "--data", f"mnist:{args.mnist}",
              "--epochs", EPOCHS, "--batch", 128, "--optimizer", "sgd", "--lr", 0.1,
              "--momentum", 0.9, "--seed", seed, "--run", run,
              "--device", args.device, "--quiet", "--overwrite")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    clade.device = next(line["device"] for line in lines if line["event"] == "start")
    epochs = [line for line in lines if line["event"] == "epoch"]
    reached = next((i for i, line in enumerate(epochs) if line["valid_accuracy"] >= TARGET), None)
    return {"seconds": None if reached is None else epochs[reached]["seconds"],
            "epochs": len(epochs) if reached is None else reached + 1,
            "seconds_per_epoch": epochs[-1]["seconds"] / len(epochs),
            "accuracies": [line["valid_accuracy"] for line in epochs]}


def start(name, systems, args):
    """What trains with a seed, which of its variants that is, and the process to close."""
    if name == "clade":
        return lambda seed: clade_run(systems[name], args, seed), None, None
    system = systems[name]
    process = Process([system.python, LIB / "torch_mnist.py", args.mnist, args.threads, TARGET,
                       EPOCHS], args, system.log, **system.env)
    return process.ask, process.greeting["variant"], process


def summary(runs, variant):
    median = lambda key: statistics.median(run[key] for run in runs)
    seconds = statistics.median(run["seconds"] or math.inf for run in runs)
    return {"variant": variant, "seconds": None if math.isinf(seconds) else seconds,
            "epochs": median("epochs"), "seconds_per_epoch": median("seconds_per_epoch"),
            "runs": runs}


def compare_mnist(args, systems, say):
    started, runs, results = {}, {}, {}

    def attempt(name, call, *words):
        try:
            return call(*words)
        except Unavailable as error:
            results[name] = {"error": str(error)}
            say(f"mnist: {name}: {error}")

    names = [name for name in systems if name not in ("numpy", "jax")]
    for name in names:
        started[name] = attempt(name, start, name, systems, args)
        runs[name] = []
    for seed in range(1, args.seeds + 1):
        for name in names:
            run = None if name in results else attempt(name, started[name][0], seed)
            if run:
                runs[name].append(run)
                say(f"mnist, seed {seed}: {name}: " + (
                    f"{run['seconds']:.2f} s, {run['epochs']} epochs" if run["seconds"]
                    else f"not within {EPOCHS} epochs"))
    for name in names:
        if name not in results:
            results[name] = summary(runs[name], started[name][1])
            if started[name][2]:
                started[name][2].close()
    return {"target": TARGET, "seeds": args.seeds,
            "systems": {name: results[name] for name in names}}
