//! Which shards belong together.
//!
//! Shards that are numbered with their total, `train-00000-of-00002.parquet`, are a *series*: those of one split with the same
//! name before the number. A series must be whole, with each number once and one total. So two configs of a dataset, two
//! shardings of one, or a download that lacks a file are not taken for one set of images. Files with other names are one
//! *set* where they have the same folder, and the same name before a number at its end.

use std::collections::BTreeMap;

use twinset_manifest::rows::Split;

use super::{Kind, Shard, name_of};
use crate::SourceError;
use crate::error::wrong;
use crate::summary::listed;

/// Names of missing shards that are told.
const N_SHOWN: usize = 6;

fn are(names: &[String], total: u64, n_found: usize) -> String {
    match total - n_found as u64 {
        1 => format!("{} is", names.join(", ")),
        n_missing if n_missing > N_SHOWN as u64 => format!("{}, … are", names.join(", ")),
        _ => format!("{} are", names.join(", ")),
    }
}

/// The number in the name of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number<'n> {
    /// What stands before it.
    stem: &'n str,
    /// As it is written.
    index: &'n str,
    /// How many shards there should be.
    total: u64,
    /// The same as it is written.
    total_text: &'n str,
}

impl<'n> Number<'n> {
    /// That of `train-00000-of-00002.parquet`, also with a digest behind it; none where there is no total.
    fn of(name: &'n str) -> Option<Self> {
        let (before, rest) = name.rsplit_once("-of-").or_else(|| name.rsplit_once("_of_"))?;
        let stem = before.trim_end_matches(|digit: char| digit.is_ascii_digit());
        let index = &before[stem.len()..];
        let total_text = &rest[..rest.bytes().take_while(u8::is_ascii_digit).count()];
        index.parse::<u64>().ok()?;
        Some(Self { stem, index, total: total_text.parse().ok()?, total_text })
    }
}

/// A numbered shard: its index, its number as its name has it, and its path.
type Numbered<'a> = (u64, Number<'a>, &'a str);

/// An error where a series is not whole or there are two in its place.
pub(super) fn check(shards: &[Shard]) -> Result<(), SourceError> {
    let mut series: BTreeMap<(Split, &str), Vec<Numbered<'_>>> = BTreeMap::new();
    for shard in shards {
        let Some(number) = Number::of(name_of(&shard.relative)) else { continue };
        let index = number.index.parse().unwrap_or_default();
        series.entry((shard.split, number.stem)).or_default().push((index, number, &shard.relative));
    }
    series.into_values().try_for_each(check_series)
}

fn check_series(mut series: Vec<Numbered<'_>>) -> Result<(), SourceError> {
    let (_, first, example) = series[0];
    if let Some((_, other, path)) = series.iter().find(|(_, number, _)| number.total != first.total) {
        let why = format!("the one is of {} shards, the other of {}", first.total, other.total);
        return apart(example, path, why);
    }
    series.sort_by_key(|&(index, ..)| index);
    if let Some(pair) = series.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return apart(pair[0].2, pair[1].2, format!("both are shard {} of {}", pair[0].1.index, first.total));
    }
    // Most count from 0, some from 1.
    let begin = u64::from(series[0].0 > 0 && series.last().is_some_and(|last| last.0 == first.total));
    let wanted = begin..begin + first.total;
    if let Some((index, _, path)) = series.iter().find(|(index, ..)| !wanted.contains(index)) {
        return apart(example, path, format!("there is no shard {index} of {}", first.total));
    }
    let (width, total) = (first.index.len(), first.total_text);
    let missing: Vec<_> = wanted
        .filter(|index| series.binary_search_by_key(index, |&(index, ..)| index).is_err())
        .map(|index| format!("`{}{index:0width$}-of-{total}`", first.stem))
        .take(N_SHOWN)
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => {
            let (total, n_found) = (first.total, series.len());
            let missing = are(&missing, total, n_found);
            let error = wrong!("{missing} missing, expected {total} shards as `{example}` says, found {n_found}");
            Err(error
                .with_hint("fetch what is missing, or give the files names without a total to take them as they are"))
        }
    }
}

/// The error of two shards of two series.
fn apart(left: &str, right: &str, why: String) -> Result<(), SourceError> {
    let folder = |path: &str| path[..path.rfind('/').map_or(0, |slash| slash + 1)].to_owned();
    let of_right = folder(right);
    let begins = if of_right.is_empty() || of_right == folder(left) { right.to_owned() } else { of_right };
    Err(wrong!("`{left}` and `{right}` do not belong together: {why}").with_hint(format!(
        "`path` can be one folder or one file of them, and leave-out = [\"{}\"] leaves out the files whose paths begin so",
        begins.escape_debug()
    )))
}

/// A warning for each split that is made of several sets of files.
pub(super) fn warnings(shards: &[Shard], kind: &Kind) -> Vec<String> {
    let mut sets: BTreeMap<Split, Vec<String>> = BTreeMap::new();
    for shard in shards {
        let (sets, set) = (sets.entry(shard.split).or_default(), set(&shard.relative, kind));
        if !sets.contains(&set) {
            sets.push(set);
        }
    }
    let several = sets.into_iter().filter(|(_, sets)| sets.len() > 1);
    let warning = |(split, sets): (Split, Vec<String>)| {
        format!(
            "split `{split}` is made of {} sets of files, {}; leave-out = [\"{}\"] leaves one out",
            sets.len(),
            listed(&sets, 6),
            sets[sets.len() - 1].escape_debug()
        )
    };
    several.map(warning).collect()
}

/// What the files of a set have in common.
fn set(relative: &str, kind: &Kind) -> String {
    let name = name_of(relative);
    if let Some(number) = Number::of(name) {
        return number.stem.trim_end_matches(['-', '_', '.']).to_owned();
    }
    let lower = name.to_ascii_lowercase();
    let ending = kind.endings.iter().filter(|ending| lower.ends_with(**ending)).map(|ending| ending.len()).max();
    let stem = &relative[..relative.len() - ending.unwrap_or_default()];
    let set = stem.trim_end_matches(|digit: char| digit.is_ascii_digit()).trim_end_matches(['-', '_', '.']);
    set.to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const KIND: Kind = Kind { endings: &[".parquet", ".tar", ".tar.gz"], expected: "files" };

    fn shards(paths: &[&str]) -> Vec<Shard> {
        let shard = |&path: &&str| Shard {
            path: PathBuf::new(),
            relative: path.to_owned(),
            split: crate::splits::of_path(path).unwrap_or(Split::Train),
        };
        paths.iter().map(shard).collect()
    }

    #[test]
    fn a_series_is_whole_and_alone() {
        let check = |paths: &[&str], expected: Option<&str>| {
            let found = check(&shards(paths)).err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), expected, "{paths:?}");
        };
        check(&["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"], None);
        check(&["a/train-00000-of-00002-0a1b.parquet", "b/train-00001-of-00002-9f.parquet"], None);
        check(&["train-1-of-2.tar", "train-2-of-2.tar", "test-0-of-1.tar"], None);
        check(&["train-000.tar", "train-002.tar", "default/train/0000.parquet"], None);
        check(&["train_clean-00000-of-00001.parquet", "train_noisy-00000-of-00001.parquet"], None);
        check(&["out-of-doors.tar", "n-of-1.tar"], None);
        check(
            &["full/train-00000-of-00001.parquet", "small/train-00000-of-00001.parquet"],
            Some(
                "`full/train-00000-of-00001.parquet` and `small/train-00000-of-00001.parquet` do not belong together: both \
                 are shard 00000 of 1",
            ),
        );
        check(
            &["train-00000-of-00001.parquet", "train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
            Some(
                "`train-00000-of-00001.parquet` and `train-00000-of-00002.parquet` do not belong together: the one is of 1 \
                 shards, the other of 2",
            ),
        );
        check(
            &["train-00000-of-00003.tar", "train-00002-of-00003.tar"],
            Some("`train-00001-of-00003` is missing, expected 3 shards as `train-00000-of-00003.tar` says, found 2"),
        );
        check(
            &["train-00002-of-00003.tar"],
            Some(
                "`train-00000-of-00003`, `train-00001-of-00003` are missing, expected 3 shards as \
                 `train-00002-of-00003.tar` says, found 1",
            ),
        );
        check(
            &["train-0-of-2.tar", "train-1-of-2.tar", "train-7-of-2.tar"],
            Some("`train-0-of-2.tar` and `train-7-of-2.tar` do not belong together: there is no shard 7 of 2"),
        );
    }

    #[test]
    fn a_split_of_several_sets_is_warned_of() {
        let check =
            |paths: &[&str], expected: &[&str]| assert_eq!(warnings(&shards(paths), &KIND), expected, "{paths:?}");
        check(
            &["train-000.tar", "train-001.tar.gz", "test.parquet", "train/0000.parquet"],
            &["split `train` is made of 2 sets of files, train, train/; leave-out = [\"train/\"] leaves one out"],
        );
        check(
            &["a/train/0000.parquet", "a/train/0001.parquet", "data/train-00000-of-00001-d1.parquet"],
            &["split `train` is made of 2 sets of files, a/train/, train; leave-out = [\"train\"] leaves one out"],
        );
        check(
            &["train_clean-00000-of-00001.parquet", "train_noisy-00000-of-00001.parquet", "test.corrupted.parquet"],
            &[
                "split `train` is made of 2 sets of files, train_clean, train_noisy; leave-out = [\"train_noisy\"] leaves \
               one out",
            ],
        );
        check(
            &["a/train-0.tar", "b/train-0.tar"],
            &["split `train` is made of 2 sets of files, a/train, b/train; leave-out = [\"b/train\"] leaves one out"],
        );
        check(&["train-00000-of-00002.tar", "x/train-00001-of-00002.tar"], &[]);
    }
}
