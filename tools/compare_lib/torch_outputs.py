"""Whether networks that go from PyTorch to Clade or back are the same on both sides.

    python torch_outputs.py

Reads requests, answers each with a line of JSON. "files" and "data" are kind and folder of the images.

    {"train": NAME, "init": FILE, "files": KIND, "data": DIR}
        writes a new network's state dict, and trains it by recipes.without_chance: the losses of the
        train part in and after each epoch
    {"workload": NAME, "model": FILE, "files": KIND, "data": DIR, "probabilities": [[...], ...]}
        those are what Clade made of the first images of the train part: the largest difference of a
        logarithm, which is that of the logits but for what all of a sample have in common
"""

import json
import os
import struct
import sys

import torch

from recipes import without_chance
from step_torch import make_network
from torch_training import Trainer, read_part
from workloads import WORKLOADS


def read_tensors(path):
    """A safetensors file of floats."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    return {name: torch.frombuffer(bytearray(body[slice(*entry["data_offsets"])]),
                                   dtype=torch.float32).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def write_tensors(path, tensors):
    """As safetensors.torch.save_file does."""
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name, tensor in tensors.items():
        values = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype],
                        "shape": list(tensor.shape),
                        "data_offsets": [len(body), len(body) + len(values)]}
        body += values
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def train(request):
    name = request["train"]
    recipe = without_chance(name, WORKLOADS[name])
    x, y = read_part(request["files"], request["data"], "train")
    x = x.reshape(-1, *recipe["image"])
    trainer = Trainer(recipe, "eager, foreach", x, y)
    write_tensors(request["init"], trainer.net.state_dict())
    lines = trainer.fit(None, recipe["epochs"], (x, y))
    return {"losses": [[line["train_loss"], line["valid_loss"]] for line in lines]}


def load(workload, path):
    net = make_network(workload, "eager")
    misfits = net.load_state_dict(read_tensors(path), strict=False)
    missing = [name for name in misfits.missing_keys if not name.endswith("num_batches_tracked")]
    if missing or misfits.unexpected_keys:
        raise ValueError(f"missing: {missing}, unexpected: {misfits.unexpected_keys}")
    return net.eval()


def differences(request):
    workload = WORKLOADS[request["workload"]]
    got = torch.tensor(request["probabilities"], dtype=torch.float64)
    x, _ = read_part(request["files"], request["data"], "train")
    with torch.no_grad():
        logits = load(workload, request["model"])(x[:len(got)].reshape(-1, *workload["image"]))
    want = torch.log_softmax(logits.double(), 1)
    return {"samples": len(got), "largest": logits.abs().max().item(),
            "difference": (got.log() - want).abs().max().item()}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = train(request) if "train" in request else differences(request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
