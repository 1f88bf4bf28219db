"""Whether networks are the same in PyTorch and in Clade, on images of noise.

One that PyTorch makes goes to Clade, and both train it: the same losses, in training and after each epoch.
One that Clade trains and saves goes to PyTorch: the same outputs.
"""

import json

from .install import LIB, Unavailable
from .recipes import clade_options, without_chance
from .systems import Process
from .trainings import events
from .workloads import WORKLOADS, write_images

NETWORKS = ["lenet", "resnet20"]  # --model NAME, and the workload
STEPS, IMAGES, TOLERANCE = 50, 256, 1e-4


class Networks:
    """Both systems at one network."""

    def __init__(self, name, clade, torch, args):
        self.name, self.clade, self.torch, self.args = name, clade, torch, args
        self.kind = WORKLOADS[name]["files"]
        self.run = args.out / "runs" / f"outputs-{name}"

    def noise(self, n):
        """Spec and folder of n images."""
        folder = (self.args.out / "noise" / f"{self.kind}-{n}").resolve()
        return write_images(folder, self.kind, n), str(folder)

    def clade_trains(self, *options):
        self.clade.run("train", *options, "--device", self.args.device, "--quiet", "--overwrite",
                       "--run", self.run)

    def losses(self):
        """How far apart they are, of each loss, at most."""
        recipe = without_chance(self.name, WORKLOADS[self.name])
        data, folder = self.noise(recipe["batch"])
        init = (self.args.out / f"{self.name}-torch.safetensors").resolve()
        want = self.torch.ask({"train": self.name, "init": str(init), "files": self.kind,
                               "data": folder})["losses"]
        self.clade_trains("--data", data, "--valid", data + "?part=train", "--init", init,
                          *clade_options(recipe), "--epochs", recipe["epochs"])
        got = [[line["train_loss"], line["valid_loss"]] for line in events(self.run, "epoch")]
        return max(abs(a - b) / abs(a) for one, other in zip(want, got, strict=True)
                   for a, b in zip(one, other))

    def outputs(self):
        data, folder = self.noise(2048)
        self.clade_trains("--model", self.name, "--data", data, "--valid", "none", "--batch", 128,
                          "--optimizer", "sgd", "--lr", 0.05, "--momentum", 0.9, "--max-steps", STEPS)
        model = self.run / "model.safetensors"
        said = self.clade.run("predict", model, "--data", data + "?part=train", "--limit", IMAGES,
                              "--json", "--device", self.args.device, "--quiet")
        return self.torch.ask({
            "workload": self.name, "model": str(model.resolve()), "files": self.kind, "data": folder,
            "probabilities": [row["probabilities"] for row in json.loads(said)["predictions"]]})


def compare_outputs(args, systems, say):
    """What was found of each network; raises Unavailable."""
    if "torch" not in systems or "clade" not in systems:
        raise Unavailable("--outputs wants torch and clade")
    torch, answers = systems["torch"], {}
    process = Process([torch.python, LIB / "torch_outputs.py"], args, torch.log, **torch.env)
    for name in NETWORKS:
        both = Networks(name, systems["clade"], process, args)
        losses, answer = both.losses(), both.outputs()
        answers[name] = answer | {"losses": losses,
                                  "same": max(losses, answer["difference"]) <= TOLERANCE}
        say(f"{name}: losses are apart by {losses:.2g} of them, outputs by {answer['difference']:.2g}")
    process.close()
    return answers
