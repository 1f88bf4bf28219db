"""PyTorch and Clade train by the same recipe, in turns, with each seed.

Each run leaves a folder as `clade train` does, with a metrics.jsonl of the same form, so that all are read in
one way and `clade plot` draws them. Below OUT/runs: RECIPE-SYSTEM-SEED, and RECIPE/SYSTEM with the medians.
"""

import json
import math
import shutil
import statistics

from .install import LIB, Unavailable
from .recipes import RECIPES, clade_options
from .systems import Process

FOLDERS = {"torch": "PyTorch", "torch-mkl": "PyTorch-MKL", "clade": "Clade"}
CURVES = "train_loss", "valid_loss", "valid_accuracy"


def events(folder, kind):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == kind]


def read_run(folder, target):
    epochs = events(folder, "epoch")
    reached = next((i for i, line in enumerate(epochs)
                    if target and line["valid_accuracy"] >= target), None)
    return {"seconds": None if reached is None else epochs[reached]["seconds"],
            "epochs": len(epochs) if reached is None else reached + 1,
            "seconds_per_epoch": epochs[-1]["seconds"] / len(epochs),
            "curves": {key: [line[key] for line in epochs] for key in CURVES}}


class Training:
    """A recipe, and the folder of data it is for; what each system did of it."""

    def __init__(self, name, folder, args, say):
        self.name, self.folder, self.args, self.say = name, folder, args, say
        self.recipe = RECIPES[name] | ({"epochs": args.epochs} if args.epochs else {})
        self.runs, self.results, self.variants, self.processes = {}, {}, {}, {}

    def run_folder(self, system, seed):
        return self.args.out / "runs" / f"{self.name}-{system}-{seed}"

    def clade_run(self, clade, seed, run):
        clade.run("train", "--data", f"{self.name}:{self.folder}", *clade_options(self.recipe),
                  "--epochs", self.recipe["epochs"], "--seed", seed, "--run", run,
                  "--device", self.args.device, "--quiet", "--overwrite")
        clade.device = events(run, "start")[0]["device"]

    def start(self, name, system):
        """The function that trains with a seed and leaves a run in a folder."""
        if name == "clade":
            return lambda seed, run: self.clade_run(system, seed, run)
        process = Process([system.python, LIB / "torch_training.py", self.name, self.folder,
                           self.recipe["epochs"], self.args.threads],
                          self.args, system.log, **system.env)
        self.processes[name] = process
        self.variants[name] = process.greeting["variant"]
        return lambda seed, run: process.ask({"seed": seed, "run": str(run.resolve())})

    def attempt(self, name, call, *words):
        try:
            return call(*words)
        except Unavailable as error:
            self.results[name] = {"error": str(error)}
            self.say(f"{self.name}: {name}: {error}")

    def train(self, name, call, seed):
        folder = self.run_folder(name, seed)
        self.attempt(name, call, seed, folder)
        if name in self.results:
            return
        run = read_run(folder, self.recipe.get("target"))
        self.runs[name].append(run)
        last = f"{100 * run['curves']['valid_accuracy'][-1]:.2f} % at the end"
        self.say(f"{self.name}, seed {seed}: {name}: {run['epochs']} epochs, " +
                 (f"{run['seconds']:.2f} s" if run["seconds"] else last))

    def summary(self, name):
        runs = self.runs[name]
        median = lambda key: statistics.median(run[key] for run in runs)
        seconds = statistics.median(run["seconds"] or math.inf for run in runs)
        last = [run["curves"]["valid_accuracy"][-1] for run in runs]
        curves = {key: [statistics.median(values) for values in
                        zip(*(run["curves"][key] for run in runs))] for key in CURVES}
        return {"variant": self.variants.get(name), "epochs": median("epochs"),
                "seconds": None if math.isinf(seconds) else seconds,
                "seconds_per_epoch": median("seconds_per_epoch"), "runs": runs, "curves": curves,
                "accuracy": statistics.median(last), "accuracy_min": min(last),
                "accuracy_max": max(last)}

    def compare(self, systems):
        names = [name for name in systems if name not in ("numpy", "jax")]
        calls = {name: self.attempt(name, self.start, name, systems[name]) for name in names}
        self.runs = {name: [] for name in names}
        for seed in range(1, self.args.seeds + 1):
            for name in names:
                if name not in self.results:
                    self.train(name, calls[name], seed)
        for name in names:
            if name not in self.results:
                self.results[name] = self.summary(name)
        for process in self.processes.values():
            process.close()
        return self.recipe | {"seeds": self.args.seeds,
                              "systems": {name: self.results[name] for name in names}}


def draw(name, result, clade, out):
    """The medians over the seeds as a picture, and as runs that `clade plot` draws elsewhere too."""
    folders = []
    for system, entry in result["systems"].items():
        if "curves" in entry:
            folders.append(out / "runs" / name / FOLDERS[system])
            shutil.rmtree(folders[-1], ignore_errors=True)
            folders[-1].mkdir(parents=True)
            write_medians(folders[-1] / "metrics.jsonl", entry["curves"])
    clade.run("plot", *folders, "--output", out / f"{name}.svg")


def write_medians(path, curves):
    with path.open("w") as file:
        for i, values in enumerate(zip(*curves.values())):
            line = {"event": "epoch", "epoch": i + 1} | dict(zip(curves, values))
            file.write(json.dumps(line) + "\n")
