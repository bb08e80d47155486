"""Unpacks torch's headers and the libraries that the CPU needs from wheels: extract.py FOLDER WHEEL..."""
import os
import shutil
import sys
import zipfile

LIBRARIES = {"libc10.so", "libgomp.so.1", "libtorch_cpu.so", "libcudart.so.13", "libcupti.so.13"}

folder, wheels = sys.argv[1], sys.argv[2:]
found = set()
for wheel in wheels:
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            name = item.filename.rsplit("/", 1)[-1]
            if item.is_dir():
                continue
            if item.filename.startswith("torch/include/"):
                target = os.path.join(folder, item.filename[len("torch/"):])
            elif name in LIBRARIES:
                target = os.path.join(folder, "lib", name)
                found.add(name)
            else:
                continue
            if ".." in item.filename.split("/"):
                raise SystemExit(f"{wheel} holds the odd path {item.filename}")
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.open(item) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
missing = LIBRARIES - found
if missing:
    raise SystemExit("the wheels lack " + ", ".join(sorted(missing)))
# tch links to -ltorch, which is empty but for naming its halves.
with open(os.path.join(folder, "lib", "libtorch.so"), "w") as script:
    script.write("INPUT(libtorch_cpu.so)\n")
os.sync()
