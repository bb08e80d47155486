//! What reaches stdout and stderr.

use std::fs::{self, File};
use std::process::Command;

use crate::sandbox::{Sandbox, binary, said};

#[test]
fn a_full_disk_under_stdout_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write_png("photos/a.png", [1, 2, 3]);
    let run = |args: &[&str]| {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(binary());
        command.args(["--set", "dataset='image-folder'", "--set", "path='photos'", "--data", "."]).args(args);
        said(command.current_dir(sandbox.path("")).stdout(full).output().unwrap())
    };
    for args in [&["--out", "out", "--quiet"][..], &["--list-inputs"], &["--count", "--quiet"]] {
        let said = run(args);
        let expected = "error: cannot write to stdout: No space left on device (os error 28)\n";
        assert_eq!((said.code, said.stderr.as_str()), (Some(1), expected), "{args:?}");
    }
    assert!(sandbox.path("out/images.parquet").exists(), "it is only the summary that is lost");
}

#[test]
fn names_cannot_move_the_cursor() {
    let sandbox = Sandbox::new();
    sandbox.write_png("photos/train/\u{1b}[31mcat/a.png", [1, 2, 3]);
    fs::create_dir_all(sandbox.path("photos/train/dog\u{7}")).unwrap();
    let config = "dataset = 'image-folder'\npath = 'photos'\n";
    sandbox.check_refused(config, &["--data", "."], &[r"class `dog\u{7}` has no files in `./photos/train/dog\u{7}`, "]);
    fs::remove_dir(sandbox.path("photos/train/dog\u{7}")).unwrap();
    let stdout = sandbox.ingest(config, &["--data", "."]);
    assert!(stdout.contains(r"classes  1: \u{1b}[31mcat"), "{stdout}");
    assert!(!stdout.contains('\u{1b}'));
    assert_eq!(sandbox.images()[0].class_name, "\u{1b}[31mcat", "what is written is the name as it is");
}
