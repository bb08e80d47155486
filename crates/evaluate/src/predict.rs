//! What a network classifies images as.

use std::ops::Range;

use tch::{Kind, Tensor};
use twinset_attack::{Attack, AttackError, Attacked};
use twinset_manifest::Check;
use twinset_manifest::rows::{Prediction, Split};
use twinset_model::{ImageSet, Network, augment, catch_out_of_memory, unit_pixels};
use twinset_stage::Progress;

use crate::checkpoint::{Checkpoints, Found, Place};
use crate::checks::{self, Subject};
use crate::done::{Done, Idle};
use crate::odd::of_one_class;
use crate::said::{Said, floats};
use crate::seed::{Purpose, torch_seed};
use crate::{CLEAN, Config, EvaluateError, EvaluationData};

/// What an evaluation came to.
#[derive(Debug)]
pub struct Evaluation {
    /// One an image and attack.
    pub predictions: Vec<Prediction>,
    /// What a reader of them has to know beyond [`Config::warnings`]: attacks that could not do their work, a network that
    /// says the same of all images.
    pub warnings: Vec<String>,
    /// Whether what the attacks say can be believed; none where there are no attacks.
    pub checks: Vec<Check>,
}

/// What an evaluation goes on from, and where it keeps what it has done.
#[derive(Debug)]
pub struct Record<'a> {
    /// Where it keeps what it has done.
    pub checkpoints: &'a Checkpoints,
    /// What it found there.
    pub from: Found,
}

/// One prediction an image and attack: first all images as they are, attack `clean`, then under each attack in the
/// config's order; within each in the order of the config's splits, and by id within these, what leaked after the split's own.
///
/// An image that is wrong without an attack is not attacked: it is as wrong under each of them, and its row is that of
/// `clean`, but for the attack's name. [`Attack::attacks_all`] says which attacks are the exception.
///
/// `linf` and `l2` are of what the attack did to the image as augmented. Torch's generator is seeded anew for each
/// batch from the seed, the attack's name, the split and the batch's number, so an attack's results do not depend on the
/// other attacks and splits, but they do on the batch size where it draws random starts. What leaked is in batches of its own,
/// so the results of a split's own images do not depend on it.
///
/// With a record, what is found there is not done again, and the result is the same.
///
/// # Errors
/// When an attack fails, the network's logits are not finite, a batch does not fit into memory, or a checkpoint cannot be
/// written.
///
/// # Panics
/// When the images are not on the network's device or not of its size, which [`load`](crate::load) checks.
pub fn evaluate(
    network: &Network,
    data: &EvaluationData,
    config: &Config,
    progress: &Progress,
    mut record: Option<Record<'_>>,
) -> Result<Evaluation, EvaluateError> {
    let images = &data.images;
    let splits: Vec<_> = config.splits.iter().map(|&split| (split, batches(data, split, config))).collect();
    let n_runs = 1 + config.attacks.len();
    let frozen = network.frozen();
    let logits = |pixels: &Tensor| frozen.forward(pixels);
    let mut predictions: Vec<Prediction> = Vec::with_capacity(images.len() * n_runs);
    let mut warnings = Vec::new();
    let bar = progress.begin("images", (images.len() * n_runs) as u64, "evaluating");
    for attack in std::iter::once(None).chain(config.attacks.iter().enumerate().map(Some)) {
        let name = attack.map_or_else(|| CLEAN.to_owned(), |(_, attack)| attack.name());
        bar.set_message(format!("evaluating {name}"));
        let mut n_before = 0;
        for (split, batches) in &splits {
            let mut idle = Idle::default();
            for (index, places) in batches.iter().enumerate() {
                let batch = Batch {
                    network,
                    logits: &logits,
                    images,
                    config,
                    split: *split,
                    index,
                    n_batches: batches.len(),
                    places,
                };
                let done = catch_out_of_memory(|| match attack {
                    None => batch.clean(),
                    Some((attack_index, attack)) => {
                        let clean = &predictions[n_before..n_before + places.len()];
                        let place = Place { attack: attack_index, split: *split, batch: index };
                        batch.attacked(attack, &name, clean, place, record.as_mut())
                    }
                });
                let Done { rows, idle: of_batch } = done.map_err(|source| out_of_memory(network, config, source))??;
                n_before += places.len();
                predictions.extend(rows);
                idle += of_batch;
                bar.inc(places.len() as u64);
            }
            if attack.is_some_and(|(_, attack)| attack.may_move()) {
                warnings.extend(idle.warnings(&name, *split));
            }
        }
    }
    warnings.extend(of_one_class(&predictions[..images.len()], network.class_names()));
    bar.set_message("checking the attacks".to_owned());
    let checks = catch_out_of_memory(|| check(data, config, &logits, &predictions));
    let checks = checks.map_err(|source| out_of_memory(network, config, source))?;
    Ok(Evaluation { predictions, warnings, checks })
}

fn out_of_memory(network: &Network, config: &Config, source: twinset_model::OutOfMemory) -> EvaluateError {
    EvaluateError::OutOfMemory { network: network.spec().to_string(), batch_size: config.batch_size, source }
}

/// The checks on some of the first split's own images.
fn check(
    data: &EvaluationData,
    config: &Config,
    logits: &dyn Fn(&Tensor) -> Tensor,
    predictions: &[Prediction],
) -> Vec<Check> {
    let (images, split) = (&data.images, config.splits[0]);
    let mut own: Vec<_> = (0..data.n_own).filter(|&place| images.splits[place] == split).collect();
    own.sort_unstable_by_key(|&place| images.image_ids[place]);
    let chosen: Vec<_> = checks::sample(own.len()).into_iter().map(|index| own[index]).collect();
    let places: Vec<_> = chosen.iter().map(|&place| place as i64).collect();
    let places = Tensor::from_slice(&places).to_device(images.pixels.device());
    let ids: Vec<_> = chosen.iter().map(|&place| images.image_ids[place]).collect();
    checks::check(&Subject {
        logits,
        pixels: &images.batch(&places),
        labels: &images.labels.index_select(0, &places),
        image_ids: &ids,
        predictions,
        config,
        others: &data.others,
    })
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
    logits: &'a dyn Fn(&Tensor) -> Tensor,
    images: &'a ImageSet,
    config: &'a Config,
    split: Split,
    /// The batch's number in its split, counted from 0.
    index: usize,
    n_batches: usize,
    places: &'a [usize],
}

impl Batch<'_> {
    /// The images as they are.
    fn clean(&self) -> Result<Done, EvaluateError> {
        let (pixels, labels) = self.pixels_and_labels();
        let untouched = Attacked::untouched(pixels.shallow_clone());
        Ok(Done { rows: self.rows(CLEAN, &pixels, &labels, untouched, None)?, idle: Idle::default() })
    }

    /// The images under an attack. `clean` says what they are without.
    fn attacked(
        &self,
        attack: &Attack,
        name: &str,
        clean: &[Prediction],
        place: Place,
        mut record: Option<&mut Record<'_>>,
    ) -> Result<Done, EvaluateError> {
        if let Some(done) = record.as_mut().and_then(|record| record.from.take(place)) {
            return Ok(done);
        }
        let n = self.places.len();
        let targets: Vec<_> = (0..n).filter(|&offset| clean[offset].is_correct || attack.attacks_all()).collect();
        let (pixels, labels) = self.pixels_and_labels();
        let mut attacked = Attacked::untouched(pixels.shallow_clone());
        if !targets.is_empty() {
            let index: Vec<_> = targets.iter().map(|&offset| offset as i64).collect();
            let index = Tensor::from_slice(&index).to_device(self.network.device());
            let (pixels, labels) = (pixels.index_select(0, &index), labels.index_select(0, &index));
            let found = self.attack(attack, name, &pixels, &labels, place, record.as_deref_mut())?;
            attacked.pixels = attacked.pixels.index_copy(0, &index, &found.pixels);
            attacked.fooled_by = vec![None; n];
            for (nth, &offset) in targets.iter().enumerate() {
                attacked.n_queries[offset] = found.n_queries[nth];
                attacked.fooled_by[offset] = found.fooled_by.get(nth).copied().flatten();
            }
            attacked.n_without_gradient = found.n_without_gradient;
            attacked.n_unmoved = found.n_unmoved;
        }
        let Attacked { n_without_gradient, n_unmoved, .. } = attacked;
        let idle = Idle { n_images: targets.len() as u64, n_without_gradient, n_unmoved };
        let done = Done { rows: self.rows(name, &pixels, &labels, attacked, Some(clean))?, idle };
        if let Some(record) = record {
            record.checkpoints.save(place, &done)?;
        }
        Ok(done)
    }

    /// What an attack does to these of the images.
    fn attack(
        &self,
        attack: &Attack,
        name: &str,
        pixels: &Tensor,
        labels: &Tensor,
        place: Place,
        record: Option<&mut Record<'_>>,
    ) -> Result<Attacked, EvaluateError> {
        self.seed(Purpose::Attack(name));
        let attacked = match record {
            None => attack.run(self.logits, pixels, labels),
            Some(Record { checkpoints, from }) => {
                let from = from.take_part(place);
                let keep = &mut |done: &_| checkpoints.save_part(place, done);
                attack.run_resumably(self.logits, pixels, labels, from, keep)
            }
        };
        attacked.map_err(|source: AttackError| EvaluateError::Attack {
            attack: name.to_owned(),
            split: self.split,
            batch: self.index + 1,
            n_batches: self.n_batches,
            source,
        })
    }

    fn rows(
        &self,
        name: &str,
        pixels: &Tensor,
        labels: &Tensor,
        attacked: Attacked,
        clean: Option<&[Prediction]>,
    ) -> Result<Vec<Prediction>, EvaluateError> {
        let Attacked { pixels: attacked, n_queries, fooled_by, .. } = attacked;
        let said = self.classify(&attacked, labels, name)?;
        let change = (attacked - pixels).flatten(1, -1);
        let linf = floats(&change.abs().amax([1], false));
        let l2 = floats(&change.square().sum_dim_intlist([1i64].as_slice(), false, Kind::Float).sqrt());
        let labels = Vec::<i64>::try_from(labels).expect("labels are integers");
        let row = |offset: usize| {
            let Said { predicted, margin, loss } = said[offset];
            let is_correct = predicted == labels[offset];
            let fooled_by = match fooled_by.get(offset) {
                _ if is_correct => None,
                _ if clean.is_none_or(|clean| !clean[offset].is_correct) => Some(CLEAN.to_owned()),
                Some(Some(part)) => Some(format!("{name}/{part}")),
                Some(None) | None => Some(name.to_owned()),
            };
            Prediction {
                image_id: self.images.image_ids[self.places[offset]],
                split: self.split,
                label: labels[offset] as u32,
                attack: name.to_owned(),
                predicted: predicted as u32,
                is_correct,
                linf: linf[offset],
                l2: l2[offset],
                n_queries: n_queries[offset],
                margin,
                loss,
                fooled_by,
            }
        };
        Ok((0..self.places.len()).map(row).collect())
    }

    /// The images with pixels in [0, 1], augmented alike for every attack, and their labels.
    fn pixels_and_labels(&self) -> (Tensor, Tensor) {
        let places: Vec<_> = self.places.iter().map(|&place| place as i64).collect();
        let places = Tensor::from_slice(&places).to_device(self.network.device());
        let mut bytes = self.images.bytes(&places);
        if let Some(augmentation) = &self.config.augmentation {
            self.seed(Purpose::Augmentation);
            bytes = augment(&bytes, augmentation);
        }
        (unit_pixels(&bytes), self.images.labels.index_select(0, &places))
    }

    /// What the network says of each image.
    fn classify(&self, pixels: &Tensor, labels: &Tensor, attack: &str) -> Result<Vec<Said>, EvaluateError> {
        let logits = tch::no_grad(|| (self.logits)(pixels));
        let is_finite = logits.isfinite().all_dim(1, false);
        let is_finite = Vec::<bool>::try_from(&is_finite).expect("a row is finite or not");
        match is_finite.iter().position(|is_finite| !is_finite) {
            None => Ok(Said::of(&logits, labels)),
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
