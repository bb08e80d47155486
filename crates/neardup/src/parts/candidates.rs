//! Candidates as parts hand them on.

use rayon::prelude::*;
use twinset_manifest::rows::KnownPair;

use crate::candidates::{FoundBy, too_many_pairs};
use crate::known::{known_pair, looked_at};
use crate::{Candidates, Config, Fingerprint, NeardupError, Part};

impl Candidates {
    /// Reads the [`rows`](Self::rows) of all parts, in any order. A candidate that several parts of a search found is there once.
    ///
    /// # Errors
    /// When a batch cannot be read, or names an image that is not searched; when there are more candidates by hash than `max-pairs`.
    pub fn read<E: From<NeardupError>>(
        images: &[Fingerprint],
        config: &Config,
        batches: impl IntoIterator<Item = Result<Vec<KnownPair>, E>>,
    ) -> Result<Self, E> {
        let mut candidates = Self::none(images, config)?;
        let Self { groups, views, pairs, found_by, .. } = &mut candidates;
        let n_searched = groups.n_searched();
        let view = |place: u32, is_framed: bool| {
            let view = if (place as usize) < n_searched { views.view(place, is_framed) } else { None };
            view.ok_or(NeardupError::UnknownPlace { place, n_searched })
        };
        for batch in batches {
            for row in batch? {
                let (left, right) = (view(row.left, row.is_left_framed)?, view(row.right, row.is_right_framed)?);
                pairs.push(looked_at(&row, left, right));
            }
        }
        pairs.par_sort_unstable_by_key(|looked| looked.listed.candidate);
        pairs.dedup_by(|again, first| {
            let is_same = again.listed.candidate == first.listed.candidate;
            if is_same {
                first.listed.add(again.listed);
            }
            is_same
        });
        match *found_by == FoundBy::Hash && pairs.len() as u64 > config.max_pairs {
            true => Err(too_many_pairs(config).into()),
            false => Ok(candidates),
        }
    }

    /// The candidates, as parts hand them on.
    pub fn rows(&self) -> impl Iterator<Item = KnownPair> {
        self.pairs.iter().map(|looked| known_pair(looked, &self.views))
    }

    /// Leaves out all candidates that are not the part's share.
    pub fn only(&mut self, part: Part) {
        let range = part.range(self.pairs.len() as u64);
        self.pairs.truncate(range.end as usize);
        self.pairs.drain(..range.start as usize);
    }
}
