"""The results as Markdown."""

import platform
import re

from .recipes import RECIPES

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


def megabytes(entry):
    """Of the whole process, and in brackets without what its library had when it was imported."""
    if not entry or "peak_bytes" not in entry:
        return "–"
    peak = entry["peak_bytes"] / 1e6
    return f"{peak:.0f}" + (f" ({peak - entry['library_bytes'] / 1e6:.0f})"
                            if "library_bytes" in entry else "")


def memory_table(result, names):
    text = "\n" + line(["workload", "batch"] + [f"{TITLES[name]}, MB" for name in names])
    text += line(["---"] + ["---:"] * (1 + len(names)))
    for row in result["steps"]:
        text += line([f"`{row['workload']}`", str(row["batch"])] +
                     [megabytes(row["systems"].get(name)) for name in names])
    return text + ("\nThe most memory that a process took for ten steps, in the variant that takes "
                   "the least and compiles nothing (in brackets: without the library, as it was when "
                   "imported). Clade's is that of a whole training of ten steps by the config in "
                   "data/, with the driver and its compiler.\n")


def recipe_of(training):
    """How it is trained, in words."""
    words = [f"batch {training['batch']}", f"sgd with lr {training['lr']:g}",
             f"momentum {training['momentum']:g}"]
    if training["weight_decay"]:
        words.append(f"weight decay {training['weight_decay']:g}")
    words += [text for key, text in (("crop", f"crop {training.get('crop')}"), ("flip", "flip"),
                                     ("cosine", "a cosine schedule"),
                                     ("standardize_channels", "channels standardized"))
              if training.get(key)]
    return ", ".join(words) + f"; the median over {training['seeds']} seeds"


def target_table(training):
    percent = f"{100 * training['target']:g} %"
    text = line([training["title"], f"seconds to {percent}", "epochs", "seconds per epoch"])
    text += line(["---"] + ["---:"] * 3)
    for name, entry in training["systems"].items():
        cells = [f"{entry['seconds']:.2f}" if entry.get("seconds") else "–"]
        cells += [f"{entry['epochs']:g}", f"{entry['seconds_per_epoch']:.2f}"] if (
            "epochs" in entry) else ["–", "–"]
        text += line([TITLES[name]] + cells)
    return text + (f"\nTraining until {percent} of the test part are right, without validation; "
                   f"{recipe_of(training)}.\n")


def curves_table(training):
    """A row for each epoch, with the accuracy of the test part in percent."""
    systems = {name: entry for name, entry in training["systems"].items() if "curves" in entry}
    text = line([training["title"] + ", epoch", *(TITLES[name] for name in systems)])
    text += line(["---:"] * (1 + len(systems)))
    curves = [entry["curves"]["valid_accuracy"] for entry in systems.values()]
    for i, values in enumerate(zip(*curves)):
        text += line([str(i + 1), *(f"{100 * value:.1f}" for value in values)])
    last = ", ".join(f"{TITLES[name]} {100 * entry['accuracy']:.2f} % ("
                     f"{100 * entry['accuracy_min']:.2f}–{100 * entry['accuracy_max']:.2f})"
                     for name, entry in systems.items())
    return text + (f"\nPercent of the test part that are right after each epoch; "
                   f"{recipe_of(training)}. At the end, with the least and the most of a seed: "
                   f"{last}.\n")


def outputs_text(outputs):
    return "".join(f"A `{name}` of PyTorch's that both train on has losses that differ by "
                   f"{answer['losses']:.2g} of them at most; one that Clade saved gives PyTorch outputs up "
                   f"to {answer['largest']:.3g} that differ by {answer['difference']:.2g}"
                   f"{'' if answer['same'] else ': too much'}.\n"
                   for name, answer in outputs.items())


def provenance(result):
    def used(name):
        rows = [row["systems"].get(name, {}) for row in result["steps"]]
        rows += [result[key]["systems"].get(name, {}) for key in RECIPES if key in result]
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
    text = steps_table(result, names) + memory_table(result, names) if result["steps"] else ""
    for training in (result[name] for name in RECIPES if name in result):
        table = target_table if "target" in training else curves_table
        text += ("\n" if text else "") + table(training)
    if "outputs" in result:
        text += ("\n" if text else "") + outputs_text(result["outputs"])
    return text + provenance(result)
