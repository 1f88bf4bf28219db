#!/usr/bin/env python3
"""Compares what clade reached on a table with scikit-learn's MLP behind a ColumnTransformer.

    check_tables.py TABLE.csv EVAL.json ANSWER [--drop COLUMN,...] [--categories COLUMN,...]

TABLE.csv is of make_tables.py, with its column `part`; EVAL.json is of `clade eval --json`, on the rows
whose part is test. The MLP learns from the others, with the same widths, once until a held-out tenth gets
no better and once for 20 epochs, and the better one counts; it scores the same rows: accuracy of classes,
R2 of numbers. Exits with 0 when clade is at most one point (of a hundred) below it, 1 when it is further,
2 when something cannot be read or scikit-learn is missing.
"""

import argparse
import csv
import json
import sys
import warnings

try:
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(2)

MISSING = ("", "NA", "?", "None")
WIDTHS = (64, 32)
EPOCHS = 20


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file, skipinitialspace=True))
    return rows[0], np.array(rows[1:], dtype=object)


def is_number(column):
    try:
        [float(text) for text in column if text not in MISSING]
    except ValueError:
        return False
    return True


def prepare(numbers, texts):
    """Columns (rows, numbers) and (rows, texts), each by its position, as a matrix."""
    number = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    text = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer([("numbers", number, numbers), ("texts", text, texts)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("table")
    parser.add_argument("report")
    parser.add_argument("answer")
    parser.add_argument("--drop", default="")
    parser.add_argument("--categories", default="")
    args = parser.parse_args()
    warnings.simplefilter("ignore")

    with open(args.report) as file:
        report = json.load(file)
    names, rows = read(args.table)
    train = rows[:, names.index("part")] == "train"
    y = rows[:, names.index(args.answer)]
    left_out = args.drop.split(",") + ["part", args.answer]
    columns = [name for name in names if name not in left_out]
    x = np.empty((len(rows), len(columns)), dtype=object)
    numbers, texts = [], []
    for i, name in enumerate(columns):
        column = rows[:, names.index(name)]
        if is_number(column) and name not in args.categories.split(","):
            x[:, i] = [float(t) if t not in MISSING else np.nan for t in column]
            numbers.append(i)
        else:
            x[:, i] = ["" if t in MISSING else t for t in column]
            texts.append(i)

    if report["kind"] == "classes":
        got, kind, y = report["accuracy"], MLPClassifier, y.astype(str)
    else:
        got, kind, y = report["r2"], MLPRegressor, y.astype(float)
        y = (y - y[train].mean()) / y[train].std()
    want = -np.inf
    for options in ({"early_stopping": True, "max_iter": 500}, {"max_iter": EPOCHS}):
        model = kind(hidden_layer_sizes=WIDTHS, random_state=1, **options)
        pipeline = make_pipeline(prepare(numbers, texts), model).fit(x[train], y[train])
        want = max(want, pipeline.score(x[~train], y[~train]))
    print(f"{len(y)} rows, {len(numbers)} numbers, {len(texts)} categories: clade {100 * got:.2f}, "
          f"scikit-learn {100 * want:.2f}")
    return 0 if got >= want - 0.01 and report["samples"] == np.sum(~train) else 1


if __name__ == "__main__":
    sys.exit(main())
