//! What the folders of an image folder's splits may be called.

use std::fs;

use twinset_manifest::rows::Split;

use crate::sandbox::Sandbox;

const CONFIG: &str = "dataset = 'image-folder'\npath = 'photos'\n";
const HERE: &[&str] = &["--data", "."];

#[test]
fn splits_have_their_common_words_in_any_case_and_two_folders_of_one_are_an_error() {
    for (train, val, test) in
        [("Train", "validation", "Test"), ("training", "VALID", "testing"), ("TRAIN", "dev", "eval")]
    {
        let sandbox = Sandbox::new();
        for (at, split) in [train, val, test].into_iter().enumerate() {
            sandbox.write_png(&format!("photos/{split}/cat/c.png"), [at as u8, 0, 0]);
        }
        sandbox.ingest(CONFIG, HERE);
        let found: Vec<_> = sandbox.images().into_iter().map(|image| (image.source, image.split)).collect();
        let expected = [(train, Split::Train), (val, Split::Val), (test, Split::Test)];
        assert_eq!(found, expected.map(|(folder, split)| (format!("{folder}/cat/c.png"), split)));
        assert!(sandbox.provenance().warnings.is_empty());

        let draw = format!("{CONFIG}draw-split = {{ test = 0.5 }}\n");
        let has_splits = format!("`./photos` has splits: folder `{}` holds folders", train.min(val).min(test));
        fs::remove_dir_all(sandbox.path("out")).unwrap();
        sandbox.check_refused(&draw, HERE, &[&has_splits]);

        sandbox.write_png("photos/val/cat/d.png", [7, 0, 0]);
        let (left, right) = ("val".min(val), "val".max(val));
        let expected =
            format!("folders `./photos/{left}` and `./photos/{right}` are both of split `val`, expected one");
        sandbox.check_refused(CONFIG, HERE, &[&expected]);
    }
}
