//! What is built, and what is said of it, over a fake cargo.

use crate::support::{Checkout, Ended, PIPELINE};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Notes what it is asked for, and says that the checkout's stage programs are what it built.
const CARGO: &str = r#"#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
echo "$*" >> "$here/cargo-calls"
case "$1" in
  tree) printf 'serde v1.0.0\nlibc v0.2.1 (*)\nlibc v0.2.1\ntwinset-ingest v0.1.0 (/x/y)\n' ;;
  metadata) echo "{\"target_directory\": \"$here/target\"}" ;;
  build)
    for stage in ingest neardup inject train evaluate gaussian report audit; do
      case "$*" in *"--package twinset-$stage"*)
        echo "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"twinset-$stage\"},\"executable\":\"$here/bin/twinset-$stage\",\"fresh\":false}" ;;
      esac
    done ;;
esac
"#;

fn checkout(pipeline: &str) -> Checkout {
    let checkout = Checkout::new(pipeline);
    fs::write(checkout.path("cargo"), CARGO).unwrap();
    fs::set_permissions(checkout.path("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(checkout.path("libtorch/include")).unwrap();
    fs::create_dir_all(checkout.path("libtorch/lib")).unwrap();
    fs::write(checkout.path("libtorch/build-version"), "2.11.0\n").unwrap();
    checkout.set_libtorch(&checkout.path("libtorch"));
    for library in ["libc10.so", "libtorch.so", "libtorch_cpu.so"] {
        fs::write(checkout.path("libtorch/lib").join(library), "").unwrap();
    }
    checkout
}

fn reproduce(checkout: &Checkout) -> Ended {
    let mut command = checkout.xtask(&["reproduce", "small"]);
    command.env_remove("TWINSET_STAGE_BIN_DIR").env("CARGO", checkout.path("cargo"));
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

#[test]
fn only_the_programs_of_the_pipeline_are_built() {
    let calls = |checkout: &Checkout, program: &str| {
        let calls = fs::read_to_string(checkout.path("cargo-calls")).unwrap();
        let build = calls.lines().find(|line| line.starts_with("build ")).unwrap().to_owned();
        assert!(!build.contains("--workspace"), "features would be those of programs that are not needed: {build}");
        build.split(' ').any(|word| word == program)
    };
    let plain = checkout(PIPELINE);
    reproduce(&plain);
    for stage in ["ingest", "neardup", "inject", "train", "evaluate", "report"] {
        assert!(calls(&plain, &format!("twinset-{stage}")), "{stage}");
    }
    for other in ["twinset-gaussian", "twinset-audit"] {
        assert!(!calls(&plain, other), "{other}");
    }
    let with_toy = checkout(&PIPELINE.replace("[report]", "[gaussian]\n[report]"));
    reproduce(&with_toy);
    assert!(calls(&with_toy, "twinset-gaussian") && !calls(&with_toy, "twinset-audit"));
}

#[test]
fn what_is_compiled_for_the_first_time_is_said_before() {
    let checkout = checkout(PIPELINE);
    let fingerprints = checkout.path("target/release/.fingerprint");
    let compile = |name: &str, file: &str| {
        fs::create_dir_all(fingerprints.join(name)).unwrap();
        fs::write(fingerprints.join(name).join(file), "").unwrap();
    };
    compile("serde-0011", "lib-serde");
    // Interrupted.
    compile("libc-0022", "build-script-build-script-build");
    let first = reproduce(&checkout).stderr;
    let expected = "building 6 programs; of their 3 crates 2 are compiled for the first time: about ";
    assert!(first.starts_with(expected), "{first}");
    assert!(first.contains("\nbuilt the stage programs in "), "{first}");
    compile("libc-0022", "lib-libc");
    compile("twinset-ingest-0033", "bin-twinset-ingest");
    let later = reproduce(&checkout).stderr;
    assert!(!later.contains("first time"), "{later}");
}
