//! What cleaning did, as text.

use std::collections::BTreeMap;
use std::fmt;

use twinset_manifest::rows::{Removal, Split};

use super::census::by_split;
use super::{Cleaning, LabelConflicts, Leaks};

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
            warnings.push(format!(
                "{n_conflicts} clusters have images of two labels, which cannot both be right; {kept} (`label-conflicts`)"
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
            warnings.push(format!(
                "{} exact and near pairs between splits are left: their images share no cluster, because pairs and \
                 clusters were made with two configs",
                self.n_left_between
            ));
        }
        warnings
    }
}

impl fmt::Display for Cleaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut n_removed: BTreeMap<(Split, Removal), u64> = BTreeMap::new();
        self.removed.iter().for_each(|removed| *n_removed.entry((removed.split, removed.reason)).or_default() += 1);
        let (n_clusters, n_conflicts) = (self.n_clusters, self.n_conflicts);
        writeln!(f, "{n_clusters} clusters of two or more images, {n_conflicts} of them with two labels")?;
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
        let (within, between) = (self.n_left_within, self.n_left_between);
        writeln!(f, "exact and near pairs left: {within} within splits, {between} between splits")
    }
}
