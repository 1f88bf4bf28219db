"""Networks that Clade trains and saves give PyTorch's outputs: trained on noise, and compared on it."""

import json

from .install import LIB, Unavailable
from .systems import Process
from .workloads import WORKLOADS, write_images

NETWORKS = ["lenet", "resnet20"]  # --model NAME, and the workload
STEPS, IMAGES, TOLERANCE = 50, 256, 1e-4


def outputs_of(clade, args, name):
    """What torch_outputs.py wants to know."""
    kind = WORKLOADS[name]["files"]
    folder, run = args.out / "noise" / kind, args.out / "runs" / f"outputs-{name}"
    data = write_images(folder, kind)
    clade.run("train", "--model", name, "--data", data, "--valid", "none", "--batch", 128,
              "--optimizer", "sgd", "--lr", 0.05, "--momentum", 0.9, "--max-steps", STEPS,
              "--device", args.device, "--quiet", "--overwrite", "--run", run)
    model = run / "model.safetensors"
    rows = json.loads(clade.run("predict", model, "--data", data + "?part=train", "--json", "--limit",
                                IMAGES, "--device", args.device, "--quiet"))["predictions"]
    return {"workload": name, "model": str(model.resolve()), "files": kind,
            "data": str(folder.resolve()), "probabilities": [row["probabilities"] for row in rows]}


def compare_outputs(args, systems, say):
    """For each network the answer of torch_outputs.py; raises Unavailable."""
    if "torch" not in systems or "clade" not in systems:
        raise Unavailable("--outputs wants torch and clade")
    torch, answers = systems["torch"], {}
    process = Process([torch.python, LIB / "torch_outputs.py"], args, torch.log, **torch.env)
    for name in NETWORKS:
        answer = process.ask(outputs_of(systems["clade"], args, name))
        answers[name] = answer | {"same": answer["difference"] <= TOLERANCE}
        say(f"{name}: of {answer['samples']} images, with logits up to {answer['largest']:.3g}, the "
            f"largest difference between PyTorch and Clade is {answer['difference']:.2g}")
    process.close()
    return answers
