//! Which split an item is in: what the source says, what the config says, or what is drawn.

use std::collections::BTreeSet;
use std::path::Path;

use twinset_manifest::rows::Split;
use twinset_stage::InvalidField;

use crate::SourceError;
use crate::draw_split::DrawSplit;
use crate::error::wrong;
use crate::summary::listed;

/// Nothing tells the splits; `found` is what was looked for.
pub(crate) fn no_splits(source: &Path, found: &str) -> SourceError {
    wrong!("`{}` has no splits: {found}", source.display()).with_hint(
        "draw them with draw-split = { val = 0.1, test = 0.2, seed = 0 }, or take all as one with split = \"train\"",
    )
}

/// The source tells the splits, as `found` says, and the config's `key` asks for others.
pub(crate) fn has_splits(source: &Path, found: &str, key: &str) -> SourceError {
    let source = source.display();
    wrong!("`{source}` has splits: {found}; `{key}` is for a source that has none").with_hint("leave the key out")
}

/// What a config says of splits, for a source that may have none.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// All items are of this one.
    pub(crate) split: Option<Split>,
    /// They are drawn.
    pub(crate) draw_split: Option<&'a DrawSplit>,
}

impl Asked<'_> {
    pub(crate) fn validate(self) -> Result<(), InvalidField> {
        let is_both = self.split.is_some() && self.draw_split.is_some();
        InvalidField::unless(!is_both, "draw-split", "a draw beside `split`", "one of the two")?;
        self.draw_split.map_or(Ok(()), DrawSplit::validate)
    }

    /// The key that is set.
    pub(crate) fn key(self) -> Option<&'static str> {
        match self {
            Self { split: Some(_), .. } => Some("split"),
            Self { draw_split: Some(_), .. } => Some("draw-split"),
            Self { split: None, draw_split: None } => None,
        }
    }

    /// Of each item its split, as far as the config says it; `of_source` is what the source says.
    pub(crate) fn resolve(self, labels: &[Option<u32>], of_source: Vec<Split>) -> Vec<Split> {
        match (self.split, self.draw_split) {
            (Some(split), _) => vec![split; labels.len()],
            (None, Some(draw_split)) => draw_split.draw(labels),
            (None, None) => of_source,
        }
    }
}

/// A warning for each split that has images, and lacks some of the classes.
pub(crate) fn missing_classes(
    class_names: &[String],
    images: impl Iterator<Item = (Option<u32>, Split)>,
) -> Vec<String> {
    let there: BTreeSet<_> = images.map(|(label, split)| (split, label)).collect();
    let mut warnings = Vec::new();
    for &split in Split::ALL {
        let is_there = |label: u32| there.contains(&(split, Some(label)));
        let names = class_names.iter().zip(0..);
        let missing: Vec<_> = names.filter(|&(_, label)| !is_there(label)).map(|(name, _)| name.clone()).collect();
        if (1..class_names.len()).contains(&missing.len()) {
            warnings.extend(without_classes(split, &missing));
        }
    }
    warnings
}

/// A warning that a split has no image of these classes; none where there are none.
pub(crate) fn without_classes(split: Split, missing: &[String]) -> Option<String> {
    match missing {
        [] => None,
        [class] => Some(format!("split `{split}` has no image of class `{class}`")),
        classes => Some(format!("split `{split}` has no image of {} classes: {}", classes.len(), listed(classes, 6))),
    }
}

/// The split that a word names, as people write it.
pub(crate) fn named(word: &str) -> Option<Split> {
    match word.to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "val" | "valid" | "validation" | "dev" => Some(Split::Val),
        "test" | "testing" | "eval" | "evaluation" => Some(Split::Test),
        _ => None,
    }
}

/// The split that a file's path names: its name up to the first `-`, `_` or `.`, else the folder that it is in.
pub(crate) fn of_path(relative: &str) -> Option<Split> {
    let mut parts = relative.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let prefix = name.split(['-', '_', '.']).next().unwrap_or_default();
    named(prefix).or_else(|| parts.find_map(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_split_by_its_prefix_or_its_folder() {
        for (path, expected) in [
            ("data/train-00000-of-00002.parquet", Some(Split::Train)),
            ("validation-00000-of-00001-d41d8cd9.parquet", Some(Split::Val)),
            ("default/test/0000.parquet", Some(Split::Test)),
            ("Test.parquet", Some(Split::Test)),
            ("dev_003.tar.gz", Some(Split::Val)),
            ("test/train-0.tar", Some(Split::Train)),
            ("extra-00000.parquet", None),
            ("trainer-0.tar", None),
            ("0000.tar", None),
        ] {
            assert_eq!(of_path(path), expected, "{path}");
        }
    }
}
