//! What a network classifies images as.

use std::ops::Range;

use tch::{Kind, Tensor};
use twinset_attack::Attack;
use twinset_manifest::rows::{Prediction, Split};
use twinset_model::{ImageSet, Mode, Network, augment, catch_out_of_memory, unit_pixels};
use twinset_stage::Progress;

use crate::seed::{Purpose, torch_seed};
use crate::{CLEAN, Config, EvaluateError, EvaluationData};

/// What an evaluation came to.
#[derive(Debug)]
pub struct Evaluation {
    /// One an image and attack.
    pub predictions: Vec<Prediction>,
    /// What a reader of them has to know: attacks that could not do their work.
    pub warnings: Vec<String>,
}

/// One prediction an image and attack: first all images as they are, attack `clean`, then under each attack in the
/// config's order; within each in the order of the config's splits, and by id within these, what leaked after the split's own.
///
/// `linf` and `l2` are of what the attack did to the image as augmented. Torch's generator is seeded anew for each
/// batch from the seed, the attack's name, the split and the batch's number, so an attack's results do not depend on the
/// other attacks and splits, but they do on the batch size where it draws random starts. What leaked is in batches of its own,
/// so the results of a split's own images do not depend on it.
///
/// # Errors
/// When an attack fails, the network's logits are not finite, or a batch does not fit into memory.
///
/// # Panics
/// When the images are not on the network's device or not of its size, which [`load`](crate::load) checks.
pub fn evaluate(
    network: &Network,
    data: &EvaluationData,
    config: &Config,
    progress: &Progress,
) -> Result<Evaluation, EvaluateError> {
    let images = &data.images;
    let splits: Vec<_> = config.splits.iter().map(|&split| (split, batches(data, split, config))).collect();
    let n_runs = 1 + config.attacks.len();
    let mut predictions = Vec::with_capacity(images.len() * n_runs);
    let mut warnings = config.warnings();
    let bar = progress.begin("images", (images.len() * n_runs) as u64, "evaluating");
    for attack in std::iter::once(None).chain(config.attacks.iter().map(Some)) {
        let name = attack.map_or_else(|| CLEAN.to_owned(), Attack::name);
        let notes = attack.map_or_else(Vec::new, |attack| attack.notes(network.spec().n_classes));
        warnings.extend(notes.into_iter().map(|note| format!("attack `{name}`: {note}")));
        bar.set_message(format!("evaluating {name}"));
        for (split, batches) in &splits {
            let mut idle = Idle::default();
            for (index, places) in batches.iter().enumerate() {
                let batch = Batch { network, images, config, split: *split, index, n_batches: batches.len(), places };
                let done = catch_out_of_memory(|| batch.predict(attack, &name, &mut predictions, &mut idle));
                done.map_err(|source| EvaluateError::OutOfMemory {
                    network: network.spec().to_string(),
                    batch_size: config.batch_size,
                    source,
                })??;
                bar.inc(places.len() as u64);
            }
            if attack.is_some_and(Attack::may_move) {
                warnings.extend(idle.warnings(&name, *split));
            }
        }
    }
    Ok(Evaluation { predictions, warnings })
}

/// Images that an attack could do nothing to.
#[derive(Debug, Default)]
struct Idle {
    n_images: u64,
    n_without_gradient: u64,
    n_unmoved: u64,
}

impl Idle {
    fn warnings(&self, attack: &str, split: Split) -> Vec<String> {
        let Self { n_images, n_without_gradient, n_unmoved } = *self;
        let told = |n: u64, what: &str| {
            (n > 0).then(|| {
                format!(
                    "attack `{attack}` on `{split}`: {n} of {n_images} images {what}, so it may overrate the network"
                )
            })
        };
        let without = told(n_without_gradient, "have no gradient that it could follow");
        without.into_iter().chain(told(n_unmoved, "were left exactly as they were")).collect()
    }
}

/// Where the images of a split stand in the image set, by id, batch by batch: its own, then what leaked into it.
fn batches(data: &EvaluationData, split: Split, config: &Config) -> Vec<Vec<usize>> {
    let images = &data.images;
    let of = |places: Range<usize>| {
        let mut places: Vec<_> = places.filter(|&place| images.splits[place] == split).collect();
        places.sort_unstable_by_key(|&place| images.image_ids[place]);
        places.chunks(config.batch_size as usize).map(<[usize]>::to_vec).collect::<Vec<_>>()
    };
    [of(0..data.n_own), of(data.n_own..images.len())].concat()
}

/// Images that are classified at once.
struct Batch<'a> {
    network: &'a Network,
    images: &'a ImageSet,
    config: &'a Config,
    split: Split,
    /// The batch's number in its split, counted from 0.
    index: usize,
    n_batches: usize,
    places: &'a [usize],
}

impl Batch<'_> {
    fn predict(
        &self,
        attack: Option<&Attack>,
        name: &str,
        predictions: &mut Vec<Prediction>,
        idle: &mut Idle,
    ) -> Result<(), EvaluateError> {
        let places: Vec<_> = self.places.iter().map(|&place| place as i64).collect();
        let places = Tensor::from_slice(&places).to_device(self.network.device());
        let labels = self.images.labels.index_select(0, &places);
        let pixels = self.pixels(&places);
        let (attacked, n_queries) = match attack {
            None => (pixels.shallow_clone(), vec![0; self.places.len()]),
            Some(attack) => {
                self.seed(Purpose::Attack(name));
                let logits = |pixels: &Tensor| self.network.forward(pixels, Mode::Eval);
                let attacked = attack.run(&logits, &pixels, &labels).map_err(|source| EvaluateError::Attack {
                    attack: name.to_owned(),
                    split: self.split,
                    batch: self.index + 1,
                    n_batches: self.n_batches,
                    source,
                })?;
                idle.n_images += self.places.len() as u64;
                idle.n_without_gradient += attacked.n_without_gradient;
                idle.n_unmoved += attacked.n_unmoved;
                (attacked.pixels, attacked.n_queries)
            }
        };
        let predicted = self.classify(&attacked, name)?;
        let change = (attacked - pixels).flatten(1, -1);
        let linf = floats(&change.abs().amax([1], false));
        let l2 = floats(&change.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float).sqrt());
        let labels = Vec::<i64>::try_from(&labels).expect("labels are integers");
        for (offset, &place) in self.places.iter().enumerate() {
            predictions.push(Prediction {
                image_id: self.images.image_ids[place],
                split: self.split,
                label: labels[offset] as u32,
                attack: name.to_owned(),
                predicted: predicted[offset] as u32,
                is_correct: predicted[offset] == labels[offset],
                linf: linf[offset],
                l2: l2[offset],
                n_queries: n_queries[offset],
            });
        }
        Ok(())
    }

    /// The images with pixels in [0, 1], augmented alike for every attack.
    fn pixels(&self, places: &Tensor) -> Tensor {
        let mut bytes = self.images.bytes(places);
        if let Some(augmentation) = &self.config.augmentation {
            self.seed(Purpose::Augmentation);
            bytes = augment(&bytes, augmentation);
        }
        unit_pixels(&bytes)
    }

    /// The class with the largest logit, for each image.
    fn classify(&self, pixels: &Tensor, attack: &str) -> Result<Vec<i64>, EvaluateError> {
        let logits = tch::no_grad(|| self.network.forward(pixels, Mode::Eval));
        let is_finite = logits.isfinite().all_dim(1, false);
        let is_finite = Vec::<bool>::try_from(&is_finite).expect("a row is finite or not");
        match is_finite.iter().position(|is_finite| !is_finite) {
            None => Ok(Vec::try_from(&logits.argmax(1, false)).expect("classes are integers")),
            Some(offset) => Err(EvaluateError::NotFinite {
                image_id: self.images.image_ids[self.places[offset]],
                attack: attack.to_owned(),
            }),
        }
    }

    fn seed(&self, purpose: Purpose<'_>) {
        tch::manual_seed(torch_seed(self.config.seed, purpose, self.split, self.index as u64));
    }
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor).expect("norms are floats")
}
