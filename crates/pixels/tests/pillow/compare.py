"""Compares the pixels of image files with Pillow's: a sweep over any folder of pictures.

    cargo build --release -p twinset-pixels --example decode
    python3 crates/pixels/tests/pillow/compare.py target/release/examples/decode ~/photos/*

It says how many files are equal, differ by at most 3 of 255, differ by more, or are refused by one of the two, and names those
that differ although nothing was lost. It ends with 1 where there are any.
"""

import collections
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image, ImageChops, ImageOps


def pillows(path: str) -> Image.Image | None:
    try:
        return ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return None


def compared(ours: Image.Image, theirs: Image.Image | None) -> str:
    if theirs is None:
        return "Pillow refuses it"
    if ours.size != theirs.size:
        return "another size"
    largest = max(high for _, high in ImageChops.difference(ours, theirs).getextrema())
    return "equal" if largest == 0 else "within 3" if largest <= 3 else "differs"


decode, *paths = sys.argv[1:]
counts, wrong = collections.Counter(), []
with tempfile.TemporaryDirectory() as folder:
    decoded = subprocess.run([decode, folder], input="\n".join(paths) + "\n", capture_output=True, text=True, check=True)
    for n, line in enumerate(decoded.stdout.splitlines()):
        path, outcome, *rest = line.split("\t")
        if outcome == "ok":
            lost = rest[1].split(":")[0]
            found = compared(Image.open(pathlib.Path(folder) / f"{n}.ppm"), pillows(path))
        else:
            lost, found = "", "rejected, as by Pillow" if pillows(path) is None else "rejected, and taken by Pillow"
        counts[found, lost] += 1
        if not lost and found in ("differs", "another size"):
            wrong.append(path)
for (found, lost), n in sorted(counts.items()):
    print(f"{n:6} {found}" + (f" (lost: {lost})" if lost else ""))
print(*wrong, sep="\n", end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
