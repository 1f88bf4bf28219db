"""One system in a process of its own: reads requests, answers each with a line of JSON.

    python worker.py numpy|torch|jax THREADS

    {"open": WORKLOAD, "batch": N, "variant": NAME or null}
        every variant, or the one named: the losses of the first steps, and the fastest is kept
    {"run": SECONDS, "workload": WORKLOAD, "batch": N}
        the median and the least seconds of a step; steps are timed in groups of 20 ms or more
    {"memory": WORKLOAD, "batch": N, "variant": NAME}
        the most memory that the process had after some steps, and what it had before it made the network;
        a process that was asked for something before is no measure
"""

import importlib
import json
import os
import resource
import statistics
import sys
import time

from workloads import MEMORY_STEPS, WORKLOADS, prepare

GROUP_SECONDS = 0.02
CHECKED_STEPS = 3


def run(step, seconds, at=0):
    """Steps for some seconds: (median, least, number)."""
    group, count, times = 1, 0, []
    end = time.perf_counter() + seconds
    while True:
        started = time.perf_counter()
        for _ in range(group):
            step.step(at + count)
            count += 1
        step.wait()
        now = time.perf_counter()
        if now - started < GROUP_SECONDS / 2:
            group *= 2
            if now < end:
                continue  # too short to be timed
        times.append((now - started) / group)
        if now >= end and times:
            return statistics.median(times), min(times), count


def open_steps(module, name, batch, variants, threads):
    """The fastest of the variants, its name, and what each did."""
    best, report = None, {}
    data = prepare(name, batch)
    for variant in variants:
        try:
            step = module.Step(WORKLOADS[name], *data, variant, threads)
            losses = []
            for i in range(CHECKED_STEPS):
                step.step(i)
                losses.append(step.loss())
            run(step, 0.3)
            _, seconds, _ = run(step, 0.5)  # the least is steadiest on a busy machine
        except Exception as error:  # a variant that does not work here is passed over
            report[variant] = {"error": (str(error).strip() or repr(error)).splitlines()[0][:300]}
            continue
        report[variant] = {"losses": losses, "seconds": seconds}
        if best is None or seconds < report[best[0]]["seconds"]:
            best = variant, step
    return best, report


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def memory_of_steps(module, name, batch, variant, threads):
    library = resident_bytes()
    step = module.Step(WORKLOADS[name], *prepare(name, batch), variant, threads)
    for i in range(MEMORY_STEPS):
        step.step(i)
    step.wait()
    return {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "library_bytes": library}


def main():
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    system, threads = sys.argv[1], int(sys.argv[2])
    module = importlib.import_module("step_" + system)
    answer = {"version": module.version()}
    steps = {}
    while True:
        print(json.dumps(answer), file=answers, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        if "open" in request:
            key = request["open"], request["batch"]
            variants = [request["variant"]] if request.get("variant") else module.VARIANTS
            best, report = open_steps(module, *key, variants, threads)
            answer = {"variants": report, "variant": best and best[0]}
            if best:
                steps[key] = best[1]
        elif "memory" in request:
            answer = memory_of_steps(module, request["memory"], request["batch"], request["variant"],
                                     threads)
        else:
            median, least, count = run(steps[request["workload"], request["batch"]],
                                       request["run"])
            answer = {"median": median, "min": least, "steps": count,
                      "loss": steps[request["workload"], request["batch"]].loss()}


if __name__ == "__main__":
    main()
