//! A folder to run `twinset` in.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::pictures::{jpeg, picture};

/// A folder that is gone when the test ends.
pub(crate) struct Sandbox(tempfile::TempDir);

/// What a run said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The built program.
pub(crate) fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_twinset"))
}

/// Whether the programs that a scan runs were built, too; else a line says that the test is skipped.
pub(crate) fn has_programs() -> bool {
    let folder = binary().parent().unwrap();
    let has = ["twinset-ingest", "twinset-neardup"].iter().all(|name| folder.join(name).is_file());
    if !has {
        println!("skipped: `{}` lacks stage programs; `cargo xtask test` builds them", folder.display());
    }
    has
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where `tempfile` says it is, without links.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        fs::canonicalize(self.0.path()).unwrap().join(relative)
    }

    /// Writes a file, and the folders that it is in.
    pub(crate) fn write(&self, relative: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Writes a script that can be run. Another process writes it: one that is open for writing here, and so in the children of
    /// other tests' threads, could not be started.
    pub(crate) fn write_program(&self, relative: &str, script: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "printf '#!/bin/sh\n%s\n' \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(path).arg(script);
        assert!(shell.status().unwrap().success());
    }

    /// Twelve pictures; a copy, a smaller copy of lower quality, and a file that is none.
    pub(crate) fn write_photos(&self, folder: &str) {
        for seed in 0..12 {
            self.write(&format!("{folder}/{seed:02}.jpg"), jpeg(&picture(seed), 90));
        }
        self.write(&format!("{folder}/album/copy of 03.jpg"), jpeg(&picture(3), 90));
        let small = image::imageops::thumbnail(&picture(5), 60, 48);
        self.write(&format!("{folder}/album/small.jpg"), jpeg(&small, 60));
        self.write(&format!("{folder}/notes.txt"), "no picture");
    }

    /// Pictures in two splits; two of the test pictures are in train, too.
    pub(crate) fn write_splits(&self, folder: &str) {
        for seed in 20..28 {
            self.write(&format!("{folder}/train/{seed}.jpg"), jpeg(&picture(seed), 90));
        }
        for seed in [30, 31, 22] {
            self.write(&format!("{folder}/test/{seed}.jpg"), jpeg(&picture(seed), 90));
        }
        self.write(&format!("{folder}/test/near.jpg"), jpeg(&picture(25), 40));
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args).current_dir(self.path("")).env_remove("TWINSET_PROGRESS").env_remove("LIBTORCH");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Said {
        said(self.command(args).output().unwrap())
    }

    /// Expects success, and gives what was printed on stdout.
    #[track_caller]
    pub(crate) fn expect(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
        said.stdout
    }

    /// Scans with `--json`, and expects success.
    #[track_caller]
    pub(crate) fn scan(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.expect(&[&["scan", "--json", "--quiet"], args].concat())).unwrap()
    }
}

pub(crate) fn said(output: Output) -> Said {
    Said {
        code: output.status.code(),
        signal: output.status.signal(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
