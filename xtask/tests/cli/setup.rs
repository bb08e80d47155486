//! The set-up of libtorch, over small wheels and fake Pythons; nothing is downloaded.

use crate::support::{Checkout, Ended, PIPELINE};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder for PATH that holds `programs`, each a shell script.
fn path_with(checkout: &Checkout, programs: &[(&str, &str)]) -> PathBuf {
    let folder = checkout.path("path");
    fs::create_dir_all(&folder).unwrap();
    for (name, text) in programs {
        fs::write(folder.join(name), format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn messages_of_setup() {
    let version = "[ \"$4\" = --version ] || [ \"$3\" = --version ] && echo 'pip 25.1 from x' && exit 0";
    let no_network = format!("{version}\necho 'ERROR: no network' >&2; exit 1");
    let full = format!("{version}\necho 'ERROR: [Errno 28] No space left on device' >&2; exit 1");
    for (programs, expected) in [
        (
            &[][..],
            "error: failed to set up libtorch: failed to start `python3`: it is not installed or not on PATH\n\
             hint: install Python 3 with pip, or set LIBTORCH to a libtorch of your own\n",
        ),
        (
            &[("python3", "echo 'python3: No module named pip' >&2; exit 1")],
            "error: failed to set up libtorch: failed to run `python3 -m pip`: python3: No module named pip\n\
             hint: install pip for this Python (`python3 -m ensurepip --user`, or the package python3-pip), or set LIBTORCH\n",
        ),
        (
            &[("python3", no_network.as_str())],
            "error: failed to set up libtorch: failed to download torch==2.11.0: pip ended with exit status 1: ERROR: no \
             network\nhint: torch 2.11.0 has wheels for CPython 3.10 to 3.14; an index, a proxy and certificates are set as for \
             any pip (`python3 -m pip config list`); finished downloads are kept for the next try\n",
        ),
        (
            &[("python3", full.as_str())],
            "error: failed to set up libtorch: failed to download torch==2.11.0: pip ended with exit status 1: ERROR: [Errno 28] \
             No space left on device\nhint: free some space in `CACHE/twinset/wheels-2.11.0`, or set XDG_CACHE_HOME to a folder on \
             another disk\n",
        ),
    ] {
        let checkout = Checkout::new(PIPELINE);
        let mut command = checkout.xtask(&["setup", "--quiet"]);
        command.env("PATH", path_with(&checkout, programs)).env("XDG_CACHE_HOME", checkout.path("cache"));
        let ended = Ended::from(command.output().unwrap());
        let stderr = ended.stderr.replace(checkout.path("cache").to_str().unwrap(), "CACHE");
        assert_eq!((ended.code, stderr.as_str()), (Some(1), expected));
        assert_eq!(checkout.libtorch(), None);
    }
}

/// A folder that looks like libtorch of some version.
fn libtorch(checkout: &Checkout, minor: u32) -> PathBuf {
    let folder = checkout.path(&format!("libtorch-2.{minor}"));
    fs::create_dir_all(folder.join("include/torch/headeronly")).unwrap();
    fs::create_dir_all(folder.join("lib")).unwrap();
    let text =
        format!("#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR {minor}\n#define TORCH_VERSION_PATCH 1\n");
    fs::write(folder.join("include/torch/headeronly/version.h"), text).unwrap();
    for library in ["libc10.so", "libtorch.so", "libtorch_cpu.so"] {
        fs::write(folder.join("lib").join(library), "").unwrap();
    }
    folder
}

#[test]
fn libtorch_of_another_version_is_refused_and_a_good_one_is_kept_for_cargo() {
    let checkout = Checkout::new(PIPELINE);
    let (old, good) = (libtorch(&checkout, 9), libtorch(&checkout, 11));
    let setup = |libtorch: &Path, words: &[&str]| {
        Ended::from(checkout.xtask(words).env("LIBTORCH", libtorch).output().unwrap())
    };
    let ended = setup(&old, &["setup"]);
    let expected = format!(
        "error: failed to use the libtorch that LIBTORCH names: `{}` holds libtorch 2.9.1, expected 2.11\n\
         hint: name a libtorch 2.11.0; `cargo xtask setup` gets libtorch when LIBTORCH is not set\n",
        old.display()
    );
    assert_eq!((ended.code, ended.stderr), (Some(1), expected));

    let ended = setup(&good, &["setup"]);
    let said = format!("libtorch 2.11.1 (CPU) in {}\n", good.display());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), said.as_str()), "{}", ended.stderr);
    assert_eq!(checkout.libtorch(), Some(good.clone()));
    let ended = setup(&good, &["setup", "--check"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), said.as_str()), "{}", ended.stderr);

    // What cargo set from the file is not the user's wish: where that libtorch is gone, another one is got.
    fs::remove_dir_all(&good).unwrap();
    let mut command = checkout.xtask(&["setup"]);
    command.env("LIBTORCH", &good).env("XDG_CACHE_HOME", checkout.path("cache"));
    let ended = Ended::from(command.env("PATH", checkout.path("path")).output().unwrap());
    assert!(ended.stderr.starts_with("error: failed to set up libtorch: failed to start `python3`"), "{ended:?}");
}

#[test]
fn a_link_to_libtorch_is_followed_so_that_all_checkouts_build_with_the_same_path() {
    let checkout = Checkout::new(PIPELINE);
    let good = libtorch(&checkout, 11);
    symlink(&good, checkout.path("link")).unwrap();
    let ended = Ended::from(checkout.xtask(&["setup"]).env("LIBTORCH", checkout.path("link")).output().unwrap());
    assert_eq!((ended.code, checkout.libtorch()), (Some(0), Some(good)), "{ended:?}");
}

#[test]
fn a_checkout_without_a_set_up_says_so() {
    let checkout = Checkout::new(PIPELINE);
    let ended = Ended::from(checkout.xtask(&["setup", "--check"]).output().unwrap());
    let expected = "error: no libtorch is set up\nhint: `cargo xtask setup` gets it\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected));
}

#[test]
fn a_setting_of_another_version_is_made_anew() {
    let checkout = Checkout::new(PIPELINE);
    checkout.set_libtorch(&libtorch(&checkout, 9));
    let cached = checkout.path("cache/twinset/libtorch-2.11.0-cpu-x86_64");
    fs::create_dir_all(cached.parent().unwrap()).unwrap();
    fs::rename(libtorch(&checkout, 11), &cached).unwrap();
    let mut command = checkout.xtask(&["setup"]);
    let ended = Ended::from(command.env("XDG_CACHE_HOME", checkout.path("cache")).output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(checkout.libtorch(), Some(cached));
}

/// Wheels that hold what the set-up looks for, in small.
const MAKE_WHEELS: &str = r##"
import sys, zipfile
def wheel(name, version, files):
    base = f"{sys.argv[1]}/{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(base, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
        for path, text in files.items():
            archive.writestr(path, text)
version = "".join(f"#define TORCH_VERSION_{n} {v}\n" for n, v in [("MAJOR", 2), ("MINOR", 11), ("PATCH", 0)])
wheel("torch", "2.11.0", {
    "torch/include/torch/headeronly/version.h": version, "torch/lib/libc10.so": "c10", "torch/lib/libgomp.so.1": "gomp",
    "torch/lib/libtorch_cpu.so": "cpu", "torch/lib/libtorch_cuda.so": "not for us", "torch/nn.py": "nor this",
})
wheel("nvidia_cuda_runtime", "13.0.96", {"nvidia/cu13/lib/libcudart.so.13": "cudart"})
wheel("nvidia_cuda_cupti", "13.0.85", {"nvidia/cu13/lib/libcupti.so.13": "cupti", "nvidia/cu13/lib/libother.so": "no"})
"##;

/// A checkout, a folder of wheels that pip finds, and an empty cache.
fn with_wheels() -> Checkout {
    let checkout = Checkout::new(PIPELINE);
    fs::create_dir(checkout.path("wheels")).unwrap();
    let made = Command::new("python3").args(["-c", MAKE_WHEELS]).arg(checkout.path("wheels")).status().unwrap();
    assert!(made.success());
    checkout
}

fn setup_from_wheels(checkout: &Checkout) -> Ended {
    let mut command = checkout.xtask(&["setup"]);
    command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", checkout.path("wheels")).env("PIP_CONFIG_FILE", "/dev/null");
    Ended::from(command.env("XDG_CACHE_HOME", checkout.path("cache")).output().unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn wheels_become_a_cache_that_checkouts_share() {
    let checkout = with_wheels();
    // What a set-up that was killed while unpacking left.
    let cache = checkout.path("cache/twinset");
    fs::create_dir_all(cache.join("libtorch-2.11.0-cpu-x86_64.1.partial/lib")).unwrap();
    let ended = setup_from_wheels(&checkout);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let folder = cache.join("libtorch-2.11.0-cpu-x86_64");
    assert_eq!(ended.stdout, format!("libtorch 2.11.0 (CPU) in {}\n", folder.display()));
    assert_eq!(names(&cache), ["libtorch-2.11.0-cpu-x86_64", "setup.lock"]);
    let libraries =
        ["libc10.so", "libcudart.so.13", "libcupti.so.13", "libgomp.so.1", "libtorch.so", "libtorch_cpu.so"];
    assert_eq!(names(&folder.join("lib")), libraries);
    assert_eq!(fs::read_to_string(folder.join("lib/libtorch.so")).unwrap(), "INPUT(libtorch_cpu.so)\n");
    assert_eq!(names(&folder), ["include", "lib"]);

    // Another checkout takes it as it is: there is nothing left to download.
    fs::remove_dir_all(checkout.path("wheels")).unwrap();
    fs::remove_file(checkout.path(".cargo/libtorch.toml")).unwrap();
    let again = setup_from_wheels(&checkout);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_finished_download_is_kept_and_a_damaged_one_is_not() {
    let checkout = with_wheels();
    let name = "torch-2.11.0-py3-none-any.whl";
    let kept = checkout.path("cache/twinset/wheels-2.11.0");
    fs::create_dir_all(&kept).unwrap();
    let wheel = fs::read(checkout.path("wheels").join(name)).unwrap();
    fs::write(kept.join(name), &wheel[..wheel.len() / 2]).unwrap();
    let ended = setup_from_wheels(&checkout);
    assert!(!ended.stderr.contains("downloading torch=="), "{ended:?}");
    let end = "error: failed to set up libtorch: failed to unpack the wheels: zipfile.BadZipFile: File is not a zip file\n\
               hint: the damaged wheels were removed; the same command downloads them again\n";
    assert!(ended.code == Some(1) && ended.stderr.ends_with(end), "{ended:?}");
    assert_eq!(checkout.libtorch(), None);
    assert_eq!(setup_from_wheels(&checkout).code, Some(0));
}
