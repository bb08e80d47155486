//! What was lost of images while they were decoded, counted.

use twinset_manifest::rows::Image;

/// What was lost of the images so far.
#[derive(Default)]
pub(crate) struct Losses {
    n_images: u64,
    of_kinds: [Loss; KINDS.len()],
}

/// How many images lost something, and the first of them.
#[derive(Default)]
struct Loss {
    n_images: u64,
    example: String,
}

/// The kinds of loss as the column `lost` names them, and what is said of them.
const KINDS: [(&str, &str); 4] = [
    (
        "transparency",
        "images have transparent pixels, which were laid on a white ground, or on a black one where white would hide the picture",
    ),
    ("depth", "images have more than 8 bits a sample and were rounded to 8"),
    ("frames", "images have further frames or pages, which were left out"),
    (DAMAGE, "images are damaged, and were taken as far as they can be decoded"),
];
const DAMAGE: &str = "damage: ";

impl Losses {
    /// Adds an image.
    pub(crate) fn add(&mut self, image: &Image) {
        self.n_images += 1;
        let Some(lost) = &image.lost else { return };
        let (names, damage) =
            lost.split_once(DAMAGE).map_or((lost.as_str(), None), |(names, words)| (names, Some(words)));
        for (loss, (kind, _)) in self.of_kinds.iter_mut().zip(KINDS) {
            let said = match kind {
                DAMAGE => damage.map(|words| format!(": {words}")),
                _ => names.contains(kind).then(String::new),
            };
            let Some(said) = said else { continue };
            loss.n_images += 1;
            if loss.n_images == 1 {
                loss.example = format!("`{}`{said}", image.source);
            }
        }
    }

    /// A warning for each kind of loss that there was.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let lost = self.of_kinds.iter().zip(KINDS).filter(|(loss, _)| loss.n_images > 0);
        let warning = |(Loss { n_images, example }, (_, what)): (&Loss, (&str, &str))| {
            format!("{n_images} of {} {what} (column `lost`), for instance {example}", self.n_images)
        };
        lost.map(warning).collect()
    }
}
