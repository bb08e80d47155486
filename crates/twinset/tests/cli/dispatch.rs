//! `twinset <command>` becomes `twinset-<command>`.

use std::fs;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::sandbox::{Said, Sandbox, binary, said};

/// `twinset` in a folder `bin` with programs that are scripts.
fn sandbox(scripts: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("bin")).unwrap();
    // A copy that another test's child holds open for writing cannot be started: a link is never written.
    if fs::hard_link(binary(), sandbox.path("bin/twinset")).is_err() {
        fs::copy(binary(), sandbox.path("bin/twinset")).unwrap();
    }
    scripts.iter().for_each(|(name, script)| sandbox.write_program(name, script));
    sandbox
}

fn command(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = Command::new(sandbox.path("bin/twinset"));
    command
        .args(args)
        .current_dir(sandbox.path(""))
        .env("XDG_CACHE_HOME", sandbox.path("cache"))
        .env_remove("LIBTORCH");
    command
}

fn run(sandbox: &Sandbox, args: &[&str]) -> Said {
    said(command(sandbox, args).output().unwrap())
}

const SAY: &str = r#"printf '%s' "$(basename "$0")"; printf '|%s' "$@""#;

#[test]
fn arguments_and_exit_code_are_the_programs() {
    let programs = [
        ("bin/twinset-neardup", SAY),
        ("bin/twinset-ingest", SAY),
        ("bin/twinset-audit", "echo \"$1\"; echo told >&2; exit 7"),
        ("bin/twinset-mine", SAY),
        ("elsewhere/twinset-report", SAY),
    ];
    let sandbox = sandbox(&programs);
    let check = |args: &[&str], expected: &str| {
        let said = run(&sandbox, args);
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), expected), "{}", said.stderr);
    };
    check(&["neardup", "--set", "a b", "--help"], "twinset-neardup|--set|a b|--help");
    check(&["gallery", "--pairs", "p"], "twinset-neardup|gallery|--pairs|p");
    check(&["clean"], "twinset-neardup|clean");
    check(&["split", "--seed", "x"], "twinset-neardup|split|--seed|x");
    check(&["download", "mnist"], "twinset-ingest|download|mnist");
    check(&["mine", "--version"], "twinset-mine|--version");
    let said = run(&sandbox, &["audit", "ls"]);
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(7), "ls\n", "told\n"));
    // What is not beside it is looked for on PATH.
    let path = format!("{}:{}", sandbox.path("elsewhere").display(), std::env::var("PATH").unwrap());
    let said = said_with(command(&sandbox, &["report", "--x"]).env("PATH", path));
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "twinset-report|--x"), "{}", said.stderr);
}

#[test]
fn the_folder_of_pictures_in_place_of_a_scans_is_understood() {
    let sandbox = sandbox(&[("bin/twinset-neardup", SAY), ("bin/twinset-leaks", SAY)]);
    fs::create_dir(sandbox.path("my photos")).unwrap();
    sandbox.write("images.parquet", "none");
    let check = |args: &[&str], expected: &str| {
        let said = run(&sandbox, args);
        assert_eq!((said.code, said.stderr.as_str()), (Some(1), expected), "{args:?}");
    };
    let found =
        "error: `my photos/` is no folder that `twinset scan` wrote, expected one such as `my photos-duplicates`\n";
    let hint = "hint: find its duplicates first: twinset scan 'my photos/'\n";
    check(&["clean", "my photos/", "--list"], &format!("{found}{hint}"));
    let expected = "error: there is no folder `photo`, expected one that `twinset scan` wrote: one such as `my-photos-duplicates`\n\
                    hint: `twinset leaks --help` says what else it takes\n";
    check(&["leaks", "photo"], expected);
    let expected = "error: `images.parquet` is a file, expected a folder that `twinset scan` wrote: one such as \
                    `my-photos-duplicates`\nhint: `twinset gallery --help` says what else it takes\n";
    check(&["gallery", "images.parquet"], expected);
    // The scan's folder may follow an option, and is no option's value.
    let record = r#"{"format": 1, "folder": "/p/my photos", "data": "/p", "reference": null, "done":
        {"version": "0", "settings": [], "files": "DIGEST", "reference_files": null}}"#;
    sandbox.write("my photos-duplicates/scan.json", record.replace("DIGEST", &"0".repeat(64)));
    check(&["split", "my photos/"], &format!("{found}hint: did you mean `twinset split 'my photos-duplicates'`?\n"));
    let of_scan = "my photos-duplicates/images/images.parquet|--pairs|my photos-duplicates/duplicates/pairs.parquet";
    let clusters = "--clusters|my photos-duplicates/duplicates/clusters.parquet|--folder|/p";
    for args in [["my photos-duplicates", "--list"], ["--list", "my photos-duplicates"]] {
        let said = run(&sandbox, &[&["clean"], &args[..]].concat());
        let expected = format!("twinset-neardup|clean|--images|{of_scan}|{clusters}|--list");
        assert_eq!((said.stdout, said.code), (expected, Some(0)), "{}", said.stderr);
    }
    let said = run(&sandbox, &["clean", "--out", "my photos-duplicates"]);
    assert_eq!(said.stdout, "twinset-neardup|clean|--out|my photos-duplicates");
}

fn said_with(command: &mut Command) -> Said {
    said(command.output().unwrap())
}

#[test]
fn signals_are_the_programs() {
    let sandbox = sandbox(&[("bin/twinset-audit", "kill -9 $$"), ("bin/twinset-report", "echo $$; exec sleep 60")]);
    assert_eq!(run(&sandbox, &["audit"]).signal, Some(9));
    let mut child = command(&sandbox, &["report"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line.trim(), child.id().to_string(), "the program is the same process");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(15));
}

#[test]
fn an_unknown_command_says_what_is_nearest() {
    let sandbox = sandbox(&[]);
    fs::create_dir(sandbox.path("my photos")).unwrap();
    let check = |name: &str, expected: &str| {
        let said = run(&sandbox, &[name, "--quiet"]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(2), expected));
    };
    let lists = "`twinset --help` lists the commands\n";
    check("scna", &format!("error: there is no command `scna`\nhint: did you mean `twinset scan`? {lists}"));
    check("evalute", &format!("error: there is no command `evalute`\nhint: did you mean `twinset evaluate`? {lists}"));
    check("frobnicate", &format!("error: there is no command `frobnicate`\nhint: {lists}"));
    check(
        "my photos",
        "error: there is no command `my photos`\nhint: to find the duplicates in a folder: twinset scan 'my photos'\n",
    );
    check("../bin/twinset", &format!("error: there is no command `../bin/twinset`\nhint: {lists}"));
    let said = run(&sandbox, &["--frobnicate"]);
    assert_eq!(said.code, Some(2), "{}", said.stderr);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let sandbox = sandbox(&[]);
    let check = |args: &[&str], expected: &str| {
        let said = said_with(command(&sandbox, args).env("PATH", ""));
        assert_eq!(said.code, Some(1));
        assert!(said.stderr.contains(expected), "expected {expected:?} in:\n{}", said.stderr);
    };
    check(&["audit"], "error: there is no program `twinset-audit` in `");
    check(&["audit"], "hint: install all programs into one folder");
    check(&["plan", "quick"], "hint: in a checkout of Twinset: cargo xtask reproduce, plan, work, status, why or gc");
    check(&["train"], "hint: in a checkout of Twinset `cargo xtask setup` gets libtorch");
    sandbox.write("photos/a.jpg", "none");
    check(&["scan", "photos"], "error: there is no program `twinset-ingest` in `");
}

#[test]
fn libtorch_is_found_where_setup_keeps_it() {
    let loads = "case \"$LD_LIBRARY_PATH\" in *libtorch-2.11.0*) echo \"trained $1\"; exit 5;; esac
        echo 'twinset-train: error while loading shared libraries: libtorch_cpu.so: cannot open' >&2; exit 127";
    let sandbox = sandbox(&[("bin/twinset-train", loads)]);
    let said = said_with(command(&sandbox, &["train", "--x"]).env_remove("LD_LIBRARY_PATH"));
    assert_eq!(said.code, Some(1));
    let expected = "error: `twinset-train` cannot start: twinset-train: error while loading shared libraries: libtorch_cpu.so: \
                    cannot open\nhint: it needs libtorch 2.11.0: `cargo xtask setup`";
    assert!(said.stderr.starts_with(expected), "{}", said.stderr);
    // One that is named and does not help does not hide the one that does.
    fs::create_dir_all(sandbox.path("other/lib")).unwrap();
    fs::create_dir_all(sandbox.path("cache/twinset/libtorch-2.11.0-cpu-x86_64/lib")).unwrap();
    let said = said_with(
        command(&sandbox, &["train", "--x"]).env_remove("LD_LIBRARY_PATH").env("LIBTORCH", sandbox.path("other")),
    );
    assert_eq!((said.code, said.stdout.as_str(), said.stderr.as_str()), (Some(5), "trained --x\n", ""));
    // With one on the path already nothing is changed.
    let said = said_with(command(&sandbox, &["train", "--y"]).env("LD_LIBRARY_PATH", "/libtorch-2.11.0"));
    assert_eq!((said.code, said.stdout.as_str()), (Some(5), "trained --y\n"));
}

#[test]
fn help_and_version_are_printed() {
    let sandbox = Sandbox::new();
    let help = sandbox.expect(&["--help"]);
    assert_eq!(help, sandbox.expect(&[]));
    assert_eq!(help, sandbox.expect(&["-h"]));
    for part in
        ["Find the duplicates in a folder of pictures:\n  scan ", "\n  leaks ", "\n  reproduce ", "\n  new-study "]
    {
        assert!(help.contains(part), "{part}");
    }
    let of_scan = sandbox.expect(&["help", "scan"]);
    assert_eq!(of_scan, sandbox.expect(&["scan", "--help"]));
    assert!(
        of_scan.contains("Usage: twinset scan [OPTIONS] <FOLDER>") && of_scan.contains("--fail-on-leak"),
        "{of_scan}"
    );
    let version = sandbox.expect(&["--version"]);
    let (first, second) = version.split_once('\n').unwrap();
    assert!(first.starts_with(concat!("twinset ", env!("CARGO_PKG_VERSION"), " (")), "{version}");
    assert!(first.contains("(commit ") || first.ends_with("(built outside of git)"), "{version}");
    assert!(second.starts_with("libtorch 2.11.0 for"), "{version}");
}
