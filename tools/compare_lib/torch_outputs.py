"""Whether a network that Clade saved gives the same in PyTorch.

    python torch_outputs.py

Reads {"workload": NAME, "model": FILE, "files": KIND, "data": DIR, "probabilities": [[...], ...]}, one a
line: what Clade made of the first images of the train part. Answers with a line of JSON: the largest
difference of a logarithm, which is that of the logits but for what all of a sample have in common.
"""

import json
import os
import struct
import sys

import torch

from step_torch import make_network
from torch_training import read_part
from workloads import WORKLOADS


def read_tensors(path):
    """A safetensors file of floats."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    return {name: torch.frombuffer(bytearray(body[slice(*entry["data_offsets"])]),
                                   dtype=torch.float32).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


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
        print(json.dumps(differences(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
