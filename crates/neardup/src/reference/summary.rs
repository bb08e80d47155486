//! What a person wants to know of the duplicates in a reference first.

use std::collections::BTreeMap;
use std::fmt;

use twinset_manifest::rows::{PairKind, Split};
use twinset_stage::{counted, printable_line, verb};

use super::Both;
use crate::{Match, Searched};

/// Images that are named.
const N_NAMED: usize = 5;

/// What a person wants to know of the duplicates in a reference first. Printed, it is the search's output on stdout.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceSummary {
    searched: Searched,
    n_reference: usize,
    n_flat: usize,
    /// Pairs by the image's split, that of the reference, and kind.
    n_pairs: BTreeMap<((Split, Split), PairKind), u64>,
    /// By split, images that have an exact or near duplicate in the reference, and all.
    n_found: BTreeMap<Split, (u64, u64)>,
    first: Vec<String>,
}

impl ReferenceSummary {
    /// Sums up.
    pub fn of(both: &Both, matches: &[Match], searched: Searched) -> Self {
        let own = |place: u32| both.own[place as usize];
        let mut n_pairs = BTreeMap::new();
        for pair in matches {
            *n_pairs.entry(((own(pair.left).1, own(pair.right).1), pair.kind)).or_default() += 1;
        }
        let mut n_found: BTreeMap<Split, (u64, u64)> = BTreeMap::new();
        both.own[..both.n_first].iter().for_each(|(_, split)| n_found.entry(*split).or_default().1 += 1);
        let found = both.found(matches);
        found.iter().for_each(|pair| n_found.entry(own(pair.left).1).or_default().0 += 1);
        let named = |pair: &&Match| {
            let name = |place: u32| printable_line(&both.images[place as usize].source).into_owned();
            let similarity = pair.similarity.filter(|_| pair.kind != PairKind::Exact);
            let similarity = similarity.map(|similarity| format!(", similarity {similarity:.3}")).unwrap_or_default();
            let split = own(pair.left).1;
            format!("{}: `{}` ({split}) and `{}`{similarity}", pair.kind, name(pair.left), name(pair.right))
        };
        Self {
            searched,
            n_reference: both.own.len() - both.n_first,
            n_flat: both.images.iter().filter(|image| image.is_flat).count(),
            n_pairs,
            n_found,
            first: found.iter().take(N_NAMED).map(named).collect(),
        }
    }

    /// Images that have an exact or near duplicate in the reference.
    pub fn n_found(&self) -> u64 {
        self.n_found.values().map(|(n_found, _)| n_found).sum()
    }

    /// The first of them, with its duplicate.
    pub fn first(&self) -> Option<&str> {
        self.first.first().map(String::as_str)
    }
}

impl fmt::Display for ReferenceSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_images: u64 = self.n_found.values().map(|(_, n_images)| n_images).sum();
        let (n_reference, n_flat) = (self.n_reference, self.n_flat);
        writeln!(
            f,
            "{} and {n_reference} of the reference, {n_flat} of one flat colour (compared by their pixels alone)",
            counted(n_images, "image")
        )?;
        write!(f, "{}", self.searched)?;
        writeln!(f, "pairs within either set: not searched")?;
        write!(f, "{:23}", "pairs")?;
        PairKind::ALL.iter().try_for_each(|kind| write!(f, "{:>10}", kind.as_str()))?;
        writeln!(f)?;
        let mut splits: Vec<(Split, Split)> = self.n_pairs.keys().map(|(splits, _)| *splits).collect();
        splits.dedup();
        for (split, reference) in splits {
            write!(f, "  {:21}", format!("{split} - {reference}"))?;
            for &kind in PairKind::ALL {
                write!(f, "{:>10}", self.n_pairs.get(&((split, reference), kind)).unwrap_or(&0))?;
            }
            writeln!(f)?;
        }
        for (split, (n_found, n_images)) in &self.n_found {
            let share = *n_found as f64 / *n_images as f64;
            let have = verb(*n_found, "has", "have");
            writeln!(f, "{n_found} of {n_images} {split} images ({share:.4}) {have} a duplicate in the reference")?;
        }
        if !self.first.is_empty() {
            writeln!(f, "the first of them, with the most similar one of the reference:")?;
            self.first.iter().try_for_each(|first| writeln!(f, "  {first}"))?;
        }
        Ok(())
    }
}
