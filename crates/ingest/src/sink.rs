//! Where all sources' images go: made in parallel, written in order.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use twinset_manifest::rows::{Image, Reject};
use twinset_manifest::{Provenance, Writer};
use twinset_stage::{Bar, Progress};

use crate::{Counts, IngestError, Summary};

/// Images made at once: enough for many threads, few enough for little memory.
const CHUNK_ITEMS: usize = 2048;
/// Bytes of source files read at once, beyond which a chunk ends early.
const CHUNK_BYTES: u64 = 64 << 20;

/// The manifests that a source fills.
pub(crate) struct Sink {
    manifests: Manifests,
    bar: Bar,
}

/// What an item became, and what its source notes of it.
type Made<N> = (Result<Image, Reject>, N);

impl Sink {
    pub(crate) fn create(out: &Path, total: usize, progress: &Progress) -> Result<Self, IngestError> {
        let bar = progress.begin("images", total as u64, "ingesting");
        Self::create_at(&out.join("images.parquet"), &out.join("rejects.parquet"), bar)
    }

    /// Begins two manifests of any names; the bar may be that of several sinks.
    pub(crate) fn create_at(images: &Path, rejects: &Path, bar: Bar) -> Result<Self, IngestError> {
        let manifests = Manifests {
            images: Writer::create(images)?,
            rejects: Writer::create(rejects)?,
            counts: Counts::default(),
            rejects_by_reason: BTreeMap::new(),
        };
        Ok(Self { manifests, bar })
    }

    /// Makes an image or a reject of each item, in parallel, and writes them in the items' order.
    ///
    /// `size` is how many bytes an item takes while it is made. Returns what `make` noted of each item.
    pub(crate) fn write<T: Sync, N: Send>(
        &mut self,
        items: &[T],
        size: impl Fn(&T) -> u64,
        make: impl Fn(&T) -> Made<N> + Sync,
    ) -> Result<Vec<N>, IngestError> {
        let mut notes = Vec::with_capacity(items.len());
        let make_chunk = |chunk: &[T]| -> Vec<Made<N>> { chunk.par_iter().map(&make).collect() };
        let (chunk, mut rest) = items.split_at(chunk_len(items, &size));
        let mut made = make_chunk(chunk);
        // While a chunk is written the next one is made: no thread waits for another.
        while !made.is_empty() {
            let (chunk, after) = rest.split_at(chunk_len(rest, &size));
            rest = after;
            let n_made = made.len() as u64;
            let write = || made.into_iter().try_for_each(|made| self.manifests.push(made, &mut notes));
            let (written, next) = rayon::join(write, || make_chunk(chunk));
            written?;
            self.bar.inc(n_made);
            made = next;
        }
        Ok(notes)
    }

    /// Gives the manifests their names; the images last, so that where they are, all is.
    pub(crate) fn finish(self, provenance: &Provenance, class_names: Vec<String>) -> Result<Summary, IngestError> {
        let Manifests { images, rejects, counts, rejects_by_reason } = self.manifests;
        let rejects = rejects.finish(provenance)?;
        let images = images.finish_images(provenance, &class_names)?;
        Ok(Summary {
            images,
            rejects,
            counts: Counts { classes: class_names.len() as u64, ..counts },
            class_names,
            rejects_by_reason,
            n_planted_pairs: None,
            warnings: provenance.warnings.clone(),
            n_kept_shards: 0,
        })
    }
}

/// The manifests under way, and what is in them.
struct Manifests {
    images: Writer<Image>,
    rejects: Writer<Reject>,
    counts: Counts,
    rejects_by_reason: BTreeMap<String, u64>,
}

impl Manifests {
    fn push<N>(&mut self, (made, note): Made<N>, notes: &mut Vec<N>) -> Result<(), IngestError> {
        notes.push(note);
        match made {
            Ok(image) => {
                *self.counts.of_split(image.split) += 1;
                self.images.push(image)?;
            }
            Err(reject) => {
                *self.rejects_by_reason.entry(reject.reason.clone()).or_default() += 1;
                self.rejects.push(reject)?;
            }
        }
        Ok(())
    }
}

/// How many of the items the next chunk takes: at least one, where there is one.
fn chunk_len<T>(items: &[T], size: impl Fn(&T) -> u64) -> usize {
    let mut bytes = 0u64;
    let fitting = items.iter().take(CHUNK_ITEMS).take_while(|item| {
        bytes = bytes.saturating_add(size(item));
        bytes <= CHUNK_BYTES
    });
    fitting.count().max(1).min(items.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_ends_by_count_or_by_bytes_and_is_never_empty() {
        let check = |items: &[u64], expected: usize| assert_eq!(chunk_len(items, |&size| size), expected);
        check(&[1; 2 * CHUNK_ITEMS], CHUNK_ITEMS);
        check(&[1; 3], 3);
        check(&[CHUNK_BYTES / 2; 5], 2);
        check(&[u64::MAX, 1], 1);
        check(&[1, u64::MAX], 1);
        check(&[], 0);
    }
}
