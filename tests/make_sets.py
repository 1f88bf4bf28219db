#!/usr/bin/env python3
"""Writes little data sets in the formats of NumPy, MNIST and CIFAR, and as PNG files, into the folder that
it runs in, for the examples of data/README.md: x.npy and y.npy, images.npz, pairs.npz, mnist/, cifar10/,
cifar100/, photos/, parted/ and unsorted/. Images of three classes, told apart by the quarter that is bright; the same
bytes each time. Only the standard library is needed."""

import os
import random
import struct
import zipfile
import zlib

dice = random.Random(1)


def image(label, height, width):
    """Grey bytes, (height, width), bright in a quarter that the label chooses."""
    top, left = label // 2 * (height // 2), label % 2 * (width // 2)
    return bytes(int(dice.random() * 100) +
                 (150 if top <= y < top + height // 2 and left <= x < left + width // 2 else 0)
                 for y in range(height) for x in range(width))


def npy(shape, data, descr="|u1"):
    """An array, of bytes unless descr says otherwise, as NumPy saves it, version 1.0."""
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, tuple(shape))
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.ljust(117).encode() + b"\n" + data


def write_pairs(n):
    """Two readings of a sample; for each of three sensors, whether they add up to more than 0, or -1."""
    left, right = ([dice.gauss(0, 1) for _ in range(n * 3)] for _ in range(2))
    above = [-1 if dice.random() < 0.2 else int(a + b > 0) for a, b in zip(left, right)]
    with zipfile.ZipFile("pairs.npz", "w") as archive:
        archive.writestr("left.npy", npy((n, 3, 1), struct.pack("<%df" % len(left), *left), "<f4"))
        archive.writestr("right.npy", npy((n, 3, 1), struct.pack("<%df" % len(right), *right), "<f4"))
        archive.writestr("above.npy", npy((n, 3), struct.pack("<%di" % len(above), *above), "<i4"))


def idx(shape, data):
    return struct.pack(">BBBB", 0, 0, 8, len(shape)) + struct.pack(">%dI" % len(shape), *shape) + data


def png(height, width, pixels):
    """Grey bytes as a PNG file."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + pixels[y * width:(y + 1) * width] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_photos(folder, n, first, more):
    """n images, a folder for each class, of first × first pixels and up to `more` more."""
    for i in range(n):
        height, width = (first + dice.randrange(more + 1) for _ in range(2))
        label = i % 3
        write(f"{folder}/{('ant', 'bee', 'cat')[label]}/{i:03}.png",
              png(height, width, image(label, height, width)))


def write(path, data):
    if os.path.dirname(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def images(n, first, height, width):
    labels = bytes(first + i % 3 for i in range(n))
    return labels, b"".join(image(label - first, height, width) for label in labels)


def main():
    labels, pixels = images(90, 0, 8, 8)
    x, y = npy((90, 8, 8), pixels), npy((90,), labels)
    write("x.npy", x)
    write("y.npy", y)
    with zipfile.ZipFile("images.npz", "w") as archive:
        archive.writestr("scans.npy", x)
        archive.writestr("kinds.npy", y)
    write_pairs(90)
    for name, first in (("", 0), ("emnist-letters-", 1)):
        for part, n in (("train", 90), ("t10k" if not name else "test", 30)):
            labels, pixels = images(n, first, 28, 28)
            write(f"mnist/{name}{part}-images-idx3-ubyte", idx((n, 28, 28), pixels))
            write(f"mnist/{name}{part}-labels-idx1-ubyte", idx((n,), labels))
    for name, n in (("data_batch_1", 60), ("data_batch_2", 30), ("test_batch", 30)):
        labels, pixels = images(n, 0, 32, 96)
        write(f"cifar10/{name}.bin",
              b"".join(labels[i:i + 1] + pixels[i * 3072:(i + 1) * 3072] for i in range(n)))
    for name, n in (("train", 60), ("test", 30)):
        labels, pixels = images(n, 0, 32, 96)
        write(f"cifar100/{name}.bin",
              b"".join(bytes([labels[i] // 2, labels[i]]) + pixels[i * 3072:(i + 1) * 3072]
                       for i in range(n)))

    write_photos("photos", 45, 16, 12)
    write_photos("parted/train", 30, 16, 0)
    write_photos("parted/test", 15, 16, 0)
    for i in range(3):
        write(f"unsorted/{i}.png", png(20, 24, image(i, 20, 24)))


if __name__ == "__main__":
    main()
