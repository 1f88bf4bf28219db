"""The results as Markdown."""

import platform
import re

TITLES = {"numpy": "NumPy", "torch": "PyTorch", "torch-mkl": "PyTorch\\*", "jax": "JAX",
          "clade": "Clade"}


def cpu_name():
    try:
        with open("/proc/cpuinfo") as file:
            return re.search(r"model name\s*: (.*)", file.read())[1]
    except (OSError, TypeError):
        return platform.machine()


def cell(entry):
    """Milliseconds, and the least and the most of a round."""
    if not entry or "seconds" not in entry:
        return "–"
    low, middle, high = (entry[key] * 1e3 for key in ("seconds_min", "seconds", "seconds_max"))
    return f"{middle:.3g} ({low:.3g}–{high:.3g})"


def ratio(entry, clade):
    if not entry or not clade or not entry.get("seconds") or not clade.get("seconds"):
        return "–"
    return f"{entry['seconds'] / clade['seconds']:.2f}×"


def line(cells):
    return "| " + " | ".join(cells) + " |\n"


def steps_table(result, names):
    others = [name for name in names if name != "clade"] if "clade" in names else []
    head = ["workload", "batch"] + [f"{TITLES[name]}, ms" for name in names]
    head += [f"Clade over {TITLES[name]}" for name in others]
    text = line(head) + line(["---"] + ["---:"] * (len(head) - 1))
    for row in result["steps"]:
        entries = row["systems"]
        text += line([f"`{row['workload']}`", str(row["batch"])] +
                     [cell(entries.get(name)) for name in names] +
                     [ratio(entries.get(name), entries.get("clade")) for name in others])
    text += (f"\nMilliseconds of a training step, the median of {result['rounds']} rounds of "
             f"{result['seconds']:g} s in which the systems take turns (least–most). Clade over X: "
             "how many times as fast as X.\n")
    return text


def mnist_table(mnist):
    text = line(["MNIST, 784-512-512-10", "seconds to 98 %", "epochs", "seconds per epoch"])
    text += line(["---"] + ["---:"] * 3)
    for name, entry in mnist["systems"].items():
        cells = [f"{entry['seconds']:.2f}" if entry.get("seconds") else "–"]
        cells += [f"{entry['epochs']:g}", f"{entry['seconds_per_epoch']:.2f}"] if (
            "epochs" in entry) else ["–", "–"]
        text += line([TITLES[name]] + cells)
    return text + (f"\nTraining until 98 % of the test part are right, without validation; batch "
                   f"128, sgd with lr 0.1 and momentum 0.9; the median over {mnist['seeds']} "
                   "seeds.\n")


def provenance(result):
    def used(name):
        rows = [row["systems"].get(name, {}) for row in result["steps"]]
        rows += [result.get("mnist", {}).get("systems", {}).get(name, {})]
        found = sorted({row["variant"] for row in rows if row.get("variant")})
        return f" ({' or '.join(found)}, whichever was fastest)" if len(found) > 1 else (
            f" ({found[0]})" if found and name.startswith("torch") else "")

    versions = ", ".join(system["version"] + used(name)
                         for name, system in result["systems"].items())
    if "torch-mkl" in result["systems"]:
        versions += (". \\*: MKL is made to take its kernels for Intel's CPUs on this one, which "
                     "PyTorch does not do by itself")
    device = f"Clade's device: {result['device']}. " if result.get("device") else ""
    return (f"\n{device}CPU: {result['cpu']}, {result['threads']} threads for each. {versions}. "
            f"{result['date']}.\n")


def markdown(result, names):
    text = steps_table(result, names) if result["steps"] else ""
    if "mnist" in result:
        text += ("\n" if text else "") + mnist_table(result["mnist"])
    return text + provenance(result)
