//! A partition, as text.

use std::fmt;

use twinset_manifest::rows::Split;
use twinset_stage::counted;

use super::Partition;

impl Partition {
    /// What a user of the partitioned images should know.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (split, _) in self.asked() {
            let is_missing = |label: u32| !self.n_images.contains_key(&(split, label)) && self.n_of_label(label) > 0;
            let missing = (0..).zip(&self.class_names).filter(|(label, _)| is_missing(*label));
            for (_, name) in missing {
                warnings.push(format!("no {split} image of class `{name}`: its clusters are too few or too large"));
            }
        }
        warnings
    }

    /// The splits that were asked for, and their shares.
    fn asked(&self) -> impl Iterator<Item = (Split, f64)> + '_ {
        Split::ALL.iter().map(|&split| (split, self.config.share(split))).filter(|&(_, share)| share > 0.0)
    }

    fn n_of_label(&self, label: u32) -> u64 {
        self.n_images.iter().filter(|((_, of), _)| *of == label).map(|(_, n)| n).sum()
    }

    /// The class and split whose share of the class is furthest from what was asked for: class, split, share, asked.
    fn furthest_off(&self) -> Option<(&str, Split, f64, f64)> {
        let labels = (0..).zip(&self.class_names).filter_map(|(label, name)| {
            let n = self.n_of_label(label);
            (n > 0).then_some((label, name, n))
        });
        let shares = labels.flat_map(|(label, name, n)| {
            self.asked().map(move |(split, asked)| {
                let found = self.n_images.get(&(split, label)).copied().unwrap_or(0) as f64 / n as f64;
                (name.as_str(), split, found, asked)
            })
        });
        shares.max_by(|left, right| (left.2 - left.3).abs().total_cmp(&(right.2 - right.3).abs()))
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_total = self.splits.len();
        let (n_clusters, n_larger, largest) = (self.n_clusters, self.n_larger, self.largest);
        writeln!(
            f,
            "{} in {}, {n_larger} of two or more images, the largest of {largest}",
            counted(n_total as u64, "image"),
            counted(n_clusters as u64, "cluster")
        )?;
        writeln!(f, "{:7}  {:>9}  {:>9}  {:>9}", "split", "images", "share", "asked")?;
        for (split, asked) in self.asked() {
            let n = self.n_of_split(split);
            let (share, asked) = (100.0 * n as f64 / n_total.max(1) as f64, 100.0 * asked);
            writeln!(f, "{:7}  {n:>9}  {share:>7.1} %  {asked:>7.1} %", split.as_str())?;
        }
        if let Some((class, split, found, asked)) = self.furthest_off() {
            let (found, asked) = (100.0 * found, 100.0 * asked);
            writeln!(f, "furthest off by class: {found:.1} % of `{class}` in {split}, asked for {asked:.1} %")?;
        }
        Ok(())
    }
}
