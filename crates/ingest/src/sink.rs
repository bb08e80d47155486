//! Where all sources' images go: made in parallel, written in order.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use twinset_manifest::rows::{Image, Reject};
use twinset_manifest::{Provenance, Writer};
use twinset_stage::{Bar, Progress};

use crate::{Counts, IngestError, Summary};

/// Images made at once: enough for many threads, few enough for little memory.
const CHUNK_ITEMS: usize = 512;
/// Bytes of source files read at once, beyond which a chunk ends early.
const CHUNK_BYTES: u64 = 64 << 20;

/// The manifests that a source fills.
pub(crate) struct Sink {
    images: Writer<Image>,
    rejects: Writer<Reject>,
    counts: Counts,
    rejects_by_reason: BTreeMap<String, u64>,
    bar: Bar,
}

impl Sink {
    pub(crate) fn create(out: &Path, total: usize, progress: &Progress) -> Result<Self, IngestError> {
        Ok(Self {
            images: Writer::create(&out.join("images.parquet"))?,
            rejects: Writer::create(&out.join("rejects.parquet"))?,
            counts: Counts::default(),
            rejects_by_reason: BTreeMap::new(),
            bar: progress.begin("images", total as u64, "ingesting"),
        })
    }

    /// Makes an image or a reject of each item, in parallel, and writes them in the items' order.
    ///
    /// `size` is how many bytes an item takes while it is made. Returns what `make` noted of each item.
    pub(crate) fn write<T: Sync, N: Send>(
        &mut self,
        items: &[T],
        size: impl Fn(&T) -> u64,
        make: impl Fn(&T) -> (Result<Image, Reject>, N) + Sync,
    ) -> Result<Vec<N>, IngestError> {
        let mut notes = Vec::with_capacity(items.len());
        let mut rest = items;
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(chunk_len(rest, &size));
            rest = after;
            let made: Vec<_> = chunk.par_iter().map(&make).collect();
            for (made, note) in made {
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
            }
            self.bar.inc(chunk.len() as u64);
        }
        Ok(notes)
    }

    /// Gives the manifests their names; the images last, so that where they are, all is.
    pub(crate) fn finish(self, provenance: &Provenance, class_names: Vec<String>) -> Result<Summary, IngestError> {
        let rejects = self.rejects.finish(provenance)?;
        let images = self.images.finish_images(provenance, &class_names)?;
        Ok(Summary {
            images,
            rejects,
            counts: Counts { classes: class_names.len() as u64, ..self.counts },
            class_names,
            rejects_by_reason: self.rejects_by_reason,
            n_planted_pairs: None,
            warnings: provenance.warnings.clone(),
        })
    }
}

/// How many of the items the next chunk takes: at least one.
fn chunk_len<T>(items: &[T], size: impl Fn(&T) -> u64) -> usize {
    let mut bytes = 0u64;
    let fitting = items.iter().take(CHUNK_ITEMS).take_while(|item| {
        bytes = bytes.saturating_add(size(item));
        bytes <= CHUNK_BYTES
    });
    fitting.count().max(1)
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
    }
}
