//! Reading a manifest under the schema that is asked for.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::vec;

use arrow_array::RecordBatch;

use crate::file::ManifestFile;
use crate::rows::Image;
use crate::shards::{digest_of_shards, join, list_shards};
use crate::{Input, ManifestError, Provenance, Row, digest_file};

/// An open manifest, one file or a folder of [shards](crate::shard_name): an iterator over batches of its rows, so that a
/// set larger than memory passes through.
pub struct Reader<R> {
    path: PathBuf,
    /// In order; none where the manifest is one file.
    shards: Vec<PathBuf>,
    provenance: Provenance,
    n_rows: u64,
    current: ManifestFile,
    next: vec::IntoIter<PathBuf>,
    /// The rows that are wanted, and the number of the next one.
    wanted: Range<u64>,
    at: u64,
    row: PhantomData<R>,
}

impl<R: Row> Reader<R> {
    /// Opens a manifest and checks that its footer says [`Row::SCHEMA`], in a folder that of each shard.
    ///
    /// # Errors
    /// When a file cannot be read, is cut short, or holds another schema; when a shard is missing, or was written with
    /// another config than the others.
    pub fn open(path: &Path) -> Result<Self, ManifestError> {
        let shards =
            if path.is_dir() { list_shards(path).map_err(|error| error.of_schema(R::SCHEMA))? } else { Vec::new() };
        let current = ManifestFile::open::<R>(shards.first().map_or(path, PathBuf::as_path))?;
        let (mut provenance, mut n_rows) = (current.provenance.clone(), current.n_rows);
        for shard in shards.iter().skip(1) {
            let shard = ManifestFile::open::<R>(shard)?;
            n_rows = n_rows.saturating_add(shard.n_rows);
            join(&mut provenance, shard.provenance, &shard.path, &current.path)?;
        }
        let mut next = shards.clone().into_iter();
        next.next();
        let (path, wanted) = (path.to_owned(), 0..u64::MAX);
        Ok(Self { path, shards, provenance, n_rows, current, next, wanted, at: 0, row: PhantomData })
    }

    /// Reads these rows alone, counted from 0. Row groups that have none of them are not read.
    pub fn with_rows(self, rows: Range<u64>) -> Self {
        Self { wanted: rows, ..self }
    }

    /// Where the manifest comes from; of shards, what they all were made from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// How many rows it has.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// The manifest as an input of the stage that reads it; a folder has the digest of its [shards](digest_of_shards).
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn as_input(&self) -> Result<Input, ManifestError> {
        let digest =
            |path: &PathBuf| digest_file(path).map_err(|source| ManifestError::Read { path: path.clone(), source });
        let blake3 = match self.shards.as_slice() {
            [] => digest(&self.path)?,
            shards => digest_of_shards(shards.iter().map(digest).collect::<Result<Vec<_>, _>>()?),
        };
        Ok(Input { name: crate::provenance::file_name(&self.path), schema: Some(R::SCHEMA.to_owned()), blake3 })
    }

    /// That it was made from these images, where its provenance says from which.
    ///
    /// # Errors
    /// When they are others.
    pub fn expect_made_from(&self, images: &Input) -> Result<(), ManifestError> {
        let made_from = self.provenance.inputs.iter().find(|input| input.schema.as_deref() == Some(Image::SCHEMA));
        match made_from.filter(|input| input.blake3 != images.blake3) {
            None => Ok(()),
            Some(other) => Err(ManifestError::OtherImages {
                path: self.path.clone(),
                name: other.name.clone(),
                found: Box::new(other.blake3),
                expected: Box::new(images.blake3),
                stage: self.provenance.stage.clone(),
            }),
        }
    }

    /// All rows that are left.
    ///
    /// # Errors
    /// When a batch cannot be read.
    pub fn read_all(self) -> Result<Vec<R>, ManifestError> {
        let mut rows = Vec::new();
        for batch in self {
            rows.append(&mut batch?);
        }
        Ok(rows)
    }

    fn rows_of(&self, batch: &RecordBatch) -> Result<Vec<R>, ManifestError> {
        R::from_batch(batch).map_err(|mismatch| ManifestError::Column {
            path: self.current.path.clone(),
            column: mismatch.column,
            found: mismatch.found,
            expected: mismatch.expected,
        })
    }
}

impl<R: Row> Iterator for Reader<R> {
    type Item = Result<Vec<R>, ManifestError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.wanted.end {
            self.at += self.current.skip_groups(self.wanted.start.saturating_sub(self.at));
            match self.current.next_batch() {
                Some(Ok(batch)) => {
                    let n_rows = batch.num_rows() as u64;
                    let begin = self.wanted.start.saturating_sub(self.at).min(n_rows);
                    let end = (self.wanted.end - self.at).min(n_rows);
                    self.at += n_rows;
                    if begin < end || n_rows == 0 {
                        return Some(self.rows_of(&batch.slice(begin as usize, (end - begin) as usize)));
                    }
                    continue;
                }
                Some(Err(error)) => return Some(Err(error)),
                None => {}
            }
            match ManifestFile::open::<R>(&self.next.next()?) {
                Ok(shard) => self.current = shard,
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}

/// Reads a manifest whose rows fit in memory, and says what it was, for the provenance of what is made from it.
///
/// # Errors
/// As [`Reader::open`] and [`Reader::read_all`].
pub fn read_manifest<R: Row>(path: &Path) -> Result<(Vec<R>, Input), ManifestError> {
    let reader = Reader::open(path)?;
    let input = reader.as_input()?;
    Ok((reader.read_all()?, input))
}
