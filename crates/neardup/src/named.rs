//! Pairs by the names of their files, for a person to read.

use std::fmt;

use twinset_manifest::rows::PairKind;
use twinset_stage::printable_line;

use crate::{Fingerprint, Match};

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

    /// The first duplicates: at most `n` exact or near pairs of images that `is_wanted`, in the order of `matches`.
    pub(crate) fn first(
        n: usize,
        images: &[Fingerprint],
        matches: &[Match],
        is_wanted: impl Fn(&Fingerprint, &Fingerprint) -> bool,
    ) -> Vec<Self> {
        let is_wanted = |pair: &&Match| {
            pair.kind != PairKind::Similar && is_wanted(&images[pair.left as usize], &images[pair.right as usize])
        };
        matches.iter().filter(is_wanted).take(n).map(|pair| Self::of(pair, images)).collect()
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
