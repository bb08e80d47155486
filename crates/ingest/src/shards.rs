//! A *shard* is a file that holds many images: a source is one of them, or a folder with any number.

mod series;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use twinset_manifest::Input;
use twinset_manifest::rows::Split;
use twinset_stage::InvalidField;
use walkdir::{DirEntry, WalkDir};

use crate::IngestError;
use crate::error::{no_dataset, wrong};
use crate::splits::{self, Asked};
use crate::strangers::is_stranger;
use crate::summary::listed;

/// A file that holds many images.
pub(crate) struct Shard {
    pub(crate) path: PathBuf,
    /// Relative to the source's folder, with `/`.
    pub(crate) relative: String,
    /// The split of all its images; where the config says the splits, it is not asked.
    pub(crate) split: Split,
}

impl Shard {
    /// Where something stands in it, for messages.
    pub(crate) fn at(&self, what: impl std::fmt::Display) -> String {
        format!("`{}`, {what}", self.path.display())
    }
}

/// What kind of files a source's shards are.
pub(crate) struct Kind {
    /// How their names end, the dot included.
    pub(crate) endings: &'static [&'static str],
    /// What a source should be, for messages.
    pub(crate) expected: &'static str,
}

/// Checks a config's `leave-out`.
pub(crate) fn validate_leave_out(leave_out: &[String]) -> Result<(), InvalidField> {
    InvalidField::unless(!leave_out.contains(&String::new()), "leave-out", "an empty text", "how a name begins")
}

/// The shards of a source, by split and path, and warnings about what is passed over or perhaps does not belong together.
///
/// `leave_out` has the beginnings of names, or of paths within the source, whose files are not read.
pub(crate) fn list(
    source: &Path,
    kind: &Kind,
    asked: Asked,
    leave_out: &[String],
) -> Result<(Vec<Shard>, Vec<String>), IngestError> {
    let mut paths = paths(source, kind)?;
    for entry in leave_out {
        let is_left_out =
            |relative: &str| [relative, name_of(relative)].iter().any(|text| text.starts_with(entry.as_str()));
        let n_before = paths.len();
        paths.retain(|(_, relative)| !is_left_out(relative));
        if paths.len() == n_before {
            return Err(wrong!("`leave-out` has `{entry}`, but no file's name or path begins with that").into());
        }
    }
    let found: Vec<_> =
        paths.into_iter().map(|(path, relative)| (splits::of_path(&relative), path, relative)).collect();
    if let Some((_, _, relative)) = found.iter().find(|(split, ..)| split.is_some())
        && let Some(key) = asked.key()
    {
        return Err(splits::has_splits(source, &format!("`{relative}` names one"), key).into());
    }
    let is_told = asked.key().is_some();
    let (mut shards, mut others) = (Vec::new(), Vec::new());
    for (split, path, relative) in found {
        match split.or(is_told.then_some(Split::Train)) {
            Some(split) => shards.push(Shard { path, relative, split }),
            None => others.push(relative),
        }
    }
    if shards.is_empty() {
        let found = format!("no file's name begins with train, val or test, found {}", listed(&others, 6));
        return Err(splits::no_splits(source, &found).into());
    }
    shards.sort_by(|left, right| (left.split, &left.relative).cmp(&(right.split, &right.relative)));
    // A file that the config names is taken alone.
    if source.is_dir() {
        series::check(&shards)?;
    }
    let passed_over = |relative| format!("`{relative}` names none of train, val, test and was not read");
    let mut warnings: Vec<_> = others.into_iter().map(passed_over).collect();
    warnings.extend(series::warnings(&shards, kind));
    Ok((shards, warnings))
}

/// The name of a file by its path within the source.
fn name_of(relative: &str) -> &str {
    relative.rsplit('/').next().unwrap_or_default()
}

/// Each shard as an input.
pub(crate) fn inputs(shards: &[Shard]) -> Result<Vec<Input>, IngestError> {
    let input = |shard: &Shard| {
        Input::of_file(&shard.path).map_err(|source| IngestError::Read { path: shard.path.clone(), source })
    };
    shards.iter().map(input).collect()
}

/// The files of the kind, sorted by their path within the source.
fn paths(source: &Path, kind: &Kind) -> Result<Vec<(PathBuf, String)>, IngestError> {
    let wrong = |found| no_dataset(source, found, kind.expected);
    let is_of_kind = |name: &str| kind.endings.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    match fs::metadata(source) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(wrong("does not exist")),
        Err(error) => return Err(IngestError::Read { path: source.to_owned(), source: error }),
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => {
            let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return if is_of_kind(&name) { Ok(vec![(source.to_owned(), name)]) } else { Err(wrong("is another file")) };
        }
    }
    let is_shown = |entry: &DirEntry| entry.depth() == 0 || !is_stranger(entry.file_name());
    let mut paths = Vec::new();
    for entry in WalkDir::new(source).follow_links(true).into_iter().filter_entry(is_shown) {
        let entry = entry.map_err(|error| IngestError::Read {
            path: error.path().unwrap_or(source).to_owned(),
            source: error.into(),
        })?;
        if entry.file_type().is_file() && is_of_kind(&entry.file_name().to_string_lossy()) {
            let relative = entry.path().strip_prefix(source).expect("an entry is below the folder that is listed");
            let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            paths.push((entry.path().to_owned(), parts.join("/")));
        }
    }
    paths.sort_by(|(_, left), (_, right)| left.cmp(right));
    if paths.is_empty() { Err(wrong("holds no such file")) } else { Ok(paths) }
}
