//! Pairs by the names of their files, for a person to read.

use std::collections::HashSet;
use std::fmt;

use twinset_manifest::rows::PairKind;
use twinset_stage::printable_line;

use crate::{Clusters, Fingerprint, Match};

/// A pair by the names of its files.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedPair {
    kind: PairKind,
    left: String,
    right: String,
    similarity: Option<f32>,
}

impl NamedPair {
    /// The names of a pair.
    pub(crate) fn of(pair: &Match, images: &[Fingerprint]) -> Self {
        let name = |index: u32| {
            let Fingerprint { source, split, .. } = &images[index as usize];
            format!("`{}` ({split})", printable_line(source))
        };
        Self { kind: pair.kind, left: name(pair.left), right: name(pair.right), similarity: pair.similarity }
    }

    /// The first duplicates: at most `n` exact or near pairs of images that `is_wanted`, one of each cluster, in the order of
    /// `matches`.
    pub(crate) fn first(
        n: usize,
        images: &[Fingerprint],
        matches: &[Match],
        clusters: &Clusters,
        is_wanted: impl Fn(&Fingerprint, &Fingerprint) -> bool,
    ) -> Vec<Self> {
        let is_wanted = |pair: &&Match| {
            pair.kind != PairKind::Similar && is_wanted(&images[pair.left as usize], &images[pair.right as usize])
        };
        let mut told = HashSet::new();
        let is_new = |pair: &&Match| told.insert(clusters.first(pair.left as usize));
        matches.iter().filter(is_wanted).filter(is_new).take(n).map(|pair| Self::of(pair, images)).collect()
    }
}

impl fmt::Display for NamedPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, left, right, similarity } = self;
        write!(f, "{kind}: {left} and {right}")?;
        match similarity.filter(|_| *kind != PairKind::Exact) {
            Some(similarity) => write!(f, ", similarity {similarity:.3}"),
            None => Ok(()),
        }
    }
}
