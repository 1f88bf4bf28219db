"""Compiles for GPUs that are not here what the library would build on them; check_offline calls it.

    offline.py KERNELS LISTING TABLE [--file FILE] [--target TARGET ...]

KERNELS is a folder as cl/ is, LISTING what list_kernels says, and TABLE gets a line for each kernel, its options and
each target: registers, local memory, scratch and spills. With --file only this kernel file (without .cl) is compiled,
with --target only for these.

Every build is compiled for every target, whichever devices it is for. What fails: an error; a function that nobody
has; a double; memory of a work-item's own that is no register (scratch, spills); more local memory than a device has
that would build it; a work-group larger than such a device takes. It ends with 1 then, with FAILED lines that name
kernel, options and target. Compilers that cannot be had everywhere, ptxas and ocloc, are used where they are, and
else named. Nothing compiled is an error too.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

CLANG = "clang-15"
TO_SPIRV = "llvm-spirv-15"  # of the same LLVM as clang
LIBCLC = "/usr/lib/clc/"
JOBS = 2

# Kernels that may spill, and why.
MAY_SPILL = {"bench_fma": "it is measured at several widths, and the fastest counts: one that spills is none"}

UNKNOWN = {"registers": None, "local": None, "scratch": None, "spills": None, "group": None}


class Refused(Exception):
    """What a compiler says."""


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    if done.returncode != 0:
        lines = done.stdout.splitlines()
        first = [i for i, line in enumerate(lines) if re.search("error|fatal|Invalid", line)][:1] or [0]
        said = " ".join(" ".join(lines[first[0]:first[0] + 3]).split()) or "nothing"
        raise Refused(f"{os.path.basename(command[0])} says: {said}")
    return done.stdout


def find_tool(name, *folders):
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(folders))


class Build:
    """A file of kernels with options, the kernels of it that are launched, and the devices that would."""

    def __init__(self, program, options):
        self.program, self.options = program, options
        self.kernels = {}  # name: words of devices

    def clang(self, kernels, target, *more):
        run(CLANG, "-x", "cl", *self.options.split(), "-I", kernels, "-target", target, *more,
            os.path.join(kernels, self.program + ".cl"))


# A compiler gives {kernel: {what: number}} and a list of what is wrong with the whole of a build. None: not known.

def metadata(text):
    """The kernels of amdhsa's metadata, which is YAML: a list, two spaces in."""
    of_all = re.search(r"^amdhsa\.kernels:\n(.*?)^\S", text, re.DOTALL | re.MULTILINE)
    for one in re.split(r"^  - ", of_all.group(1) if of_all else "", flags=re.MULTILINE)[1:]:
        fields = dict(re.findall(r"^ *(\.\w+): +'?([\w.]+)'?$", re.sub(r"^      .*\n", "", one, flags=re.MULTILINE),
                                 re.MULTILINE))
        group = re.search(r"\.reqd_workgroup_size:\n((?: +- \d+\n)+)", one)
        sizes = [int(n) for n in re.findall(r"\d+", group.group(1))] if group else []
        yield fields, sizes


def functions_missing(text, pattern, defined):
    used, there = set(re.findall(pattern, text)), set(re.findall(defined, text, re.MULTILINE))
    return [f"nobody has the function {name}" for name in sorted(used - there)]


def amd(build, kernels, folder, processor):
    out = os.path.join(folder, "out.s")
    build.clang(kernels, "amdgcn--amdhsa", "-mcpu=" + processor, "-nogpulib", "-Xclang", "-mlink-builtin-bitcode",
                "-Xclang", LIBCLC + "amdgcn--amdhsa.bc", "-O3", "-S", "-o", out)
    with open(out, encoding="utf-8") as file:
        text = file.read()
    wrong = functions_missing(text, r"([\w.$]+)@(?:gotpc)?rel32@lo", r"^([\w.$]+):")
    if "amdhsa.printf:" in text:
        wrong.append("it prints")
    if re.search(r"^\s+v_\w*_f64", text, re.MULTILINE):
        wrong.append("it computes in double precision")
    found = {}
    for fields, sizes in metadata(text):
        found[fields[".name"]] = {
            "registers": int(fields[".vgpr_count"]), "local": int(fields[".group_segment_fixed_size"]),
            "scratch": int(fields[".private_segment_fixed_size"]) or int(fields[".uses_dynamic_stack"] == "true"),
            "spills": int(fields[".vgpr_spill_count"]) + int(fields[".sgpr_spill_count"]),
            "group": product(sizes) if sizes else None}
    return found, wrong


def product(numbers):
    result = 1
    for number in numbers:
        result *= number
    return result


def ptx_kernels(text):
    """What is to be seen in PTX without ptxas: a group's size, and local memory, by the names in use. A work-item's
    own memory is not: ptxas puts what it can of it into registers."""
    shared = {name: int(size) for name, size in re.findall(r"\.shared [^;]*?\.b8\s+([\w.$]+)\[(\d+)\]", text)}
    found = {}
    for part in text.split(".entry ")[1:]:
        name = re.match(r"[\w$]+", part).group()
        body = part.split("\n}\n")[0]
        group = re.search(r"\.reqntid (\d+), (\d+), (\d+)", body)
        found[name] = {"registers": None, "spills": None, "scratch": None,
                       "local": sum(size for variable, size in shared.items() if variable in body),
                       "group": product(int(n) for n in group.groups()) if group else None}
    return found


def nvidia(build, kernels, folder, processor, architecture, ptxas):
    out = os.path.join(folder, "out.ptx")
    build.clang(kernels, "nvptx64--nvidiacl", "-Xclang", "-target-cpu", "-Xclang", processor, "-Xclang",
                "-mlink-builtin-bitcode", "-Xclang", LIBCLC + "nvptx64--nvidiacl.bc", "-O3", "-S", "-o", out)
    with open(out, encoding="utf-8") as file:
        text = file.read()
    found = ptx_kernels(text)
    wrong = functions_missing(text, r"\.extern \.func\s+(?:\([^)]*\)\s*)?([\w$]+)", r"^$")
    if re.search(r"^\s+\w+\S*\.f64", text, re.MULTILINE):
        wrong.append("it computes in double precision")
    if not ptxas or wrong:
        return found, wrong
    said = run(ptxas, "-v", "-arch=" + architecture, "-o", os.path.join(folder, "out.cubin"), out)
    for part in said.split("Compiling entry function '")[1:]:
        one = found[part.split("'")[0]]
        frame, stores, loads = map(int, re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, "
                                                  r"(\d+) bytes spill loads", part).groups())
        local = re.search(r"(\d+) bytes smem", part)
        one.update(registers=int(re.search(r"Used (\d+) registers", part).group(1)), spills=stores + loads,
                   scratch=frame, local=int(local.group(1)) if local else 0)
    return found, wrong


def spirv(build, kernels, folder, validate, disassemble):
    bitcode, out = os.path.join(folder, "out.bc"), os.path.join(folder, "out.spv")
    # At -O1 llvm-spirv writes loop merges that spirv-val refuses.
    build.clang(kernels, "spir64", "-O0", "-emit-llvm", "-c", "-o", bitcode)
    run(TO_SPIRV, "--spirv-max-version=1.0", bitcode, "-o", out)
    run(validate, "--target-env", "opencl1.2", out)
    text = run(disassemble, out)
    names = dict(re.findall(r"OpDecorate (%\S+) LinkageAttributes \"(\w+)\" Import", text))
    functions = set(re.findall(r"(%\S+) = OpFunction ", text))
    wrong = [f"nobody has the function {name}" for value, name in sorted(names.items()) if value in functions]
    wrong += [f"it asks for the capability {name}" for name in re.findall(r"OpCapability (\w+)", text)
              if name not in {"Addresses", "Linkage", "Kernel", "Int64", "Int16", "Int8", "Vector16"}]
    return {name: dict(UNKNOWN) for name in re.findall(r"OpEntryPoint Kernel \S+ \"(\w+)\"", text)}, wrong


def intel(build, kernels, folder, device, ocloc):
    """Errors, and spills, which ocloc warns of; about so many registers."""
    source = os.path.join(kernels, build.program + ".cl")
    said = run(ocloc, "compile", "-file", source, "-device", device, "-out_dir", folder, "-options",
               f"-I {kernels} {build.options}")
    found = {name: dict(UNKNOWN, spills=0) for name in build.kernels}
    for name, n in re.findall(r"kernel (\w+) +compiled .*spilled around (\d+)", said):
        if name in found:
            found[name]["spills"] = int(n)
    return found, []


def starts(ocloc, missing):
    """Whether it finds all its libraries."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "empty.cl"), "w", encoding="utf-8") as file:
            file.write("kernel void empty(global float *y) { y[0] = 0.0f; }")
        try:
            intel(Build("empty", ""), folder, folder, "skl", ocloc)
        except Refused as refused:
            missing.append(f"ocloc does not work: {refused}")
            return False
    return True


def targets():
    """(name, compiler, its arguments); and what is missing, a line each."""
    ptxas, ocloc, missing = find_tool("ptxas", "/usr/local/cuda/bin"), find_tool("ocloc"), []
    validate, disassemble = find_tool("spirv-val"), find_tool("spirv-dis")
    for tool, path in ((CLANG, find_tool(CLANG)), (TO_SPIRV, find_tool(TO_SPIRV)), ("spirv-val", validate),
                       ("spirv-dis", disassemble)):
        if not path:
            sys.exit(f"FAILED: there is no {tool}: `tools/setup offline` installs it")
    result = [(name, amd, (name,)) for name in ("gfx803", "gfx906", "gfx1030", "gfx1100")]
    # clang 15 knows nothing later than sm_86, whose PTX later ones take.
    result += [("sm_75", nvidia, ("sm_75", "sm_75", ptxas)), ("sm_90", nvidia, ("sm_86", "sm_90", ptxas))]
    result.append(("SPIR-V", spirv, (validate, disassemble)))
    if not ptxas:
        missing.append("no ptxas here: sm_75 and sm_90 are compiled to PTX alone, their registers and spills not seen")
    if ocloc and starts(ocloc, missing):
        result += [("Gen9", intel, ("skl", ocloc)), ("Arc", intel, ("acm-g11", ocloc))]
    else:
        missing.append("no ocloc here: nothing is compiled for Intel's GPUs themselves, SPIR-V stands for them")
    return result, missing


def read_listing(path, only):
    """The limits of each device, and the builds."""
    devices, builds = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            what, word, *more = line.rstrip("\n").split("\t")
            if what == "device":
                devices[word] = (int(more[0]), int(more[1]))
            elif what == "kernel" and only in (None, more[0]):
                build = builds.setdefault((more[0], more[1]), Build(more[0], more[1]))
                build.kernels.setdefault(more[2], set()).add(word)
    return devices, [builds[key] for key in sorted(builds)]


def judge(name, kernel, devices, words):
    """What is wrong with a kernel that these devices would build."""
    if kernel["scratch"] and name not in MAY_SPILL:
        yield f"{kernel['scratch']} bytes of scratch for each work-item"
    if kernel["spills"] and name not in MAY_SPILL:
        yield f"{kernel['spills']} registers or bytes are spilled"
    for word in sorted(words):
        group, local = devices[word]
        if (kernel["local"] or 0) > local:
            yield f"{kernel['local']} bytes of local memory, and {word} has {local}"
        if (kernel["group"] or 0) > group:
            yield f"a work-group of {kernel['group']}, and {word} takes {group}"


def compile_one(build, target, kernels, devices):
    """Rows of the table, and lines on what is wrong."""
    name, compiler, arguments = target
    where = f"{build.program}.cl with '{build.options}' for {name}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            found, wrong = compiler(build, kernels, folder, *arguments)
        except Refused as refused:
            return [], [f"{', '.join(sorted(build.kernels))} of {where}: {refused}"]
    wrong = [f"{', '.join(sorted(build.kernels))} of {where}: {line}" for line in wrong]
    rows = []
    for kernel, words in sorted(build.kernels.items()):
        if kernel not in found:
            wrong.append(f"{kernel} of {where}: it is not there")
            continue
        wrong += [f"{kernel} of {where}: {line}" for line in judge(kernel, found[kernel], devices, words)]
        rows.append((build.program, build.options, kernel, name, found[kernel]))
    return rows, wrong


COLUMNS = ("registers", "local", "scratch", "spills")


def has_kernels(folder, program):
    with open(os.path.join(folder, program + ".cl"), encoding="utf-8") as file:
        return re.search(r"^(kernel|[A-Z_]+_KERNEL) ", file.read(), re.MULTILINE) is not None


def write_table(path, rows):
    lines = [("FILE", "OPTIONS", "KERNEL", "TARGET", "REGISTERS", "LOCAL BYTES", "SCRATCH", "SPILLS")]
    for *names, numbers in rows:
        lines.append((*names, *("-" if numbers[c] is None else str(numbers[c]) for c in COLUMNS)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            file.write("  ".join(word.ljust(width) for word, width in zip(line, widths)).rstrip() + "\n")


def print_summary(rows, all_targets):
    for name, *_ in all_targets:
        of_target = [row for row in rows if row[3] == name and row[2] not in MAY_SPILL]
        said = []
        for column, unit in (("registers", "registers"), ("local", "bytes of local memory")):
            known = [row for row in of_target if row[4][column] is not None]
            if known:
                most = max(known, key=lambda row: row[4][column])
                said.append(f"at most {most[4][column]} {unit} ({most[2]})")
        print(f"  {name:8} {len(of_target):4} kernels{': ' if said else ''}{', '.join(said)}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("kernels", "listing", "table", "--file"):
        parser.add_argument(name)
    parser.add_argument("--target", action="append", default=[])
    asked = parser.parse_args()
    kernels = asked.kernels
    devices, builds = read_listing(asked.listing, asked.file)
    all_targets, missing = targets()
    if asked.target:
        all_targets = [target for target in all_targets if target[0] in asked.target]
    if not builds or not devices or len(all_targets) < len(asked.target):
        sys.exit("FAILED: there is nothing to compile, or not for what was asked for")
    with ThreadPoolExecutor(JOBS) as pool:
        done = list(pool.map(lambda pair: compile_one(*pair, kernels, devices),
                             [(build, target) for build in builds for target in all_targets]))
    rows = [row for some, _ in done for row in some]
    if not asked.file:
        files = {name[:-3] for name in os.listdir(kernels) if name.endswith(".cl")} - {b.program for b in builds}
        print("Kernels that no GPU builds:", ", ".join(name for name in sorted(files) if has_kernels(kernels, name)))
    wrong = [line for _, some in done for line in some]
    write_table(asked.table, rows)
    print(f"{len(builds)} builds of {len(set(row[2] for row in rows))} kernels, as {len(devices)} devices would have them")
    print_summary(rows, all_targets)
    for line in missing:
        print(line)
    for line in wrong:
        print("FAILED:", line)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
