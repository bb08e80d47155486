//! A sound tree has no violation; a tree that is broken in one way has that violation and no other.

mod bytes;
mod layout;
mod rows;
mod runs;
#[path = "../study/mod.rs"]
mod study;

use std::fs;
use std::path::Path;

use study::{Runs, Study, audit, expect_exit, sound};
use twinset_audit::{Options, Tree, Validation, validate};
use twinset_manifest::Reader;
use twinset_manifest::rows::{Rule, Violation};

const OPTIONS: Options = Options { pixels: true, folder: None, max_per_rule: 100, strict: false };

/// Of the bytes: what a test changes has no other time than the record has.
fn validated(root: &Path) -> Validation {
    validate(&Tree::open(root, None).unwrap().deep(), &OPTIONS, || ())
}

#[test]
fn a_sound_tree_has_no_violation() {
    let (root, _) = sound();
    let found = validated(root.path());
    assert_eq!(found.violations, []);
    assert_eq!((found.n_manifests, found.n_rows, found.n_images), (10, 12 + 1 + 12 + 1 + 12 + 1 + 11 + 2 + 4 + 1, 13));
    let [note] = &found.notes[..] else { panic!("{:?}", found.notes) };
    assert!(note.ends_with(" and 3 more have no key.json: what the run was made of is not checked"), "{note}");
}

/// Breaks the rows of a study before they are written, or the files of one that was; then exactly this is found: so many
/// violations, all of one rule, the first of them so.
#[track_caller]
fn check(break_rows: fn(&mut Study), break_files: fn(&Runs), rule: Rule, n: usize, first: &str) {
    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    break_rows(&mut study);
    let runs = study.write(root.path());
    break_files(&runs);
    let found = validated(root.path()).violations;
    assert!(found.iter().all(|violation| violation.rule == rule) && found.len() == n, "{found:#?}");
    let Violation { path, row, column, found, expected, .. } = &found[0];
    let path = path.rsplit('/').next().unwrap();
    let row = row.map_or_else(String::new, |row| format!(" row {row}"));
    let column = column.as_ref().map_or_else(String::new, |column| format!(" {column}"));
    assert_eq!(format!("{path}{row}{column}: {found}, not {expected}"), first);
}

/// Rows as they are.
fn nothing(_: &mut Study) {}

#[test]
fn the_command_tells_lines_writes_a_manifest_and_ends_with_3() {
    let (root, _) = sound();
    let (stdout, _) = expect_exit(audit(root.path()).args(["validate", ".", "--quiet"]), 0);
    let believed = "11 digests are taken from digests.json; --deep reads the files\n";
    assert_eq!(stdout, format!("10 manifests, 57 rows, 13 images decoded: no violations\n{believed}"));
    let (stdout, _) = expect_exit(audit(root.path()).args(["validate", ".", "--no-pixels", "--quiet"]), 0);
    assert_eq!(stdout, format!("10 manifests, 57 rows, 0 images decoded: no violations\n{believed}"));

    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    study.predictions.iter_mut().for_each(|row| row.linf = 2.0);
    study.write(root.path());
    let (stdout, _) =
        expect_exit(audit(root.path()).args(["validate", "stages", "--quiet", "--out", "found", "--max", "2"]), 3);
    let path = format!("evaluate/{}/predictions.parquet", "e".repeat(64));
    assert_eq!(
        stdout,
        format!(
            "{path}, row 0, image 8, linf: range: found 2.0, expected linf BETWEEN 0 AND 1\n\
             {path}, row 1, image 9, linf: range: found 2.0, expected linf BETWEEN 0 AND 1\n\
             {path}, row 0, image 8, linf: consistency: found 2.0, expected attack <> 'clean' OR linf = 0\n\
             {path}, row 1, image 9, linf: consistency: found 2.0, expected attack <> 'clean' OR linf = 0\n\
             10 manifests, 57 rows, 13 images decoded: 8 violations, 4 of them shown\n\
             1 input is a dataset's, elsewhere and not checked\n{believed}"
        )
    );
    let written = Reader::<Violation>::open(&root.path().join("found/violations.parquet")).unwrap();
    assert_eq!(written.provenance().inputs.len(), 10);
    let rows = written.read_all().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!((rows[0].schema.as_deref(), rows[0].image_id), (Some("predictions/2"), Some(8)));
}

#[test]
fn a_run_alone_is_checked_against_the_store_around_it() {
    let root = tempfile::tempdir().unwrap();
    let mut study = Study::sound();
    study.trainset[0].label = 1;
    let runs = study.write(root.path());
    let line = format!(
        "inject/{}/trainset.parquet, row 0, image 0, label: agreement: found 1, expected 0, the label of image 0\n",
        "c".repeat(64)
    );
    for path in [runs.of("inject"), runs.of("inject").join("trainset.parquet")] {
        let (stdout, _) = expect_exit(audit(root.path()).arg("validate").arg(path).arg("--quiet"), 3);
        assert!(stdout.starts_with(&line), "{stdout}");
    }
    // Elsewhere nothing can be said of what it refers to.
    let alone = root.path().join("alone");
    fs::create_dir(&alone).unwrap();
    fs::copy(runs.of("inject").join("trainset.parquet"), alone.join("trainset.parquet")).unwrap();
    let (stdout, stderr) = expect_exit(audit(root.path()).args(["validate", "alone"]), 0);
    assert_eq!(
        stdout,
        "1 manifests, 11 rows, 0 images decoded: no violations\n2 inputs are not there; --strict takes that for violations\n"
    );
    assert!(stderr.contains("note: `trainset.parquet` refers to images of `images.parquet` with BLAKE3 "), "{stderr}");
}
