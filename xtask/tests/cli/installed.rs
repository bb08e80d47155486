//! Studies with installed programs: no checkout, no cargo, any folder.

use crate::support::{Checkout, Ended, PIPELINE};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The installed runner, in a folder of the user's.
fn study(installation: &Checkout, folder: &Path, words: &[&str]) -> Ended {
    let program = installation.path("bin/twinset-study");
    let mut command = Command::new(program);
    // Whoever calls cargo gets an error.
    command.args(words).current_dir(folder).env("CARGO", "/nowhere").env_remove("TWINSET_STAGE_BIN_DIR");
    command.env("FAKE_FOLDER", installation.path("bin"));
    Ended::from(command.output().unwrap())
}

#[test]
fn a_study_runs_in_any_folder_and_leaves_the_installation_alone() {
    let installation = Checkout::new(PIPELINE);
    fs::copy(env!("CARGO_BIN_EXE_twinset-study"), installation.path("bin/twinset-study")).unwrap();
    let checkout = Checkout::new(PIPELINE);
    assert_eq!(checkout.run(&["reproduce", "small"]).code, Some(0));

    let folder = tempfile::tempdir().unwrap();
    let plan = study(&installation, folder.path(), &["plan", "small"]);
    assert_eq!(plan.code, Some(0), "{plan:?}");
    assert!(plan.stdout.contains("twinset reproduce small") && !plan.stdout.contains("cargo"), "{plan:?}");
    let ended = study(&installation, folder.path(), &["reproduce", "small"]);
    assert!(ended.stdout.starts_with("8 of 8 cells done in "), "{ended:?}");
    assert!(folder.path().join("reports/small/index.html").is_file());
    assert!(!installation.path("data").exists() && !installation.path("reports").exists());
    // The programs are the same, and so are the runs and their bytes.
    assert!(checkout.outputs() == Checkout::outputs_in(folder.path()));
    let again = study(&installation, folder.path(), &["reproduce", "small"]);
    assert!(again.stdout.contains("stage runs: 0 executed"), "{again:?}");
    let unknown = study(&installation, folder.path(), &["reproduce", "smal"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("did you mean `small`?"), "{unknown:?}");
}

#[test]
fn a_package_gets_man_pages_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinset-study"));
    let ended = Ended::from(command.arg("--generate").arg(folder.path()).output().unwrap());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("twinset-study-reproduce.1").contains("\\-\\-fail\\-fast"));
    for name in ["twinset-study.bash", "_twinset-study", "twinset-study.fish"] {
        assert!(read(name).contains("fail-fast"), "{name}");
    }
}
