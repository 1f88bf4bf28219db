#!/usr/bin/env python3
"""Files that NumPy writes, and what it reads in them, for tests/test_numpy.c.

    numpy_files.py write FOLDER     writes arrays of every kind, and in cases.txt a line for each spec:
                                    the spec without "npy:", its part, the file with the samples as
                                    float32, the file with the labels as int32 (or - for none)
    numpy_files.py advise FOLDER    for each line of advice.txt, SOURCE TAB EXPRESSION TAB TARGET: loads
                                    SOURCE as x and as y, and saves what the expression gives

Nothing of Clade's is used here."""

import io
import os
import sys

import numpy
import numpy.lib.recfunctions

np = numpy
rng = np.random.default_rng(5)


class Pipe(io.RawIOBase):
    """A file that cannot seek: NumPy streams an archive to it."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def seekable(self):
        return False

    def write(self, data):
        return self.file.write(bytes(data))

    def close(self):
        self.file.close()
        super().close()


class Cases:
    def __init__(self, folder):
        self.folder = folder
        self.lines = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, spec, x, labels=None, part="train"):
        """x and labels as NumPy has them after reading; spec with {} for the folder."""
        number = len(self.lines)
        x_path, y_path = self.path(f"want{number}.x"), "-"
        np.ascontiguousarray(x).astype("<f4").tofile(x_path)
        if labels is not None:
            y_path = self.path(f"want{number}.y")
            np.asarray(labels).astype("<i4").tofile(y_path)
        self.lines.append("\t".join([spec.format(self.folder), part, x_path, y_path]))


def labels_of(texts):
    return np.unique(texts, return_inverse=True)[1]


def write_types(cases):
    y = np.array([2, 0, 1, 2, 1], "<i8")
    np.save(cases.path("y.npy"), y)
    for kind in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]:
        for order in "<>":
            for shape in [(5,), (5, 3), (5, 2, 3), (5, 2, 3, 4)]:
                for layout in "CF":
                    if kind[0] == "f":
                        x = rng.normal(size=shape)
                    elif kind == "b1":
                        x = rng.integers(0, 2, size=shape)
                    else:
                        info = np.iinfo(kind)
                        x = rng.integers(info.min, info.max, size=shape, dtype=kind, endpoint=True)
                    x = np.array(x).astype(order + kind, order=layout)
                    name = f"x_{kind}_{'big' if order == '>' else 'little'}_{len(shape)}{layout}.npy"
                    np.save(cases.path(name), x)
                    cases.add("{0}/" + name + ",{0}/y.npy?test=0", x, y)


def write_labels(cases):
    x = np.arange(5.0)
    np.save(cases.path("x.npy"), x)
    for name, y in {
        "names": np.array(["setosa", "virginica", "é", "日本", "setosa"]),
        "bytes": np.array([b"b", b"a", b"long", b"a", b"b"]),
        "big": np.array(["b", "a", "ccc", "a", "b"]).astype(">U5"),
        "column": np.array([["b"], ["a"], ["c"], ["a"], ["b"]]),
        "fortran": np.asfortranarray(np.array([["b"], ["a"], ["c"], ["a"], ["b"]])),
    }.items():
        np.save(cases.path(f"y_{name}.npy"), y)
        cases.add(f"{{0}}/x.npy,{{0}}/y_{name}.npy?test=0", x, labels_of(y.ravel()))
    for kind in ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2", ">u8", "?"]:
        y = np.array([1, 0, 1, 1, 0]).astype(kind)
        name = "y_" + kind.strip(">?") + ("big" if ">" in kind else "") + ".npy"
        np.save(cases.path(name), y)
        cases.add("{0}/x.npy,{0}/" + name + "?test=0", x, y)


def write_archives(cases):
    x = rng.normal(size=(6, 4)).astype("f4")
    y = np.array([0, 2, 1, 1, 0, 2])
    names = np.array(["b", "a", "c", "c", "b", "a"])
    np.savez(cases.path("plain.npz"), x=x, y=y)
    np.savez_compressed(cases.path("packed.npz"), data=x, labels=names)
    np.savez(cases.path("unnamed.npz"), x, y)
    np.savez_compressed(cases.path("big.npz"), X=np.asfortranarray(x.astype(">f8")), Y=y.astype(">i8"))
    with Pipe(cases.path("streamed.npz")) as pipe:
        np.savez_compressed(pipe, features=x, target=y)
    for name in ["plain", "unnamed", "big", "streamed"]:
        cases.add("{0}/" + name + ".npz?test=0", x, y)
    cases.add("{0}/packed.npz?test=0", x, labels_of(names))
    np.savez_compressed(cases.path("one.npz"), x)
    np.savez_compressed(cases.path("two.npz"), y)
    cases.add("{0}/one.npz,{0}/two.npz?test=0", x, y)
    cases.add("{0}/one.npz?test=0", x)
    np.savez_compressed(cases.path("keras.npz"), x_train=x[:4], y_train=y[:4], x_test=x[4:], y_test=y[4:])
    cases.add("{0}/keras.npz", x[:4], y[:4])
    cases.add("{0}/keras.npz", x[4:], y[4:], part="test")
    cases.add("{0}/keras.npz?x=x_test&y=y_test&test=0", x[4:], y[4:])
    large = rng.integers(0, 256, size=(300, 28, 28), dtype="u1")
    np.savez(cases.path("large.npz"), images=large, labels=np.arange(300) % 10)
    cases.add("{0}/large.npz?test=0", large, np.arange(300) % 10)


def write_bad(cases):
    """What Clade refuses with advice."""
    n = 4
    bad = {
        "x_objects": np.array([[1, 2.5]] * n, object),
        "x_texts": np.array([["1", "2.5"]] * n),
        "x_complex": np.ones((n, 2), "c16"),
        "x_dates": np.array([["2020-01-01", "2021-01-01"]] * n, "M8[s]"),
        "x_long": np.ones((n, 2), np.longdouble),
        "x_structured": np.ones(n, [("a", "<f4"), ("b", "<i4")]),
        "x_rank": np.ones((n, 2, 1, 1, 1, 1, 2)),
        "y_objects": np.array([1, 0, 1, 0], object),
        "y_rank": np.array([1, 0, 1, 0]).reshape(n, 1, 1),
        "y_one_hot": np.eye(2, dtype=int)[[1, 0, 1, 0]],
        "y_latin": np.array([b"\xe9", b"a", b"a", b"\xe9"]),
        "y_numbers": np.array(["1.5", "2.5", "1.5", "1"]),
        "y_structured": np.ones(n, [("a", "<f4"), ("b", "<i4")]),
    }
    for name, array in bad.items():
        np.save(cases.path(f"bad_{name}.npy"), array, allow_pickle=True)
    np.save(cases.path("good_x.npy"), np.ones((n, 2)))
    np.save(cases.path("good_y.npy"), np.array([0, 1, 0, 1]))
    np.save(cases.path("bad_x_merged.npy"), np.array([[1606435200 + i, i] for i in range(n)]))


def advise(folder):
    with open(os.path.join(folder, "advice.txt"), encoding="utf-8") as lines:
        for line in lines:
            source, expression, target = line.rstrip("\n").split("\t")
            array = np.load(source, allow_pickle=True)
            np.save(target, eval(expression, {"x": array, "y": array, "numpy": numpy}))


def main():
    mode, folder = sys.argv[1:]
    if mode == "advise":
        return advise(folder)
    cases = Cases(folder)
    write_types(cases)
    write_labels(cases)
    write_archives(cases)
    write_bad(cases)
    with open(cases.path("cases.txt"), "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in cases.lines)


main()
