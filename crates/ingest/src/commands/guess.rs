//! What a folder without pictures may be instead.

use std::path::Path;

use walkdir::WalkDir;

/// What a file of each dataset is called.
const SIGNS: [(&str, fn(&str) -> bool); 5] = [
    ("cifar10", |name| matches!(name, "data_batch_1.bin" | "data_batch_1")),
    ("cifar100", |name| matches!(name, "fine_label_names.txt")),
    ("idx", |name| name.ends_with("-idx3-ubyte") || name.ends_with("-idx3-ubyte.gz")),
    ("hugging-face", |name| name.ends_with(".parquet")),
    ("webdataset", |name| name.ends_with(".tar")),
];

/// The dataset that a folder's file names are typical of; none where they are of no other dataset than a folder of images.
pub(crate) fn guess(folder: &Path) -> Option<&'static str> {
    let names: Vec<String> = WalkDir::new(folder)
        .max_depth(2)
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    SIGNS.iter().find(|(_, is_sign)| names.iter().any(|name| is_sign(name))).map(|(dataset, _)| *dataset)
}
