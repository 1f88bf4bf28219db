"""The trainings that PyTorch and Clade do alike, by name: each is a kind of data of Clade's too.

A recipe has what a workload has (workloads.py), and also: `target`, an accuracy at which training may end;
`crop` and `flip`, what is done to each training image at random; `cosine`, whether the learning rate falls to 0
along a cosine, step by step; `standardize_channels`, whether each channel is seen with mean 0 and deviation 1.
"""

RECIPES = {
    "mnist": {
        "title": "MNIST, 784-512-512-10", "layers": [784, 512, 512, 10], "activation": "relu",
        "clade": "mlp:512,512", "epochs": 20, "batch": 128, "lr": 0.1, "momentum": 0.9,
        "weight_decay": 0.0, "target": 0.98},
    # data/resnet20.yaml, in fewer epochs.
    "cifar10": {
        "title": "CIFAR-10, ResNet-20", "image": [3, 32, 32], "network": "resnet20",
        "clade": "resnet20", "epochs": 10, "batch": 128, "lr": 0.1, "momentum": 0.9,
        "weight_decay": 1e-4, "crop": 4, "flip": True, "cosine": True, "standardize_channels": True},
}


def without_chance(name, workload):
    """A recipe of this workload in which nothing is drawn but the initial weights: on as many images as a
    batch has, each step has all of them. The rate is so small that steps do not multiply what rounding
    makes of their sums, and the decay so large that it tells."""
    return workload | {"clade": name, "epochs": 8, "batch": 128, "lr": 0.002, "momentum": 0.9,
                       "weight_decay": 0.1, "cosine": True, "standardize_channels": True}


def clade_options(recipe):
    """The recipe as options of `clade train`."""
    options = ["--model", recipe["clade"], "--optimizer", "sgd", "--batch", recipe["batch"],
               "--lr", recipe["lr"], "--momentum", recipe["momentum"],
               "--weight-decay", recipe["weight_decay"]]
    if "crop" in recipe:
        options += ["--crop", recipe["crop"]]
    if recipe.get("cosine"):
        options += ["--schedule", "cosine"]
    return options + [option for key, option in (("flip", "--flip"), ("standardize_channels",
                                                                      "--standardize-channels"))
                      if recipe.get(key)]
