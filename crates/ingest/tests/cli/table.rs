//! `dataset = "table"`.

use std::fs;
use std::path::Path;

use twinset_manifest::rows::Split;
use twinset_pixels::decode_row;

use crate::sandbox::{Sandbox, files};

const CONFIG: &str = "dataset = 'table'\npath = 'photos/labels.csv'\n";
const TRAIN: &str = "split = 'train'\n";
const HERE: &[&str] = &["--data", "."];

/// Four images of two classes, and a table of them.
fn sandbox_with(csv: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    for (at, name) in ["a/0.png", "a/1.png", "b/2.png", "b/3.png"].into_iter().enumerate() {
        sandbox.write_png(&format!("photos/{name}"), [at as u8, 0, 0]);
    }
    sandbox.write("photos/labels.csv", csv);
    sandbox
}

const WHOLE: &str =
    "image,label,part\na/0.png,dog,train\n./b//2.png,cat,training\n\"a/1.png\",cat,test\nb/3.png,dog,eval\n";

#[test]
fn a_csv_has_paths_labels_and_splits_in_its_order() {
    let sandbox = sandbox_with(&format!("\u{feff}{WHOLE}"));
    let stdout = sandbox.ingest(&format!("{CONFIG}split-column = 'part'\n"), HERE);
    assert!(stdout.contains("classes  2: cat, dog"), "{stdout}");
    let images = sandbox.images();
    let found: Vec<_> = images.iter().map(|i| (i.image_id, i.source.as_str(), i.split, i.label)).collect();
    assert_eq!(
        found,
        [
            (0, "a/0.png", Split::Train, 1),
            (1, "b/2.png", Split::Train, 0),
            (2, "a/1.png", Split::Test, 0),
            (3, "b/3.png", Split::Test, 1),
        ]
    );
    assert_eq!(images[1].image.bytes, Some(fs::read(sandbox.path("photos/b/2.png")).unwrap().into()));
    let inputs = || sandbox.provenance().inputs;
    let before = inputs();
    assert_eq!(before.iter().map(|input| input.name.as_str()).collect::<Vec<_>>(), ["labels.csv", "photos"]);
    sandbox.write_png("photos/b/2.png", [77, 0, 0]);
    sandbox.ingest(&format!("{CONFIG}split-column = 'part'\n"), HERE);
    assert!(inputs()[0] == before[0] && inputs()[1] != before[1], "an image was changed, the table was not");

    sandbox.write("c.toml", format!("{CONFIG}split-column = 'part'\n"));
    let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--count"]);
    assert_eq!(said.stdout, "{\"train\":2,\"val\":0,\"test\":2,\"classes\":2}\n");
    let said = sandbox.run(&["--config", "c.toml", "--data", ".", "--list-inputs"]);
    let expected = "./photos/labels.csv\n./photos/a/0.png\n./photos/b/2.png\n./photos/a/1.png\n./photos/b/3.png\n";
    assert_eq!(said.stdout, expected);
}

#[test]
fn columns_folder_and_kind_of_table_can_be_others() {
    let sandbox = sandbox_with("");
    sandbox.write("lists/t.tsv", "kind\tfile\n10\ta/0.png\n9\tb/3.png\n");
    let config = "dataset = 'table'\npath = 'lists/t.tsv'\nfolder = 'photos'\nimage-column = 'file'\n\
                  label-column = 'kind'\nsplit = 'test'\nembed = false\n";
    sandbox.ingest(config, HERE);
    let images = sandbox.images();
    assert_eq!((images[0].label, images[0].class_name.as_str()), (1, "10"), "numbers are sorted as numbers");
    assert_eq!((&images[1].image.bytes, images[1].image.path.as_deref()), (&None, Some("photos/b/3.png")));
    assert_eq!(decode_row(&images[1], &sandbox.path("")).unwrap().get_pixel(0, 0).0, [3, 0, 0]);
}

#[test]
fn a_parquet_of_pandas_is_a_table_too() {
    let with_parquet = || {
        let sandbox = sandbox_with("");
        let table = Path::new(&files()).join("labels.parquet");
        sandbox.write("photos/labels.parquet", fs::read(table).unwrap());
        sandbox
    };
    let sandbox = with_parquet();
    let base = "dataset = 'table'\npath = 'photos/labels.parquet'\nimage-column = 'file'\n";
    let config = format!("{base}label-column = 'class'\nsplit-column = 'part'\n");
    sandbox.ingest(&config, HERE);
    let found: Vec<_> = sandbox.images().into_iter().map(|i| (i.source, i.split, i.class_name)).collect();
    let expected =
        [("a/0.png", Split::Train, "dog"), ("a/1.png", Split::Train, "cat"), ("b/2.png", Split::Test, "dog")];
    assert_eq!(found, expected.map(|(source, split, class)| (source.to_owned(), split, class.to_owned())));
    with_parquet().check_refused(
        &format!("{base}split = 'train'\n"),
        HERE,
        &["`./photos/labels.parquet` has no column `label`, found `file` (text), `class` (dictionary", "`part` (text)"],
    );
    with_parquet().check_refused(
        &format!("{base}label-column = 'class'\nsplit = 'train'\nclass-names = ['dog']\n"),
        HERE,
        &["`./photos/labels.parquet`, row 2: label `cat` is none of the classes dog"],
    );
}

#[test]
fn rows_that_cannot_be_are_named_by_their_lines() {
    let check = |csv: &str, keys: &str, expected: &[&str]| {
        sandbox_with(csv).check_refused(&format!("{CONFIG}{keys}"), HERE, expected);
    };
    let csv = "`./photos/labels.csv`";
    let lacks = |found: &str, column: &str| format!("{csv}, line 1: found {found}, expected the column `{column}`");
    check("", TRAIN, &[&lacks("no column", "image")]);
    check("file,kind\n", TRAIN, &[&lacks("the columns `file`, `kind`", "image")]);
    check("image,kind\n", TRAIN, &[&lacks("the columns `image`, `kind`", "label")]);
    check("image,label\n", "split-column = 'part'\n", &[&lacks("the columns `image`, `label`", "part")]);
    check("image:label\n", TRAIN, &[&lacks("the columns `image:label`", "image"), "hint: where other characters part"]);
    check(
        "image,label,label\n",
        TRAIN,
        &[&format!("{csv}, line 1: found columns 2 and 3 both called `label`, expected one of that name")],
    );
    check(
        "image,label\na/0.png,\"dog\na/1.png,cat\n",
        TRAIN,
        &[&format!("{csv}, line 2: found a quote that is not closed, expected a second `\"`")],
    );
    check("image,label\n", TRAIN, &["dataset `./photos/labels.csv` holds no image, expected at least one"]);
    let two = "image,label\na/0.png,dog\n\"a/1.png\",\"cow\"\n";
    let known = "split = 'train'\nclass-names = ['cat', 'dog']\n";
    check(two, known, &[&format!("{csv}, line 3: label `cow` is none of the classes cat, dog")]);
    check(
        "image,label\na/0.png,dog\na/1.png,dog\n./a/0.png,cat\n",
        TRAIN,
        &[&format!("{csv}: `a/0.png` stands in line 2 and in line 4, expected every image once")],
    );
    for path in ["../x.png", "/etc/passwd", "a/../../x.png"] {
        let rows = format!("image,label\na/0.png,dog\n{path},dog\n");
        check(
            &rows,
            TRAIN,
            &[&format!("{csv}, line 3: `{path}` is absolute or leaves the folder, expected a path within it")],
        );
    }
    check("image,label\n ,dog\n", TRAIN, &[&format!("{csv}, line 2: column `image` is empty")]);
    check(
        "image,label\na/0.png,dog\na/1.png,dog,x\n",
        TRAIN,
        &[&format!("{csv}, line 3: found 3 fields, expected 2 as in the header")],
    );
    check(
        "image,label,part\na/0.png,dog,train\na/1.png,dog,both\n",
        "split-column = 'part'\n",
        &[&format!("{csv}, line 3: split `both`, expected train, val or test")],
    );
    check(WHOLE, "", &[&format!("{csv} has no splits: no `split-column` is named"), "hint: draw them with draw-split"]);
    check(
        WHOLE,
        "split-column = 'part'\ndraw-split = { test = 0.5 }\n",
        &["key `split-column`: found a column beside `split` or `draw-split`, expected one of them"],
    );
    let sandbox = Sandbox::new();
    let expected = "dataset `./photos/labels.csv` does not exist, expected a .csv, .tsv or .parquet file";
    sandbox.check_refused(&format!("{CONFIG}{TRAIN}"), HERE, &[expected]);
    sandbox.check_refused(
        "dataset = 'table'\npath = 'labels.xlsx'\n",
        HERE,
        &["c.toml:2: key `path`: found labels.xlsx, expected a .csv, .tsv or .parquet file"],
    );
    let mut latin = b"image,label\na/0.png,".to_vec();
    latin.extend([0xe9, b'\n']);
    let sandbox = sandbox_with("");
    sandbox.write("photos/labels.csv", latin);
    sandbox.check_refused(&format!("{CONFIG}{TRAIN}"), HERE, &["line 2: found bytes that are not UTF-8"]);
}

#[test]
fn lines_are_counted_as_an_editor_does_whatever_ends_them() {
    let check = |csv: &str, keys: &str, expected: &str| {
        let of_file = format!("{CONFIG}{keys}");
        for (from, to, bom) in [("\n", "\n", ""), ("\n", "\r\n", ""), ("\n", "\r\n", "\u{feff}"), ("\n", "\r", "")] {
            let csv = format!("{bom}{}", csv.replace(from, to));
            sandbox_with(&csv).check_refused(&of_file, HERE, &[&format!("`./photos/labels.csv`{expected}")]);
        }
    };
    let twice = "image,label\na/0.png,dog\n\n\na/1.png,\"a\n dog\"\nb/2.png,cat\na/1.png,cat\n";
    check(twice, TRAIN, ": `a/1.png` stands in line 5 and in line 8, expected every image once");
    let holdout = "image,label,part\na/0.png,dog,holdout\n";
    check(holdout, "split-column = 'part'\n", ", line 2: split `holdout`, expected train, val or test");
    let cow = "image,label\n\na/0.png,cow\n";
    check(cow, "split = 'train'\nclass-names = ['cat']\n", ", line 3: label `cow` is none of the classes cat");
    let long = "image,label\na/0.png,dog\n\na/1.png,dog,x\n";
    check(long, TRAIN, ", line 4: found 3 fields, expected 2 as in the header");
}

#[test]
fn numbers_are_classes_in_numeric_order() {
    let check = |labels: [&str; 4], names: &[&str], expected: [Option<u32>; 4]| {
        let files = ["a/0.png", "a/1.png", "b/2.png", "b/3.png"];
        let rows: String = files.iter().zip(labels).map(|(file, label)| format!("{file},{label}\n")).collect();
        let sandbox = sandbox_with(&format!("image,label\n{rows}"));
        let stdout = sandbox.ingest(&format!("{CONFIG}{TRAIN}"), HERE);
        assert!(stdout.contains(&format!("classes  {}: {}\n", names.len(), names.join(", "))), "{stdout}");
        let images = sandbox.images();
        for (id, label) in (0..).zip(expected) {
            let image = images.iter().find(|image| image.image_id == id);
            assert_eq!(
                image.map(|image| (image.label, image.class_name.as_str())),
                label.map(|l| (l, names[l as usize]))
            );
        }
        let said = "the classes are numbers and are sorted as numbers, not as text: ";
        sandbox.provenance().warnings.iter().any(|warning| *warning == format!("{said}{}", names.join(", ")))
    };
    assert!(check(["0.0", "10.0", "2.0", ""], &["0", "2", "10"], [Some(0), Some(2), Some(1), None]));
    assert!(check(["1", "10", "2", "-1"], &["1", "2", "10"], [Some(0), Some(2), Some(1), None]));
    assert!(!check(["1", "2", "2", "1"], &["1", "2"], [Some(0), Some(1), Some(1), Some(0)]));
    assert!(!check(["n10", "n2", "n2", "n10"], &["n10", "n2"], [Some(0), Some(1), Some(1), Some(0)]));
}

#[test]
fn a_class_in_two_unicode_forms_is_warned_of() {
    let sandbox = sandbox_with("image,label\na/0.png,caf\u{e9}\na/1.png,cafe\u{301}\n");
    sandbox.ingest(&format!("{CONFIG}{TRAIN}"), HERE);
    let expected = r"classes `cafe\u{301}` and `caf\u{e9}` look like one name in two Unicode forms (NFC and NFD), and are two classes";
    assert_eq!(sandbox.provenance().warnings, [expected]);
}

#[test]
fn a_delimiter_that_cannot_be_guessed_is_given() {
    let sandbox = sandbox_with("image:label\na/0.png:a,b\na/1.png:c\n");
    sandbox.ingest(&format!("{CONFIG}{TRAIN}delimiter = ':'\n"), HERE);
    let names: Vec<_> = sandbox.images().into_iter().map(|image| image.class_name).collect();
    assert_eq!(names, ["a,b", "c"]);
    let key = "c.toml:4: key `delimiter`: found '\"', expected one ASCII character, and no quote or line end";
    sandbox_with("").check_refused(&format!("{CONFIG}{TRAIN}delimiter = '\"'\n"), HERE, &[key]);
}

#[test]
fn a_csv_without_commas_has_tabs_or_semicolons() {
    let semicolons = "image;label;part\na/0.png;dog;train\nb/2.png;\"cat, or dog\";test\n";
    for csv in [semicolons, &semicolons.replace(';', "\t")] {
        let sandbox = sandbox_with(csv);
        sandbox.ingest(&format!("{CONFIG}split-column = 'part'\n"), HERE);
        let found: Vec<_> = sandbox.images().into_iter().map(|i| (i.source, i.split, i.class_name)).collect();
        let expected = [("a/0.png", Split::Train, "dog"), ("b/2.png", Split::Test, "cat, or dog")];
        assert_eq!(found, expected.map(|(source, split, class)| (source.to_owned(), split, class.to_owned())));
    }
}

#[test]
fn a_missing_file_and_a_missing_label_are_rejects() {
    let sandbox = sandbox_with("image,label\na/0.png,dog\ngone.png,dog\na/1.png,\na,dog\nlabels.csv,dog\n");
    sandbox.ingest(&format!("{CONFIG}{TRAIN}"), HERE);
    assert_eq!(sandbox.images().iter().map(|image| image.image_id).collect::<Vec<_>>(), [0]);
    let rejects: Vec<_> = sandbox.rejects().into_iter().map(|r| (r.source, r.reason, r.detail)).collect();
    let check = |at: usize, source: &str, reason: &str, detail: &str| {
        assert_eq!((rejects[at].0.as_str(), rejects[at].1.as_str()), (source, reason));
        assert!(rejects[at].2.contains(detail), "{:?}", rejects[at]);
    };
    check(0, "gone.png", "unreadable", "cannot read the file: No such file");
    check(
        0,
        "gone.png",
        "unreadable",
        "; tried `photos/gone.png` in --data, by the table's folder, as no key `folder`",
    );
    check(1, "a/1.png", "unlabelled", "it has no label");
    check(2, "a", "unsupported", "no regular file");
    check(3, "labels.csv", "unsupported", "of no known image format");
}

#[test]
fn a_wrong_folder_is_one_error_and_a_missing_file_names_it() {
    let csv = "image,label\na/0.png,dog\na/1.png,cat\ngone.png,cat\n";
    let check = |folder: &str, expected: &[&str]| {
        let sandbox = sandbox_with(csv);
        sandbox.write_png("photos/other/x.png", [9, 9, 9]);
        sandbox.check_refused(&format!("{CONFIG}{TRAIN}folder = '{folder}'\n"), HERE, expected);
    };
    let hint = "hint: `folder` is relative to the folder that --data names, and the paths of column `image` are";
    let expected = "there is no folder `./fotos` (the key `folder`), expected the one that the paths of column `image`";
    check("fotos", &[expected, hint]);
    let expected = "none of the 3 images of `./photos/labels.csv` is in `./photos/other` (the key `folder`), for instance \
                    `./photos/other/a/0.png`";
    check("photos/other", &[expected, hint]);

    let sandbox = sandbox_with(csv);
    sandbox.ingest(&format!("{CONFIG}{TRAIN}folder = 'photos'\n"), HERE);
    let expected = "cannot read the file: No such file or directory (os error 2); tried `photos/gone.png` in --data, by the \
                    key `folder` and column `image`";
    assert_eq!(sandbox.rejects()[0].detail, expected);
}
