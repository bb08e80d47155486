"""Writes `jpeg_sweep/pillow.txt`: the CRC-32 of the pixels that Pillow gives for each file of a folder, `-` where it refuses.

    TWINSET_JPEG_SWEEP=/tmp/sweep cargo test --release -p twinset-pixels --test jpeg_sweep
    python3 crates/pixels/tests/pillow/sweep.py /tmp/sweep

libjpeg-turbo computes in C: its assembler gives other pixels for coefficients that no picture has, so for some damaged files.
"""

import os
import pathlib
import struct
import sys
import zlib

os.environ["JSIMD_FORCENONE"] = "1"

import PIL
from PIL import Image, features


def crc(path: pathlib.Path) -> str:
    try:
        image = Image.open(path).convert("RGB")
    except (OSError, SyntaxError):
        return "-"
    pixels = struct.pack("<II", *image.size) + image.tobytes()
    return f"{zlib.crc32(pixels):08x}"


here = pathlib.Path(__file__).parent
lines = [f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}"]
lines += [crc(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jpg"))]
(here / "../jpeg_sweep/pillow.txt").write_text("\n".join(lines) + "\n")
print(len(lines) - 1, "files,", lines.count("-"), "of them refused")
