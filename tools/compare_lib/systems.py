"""The systems that tools/compare measures, all with the same calls:

    open(workload, batch), variant(workload, batch), losses(workload, batch),
    measure(workload, batch, seconds) -> the median seconds of a step
    memory(workload, batch) -> peak_bytes of a process that does nothing but some steps, and of Python's
                               library_bytes, what it had as its library was imported
"""

import json
import os
import platform
import subprocess

from .install import LIB, Environment, Unavailable
from .report import cpu_name
from .workloads import MEMORY_STEPS, WORKLOADS, write_images

ROOT = LIB.resolve().parent.parent

NAMES = ["numpy", "torch", "torch-mkl", "jax", "clade"]
X86 = platform.machine() == "x86_64"
# OpenBLAS chooses one of these by itself, not always the best, and a user may have set another.
OPENBLAS_CORES = [None, "SkylakeX", "Zen", "Haswell"] if X86 else [None]


def default_names():
    """torch-mkl is of use on x86 CPUs that are not Intel's."""
    return [name for name in NAMES if name != "torch-mkl" or (X86 and "Intel" not in cpu_name())]


def environment(threads, **more):
    env = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                 "POCL_CPU_MAX_CU_COUNT", "POCL_MAX_PTHREAD_COUNT"):
        env[name] = str(threads)
    # XLA has no option for its threads: it starts as many as there are cores to run on.
    return env | {"PYTHONDONTWRITEBYTECODE": "1", "CUDA_VISIBLE_DEVICES": "",
                  "JAX_PLATFORMS": "cpu", "TORCHINDUCTOR_COMPILE_THREADS": "1"} | more


def pin(threads):
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, cores[:threads])


class Process:
    """A Python program that answers lines with lines of JSON."""

    def __init__(self, command, args, log, **more):
        self.log = log
        with log.open("a") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in command], env=environment(args.threads, **more), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                preexec_fn=pin(args.threads))
        self.greeting = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Unavailable(f"its process ended with status {self.process.wait()}; "
                              f"see {self.log}")
        return json.loads(line)

    def ask(self, request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # read() says how it ended
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def preload_mkl(folder):
    """Makes PyTorch's MKL take the kernels that it keeps for Intel's CPUs. Those it takes on AMD's
    are several times slower where there is AVX-512; it asks this function which to take."""
    library = folder.resolve() / "libmkl_as_on_intel.so"
    source = "int mkl_serv_intel_cpu_true(void) { return 1; }"
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=source,
                       text=True, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"no C compiler: {error}")
    return {"LD_PRELOAD": str(library)}


class PythonSystem:
    def __init__(self, name, args):
        self.args, module = args, name.split("-")[0]
        environment = Environment(args.out, module)
        self.python, self.log = environment.ensure(), environment.log
        self.opened = {}
        self.suffix = ""
        self.env = preload_mkl(args.out) if name == "torch-mkl" else {}
        self.command = [self.python, LIB / "worker.py", module, args.threads]
        if name == "numpy":
            self.process = self.start_numpy(args)
        else:
            self.process = Process(self.command, args, self.log, **self.env)
        if name == "torch-mkl":
            self.suffix = " with MKL's kernels for Intel's CPUs"
        self.version = self.process.greeting["version"] + self.suffix

    def start_numpy(self, args):
        """The process whose OpenBLAS kernels are fastest on this CPU."""
        best, workload = None, next(iter(WORKLOADS))
        for core in OPENBLAS_CORES:
            try:
                process = Process(self.command, args, self.log,
                                  **({"OPENBLAS_CORETYPE": core} if core else {}))
                answer = process.ask({"open": workload, "batch": 100})
            except Unavailable:
                continue  # kernels with instructions that this CPU lacks
            seconds = min(entry["seconds"] for entry in answer["variants"].values())
            if best is None or seconds < 0.98 * best[0]:
                if best:
                    best[1].close()
                best = seconds, process
                self.suffix = f" with OpenBLAS's {core or 'own choice of'} kernels"
            else:
                process.close()
        if best is None:
            raise Unavailable(f"its process ended early; see {self.log}")
        return best[1]

    def open(self, workload, batch):
        answer = self.process.ask({"open": workload, "batch": batch})
        if not answer["variant"]:
            raise Unavailable("; ".join(f"{name}: {entry['error']}"
                                        for name, entry in answer["variants"].items()))
        self.opened[workload, batch] = answer

    def variant(self, workload, batch):
        return self.opened[workload, batch]["variant"]

    def losses(self, workload, batch):
        return [(name, entry["losses"])
                for name, entry in self.opened[workload, batch]["variants"].items()
                if "losses" in entry]

    def measure(self, workload, batch, seconds):
        return self.process.ask({"run": seconds, "workload": workload, "batch": batch})["median"]

    def memory(self, workload, batch):
        """Of the variant that takes the least. Compiling takes memory that the steps do not."""
        best = None
        for variant, entry in self.opened[workload, batch]["variants"].items():
            if "error" in entry or "compiled" in variant:
                continue
            process = Process(self.command, self.args, self.log, **self.env)
            answer = process.ask({"memory": workload, "batch": batch, "variant": variant})
            process.close()
            if best is None or answer["peak_bytes"] < best["peak_bytes"]:
                best = answer | {"memory_variant": variant}
        return best or {}

    def close(self):
        self.process.close()


class Clade:
    def __init__(self, args):
        self.args, self.device = args, None
        if not os.access(args.clade, os.X_OK):
            raise Unavailable(f"no command {args.clade}; tools/build makes it, or name it "
                              "with --clade")
        self.version = self.run("--version").strip()

    def start(self, words, **streams):
        return subprocess.Popen([str(word) for word in (self.args.clade, *words)], text=True,
                                env=environment(self.args.threads), preexec_fn=pin(self.args.threads),
                                **streams)

    def run(self, *words):
        process = self.start(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, errors = process.communicate()
        if process.returncode:
            last = (errors.strip() or "no message").splitlines()[-1]
            raise Unavailable(f"clade {words[0]}: exit status {process.returncode}: {last}")
        return out

    def open(self, workload, batch):
        self.measure(workload, batch, 0.1)  # compiles kernels, and keeps them

    def variant(self, workload, batch):
        return self.device

    def losses(self, workload, batch):
        return []

    def measure(self, workload, batch, seconds):
        document = json.loads(self.run("bench", "train", "--workload", workload, "--batch", batch,
                                       "--seconds", seconds, "--json", "--device",
                                       self.args.device))
        self.device = document["device"]["name"]
        return document["results"][0]["seconds_median"]

    def memory(self, workload, batch):
        """Of a training, which saves a model too."""
        entry, data = WORKLOADS[workload], []
        if "files" in entry:
            data = ["--data", write_images(self.args.out / "noise" / entry["files"], entry["files"])]
        command = ["train", ROOT / "data" / entry["config"], *data, "--valid", "none",
                   "--batch", batch, "--max-steps", MEMORY_STEPS, "--device", self.args.device,
                   "--quiet", "--overwrite", "--run", self.args.out / "runs" / "memory"]
        self.run(*command)  # compiles kernels, and keeps them
        process = self.start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise Unavailable(f"clade train: exit status {process.returncode}")
        return {"peak_bytes": usage.ru_maxrss * 1024}

    def close(self):
        pass


def make(name, args):
    return Clade(args) if name == "clade" else PythonSystem(name, args)
