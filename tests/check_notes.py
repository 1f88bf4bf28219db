#!/usr/bin/env python3
"""README.md's example for PyTorch: what it reads from a model is what the model was trained with.

    check_notes.py README.md MODEL.safetensors TABLE.csv PREDICTIONS.csv

Runs the README's Python, and a network of linear, relu, linear in NumPy as torch.nn.Sequential would
run it, on the cells of TABLE (a header, three features, a label); its classes, by name, must be
those of PREDICTIONS, which `clade predict` wrote. Exits with 77 without the packages.
"""

import csv
import re
import sys

try:
    import numpy as np
    from safetensors.numpy import load_file
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(77)

readme, model, table, predictions = sys.argv[1:]
blocks = re.findall(r"```python\n(.*?)```", open(readme, encoding="utf-8").read(), re.S)
example = [block for block in blocks if "clade.input" in block]
assert len(example) == 1, "README.md has one example of clade.input"
scope = {}
exec(example[0], scope)
notes = scope["notes_of"](model)
names = scope["names_of"](notes)

rows = [row[:3] for row in csv.reader(open(table))][1:]
weights = load_file(model)
x = scope["see"](notes, rows)
assert x.dtype == np.float32 and x.shape == (len(rows), 4)
x = np.maximum(x @ weights["0.weight"].T + weights["0.bias"], 0)
x = x @ weights["2.weight"].T + weights["2.bias"]
got = [names[i] for i in x.argmax(1)]
want = [row["class"] for row in csv.DictReader(open(predictions))]
assert got == want, f"{got}\n{want}"
print(f"{len(got)} rows of {len(set(got))} classes, as clade predicts them")
