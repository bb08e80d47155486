//! What cleaning did, as text.

use std::collections::BTreeMap;
use std::fmt;

use twinset_manifest::rows::{Removal, Removed, Split};
use twinset_stage::{counted, printable_line, verb};

use super::census::by_split;
use super::{Cleaning, LabelConflicts, Leaks};

/// Removed images that are named.
const N_NAMED: usize = 5;

impl Cleaning {
    /// What a user of the cleaned images should know.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.n_conflicts > 0 && self.config.label_conflicts == LabelConflicts::Keep {
            let n_conflicts = self.n_conflicts;
            let kept = match self.n_conflicts_left {
                0 => "one label of each was kept".to_owned(),
                n if n == n_conflicts => "images of both were kept of each".to_owned(),
                n => format!("images of both were kept of {n}, of one label of the others"),
            };
            let (clusters, have) = (counted(n_conflicts, "cluster"), verb(n_conflicts, "has", "have"));
            warnings.push(format!(
                "{clusters} {have} images of two labels, which cannot both be right; {kept} (`label-conflicts`)"
            ));
        }
        let n_kept = self.n_kept();
        for ((split, label), n_images) in &self.n_images {
            if n_kept[&(*split, *label)] == 0 {
                let name = &self.class_names[label];
                warnings.push(format!("no {split} image of class `{name}` is left of {n_images}"));
            }
        }
        if self.n_left_between > 0 && self.config.leaks != Leaks::Keep {
            let pairs = counted(self.n_left_between, "exact or near pair");
            warnings.push(format!(
                "{pairs} between splits {} left: their images share no cluster, because pairs and clusters were made \
                 with two configs",
                verb(self.n_left_between, "is", "are")
            ));
        }
        warnings
    }
}

fn named(Removed { source, kept_source, reason, .. }: &Removed) -> String {
    let kept = kept_source.as_ref().map(|kept| format!(" of `{}`", printable_line(kept))).unwrap_or_default();
    format!("`{}`: {reason}{kept}", printable_line(source))
}

impl fmt::Display for Cleaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut n_removed: BTreeMap<(Split, Removal), u64> = BTreeMap::new();
        self.removed.iter().for_each(|removed| *n_removed.entry((removed.split, removed.reason)).or_default() += 1);
        let (n_clusters, n_conflicts) = (self.n_clusters, self.n_conflicts);
        writeln!(f, "{} of two or more images, {n_conflicts} of them with two labels", counted(n_clusters, "cluster"))?;
        write!(f, "{:7}  {:>9}", "split", "images")?;
        Removal::ALL.iter().try_for_each(|reason| write!(f, "  {:>14}", reason.as_str()))?;
        writeln!(f, "  {:>9}", "kept")?;
        let n_kept = by_split(&self.n_kept());
        for (split, n_images) in by_split(&self.n_images) {
            write!(f, "{:7}  {n_images:>9}", split.as_str())?;
            for &reason in Removal::ALL {
                write!(f, "  {:>14}", n_removed.get(&(split, reason)).unwrap_or(&0))?;
            }
            writeln!(f, "  {:>9}", n_kept[&split])?;
        }
        let within = if self.is_searched_within { self.n_left_within.to_string() } else { "not searched".to_owned() };
        writeln!(f, "exact and near pairs left: {within} within splits, {} between splits", self.n_left_between)?;
        if let Some(left_out) = &self.left_out {
            write!(f, "{left_out}")?;
        }
        if self.removed.iter().any(|removed| removed.reason != Removal::LabelConflict) {
            writeln!(f, "of duplicates stays {} (`keep`)", self.config.keep.rule())?;
        }
        if self.removed.is_empty() {
            return Ok(());
        }
        writeln!(f, "the first that are removed:")?;
        self.removed.iter().take(N_NAMED).try_for_each(|removed| writeln!(f, "  {}", named(removed)))?;
        if self.n_similar_left == 0 {
            return Ok(());
        }
        let (pairs, were) = (counted(self.n_similar_left, "pair"), verb(self.n_similar_left, "was", "were"));
        writeln!(f, "search the result again: with fewer images {pairs} that {were} told as similar may count as near")
    }
}
