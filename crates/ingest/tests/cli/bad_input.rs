//! What no source is needed for to be wrong.

use std::fs;
use std::process::Command;

use crate::sandbox::{Sandbox, binary, said};

#[test]
fn a_wrong_config_names_file_line_and_key() {
    let check = |config: &str, expected: &[&str]| Sandbox::new().check_refused(config, &["--data", "."], expected);
    check("n-train = 5\n", &["c.toml: missing field `dataset`"]);
    check(
        "dataset = 'shape'\n",
        &["c.toml:1: key `dataset`: unknown variant `shape`, expected one of `shapes`, `cifar10`, `cifar100`, `idx`,"],
    );
    check(
        "dataset = 'shapes'\nseed = 1\nn-trian = 5\n",
        &["c.toml:3: key `n-trian`: unknown field `n-trian`, expected one of `n-train`"],
    );
    check("dataset = 'cifar10'\nembed = true\n", &["c.toml:2: key `embed`: unknown field `embed`"]);
    check(
        "dataset = 'cifar10'\nsubset = { train-per-class = 1, test-per-class = 1, sede = 1 }\n",
        &["c.toml:2: key `subset.sede`: unknown field `sede`"],
    );
    check("dataset = 'cifar10'\nsubset = { test-per-class = 1 }\n", &["missing field `train-per-class`"]);
    check("dataset = 'image-folder'\n", &["missing field `path`"]);
    check(
        "dataset = 'shapes'\nn-train = 'many'\n",
        &["c.toml:2: key `n-train`: invalid type: string \"many\", expected u32"],
    );
    check(
        "dataset = 'shapes'\n\nn-test = -5\n",
        &["c.toml:3: key `n-test`: invalid value: integer `-5`, expected u32"],
    );
    check("dataset = 'image-folder'\npath = 'p'\nembed = 7\n", &["c.toml:3: key `embed`: invalid type: integer `7`"]);
    check("dataset = 'shapes'\nn-train =\n", &["c.toml:2: "]);
}

#[test]
fn a_value_of_another_shape_or_spelling_is_shown_as_it_should_be() {
    let sandbox = Sandbox::new();
    let check = |sets: &[&str], expected: &[&str]| {
        let sets: Vec<_> = sets.iter().flat_map(|&set| ["--set", set]).collect();
        let said = sandbox.run(&[&["--out", "out"], &sets[..]].concat());
        assert_eq!(said.code, Some(1), "{}", said.stdout);
        expected.iter().for_each(|part| assert!(said.stderr.contains(part), "expected {part:?} in:\n{}", said.stderr));
        assert!(!sandbox.path("out").exists());
    };
    let (folder, path) = ("dataset='image-folder'", "path='p'");
    check(
        &[],
        &[
            "error: neither a folder nor --dataset, --config or --set says what to read\nhint: for instance `twinset ingest my-images --out out`",
        ],
    );
    check(&[path], &["error: neither a folder nor --dataset, --config or --set says what to read\n"]);
    check(
        &[folder, path, "embed=no"],
        &[
            "--set: key `embed`: invalid type: string \"no\", expected a boolean",
            "hint: a boolean is true or false: --set embed=false\n",
        ],
    );
    check(
        &[folder, path, "shard_images=5"],
        &["key `shard_images`: unknown field", "hint: did you mean `shard-images`?\n"],
    );
    check(
        &[folder, path, "draw-split=0.2"],
        &["key `draw-split`: invalid type: floating point `0.2`, expected a table such as { test = 0.2, seed = 0 }"],
    );
    check(
        &[folder, path, "resize=32"],
        &["key `resize`: invalid type: integer `32`, expected a table such as { width = 32, height = 32 }"],
    );
    check(
        &[folder, path, "resize={ width = 32 }"],
        &["missing field `height` of `resize`, expected { width = 32, height = 32 }"],
    );
    check(&[folder, path, "resize={ widht = 32 }"], &["key `resize.widht`: unknown field `widht`, expected one of"]);
}

#[test]
fn a_run_that_fails_leaves_no_folder_of_its_own_and_a_tilde_is_told() {
    let tilde =
        "hint: only the shell knows `~`, and not within quotes: --data ~/datasets or --data \"$HOME/datasets\"\n";
    for (dataset, file) in
        [("image-folder", "p"), ("cifar10", "p"), ("idx", "p"), ("hugging-face", "p"), ("table", "p.csv")]
    {
        let sandbox = Sandbox::new();
        let config = format!("dataset = '{dataset}'\npath = '{file}'\n");
        let config = if dataset == "table" { format!("{config}split = 'train'\n") } else { config };
        sandbox.check_refused(&config, &["--data", "~/datasets"], &["`~/datasets/", tilde]);
        assert!(!sandbox.path("out").exists(), "{dataset}");
        fs::create_dir(sandbox.path("out")).unwrap();
        sandbox.check_refused(&config, &["--data", "."], &["does not exist"]);
        assert!(sandbox.path("out").exists(), "{dataset}: it was there before");
    }
}

#[test]
fn a_value_out_of_range_names_file_line_and_key() {
    let check = |config: &str, expected: &str| Sandbox::new().check_refused(config, &["--data", "."], &[expected]);
    check("dataset = 'shapes'\nn-train = 0\n", "c.toml:2: key `n-train`: found 0, expected at least 1");
    check("dataset = 'shapes'\nn-train = 20000000\n", "key `n-train`: found 20000000, expected at most 10000000");
    check(
        "dataset = 'shapes'\nn-test = 10\nn-near-in-test = 11\n",
        "c.toml:3: key `n-near-in-test`: found 11, expected at most",
    );
    check(
        "dataset = 'shapes'\nn-train = 10\nn-test = 50\nn-exact-in-test = 40\n",
        "c.toml:2: key `n-train`: found 10, expected at least 42",
    );
    check(
        "dataset = 'shapes'\nn-label-conflicts = 500\n",
        "key `n-label-conflicts`: found 500, expected at most the 120",
    );
    check(
        "dataset = 'shapes'\nn-exact-in-train = 4000000000\nn-near-in-train = 4000000000\n",
        "expected at most `n-train` = 2000",
    );
    check(
        "dataset = 'image-folder'\npath = 'p'\nmax-pixels = 0\n",
        "c.toml:3: key `max-pixels`: found 0, expected at least 1",
    );
    check(
        "dataset = 'image-folder'\npath = 'p'\nshard-images = 0\n",
        "c.toml:3: key `shard-images`: found 0, expected at least 1",
    );
    check("dataset = 'image-folder'\npath = ''\n", "c.toml:2: key `path`: found nothing, expected a folder");
    let subset = "dataset = 'cifar10'\nsubset = { train-per-class = 5001, test-per-class = 0 }\n";
    check(subset, "c.toml:2: key `subset.train-per-class`: found 5001, expected 1 to 5000");
    let subset = "dataset = 'cifar10'\nsubset = { train-per-class = 1, test-per-class = 1001 }\n";
    check(subset, "c.toml:2: key `subset.test-per-class`: found 1001, expected 0 to 1000");
}

#[test]
fn a_check_finds_what_is_wrong_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", "[ingest]\ndataset = 'shapes'\nn-tset = 1\n");
    let said = sandbox.run(&["--config", "p.toml", "--table", "ingest", "--check"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("p.toml:3: key `ingest.n-tset`: unknown field"), "{}", said.stderr);
    assert_eq!(fs::read_dir(sandbox.path("")).unwrap().count(), 1);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let sandbox = Sandbox::new();
    let check = |args: &[&str], expected: &str| {
        let said = sandbox.run(args);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains(expected), "{}", said.stderr);
    };
    check(&["--set", "dataset='shapes'"], "--out <DIR>");
    check(&["--set", "dataset='shapes'", "--output", "x"], "unexpected argument '--output'");
    check(&["--set", "dataset='shapes'", "--count", "--list-inputs"], "cannot be used with");
}

#[test]
fn help_shows_an_example_and_the_configs() {
    let said = Sandbox::new().run(&["--help"]);
    assert_eq!(said.code, Some(0));
    for part in ["Examples:", "twinset-ingest my-photos", "--list-inputs", "dataset = \"image-folder\"", "--data <DIR>"]
    {
        assert!(said.stdout.contains(part), "{part}");
    }
}

#[test]
fn an_output_folder_that_cannot_be_written_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    let said = sandbox.run(&["--set", "dataset='shapes'", "--out", "file/out"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("failed to make the output folder `file/out`: "), "{}", said.stderr);

    // A folder stands where the manifest should: no user, root neither, can write it.
    fs::create_dir_all(sandbox.path("out/images.parquet/x")).unwrap();
    let said = sandbox.run(&["--set", "dataset='shapes'", "--set", "n-train=20", "--set", "n-test=0", "--out", "out"]);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("cannot write `out/images.parquet`: "), "{}", said.stderr);
    let left: Vec<_> = fs::read_dir(sandbox.path("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("partial")), "{left:?}");
}

#[test]
fn a_folder_without_permission_is_named() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("out")).unwrap();
    let script = "mount -t tmpfs -o ro tmpfs out && exec \"$0\" --set \"dataset='shapes'\" --out out --quiet";
    let Some(said) = in_namespace(&sandbox, script) else { return };
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("cannot write `out/images.parquet`: Read-only file system"), "{}", said.stderr);
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("out")).unwrap();
    let script = "mount -t tmpfs -o size=1m tmpfs out && \"$0\" --set \"dataset='shapes'\" --out out --quiet; \
                  code=$?; ls -A out; exit $code";
    let Some(said) = in_namespace(&sandbox, script) else { return };
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("cannot write `out/images.parquet`: No space left on device"), "{}", said.stderr);
    assert_eq!(said.stdout, "", "nothing is left behind");
}

/// Runs a script with the binary as `$0` where it may mount; none, said aloud, where that is not allowed.
fn in_namespace(sandbox: &Sandbox, script: &str) -> Option<crate::sandbox::Said> {
    let unshare = |args: &[&str]| Command::new("unshare").arg("-rm").args(args).current_dir(sandbox.path("")).output();
    let is_allowed = unshare(&["sh", "-c", "mount -t tmpfs tmpfs out"]).is_ok_and(|output| output.status.success());
    if !is_allowed {
        println!("skipped: this machine does not let a test mount a small file system");
        return None;
    }
    Some(said(unshare(&["sh", "-c", script, binary()]).unwrap()))
}
