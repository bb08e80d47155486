//! What the folders of an image folder are: splits, classes, or neither.

use twinset_manifest::Footer;
use twinset_manifest::rows::Split;

use Split::{Test, Train, Val};

use crate::sandbox::Sandbox;

const CONFIG: &str = "dataset = 'image-folder'\npath = 'photos'\n";
const HERE: &[&str] = &["--data", "."];

fn sandbox_with(files: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (file, at) in files.iter().zip(0..) {
        sandbox.write_png(&format!("photos/{file}"), [at, 0, 0]);
    }
    sandbox
}

/// Of each image its file, split, label and class.
type Taken<'a> = (&'a str, Split, u32, &'a str);

/// Ingests these files with these keys, and says what was warned of.
fn check(files: &[&str], keys: &str, expected: &[Taken]) -> Vec<String> {
    let sandbox = sandbox_with(files);
    sandbox.ingest(&format!("{CONFIG}{keys}"), HERE);
    let images = sandbox.images();
    let found: Vec<_> = images
        .iter()
        .map(|image| (image.source.as_str(), image.split, image.label, image.class_name.as_str()))
        .collect();
    assert_eq!(found, expected, "{files:?} {keys}");
    sandbox.provenance().warnings
}

#[test]
fn a_folder_of_pictures_has_no_labels_and_says_so() {
    let none = "the images have no labels, and all are of split `train`";
    let files = &["a.png", "b.png"];
    let expected = &[("a.png", Train, 0, ""), ("b.png", Train, 0, "")];
    assert_eq!(check(files, "", expected), [none]);
    assert_eq!(check(files, "split = 'train'\n", expected), [none]);
    assert!(check(files, "layout = 'flat'\n", expected).is_empty());

    // Albums within albums are no classes, whatever they are called.
    let albums = &["2019/Rome/a.png", "2019/b.png", "Test/c.png", "d.png"];
    let expected = |split: Split| {
        [
            ("2019/Rome/a.png", split, 0, ""),
            ("2019/b.png", split, 0, ""),
            ("Test/c.png", split, 0, ""),
            ("d.png", split, 0, ""),
        ]
    };
    let classes = format!("{none}: layout = \"classes\" takes the folders for 2 classes (2019, Test)");
    assert_eq!(check(albums, "", &expected(Train)), [classes]);
    assert!(check(albums, "layout = 'flat'\nsplit = 'test'\n", &expected(Test)).is_empty());

    let sandbox = sandbox_with(albums);
    let stdout = sandbox.ingest(CONFIG, HERE);
    assert!(stdout.contains("  train    4\n  labels   none\n"), "{stdout}");
    let footer = Footer::read(&sandbox.path("out/images.parquet")).unwrap();
    assert!(footer.class_names.is_empty(), "no classes are invented");
    sandbox.write("c.toml", CONFIG);
    let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--count"]);
    assert_eq!(said.stdout, "{\"train\":4,\"val\":0,\"test\":0,\"classes\":0}\n");
    let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--list-inputs"]);
    assert_eq!(said.stdout.lines().count(), 4);
}

#[test]
fn folders_without_a_test_share_are_classes_where_the_config_says_so() {
    let files = &["cat/a.png", "cat/b/c.png", "dog/d.png"];
    let expected = &[("cat/a.png", Train, 0, "cat"), ("cat/b/c.png", Train, 0, "cat"), ("dog/d.png", Train, 1, "dog")];
    for keys in ["split = 'train'\n", "layout = 'classes'\n", "layout = 'classes'\nsplit = 'train'\n"] {
        assert!(check(files, keys, expected).is_empty());
    }
    let of_val = &[("cat/a.png", Val, 0, "cat"), ("dog/d.png", Val, 1, "dog")];
    assert!(check(&["cat/a.png", "dog/d.png"], "split = 'val'\n", of_val).is_empty());
    // A class may be called as a split is.
    let train = &[("test/a.png", Train, 0, "test"), ("train/b.png", Train, 1, "train")];
    assert!(check(&["test/a.png", "train/b.png"], "layout = 'classes'\n", train).is_empty());
    let none = sandbox_with(&["a.png"]);
    let expected = "dataset `./photos` has no class folders, expected <class>/<image>";
    none.check_refused(&format!("{CONFIG}layout = 'classes'\n"), HERE, &[expected]);
}

#[test]
fn folders_are_splits_where_their_names_say_so() {
    let files = &["train/cat/a.png", "test/cat/b.png"];
    let expected = &[("train/cat/a.png", Train, 0, "cat"), ("test/cat/b.png", Test, 0, "cat")];
    assert!(check(files, "", expected).is_empty());
    assert!(check(files, "layout = 'splits'\n", expected).is_empty());
    let flat = &[("test/cat/b.png", Train, 0, ""), ("train/cat/a.png", Train, 0, "")];
    assert!(check(files, "layout = 'flat'\n", flat).is_empty());

    // Splits without classes.
    let unlabelled = &[("train/a.png", Train, 0, ""), ("train/b.png", Train, 0, ""), ("test/c.png", Test, 0, "")];
    let warnings = check(&["train/a.png", "train/b.png", "test/c.png"], "", unlabelled);
    assert_eq!(warnings, ["the images have no labels: the splits have no class folders"]);

    // What lies beside them is told.
    let beside = check(&["train/cat/a.png", "extra/b.png", "c.png"], "", &expected[..1]);
    let expected = [
        "folder `extra` is none of train, val, test and was not read",
        "1 images beside the folders of the splits were not read",
    ];
    assert_eq!(beside, expected);

    let sandbox = sandbox_with(files);
    let has_splits = "`./photos` has splits: folder `test` holds folders; `split` is for a source that has none";
    sandbox.check_refused(&format!("{CONFIG}split = 'train'\n"), HERE, &[has_splits]);
    let both = "c.toml:3: key `layout`: found splits beside `split` or `draw-split`, expected one of them";
    sandbox.check_refused(&format!("{CONFIG}layout = 'splits'\nsplit = 'train'\n"), HERE, &[both]);
    sandbox.check_refused(
        &format!("{CONFIG}layout = 'tree'\n"),
        HERE,
        &["c.toml:3: key `layout`: unknown variant `tree`, expected one of `splits`, `classes`, `flat`"],
    );
}

#[test]
fn splits_of_unlabelled_images_are_drawn_where_the_layout_says_so() {
    let names: Vec<_> = (0..10).map(|at| format!("{at}.png")).collect();
    let files: Vec<_> = names.iter().map(String::as_str).collect();
    let sandbox = sandbox_with(&files);
    sandbox.ingest(&format!("{CONFIG}layout = 'flat'\ndraw-split = {{ test = 0.3 }}\n"), HERE);
    let n_test = sandbox.images().iter().filter(|image| image.split == Test).count();
    assert_eq!(n_test, 3);
}

#[test]
fn numeric_folders_are_classes_in_numeric_order() {
    let files = &["train/10/a.png", "train/2/b.png", "train/1/c.png"];
    let expected =
        &[("train/1/c.png", Train, 0, "1"), ("train/2/b.png", Train, 1, "2"), ("train/10/a.png", Train, 2, "10")];
    let said = "the classes are numbers and are sorted as numbers, not as text: 1, 2, 10";
    assert_eq!(check(files, "", expected), [said]);
    let padded = &["train/01/a.png", "train/02/b.png", "train/10/c.png"];
    let expected =
        &[("train/01/a.png", Train, 0, "01"), ("train/02/b.png", Train, 1, "02"), ("train/10/c.png", Train, 2, "10")];
    assert!(check(padded, "", expected).is_empty());
}

#[test]
fn two_unicode_forms_of_a_class_are_warned_of() {
    let files = &["train/cafe\u{301}/a.png", "train/caf\u{e9}/b.png"];
    let expected =
        &[("train/cafe\u{301}/a.png", Train, 0, "cafe\u{301}"), ("train/caf\u{e9}/b.png", Train, 1, "caf\u{e9}")];
    let said = r"classes `cafe\u{301}` and `caf\u{e9}` look like one name in two Unicode forms (NFC and NFD), and are two classes";
    assert_eq!(check(files, "", expected), [said]);
}

#[test]
fn what_operating_systems_leave_is_passed_over_and_counted() {
    let files = &[
        "train/cat/a.png",
        "train/cat/@eaDir/a.png/SYNOPHOTO_THUMB_M.png",
        "train/@eaDir/x/thumb.png",
        "train/cat/._a.png",
        "__MACOSX/train/cat/._a.png",
        "train/cat/Thumbs.db",
        "lost+found/x.png",
    ];
    let said = "passed over 6 files and folders that are hidden or that operating systems leave: `@eaDir` (2), `._*` (1), \
                `Thumbs.db` (1), `__MACOSX` (1), `lost+found` (1)";
    assert_eq!(check(files, "", &[("train/cat/a.png", Train, 0, "cat")]), [said]);
    let warnings =
        check(&["__MACOSX/cat/._0.png", "cat/0.png"], "split = 'train'\n", &[("cat/0.png", Train, 0, "cat")]);
    assert_eq!(
        warnings,
        ["passed over 1 files and folders that are hidden or that operating systems leave: `__MACOSX` (1)"]
    );
}
