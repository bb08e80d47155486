//! Candidates as parts hand them on.

use rayon::prelude::*;
use twinset_manifest::rows::KnownPair;

use crate::candidates::{FoundBy, too_many_pairs};
use crate::correlation::Candidate;
use crate::known::{known_pair, looked_at};
use crate::looked::Looked;
use crate::thumbnail::Thumbnail;
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
    ///
    /// Verification prepares each image that is laid on others once. So all candidates of such an image are in one part, where the
    /// images have thumbnails.
    pub fn only(&mut self, images: &[Fingerprint], part: Part) {
        let bytes = |view: u32| {
            let image = &images[self.groups.index(self.views.place(view)) as usize];
            let shown = if self.views.is_framed(view) { &image.framed } else { &image.thumbnail };
            shown.as_ref().map(Thumbnail::bytes)
        };
        let laid = |looked: &Looked| {
            let Candidate { left, right, .. } = looked.listed.candidate;
            if bytes(left) > bytes(right) { right } else { left }
        };
        let mut order: Vec<(u32, u32)> = self.pairs.iter().map(laid).zip(0..).collect();
        order.par_sort_unstable();
        let range = part.range(order.len() as u64);
        let mut own: Vec<u32> =
            order[range.start as usize..range.end as usize].iter().map(|&(_, place)| place).collect();
        own.sort_unstable();
        self.pairs = own.into_iter().map(|place| self.pairs[place as usize]).collect();
    }
}
