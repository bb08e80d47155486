//! The files that `--predictions` names.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use twinset_manifest::list_shards;

use super::unreadable;
use crate::{LeaksError, Refused};

/// What files in a folder of models are called.
const ENDINGS: [&str; 5] = ["csv", "npy", "parquet", "tsv", "txt"];

/// A model's name and file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// The model's name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
}

/// The models that arguments name: a file, `NAME=FILE`, or a folder with a file for each model. A model that is given no name has its
/// file's, without the ending.
///
/// # Errors
/// When a folder has no such file, or two models have one name.
pub fn find_models(arguments: &[PathBuf]) -> Result<Vec<ModelFile>, LeaksError> {
    let mut models: Vec<ModelFile> = Vec::new();
    for argument in arguments {
        match named(argument) {
            Some(model) => models.push(model),
            None if argument.is_dir() && list_shards(argument).is_err() => models.append(&mut in_folder(argument)?),
            None => models.push(ModelFile { name: stem(argument), path: argument.clone() }),
        }
    }
    let mut seen: HashMap<&str, &Path> = HashMap::new();
    for ModelFile { name, path } in &models {
        if let Some(before) = seen.insert(name, path) {
            let found = format!("the name `{name}` twice: it is also that of `{}`", before.display());
            let hint = format!("name the models: --predictions NAME={}", path.display());
            return Err(Refused::file(path, found, "a name for each model").hint(hint).into());
        }
    }
    Ok(models)
}

/// `NAME=FILE`, unless a file of the whole name is there.
fn named(argument: &Path) -> Option<ModelFile> {
    let (name, path) = argument.to_str()?.split_once('=')?;
    let is_named = !argument.exists() && !name.is_empty() && !path.is_empty();
    is_named.then(|| ModelFile { name: name.to_owned(), path: PathBuf::from(path) })
}

fn in_folder(folder: &Path) -> Result<Vec<ModelFile>, LeaksError> {
    let entries = std::fs::read_dir(folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let entries = entries.map_err(|error| unreadable(folder, error))?;
    let is_model = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        path.is_file() && !is_hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
    };
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_model).collect();
    paths.sort();
    if paths.is_empty() {
        let expected = format!("a file for each model: {}", ENDINGS.map(|ending| format!(".{ending}")).join(", "));
        return Err(Refused::file(folder, "a folder without predictions", expected).into());
    }
    Ok(paths.into_iter().map(|path| ModelFile { name: stem(&path), path }).collect())
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_called_by_its_file_or_as_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("models")).unwrap();
        for name in ["models/b.csv", "models/a.npy", "models/.c.csv", "models/notes.md", "x=y.csv"] {
            std::fs::write(path(name), "").unwrap();
        }
        let names = |arguments: &[PathBuf]| {
            let found = find_models(arguments).map_err(|error| error.to_string())?;
            Ok::<_, String>(found.into_iter().map(|model| model.name).collect::<Vec<_>>())
        };
        assert_eq!(
            names(&[path("models"), path("x=y.csv"), "my net=other/b.csv".into()]).unwrap(),
            ["a", "b", "x=y", "my net"]
        );
        assert!(names(&[path("models"), "other/b.csv".into()]).unwrap_err().contains("the name `b` twice"));
        std::fs::create_dir(path("empty")).unwrap();
        assert!(
            names(&[path("empty")])
                .unwrap_err()
                .ends_with("expected a file for each model: .csv, .npy, .parquet, .tsv, .txt")
        );
    }
}
