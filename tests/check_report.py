#!/usr/bin/env python3
"""Compares what `clade eval` reports with what scikit-learn computes of the same predictions.

    check_report.py EVAL.json PREDICTIONS.csv TABLE.csv ANSWER[,ANSWER...]

EVAL.json is of `clade eval --json`, PREDICTIONS.csv of `clade predict`, both on all rows of TABLE.csv,
whose columns ANSWER are the classes, labels or targets. Exits with 0 when no figure differs by more
than 1e-6, 1 when one does, 2 when something cannot be read or scikit-learn is missing.
"""

import csv
import json
import sys
import warnings

try:
    import numpy as np
    from sklearn import metrics
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(2)

TOLERANCE = 1e-6
failed = False


def compare(what, got, want):
    global failed
    got, want = np.asarray(got, float), np.asarray(want, float)
    if got.shape != want.shape or not np.all(np.abs(got - want) <= TOLERANCE * (1 + np.abs(want))):
        print(f"{what}: {got}, and scikit-learn has {want}")
        failed = True


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    return rows[0], rows[1:]


def column(rows, i, kind=str):
    return np.array([kind(row[i]) for row in rows])


def macro(report, truth, predicted, **options):
    want = metrics.precision_recall_fscore_support(truth, predicted, average="macro", zero_division=0,
                                                   **options)
    for i, key in enumerate(("precision", "recall", "f1")):
        compare("macro " + key, report["macro"][key], want[i])


def check_classes(report, head, rows, truth):
    names = [c["name"] for c in report["classes"]]
    predicted = column(rows, head.index("class"))
    p = np.array([[float(x) for x in row[head.index("class") + 1:]] for row in rows])
    compare("accuracy", report["accuracy"], metrics.accuracy_score(truth, predicted))
    compare("balanced accuracy", report["balanced_accuracy"],
            metrics.balanced_accuracy_score(truth, predicted))
    compare("confusion", report["confusion"],
            metrics.confusion_matrix(truth, predicted, labels=names))
    want = metrics.precision_recall_fscore_support(truth, predicted, labels=names, zero_division=0)
    for i, key in enumerate(("precision", "recall", "f1", "support")):
        compare(key, [c[key] for c in report["classes"]], want[i])
    macro(report, truth, predicted)
    number = np.array([names.index(t) for t in truth])
    if len(names) > 5:
        compare("top-5", report["top5_accuracy"],
                metrics.top_k_accuracy_score(number, p, k=5, labels=range(len(names))))
    if len(names) == 2:
        compare("AUC", report["auc"], metrics.roc_auc_score(number, p[:, -1]))
    eps = 1e-15
    chosen = np.clip(p[np.arange(len(p)), number], eps, 1)
    compare("loss", report["loss"], -np.mean(np.log(chosen)))


def check_labels(report, head, rows, truth):
    n = truth.shape[1]
    decided = np.array([[int(x) for x in row[1:1 + n]] for row in rows])
    p = np.array([[float(x) for x in row[1 + n:]] for row in rows])
    compare("row accuracy", report["row_accuracy"], metrics.accuracy_score(truth, decided))
    compare("accuracy", report["accuracy"], 1 - metrics.hamming_loss(truth, decided))
    want = metrics.precision_recall_fscore_support(truth, decided, zero_division=0)
    for i, key in enumerate(("precision", "recall", "f1", "support")):
        compare(key, [c[key] for c in report["labels"]], want[i])
    macro(report, truth, decided)
    compare("AUCs", [c["auc"] for c in report["labels"]],
            metrics.roc_auc_score(truth, p, average=None))
    compare("AUC", report["auc"], metrics.roc_auc_score(truth, p))


def check_numbers(report, head, rows, truth):
    y = np.array([[float(x) for x in row[1:]] for row in rows])
    squared = metrics.mean_squared_error(truth, y, multioutput="raw_values")
    figures = {
        "mae": metrics.mean_absolute_error(truth, y, multioutput="raw_values"),
        "rmse": np.sqrt(squared),
        "r2": metrics.r2_score(truth, y, multioutput="raw_values"),
    }
    for key, want in figures.items():
        compare(key, [t[key] for t in report["targets"]], want)
        compare("mean " + key, report[key], np.mean(want))
    compare("mean R2", report["r2"], metrics.r2_score(truth, y))


def main():
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")
    with open(sys.argv[1]) as file:
        report = json.load(file)
    head, rows = read(sys.argv[2])
    table_head, table = read(sys.argv[3])
    answers = [table_head.index(name) for name in sys.argv[4].split(",")]
    index = column(rows, 0, int)
    compare("samples", report["samples"], len(rows))
    if report["kind"] == "classes":
        check_classes(report, head, rows, column(table, answers[0])[index])
    else:
        kind = int if report["kind"] == "labels" else float
        truth = np.stack([column(table, i, kind) for i in answers], axis=1)[index]
        (check_labels if report["kind"] == "labels" else check_numbers)(report, head, rows, truth)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
