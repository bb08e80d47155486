//! `twinset-neardup --reference`: which images have duplicates in another set.

use std::path::Path;

use anyhow::Context;
use twinset_manifest::rows::Image;
use twinset_manifest::{Provenance, Reader, write_manifest};
use twinset_neardup::{
    Both, Candidates, Config, Fingerprint, Hasher, Known, Part, ReferenceSummary, Searched, add_thumbnails,
    fingerprints,
};
use twinset_stage::Progress;

use super::find::FindArgs;
use super::finish::LeaksFound;
use super::{begin, hinted};

/// A set of images.
struct Set<'a> {
    images: &'a Path,
    folder: &'a Path,
    is_reference: bool,
}

/// How many images have an exact or near duplicate in the reference.
pub(crate) fn run(args: &FindArgs, reference: &Path) -> anyhow::Result<LeaksFound> {
    let config = args.config()?;
    if args.common.check {
        return Ok(LeaksFound::default());
    }
    let images = args.images.as_deref().context("failed to read: --images names no file")?;
    let sets = [
        Set { images, folder: &args.folder, is_reference: false },
        Set { images: reference, folder: args.reference_folder.as_deref().unwrap_or(&args.folder), is_reference: true },
    ];
    let config = Both::config(&config);
    let [first, second] = sets.each_ref().map(Set::open);
    let (first, second) = (first?, second?);
    let n_images = first.n_rows() + second.n_rows();
    let inputs = [
        first.as_input().context("failed to read the images")?,
        second.as_input().context("failed to read the reference")?,
    ];
    let mut provenance = Provenance::of_stage("neardup", env!("CARGO_PKG_VERSION"))
        .with_config(&config.resolved(n_images))
        .with_inputs(inputs);
    let out = args.common.out_folder()?;

    let progress = args.common.progress();
    let with_thumbnails = config.keeps_thumbnails(n_images);
    let first = sets[0].hash(first, &config, with_thumbnails, &progress)?;
    let second = sets[1].hash(second, &config, with_thumbnails, &progress)?;
    let mut both = Both::of(first, second).context("failed to read the images")?;
    let context = "failed to find near-duplicates";
    let begin = begin(progress);
    let mut candidates = Candidates::find(&both.images, &config, &Known::default(), Part::WHOLE, &begin)
        .map_err(hinted)
        .context(context)?;
    candidates.only_between_sets();
    if config.verify {
        let wanted = candidates.without_thumbnail(&both.images);
        for set in sets.iter().filter(|_| !wanted.is_empty()) {
            for batch in set.open()? {
                let mut batch = batch.context("failed to read the images")?;
                both.renumber(&mut batch, set.is_reference);
                add_thumbnails(&mut both.images, &wanted, &batch, set.folder).map_err(hinted).context(context)?;
            }
        }
    }
    let matches = candidates.matches(&both.images, &config, &begin);
    let summary = ReferenceSummary::of(&both, &matches, Searched::of(&config, n_images));
    if let Some(warning) = twinset_neardup::loss_warning(&both.images, &matches) {
        eprintln!("warning: {warning}");
        provenance.warnings.push(warning);
    }
    write_manifest(&out.join("reference-pairs.parquet"), both.rows(&matches, &config), &provenance)?;
    println!("{summary}wrote reference-pairs.parquet to {}", out.display());
    Ok(LeaksFound {
        n: summary.n_found(),
        what: ["image has a duplicate in the reference", "images have a duplicate in the reference"],
        first: summary.first().map(str::to_owned),
    })
}

impl Set<'_> {
    fn open(&self) -> anyhow::Result<Reader<Image>> {
        let what = if self.is_reference { "the reference" } else { "the images" };
        Reader::<Image>::open(self.images).with_context(|| format!("failed to read {what}"))
    }

    fn hash(
        &self,
        reader: Reader<Image>,
        config: &Config,
        with_thumbnails: bool,
        progress: &Progress,
    ) -> anyhow::Result<Vec<Fingerprint>> {
        let doing = if self.is_reference { "hashing the reference" } else { "hashing" };
        let bar = progress.begin("images", reader.n_rows(), doing);
        let (hasher, known) = (Hasher::new(config), Known::default());
        let mut images = Vec::new();
        for batch in reader {
            let batch = batch.context("failed to read the images")?;
            let hashed = fingerprints(&batch, self.folder, &hasher, with_thumbnails, &known);
            images.append(
                &mut hashed.map_err(hinted).with_context(|| format!("failed to hash `{}`", self.images.display()))?,
            );
            bar.inc(batch.len() as u64);
        }
        Ok(images)
    }
}
