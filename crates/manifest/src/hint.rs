//! What a user can do about an error.

use std::path::Path;
use std::{fs, io};

use crate::{ManifestError, Untyped, list_shards};

impl ManifestError {
    /// What can be done about it: the manifest that was meant and stands near, or the stage that has to run again.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoShards { folder, expected } => {
                let found = manifests_in(folder, *expected);
                match &found[..] {
                    [] => None,
                    [one] => Some(format!("did you mean `{}`?", folder.join(one).display())),
                    several => Some(format!("it holds the manifests {}: name one of them", named(several))),
                }
            }
            Self::Read { path, source } if source.kind() == io::ErrorKind::NotFound => {
                let folder = path.extension().is_some_and(|extension| extension == "parquet");
                let folder = folder.then(|| path.with_extension("")).filter(|folder| list_shards(folder).is_ok())?;
                Some(format!("did you mean `{}`?", folder.display()))
            }
            Self::OtherImages { stage, .. } => Some(format!("run twinset-{stage} again, on these images")),
            _ => None,
        }
    }
}

/// The names of the manifests in a folder, of one schema or any.
fn manifests_in(folder: &Path, schema: Option<&str>) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names.retain(|name| {
        let is_wanted = |found: &str| schema.is_none_or(|schema| found == schema);
        let is_file = !name.starts_with('.') && name.ends_with(".parquet");
        is_file && Untyped::open(&folder.join(name)).is_ok_and(|file| file.schema().is_some_and(is_wanted))
    });
    names
}

fn named(names: &[String]) -> String {
    const MAX_NAMED: usize = 8;
    let more = if names.len() > MAX_NAMED { ", …" } else { "" };
    let names: Vec<String> = names.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect();
    format!("{}{more}", names.join(", "))
}
