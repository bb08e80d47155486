//! What a folder without pictures may be instead.

use std::path::Path;

use walkdir::WalkDir;

/// How the name of a file of each dataset ends.
const SIGNS: [(&str, &[&str]); 5] = [
    ("cifar10", &["data_batch_1.bin", "data_batch_1"]),
    ("cifar100", &["fine_label_names.txt"]),
    ("idx", &["-idx3-ubyte", "-idx3-ubyte.gz"]),
    ("hugging-face", &[".parquet"]),
    ("webdataset", &[".tar"]),
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
    let is_there = |endings: &[&str]| names.iter().any(|name| endings.iter().any(|ending| name.ends_with(ending)));
    SIGNS.iter().find(|(_, endings)| is_there(endings)).map(|(dataset, _)| *dataset)
}
