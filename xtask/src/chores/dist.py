"""Packs Twinset's programs: dist.py VERSION PROGRAMS ROOT OUT

Makes a wheel and a tarball in OUT from the programs in the folder PROGRAMS and the checkout ROOT. The same input gives the same bytes.
"""
import base64
import hashlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

version, programs, root, out = sys.argv[1], *map(pathlib.Path, sys.argv[2:5])
# The programs that use libtorch, and the one that starts them.
NEED_TORCH = ["twinset-evaluate", "twinset-study", "twinset-train"]
LARGEST_WHEEL = 60_000_000

# Starts a program of this package. PyTorch's libraries are found without loading PyTorch.
START = '''"""Starts Twinset's programs, which lie in the folder `bin` of this package."""
import importlib.metadata
import importlib.util
import os
import shutil
import sys

BIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin")
NEED_TORCH = {need_torch!r}


def main():
    name = os.path.basename(sys.argv[0])
    program = os.path.join(BIN, name)
    folder = torch_libraries()
    if folder:
        given = os.environ.get("LD_LIBRARY_PATH")
        os.environ["LD_LIBRARY_PATH"] = folder + (":" + given if given else "")
    try:
        # As the user called it, so that commands which it prints can be pasted.
        called = name if shutil.which(name) == sys.argv[0] else sys.argv[0]
        os.environ["PATH"] = BIN + ":" + os.environ.get("PATH", os.defpath)
        os.execv(program, [called, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"error: failed to start `{{program}}`: {{error.strerror}}\\n"
                 "hint: this wheel is for Linux on x86-64; `pip install --force-reinstall` puts missing programs back")


def torch_libraries():
    """The folder of the libraries of an installed PyTorch 2.11; None where there is none."""
    name = os.path.basename(sys.argv[0])
    command = sys.argv[1] if name == "twinset" and len(sys.argv) > 1 else name.removeprefix("twinset-")
    spec = importlib.util.find_spec("torch")
    found = importlib.metadata.version("torch") if spec else None
    if found and found.startswith("2.11."):
        return os.path.join(list(spec.submodule_search_locations)[0], "lib")
    if command in NEED_TORCH and not os.environ.get("LD_LIBRARY_PATH"):
        what = f"torch {{found}} is installed" if found else "no torch is installed"
        sys.exit(f"error: `{{command}}` needs PyTorch 2.11, but {{what}}\\nhint: pip install 'torch==2.11.*'")
    return None
'''

BASH = '''
# `twinset ingest` is completed as `twinset-ingest` is.
_twinset_command() {
    local program="twinset-${COMP_WORDS[1]}"
    local completes="_${program//-/__}"
    if [[ $COMP_CWORD -gt 1 ]] && declare -F "$completes" > /dev/null; then
        COMP_WORDS=("$program" "${COMP_WORDS[@]:2}")
        COMP_CWORD=$((COMP_CWORD - 1))
        "$completes" "$program" "$2" "$3"
    else
        _twinset "$@"
    fi
}
complete -F _twinset_command -o nosort -o bashdefault -o default twinset
'''
ZSH = '''#compdef twinset
# `twinset ingest` is completed as `twinset-ingest` is.
if (( CURRENT > 2 )) && (( $+functions[_twinset-$words[2]] )); then
    local program="twinset-$words[2]"
    words=("$program" "${(@)words[3,-1]}")
    (( CURRENT-- ))
    "_$program"
    return
fi
'''
FISH = '''
# `twinset ingest` is completed as `twinset-ingest` is.
function __twinset_of_program
    set -l words (commandline -opc) (commandline -ct)
    test (count $words) -gt 2; and complete -C "twinset-$words[2] "(string join ' ' -- $words[3..])
end
complete -c twinset -n 'test (count (commandline -opc)) -gt 1' -f -a '(__twinset_of_program)'
'''


def main():
    # Completions and man pages are of the commands as they are called, and a program without libtorch prints its own, too.
    names = sorted(path.name for path in programs.iterdir() if is_program(path))
    with tempfile.TemporaryDirectory() as folder:
        files = {f"bin/{name}": (programs / name).read_bytes() for name in names}
        lowest = max(glibc(data) for data in files.values())
        files |= shell_files(names, pathlib.Path(folder))
    for path in sorted((root / "pipelines").glob("*.toml")):
        files[f"pipelines/{path.name}"] = path.read_bytes()
    system = f"manylinux_{lowest[0]}_{lowest[1]}_x86_64"
    packages = [wheel(files, names, system), tarball(files)]
    print(f"for Linux on x86-64 with glibc {lowest[0]}.{lowest[1]} or newer")
    for path in packages:
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    if packages[0].stat().st_size > LARGEST_WHEEL:
        sys.exit(f"error: the wheel is larger than {LARGEST_WHEEL / 1e6:.0f} MB")


def is_program(path):
    return path.is_file() and os.access(path, os.X_OK) and re.fullmatch(r"twinset(-[a-z]+)?", path.name)


def glibc(data):
    """The highest version of glibc whose symbols a program asks for."""
    return max(tuple(map(int, found.groups())) for found in re.finditer(rb"GLIBC_(\d+)\.(\d+)(?:\.\d+)?\0", data))


def shell_files(names, folder):
    for name in names:
        subprocess.run([programs / name, "--generate", folder], check=True)
    made = {path.name: path.read_bytes() for path in folder.iterdir()}
    # Each command has a command `help`, of which no page is needed.
    is_page = lambda name: name.endswith(".1") and "-help" not in name
    files = {f"share/man/man1/{name}": text for name, text in made.items() if is_page(name)}
    for name in names:
        files[f"share/bash-completion/completions/{name}"] = made[f"{name}.bash"]
        files[f"share/zsh/site-functions/_{name}"] = made[f"_{name}"]
        files[f"share/fish/vendor_completions.d/{name}.fish"] = made[f"{name}.fish"]
    bash = b"".join(made[f"{name}.bash"] for name in names)
    files["share/bash-completion/completions/twinset"] = bash + BASH.encode()
    files["share/zsh/site-functions/_twinset"] = made["_twinset"].replace(b"#compdef twinset\n", ZSH.encode(), 1)
    files["share/fish/vendor_completions.d/twinset.fish"] = made["twinset.fish"] + FISH.encode()
    return files


def wheel(files, names, system):
    info, tag = f"twinset-{version}.dist-info", f"py3-none-{system}"
    placed = {}
    for name, data in files.items():
        placed[f"twinset-{version}.data/data/{name}" if name.startswith("share/") else f"twinset/{name}"] = data
    commands = [name.removeprefix("twinset-") for name in NEED_TORCH] + ["plan", "reproduce", "status", "why", "work"]
    placed["twinset/__init__.py"] = START.format(need_torch=sorted(set(commands))).encode()
    scripts = "".join(f"{name} = twinset:main\n" for name in names)
    readme = (root / "README.md").read_text()
    # Links to files of the checkout lead nowhere from a package index.
    readme = re.sub(r"!?\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", readme)
    placed |= {
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: twinset\nVersion: {version}\n"
            "Summary: What duplicated images do to image classifiers: find, remove and study them\n"
            "License: MIT\nRequires-Python: >=3.9\nProvides-Extra: torch\n"
            "Requires-Dist: torch==2.11.*; extra == 'torch'\nDescription-Content-Type: text/markdown\n\n" + readme
        ).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: twinset\nRoot-Is-Purelib: false\nTag: {tag}\n".encode(),
        f"{info}/entry_points.txt": f"[console_scripts]\n{scripts}".encode(),
        f"{info}/LICENSE": (root / "LICENSE").read_bytes(),
    }
    def line(name, data):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(data)}\n"
    record = "".join(line(name, data) for name, data in placed.items()) + f"{info}/RECORD,,\n"
    placed[f"{info}/RECORD"] = record.encode()
    path = out / f"twinset-{version}-{tag}.whl"
    with whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in placed.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = mode(name) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compresslevel=9)
    return path


def tarball(files):
    name = f"twinset-{version}-x86_64-linux"
    files = files | {"LICENSE": (root / "LICENSE").read_bytes(), "README.md": (root / "README.md").read_bytes()}
    path = out / f"{name}.tar.xz"
    with whole(path) as file, tarfile.open(fileobj=file, mode="w:xz", preset=2) as archive:
        for below, data in sorted(files.items()):
            entry = tarfile.TarInfo(f"{name}/{below}")
            entry.size, entry.mode = len(data), mode(below) & 0o777
            archive.addfile(entry, io.BytesIO(data))
    return path


def mode(name):
    return 0o100755 if "/bin/" in f"/{name}" else 0o100644


class whole:
    """A file that appears when it is complete."""

    def __init__(self, path):
        self.path, self.partial = path, path.with_name(path.name + ".partial")

    def __enter__(self):
        self.file = open(self.partial, "wb")
        return self.file

    def __exit__(self, kind, *_):
        self.file.close()
        os.remove(self.partial) if kind else os.replace(self.partial, self.path)


main()
