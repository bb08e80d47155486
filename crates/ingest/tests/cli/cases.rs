//! Files that went wrong for people, in the folder of real data (`cases/README.md` there). The other tests have their kinds.

use std::path::PathBuf;

use crate::sandbox::{Sandbox, shared_data};

fn cases() -> Option<PathBuf> {
    shared_data().map(|shared| shared.join("cases")).filter(|cases| cases.is_dir())
}

fn config(dataset: &str, path: &str, keys: &str) -> String {
    format!("dataset = '{dataset}'\npath = '{path}'\n{keys}")
}

/// The numbers of images and rejects, and what was said.
#[track_caller]
fn taken(config: &str, n_images: usize, n_rejects: usize, parts: &[&str]) {
    let Some(cases) = cases() else { return };
    let sandbox = Sandbox::new();
    let stdout = sandbox.ingest(config, &["--data", cases.to_str().unwrap()]);
    assert_eq!((sandbox.images().len(), sandbox.rejects().len()), (n_images, n_rejects), "{stdout}");
    parts.iter().for_each(|part| assert!(stdout.contains(part), "expected {part:?} in:\n{stdout}"));
}

#[track_caller]
fn refused(config: &str, parts: &[&str]) {
    let Some(cases) = cases() else { return };
    Sandbox::new().check_refused(config, &["--data", cases.to_str().unwrap()], parts);
}

#[test]
fn tables() {
    let table = |name: &str, keys: &str| {
        config("table", &format!("table/{name}"), &format!("folder = 'table/im'\nsplit = 'train'\n{keys}"))
    };
    taken(&table("floatlabels.csv", ""), 6, 0, &["classes  4: 0, 1, 2, 10\n"]);
    refused(&table("dup-header.csv", ""), &["found columns 2 and 3 both called `label`"]);
    taken(&table("semicolon-comma-col.csv", ""), 6, 0, &["classes  2: cat, dog\n"]);
    taken(&table("semicolon-quoted-comma.csv", "image-column = 'image, path'\n"), 6, 0, &["classes  2: cat, dog\n"]);
    for codec in ["gzip", "lz4", "brotli"] {
        taken(&table(&format!("t-{codec}.parquet"), ""), 6, 0, &["classes  2: cat, dog\n"]);
    }
    let Some(cases) = cases() else { return };
    let sandbox = Sandbox::new();
    sandbox.write("c.toml", table("dense-100000-rows.parquet", ""));
    let said = sandbox.run(&["--config", "c.toml", "--data", cases.to_str().unwrap(), "--count"]);
    assert_eq!(said.stdout, "{\"train\":100000,\"val\":0,\"test\":0,\"classes\":100}\n", "{}", said.stderr);
}

#[test]
fn hugging_face() {
    let folder = |name: &str, keys: &str| config("hugging-face", &format!("hugging-face/{name}"), keys);
    let apart = "`full/train-00000-of-00001.parquet` and `small/train-00000-of-00001.parquet` do not belong together";
    refused(&folder("hf-configs", ""), &[apart]);
    taken(&folder("hf-configs", "leave-out = ['small/']\n"), 4, 0, &[]);
    taken(&folder("hf-configs/small", ""), 2, 0, &[]);
    let apart = "`data/train-00000-of-00001.parquet` and `data/train-00000-of-00002.parquet` do not belong together";
    refused(&folder("hf-resharded", ""), &[apart]);
    refused(&folder("hf-missing", ""), &["`train-00001-of-00003` is missing"]);
    taken(
        &folder("hf-custom", ""),
        6,
        0,
        &["warning: split `train` is made of 2 sets of files, train_clean, train_noisy"],
    );
    taken(&folder("hf-gzip", ""), 4, 0, &[]);
}

#[test]
fn webdataset() {
    let folder = |name: &str| config("webdataset", &format!("webdataset/{name}"), "");
    taken(&folder("dots"), 2, 3, &["rejects  3 (3 unpaired)"]);
    refused(&folder("alldots"), &["all 6 files of `", "its key is `img`, the name up to the first dot"]);
    refused(&folder("emptytar"), &["train-2.tar` has 0 bytes, expected a tar archive"]);
    taken(&folder("gzastar"), 4, 0, &[]);
    // All but `7.img`, whose ending is none of an image.
    taken(&folder("jpegext"), 7, 1, &["rejects  1 (1 unpaired)"]);
    refused(&folder("missing-shard"), &["`train-00001-of-00003` is missing"]);
}

#[test]
fn folders() {
    let folder = |name: &str, keys: &str| config("image-folder", &format!("folders/{name}"), keys);
    taken(&folder("eadir", ""), 12, 0, &["classes  2: cat, dog\n", "warning: passed over 2 files", "`@eaDir` (2)"]);
    let passed_over = "`__MACOSX` (1)";
    taken(&folder("macosx-flat", ""), 6, 0, &["labels   none\n", passed_over]);
    taken(&folder("macosx-flat", "layout = 'classes'\n"), 6, 0, &["classes  2: cat, dog\n", passed_over]);
}
