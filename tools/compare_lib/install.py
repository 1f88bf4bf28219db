"""A virtual environment for each system, below build/compare, from compare-packages.txt."""

import pathlib
import re
import subprocess
import sys
import venv

LIB = pathlib.Path(__file__).parent
PACKAGES = LIB.parent / "compare-packages.txt"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


class Unavailable(Exception):
    pass


def packages(section):
    text = re.sub(r"#.*", "", PACKAGES.read_text())
    found = re.search(rf"^\[{section}\].*\n([^\[]*)", text, re.MULTILINE)
    return found[1].split()


class Environment:
    def __init__(self, folder, system):
        self.system, self.folder = system, folder / system
        self.python, self.ready = self.folder / "bin" / "python", self.folder / "ready"
        self.log = folder / f"{system}.log"

    def run(self, *command):
        with self.log.open("a") as log:
            return subprocess.run([str(word) for word in command], stdout=log, stderr=log,
                                  stdin=subprocess.DEVNULL).returncode == 0

    def pip(self, *words):
        return self.run(self.python, "-m", "pip", "install", "--disable-pip-version-check", *words)

    def imports(self):
        return self.run(self.python, "-c", f"import {self.system}")

    def ensure(self):
        """The environment's Python. What happened is in the log."""
        if self.ready.exists():
            return self.python
        print(f"compare: installing {self.system} in {self.folder}", file=sys.stderr)
        self.log.write_text("")
        try:
            venv.create(self.folder, clear=True, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unavailable(f"no virtual environment: {error}; is python3-venv installed?")
        done = self.torch() if self.system == "torch" else self.pip(*packages(self.system))
        if not done or not self.imports():
            raise Unavailable(f"{self.system} could not be installed; see {self.log}")
        self.ready.touch()
        return self.python

    def torch(self):
        """The CPU wheel; else PyPI's, which on Linux is made for CUDA and 500 MB, without CUDA."""
        if self.pip("--retries", "0", "--timeout", "10", "--index-url", TORCH_CPU_INDEX,
                    *packages("torch")):
            return True
        if not self.pip(*packages("torch-needs")) or not self.pip("--no-deps", "torch"):
            return False
        if self.imports():
            return True
        site = next(self.folder.glob("lib/python*/site-packages"))
        return (self.pip("--no-deps", *packages("torch-cuda")) and
                self.run(self.python, LIB / "torch_without_cuda.py", site))
