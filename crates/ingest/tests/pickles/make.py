"""Writes the pickles beside it. Needs Python 3 and NumPy; what they wrote once is kept, so that the tests need neither.

    python3 crates/ingest/tests/pickles/make.py
"""

import pickle
import struct
from collections import OrderedDict
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def write(name, content):
    (HERE / f"{name}.pickle").write_bytes(content)


# A batch as CIFAR's, of three records with eight values each: all of a row are told from one another, and 0, newline,
# backslash, quotes and bytes over 127 are among them.
DATA = np.array([[0, 10, 92, 39, 34, 13, 128, 255], range(8), range(240, 248)], dtype=np.uint8)
BATCH = {"data": DATA, "labels": [6, 9, 300], "filenames": ["a.png", "b\\n.png", "ä.png"], "batch_label": b"one"}
for protocol in range(6):
    write(f"protocol-{protocol}", pickle.dumps(BATCH, protocol=protocol))

write("fortran", pickle.dumps({"data": np.asfortranarray(DATA)}, protocol=2))
write("labels", pickle.dumps({t: np.array([-2, 3, 120], dtype=t) for t in ("<i2", ">i8", "i1")}, protocol=4))
write("numbers", pickle.dumps([2**40, -(2**40), -1, 2**31, 255, 256, 65536, 1.5, -0.25, True, False, None], protocol=4))
write("numbers-0", pickle.dumps([2**40, -(2**40), -1, 1.5, -0.25, True, False, None], protocol=0))

# A list that holds itself, and lists in lists a hundred thousand deep: Python itself cannot write the latter.
itself = []
itself.append(itself)
write("itself", pickle.dumps(itself, protocol=2))


class Evil:
    def __init__(self, call):
        self.call = call

    def __reduce__(self):
        return self.call


import os  # noqa: E402

for protocol in (0, 2, 4):
    evil = Evil((os.system, ("echo pwned",)))
    write(f"evil-{protocol}", pickle.dumps({"labels": [1, 2], "data": evil}, protocol=protocol))
write("evil-eval", pickle.dumps(Evil((eval, ("1 + 1",))), protocol=4))
write("ordered", pickle.dumps(OrderedDict(a=1), protocol=2))
write("object-array", pickle.dumps(np.array([[1], "a"], dtype=object), protocol=2))
write("structured", pickle.dumps(np.zeros(2, dtype=[("x", "u1"), ("y", "u1")]), protocol=2))
write("set", pickle.dumps({1, 2}, protocol=4))
write("huge-integer", pickle.dumps(2**100, protocol=2))


# The official batches were written by Python 2, which is hard to come by: the same opcodes by hand.
def short(text):
    return b"U" + bytes([len(text)]) + text


array = (
    b"cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85" + short(b"b") + b"\x87Rq\x04"
    b"(K\x01K\x03K\x08\x86cnumpy\ndtype\nq\x05" + short(b"u1") + b"K\x00K\x01\x87Rq\x06"
    b"(K\x03" + short(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    b"T" + struct.pack("<I", DATA.size) + DATA.tobytes() + b"tb"
)
write(
    "python-2",
    b"\x80\x02}q\x01(" + short(b"data") + array + short(b"labels") + b"]q\x07(K\x06K\x09M\x2c\x01e"
    + short(b"filenames") + b"](" + short(b"a.png") + short(b"b\\n.png") + short("ä.png".encode("latin1")) + b"e"
    + short(b"batch_label") + short(b"one") + b"u.",
)
