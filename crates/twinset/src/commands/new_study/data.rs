//! What is known of the images of a study.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::bail;
use twinset_stage::printable_line;

/// The images of a study.
pub(super) struct Data {
    pub(super) name: String,
    /// The folder that the config's `path` starts from; none where nothing tells.
    pub(super) folder: Option<PathBuf>,
    /// The keys of `[ingest]`: each with its value as TOML and what is to be said of it.
    pub(super) ingest: Vec<(String, String, &'static str)>,
    pub(super) classes: Vec<String>,
    pub(super) n_train: u64,
    pub(super) n_judged: u64,
    /// The split that networks are judged on: `test`, or `val` where there is no test split.
    pub(super) judged: &'static str,
    /// Images of each width and height, of those that were looked at.
    pub(super) sizes: BTreeMap<(u32, u32), usize>,
    /// What was taken for granted.
    pub(super) notes: Vec<String>,
}

/// The side of images for small networks.
pub(super) const SIDE: u32 = 32;

impl Data {
    /// Whether images have to be brought to one size.
    pub(super) fn needs_resize(&self) -> bool {
        self.sizes.keys().any(|&size| size != (SIDE, SIDE))
    }

    /// An error where there is nothing to compare.
    pub(super) fn checked(self) -> anyhow::Result<Self> {
        match &self.classes[..] {
            [] => bail!("its images have no labels, expected two classes or more"),
            [class] => bail!("it has one class, `{}`, expected two or more", printable_line(class)),
            _ => {}
        }
        let n_classes = self.classes.len() as u64;
        if self.n_train < n_classes {
            bail!("it has {} training images of {n_classes} classes, expected one of each at least", self.n_train);
        }
        if self.n_judged == 0 {
            bail!(
                "no image is left to judge networks on, expected a folder `test`, or five images of a class at least"
            );
        }
        if self.sizes.is_empty() {
            bail!("none of its images can be read");
        }
        Ok(self)
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { classes, n_train, n_judged, judged, sizes, notes, .. } = self;
        writeln!(f, "{n_train} training images and {n_judged} {judged} images of {} classes", classes.len())?;
        let of = |side: fn(&(u32, u32)) -> u32| {
            let sides = sizes.keys().map(side);
            (sides.clone().min().unwrap_or(0), sides.max().unwrap_or(0))
        };
        match sizes.keys().collect::<Vec<_>>()[..] {
            [(width, height)] => writeln!(f, "all of {width}×{height} pixels")?,
            _ => {
                let ((least_w, most_w), (least_h, most_h)) = (of(|size| size.0), of(|size| size.1));
                writeln!(
                    f,
                    "of {least_w}×{least_h} to {most_w}×{most_h} pixels; the study brings them to {SIDE}×{SIDE}"
                )?;
            }
        }
        notes.iter().try_for_each(|note| writeln!(f, "note: {note}"))
    }
}
