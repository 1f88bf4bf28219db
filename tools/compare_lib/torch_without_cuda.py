"""Makes PyTorch's CUDA wheel importable without CUDA.

    python torch_without_cuda.py SITE_PACKAGES

PyPI's Linux wheel of PyTorch is linked with CUDA's libraries, 2 GB of further packages, and cannot
be imported without them even where only the CPU is used. This puts an empty library in the place
of each, and one that defines their symbols behind them: enough for the dynamic linker, which is all
that sees them, since no device is found and nothing is ever called. libcudart is called while
PyTorch is loaded and must be the real one (nvidia-cuda-runtime, 3 MB). Needs cc, nm and readelf.
PyTorch's own index has a CPU wheel: where that is reached, none of this is needed.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

LIBRARY = re.compile(r"lib(cu(?!da)|cudnn|nv|nccl)\w*\.so")
SYMBOL = re.compile(r"(cu(?!da[A-Z])|nv|nccl)\w*$")
SYMBOLS = "libno_cuda.so"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(site_packages):
    folder = pathlib.Path(site_packages, "torch", "lib")
    needed, defined, undefined = set(), set(), set()
    for path in [path for path in folder.glob("*.so*") if path.is_file()]:
        needed.update(re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", path)))
        for line in run("nm", "-D", path).splitlines():
            *_, kind, name = line.split()
            (undefined if kind == "U" else defined).add(name.split("@")[0])
    with tempfile.TemporaryDirectory() as scratch:
        # Apart from the libraries they are asked of: the linker refuses a symbol without a version
        # in a library of which a version was required, and takes it from any other.
        symbols = sorted(filter(SYMBOL.match, undefined - defined))
        source = pathlib.Path(scratch, "symbols.c")
        source.write_text("".join(f"char {name}[64];\n" for name in symbols))
        run("cc", "-shared", "-fPIC", f"-Wl,-soname,{SYMBOLS}", "-o", folder / SYMBOLS, source)
        empty = pathlib.Path(scratch, "empty.c")
        empty.touch()
        for name in sorted(filter(LIBRARY.match, needed)):
            if not (folder / name).exists():
                run("cc", "-shared", "-fPIC", f"-Wl,-soname,{name},-rpath,$ORIGIN,--no-as-needed",
                    "-o", folder / name, empty, folder / SYMBOLS)


if __name__ == "__main__":
    main(sys.argv[1])
