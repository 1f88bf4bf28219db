#!/usr/bin/env python3
"""Opens a page of `clade bench` in Chromium, and holds what a reader sees against the document it was made of.

    browser.py PAGE DOCUMENT

At the width of a screen and of a phone, in light and in dark: every row of the document must be on the page, with its
figure, and take up room; nothing may be wider than the page; and text must stand out from what is behind it.
"""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile

SCHEMES = {"light": 1, "dark": 0}
WIDTHS = (1280, 390)
LEAST_CONTRAST = 4.5  # WCAG 2.1, 1.4.3
UNITS = {"GFLOP/s": 1e9, "GB/s": 1e9, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "samples/s": 1.0}

# Chromium's window is never as narrow as a phone: so the page is in a frame of the width that is wanted, and tells what
# is to be seen of it to the page around.
LOOK = """<script>
addEventListener('load', () => {
    const seen = element => element.getBoundingClientRect().height > 0 ? element.innerText.trim() : '';
    const body = getComputedStyle(document.body);
    parent.postMessage({
        width: innerWidth,
        needs: document.documentElement.scrollWidth,
        dark: matchMedia('(prefers-color-scheme: dark)').matches,
        colors: [body.color, body.backgroundColor],
        rows: [...document.querySelectorAll('tbody tr')].map(row => [...row.cells].map(seen)),
    }, '*');
});
</script>"""
AROUND = """<!doctype html><meta charset="utf-8"><script>
addEventListener('message', message =>
    document.documentElement.dataset.seen = btoa(unescape(encodeURIComponent(JSON.stringify(message.data)))));
</script><iframe src="page.html" width="%d" height="900" style="border: 0"></iframe>"""


def look(page, width, scheme):
    """What is to be seen of a page."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "page.html"), "w", encoding="utf-8") as file:
            file.write(page.replace("</body>", LOOK + "</body>"))
        with open(os.path.join(folder, "around.html"), "w", encoding="utf-8") as file:
            file.write(AROUND % width)
        done = subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             f"--user-data-dir={folder}/profile", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
             "--window-size=1400,1000", "--virtual-time-budget=5000", "--dump-dom", f"file://{folder}/around.html"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    found = re.search('data-seen="([^"]*)"', done.stdout)
    if not found:
        sys.exit(f"browser: Chromium shows nothing of the page (status {done.returncode}): {done.stderr[-500:]}")
    return json.loads(base64.b64decode(found[1]))


def tells(text, value):
    """Whether a cell has this value, in the document's units, as its digits can tell."""
    found = re.fullmatch(r"(\d+(?:\.(\d+))?) (\S+)", text)
    if not found or found[3] not in UNITS:
        return False
    digits = len(found[2] or "")
    return abs(float(found[1]) - value / UNITS[found[3]]) <= 0.501 * 10**-digits


def luminance(color):
    """Of a color as CSS has it, by WCAG 2.1."""
    channels = [int(c) / 255 for c in re.findall("[0-9]+", color)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def judge(seen, width, scheme, rows):
    """What is wrong with what is to be seen."""
    if seen["width"] != width or seen["dark"] != (scheme == "dark"):
        yield f"it was shown {seen['width']} pixels wide, {'dark' if seen['dark'] else 'light'}"
    if seen["needs"] > width:
        yield f"it needs {seen['needs']} pixels"
    if contrast(*seen["colors"]) < LEAST_CONTRAST:
        yield f"the contrast of {' on '.join(seen['colors'])} is {contrast(*seen['colors']):.1f}"
    cells = {}
    for name, *others in seen["rows"]:
        cells.setdefault(name, []).append(others)
    for row in rows:
        if not any(tells(cell, row["value"]) for others in cells.get(row["name"], []) for cell in others):
            yield f"{row['name']}, {row['value']:g} {row['unit']}, is not to be seen"


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: browser.py PAGE DOCUMENT")
    with open(sys.argv[1], encoding="utf-8") as file:
        page = file.read()
    with open(sys.argv[2], encoding="utf-8") as file:
        rows = [row for device in json.load(file)["devices"] for row in device["rows"] if row["value"] is not None]
    wrong, backgrounds = [], set()
    for width in WIDTHS:
        for scheme in SCHEMES:
            seen = look(page, width, scheme)
            backgrounds.add(seen["colors"][1])
            wrong += [f"{width} pixels, {scheme}: {what}" for what in judge(seen, width, scheme, rows)]
    if len(backgrounds) != len(SCHEMES):
        wrong.append(f"light and dark are alike: {backgrounds}")
    for what in wrong:
        print(f"browser: {what}", file=sys.stderr)
    print(f"{len(rows)} figures, {len(WIDTHS)} widths, {len(SCHEMES)} schemes: {len(wrong)} wrong")
    sys.exit(1 if wrong or not rows else 0)


if __name__ == "__main__":
    main()
