//! What the runner says to bad input, word for word.

use crate::support::{Checkout, Ended, PIPELINE};
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn messages_of_reproduce() {
    for (from, to, words, expected) in [
        (
            "seeds =",
            "seedz =",
            &["reproduce", "small"][..],
            "error: failed to read the pipeline: `pipelines/small.toml` line 2: unknown field `seedz`, expected one of `name`, \
             `description`, `seeds`, `ingest`, `neardup`, `report`, `arm`\nhint: did you mean `seeds`?\n",
        ),
        (
            "rates = [0.0, 0.5]",
            "rates = \"all\"",
            &["reproduce", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 9: `rates`: invalid type: string \"all\", expected a \
             sequence\n",
        ),
        (
            "rates = [0.0, 0.5]",
            "rates = [-1]",
            &["reproduce", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 9: `rates` of arm `uniform` holds -1, expected 0 or \
             more\n",
        ),
        (
            "non-uniform",
            "uniform",
            &["reproduce", "small"],
            "error: failed to read the pipeline: `pipelines/small.toml` line 16: `arm.name` is `uniform` a second time\n",
        ),
        (
            "model = \"fake\"",
            "bogus = 1",
            &["reproduce", "small"],
            "error: failed to check `arm.0.train`: `pipelines/small.toml` line 13: unknown field `bogus`\nhint: take it out\n",
        ),
        (
            "",
            "",
            &["reproduce", "smal"],
            "error: failed to find pipeline `smal`\nhint: did you mean `small`? there are: small\n",
        ),
        ("", "", &["status", "zebra"], "error: failed to find pipeline `zebra`\nhint: there are: small\n"),
        (
            "",
            "",
            &["reproduce", "other/lost.toml"],
            "error: failed to find pipeline file `other/lost.toml`: No such file or directory (os error 2)\n",
        ),
        (
            "",
            "",
            &["reproduce", "small", "--data", "nowhere"],
            "error: failed to open the folder of datasets `nowhere`: No such file or directory (os error 2)\n",
        ),
    ] {
        let checkout = Checkout::new(&PIPELINE.replacen(from, to, 1));
        let ended = checkout.run(words);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected));
        assert_eq!(ended.stdout, "");
        assert!(checkout.executions().is_empty());
    }
}

#[test]
fn usage_errors_exit_with_2() {
    let checkout = Checkout::new(PIPELINE);
    for (words, expected) in [
        (&["reproduce", "--jobs", "0"][..], "error: invalid value '0' for '--jobs <N>': 0 is not in 1..=1024"),
        (&["reproduce", "--seeds", "x"], "error: invalid value 'x' for '--seeds <N|LIST>': `x` is no seed"),
        (&["reproduce", "--device", "tpu"], "error: invalid value 'tpu' for '--device <DEVICE>'"),
        (&["reproduc"], "error: unrecognized subcommand 'reproduc'"),
        (
            &["reproduce", "--fail-fast", "--keep-going"],
            "error: the argument '--fail-fast' cannot be used with '--keep-going'",
        ),
    ] {
        let ended = checkout.run(words);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.starts_with(expected), "{ended:?}");
    }
}

#[test]
fn a_missing_program_is_named() {
    let checkout = Checkout::new(PIPELINE);
    let program = checkout.path("bin/twinset-train");
    fs::remove_file(&program).unwrap();
    let ended = checkout.run(&["reproduce", "small"]);
    let expected = format!(
        "error: failed to find stage program `{}`\n\
         hint: TWINSET_STAGE_BIN_DIR names a folder that holds all six programs; without it they are built\n",
        program.display()
    );
    assert_eq!((ended.code, ended.stderr), (Some(1), expected));
    let status = checkout.run(&["status", "small"]);
    assert_eq!(status.code, Some(0));
    assert!(status.stdout.contains("the stage programs are not built"), "{status:?}");
}

#[test]
fn a_failed_shared_stage_ends_all_with_its_reason() {
    let checkout = Checkout::new(&PIPELINE.replace("dataset = \"fake\"", "seed = 1\nfail-seed = 1"));
    let ended = checkout.run(&["reproduce", "small", "--quiet"]);
    assert_eq!(ended.code, Some(1));
    let start = "error: failed to run ingest: failed to ingest: out of luck\nhint: its log is `data/stages/ingest/";
    assert!(ended.stderr.starts_with(start), "{ended:?}");
    assert!(ended.stderr.ends_with(".failed/log.txt`\n"), "{ended:?}");
}

#[test]
fn a_stage_that_writes_too_little_has_failed() {
    let checkout = Checkout::new(&PIPELINE.replace("max-distance = 6", "forget = \"pairs.parquet\""));
    let ended = checkout.run(&["reproduce", "small", "--quiet"]);
    assert_eq!(ended.code, Some(1));
    let start = "error: failed to run neardup: twinset-neardup ended well but wrote no `hashes.parquet`\n";
    assert!(ended.stderr.starts_with(start), "{ended:?}");
}

/// A folder for PATH that holds `programs`, each a shell script.
fn path_with(checkout: &Checkout, programs: &[(&str, &str)]) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
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
        assert!(!checkout.path(".libtorch").is_symlink());
    }
}

/// A folder that looks like libtorch of some version.
fn libtorch(checkout: &Checkout, minor: u32) -> std::path::PathBuf {
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
fn libtorch_of_another_version_is_refused_and_a_good_one_is_linked() {
    let checkout = Checkout::new(PIPELINE);
    let (old, good) = (libtorch(&checkout, 9), libtorch(&checkout, 11));
    let setup = |libtorch: &std::path::Path, words: &[&str]| {
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
    assert_eq!(checkout.path(".libtorch").canonicalize().unwrap(), good);
    // What the build's own setting names is not the user's wish; the good link is kept.
    let ended = setup(&checkout.path(".libtorch"), &["setup", "--check"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), said.as_str()), "{}", ended.stderr);
}

#[test]
fn a_link_to_another_version_is_set_anew() {
    let checkout = Checkout::new(PIPELINE);
    symlink(libtorch(&checkout, 9), checkout.path(".libtorch")).unwrap();
    let cached = checkout.path("cache/twinset/libtorch-2.11.0-cpu-x86_64");
    fs::create_dir_all(cached.parent().unwrap()).unwrap();
    fs::rename(libtorch(&checkout, 11), &cached).unwrap();
    let mut command = checkout.xtask(&["setup"]);
    let ended = Ended::from(command.env("XDG_CACHE_HOME", checkout.path("cache")).output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(checkout.path(".libtorch").canonicalize().unwrap(), cached);
}
