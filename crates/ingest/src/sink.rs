//! Where all sources' images go: made in parallel, written in order.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use twinset_manifest::rows::{Image, Reject};
use twinset_manifest::{Provenance, Writer};
use twinset_stage::{Bar, Progress};

use crate::room::{Room, first_chunk_items};
use crate::{Counts, IngestError, Summary};

/// The manifests that a source fills.
pub(crate) struct Sink {
    manifests: Manifests,
    bar: Bar,
}

/// What an item became, and what its source notes of it.
pub(crate) type Made<N> = (Result<Image, Reject>, N);

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
    /// `make` takes the room of what it will hold, and makes nothing where there is none. Returns what it noted of each item.
    pub(crate) fn write<T: Sync, N: Send>(
        &mut self,
        items: &[T],
        make: impl Fn(&T, &Room) -> Option<Made<N>> + Sync,
    ) -> Result<Vec<N>, IngestError> {
        let mut notes = Vec::with_capacity(items.len());
        let (mut made, mut n_next) = make_chunk(&items[..first_chunk_items().min(items.len())], &make);
        let mut rest = items;
        // While a chunk is written the next one is made: no thread waits for another.
        while !made.is_empty() {
            let n_made = made.len();
            rest = &rest[n_made..];
            let write = || made.into_iter().try_for_each(|made| self.manifests.push(made, &mut notes));
            let (written, next) = rayon::join(write, || make_chunk(&rest[..n_next.min(rest.len())], &make));
            written?;
            self.bar.inc(n_made as u64);
            (made, n_next) = next;
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

/// Makes the items of a chunk, at least the first of them and as many more as there is room for; also how many the next chunk
/// is to have.
fn make_chunk<T: Sync, N: Send>(
    chunk: &[T],
    make: &(impl Fn(&T, &Room) -> Option<Made<N>> + Sync),
) -> (Vec<Made<N>>, usize) {
    let room = Room::of_chunk();
    let made: Vec<_> = chunk.par_iter().map(|item| make(item, &room)).collect();
    // What was made of an item behind one that waits is made again.
    let mut made: Vec<_> = made.into_iter().map_while(|made| made).collect();
    if let (true, Some(first)) = (made.is_empty(), chunk.first()) {
        made.extend(make(first, &Room::of_item()));
    }
    (made, room.next_chunk_items())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn make(&(at, n_bytes): &(usize, u64), room: &Room) -> Option<Made<(usize, u64)>> {
        let reject = || Reject { source: at.to_string(), reason: "test".to_owned(), detail: String::new() };
        room.take(n_bytes).then(|| (Err(reject()), (at, n_bytes)))
    }

    #[test]
    fn a_chunk_holds_no_more_than_there_is_room_for_and_at_least_an_item() {
        let check = |sizes: &[u64], is_expected: fn(usize, u64) -> bool| {
            let items: Vec<_> = sizes.iter().copied().enumerate().collect();
            let (made, _) = make_chunk(&items, &make);
            let n_bytes = made.iter().map(|(_, (_, n_bytes))| n_bytes).sum();
            assert!(is_expected(made.len(), n_bytes), "{} items of {n_bytes} bytes", made.len());
        };
        check(&[], |n, _| n == 0);
        check(&[MIB; 20], |n, _| n == 20);
        check(&[10 * MIB; 20], |n, n_bytes| n >= 1 && n_bytes <= 64 * MIB);
        check(&[1000 * MIB, MIB, MIB], |n, _| n == 1);
        check(&[MIB, 1000 * MIB, MIB], |n, _| n <= 1);
    }

    #[test]
    fn each_item_is_written_once_and_in_order_whatever_the_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let items: Vec<_> = (0..500).map(|at: usize| (at, (at as u64 * 7919 % 90) * MIB)).collect();
        let mut sink = Sink::create(folder.path(), items.len(), &Progress::hidden()).unwrap();
        let notes = sink.write(&items, make).unwrap();
        assert_eq!(notes, items);
        let summary = sink.finish(&Provenance::of_stage("ingest", "0"), Vec::new()).unwrap();
        assert_eq!(summary.rejects.n_rows, 500);
    }
}
