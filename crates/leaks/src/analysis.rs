//! Accuracy with and without leaks, for each model and all together.

use serde::Serialize;
use twinset_manifest::rows::{Leak, LeakSubset, PairKind, Split};

use crate::ranking::{Ranking, Reversal};
use crate::statistics::{Difference, Interval, Proportion, independent_difference, overstatement};
use crate::{Config, Dataset, FileRead, Model};

/// What duplicates do to the accuracy of models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// The split.
    pub split: Split,
    /// The confidence of all intervals.
    pub confidence: f64,
    /// Images of the split.
    pub n_images: u64,
    /// Of them, those with a twin in the training split.
    pub n_leaked: u64,
    /// Leaked images with identical pixels there.
    pub n_leaked_exact: u64,
    /// The other leaked images.
    pub n_leaked_near: u64,
    /// Images with a twin within the split and none in the training split; null where twins were searched between splits alone.
    pub n_twin_within_split: Option<u64>,
    /// The models, as they were given.
    pub models: Vec<ModelResult>,
    /// The models' order by the reported accuracy.
    pub ranking: Ranking,
    /// The models' order by the accuracy on images without a twin.
    pub ranking_without_twins: Ranking,
    /// Pairs of models whose order differs between the two.
    pub reversals: Vec<Reversal>,
    /// What a reader should know of the figures.
    pub warnings: Vec<String>,
}

/// What duplicates do to the accuracy of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelResult {
    /// Its name.
    pub name: String,
    /// On all images: as it is reported.
    pub reported: Accuracy,
    /// On images without a twin in the training split.
    pub without_twin: Accuracy,
    /// On images with one.
    pub leaked: Accuracy,
    /// The reported accuracy less that on images without a twin; null where no image is without one.
    pub overstatement: Option<Difference>,
    /// All subsets, as the manifest has them.
    pub subsets: Vec<Subset>,
    /// How its file was read.
    pub read: FileRead,
}

/// An accuracy with its interval; null where there is no image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Images.
    pub n_images: u64,
    /// Of them, those that the model is right on.
    pub n_correct: u64,
    /// The share.
    pub accuracy: Option<f64>,
    /// Wilson's interval.
    pub interval: Option<Interval>,
}

/// A model's accuracy on some of the images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Subset {
    /// Which images.
    pub subset: LeakSubset,
    /// The similarities of a bin.
    pub similarity: Option<(f64, f64)>,
    /// The accuracy.
    #[serde(flatten)]
    pub accuracy: Accuracy,
    /// The accuracy less that on images without a twin.
    pub difference: Option<Difference>,
}

impl Accuracy {
    fn of(proportion: Proportion, confidence: f64) -> Self {
        let Proportion { n_correct, n } = proportion;
        Self { n_images: n, n_correct, accuracy: proportion.share(), interval: proportion.wilson(confidence) }
    }

    fn proportion(self) -> Proportion {
        Proportion { n_correct: self.n_correct, n: self.n_images }
    }
}

/// Compares models' predictions with the images, with and without leaks.
pub fn analyse(dataset: &Dataset, models: &[Model], config: &Config) -> Analysis {
    let results: Vec<ModelResult> = models.iter().map(|model| result(model, dataset, config)).collect();
    let correct: Vec<Vec<bool>> = models.iter().map(|model| model.correct(dataset).collect()).collect();
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    let without_twin: Vec<Vec<bool>> = correct
        .iter()
        .map(|correct| correct.iter().zip(&dataset.images).filter(|(_, i)| i.leak.is_none()).map(|(c, _)| *c).collect())
        .collect();
    let count = |is_it: &dyn Fn(&PairKind) -> bool| {
        dataset.images.iter().filter(|image| image.leak.as_ref().is_some_and(|pair| is_it(&pair.kind))).count() as u64
    };
    let n_within = dataset.images.iter().filter(|image| image.leak.is_none() && image.has_twin_within).count();
    Analysis {
        split: dataset.split,
        confidence: config.confidence,
        n_images: dataset.images.len() as u64,
        n_leaked: count(&|_| true),
        n_leaked_exact: count(&|kind| *kind == PairKind::Exact),
        n_leaked_near: count(&|kind| *kind != PairKind::Exact),
        n_twin_within_split: dataset.is_searched_within.then_some(n_within as u64),
        ranking: Ranking::of(&names, &correct, config.confidence),
        ranking_without_twins: Ranking::of(&names, &without_twin, config.confidence),
        reversals: Reversal::all(&names, &correct, &without_twin, config.confidence),
        warnings: dataset
            .warnings
            .iter()
            .map(|warning| format!("of the images: {warning}"))
            .chain(models.iter().flat_map(|model| warnings(model, dataset, config)))
            .collect(),
        models: results,
    }
}

fn result(model: &Model, dataset: &Dataset, config: &Config) -> ModelResult {
    let confidence = config.confidence;
    let correct: Vec<bool> = model.correct(dataset).collect();
    let of = |subset: LeakSubset, similarity: Option<(f64, f64)>| {
        let images = dataset.images.iter().zip(&correct).filter(|(image, _)| {
            let similar = |pair: &twinset_manifest::rows::Pair| {
                let (low, high) = similarity.unwrap_or((0.0, 1.0));
                let of_pair = pair.similarity.map(f64::from);
                of_pair.is_some_and(|value| value >= low && (value < high || high == 1.0))
            };
            match (&image.leak, subset) {
                (_, LeakSubset::All) | (None, LeakSubset::WithoutTwin) | (Some(_), LeakSubset::Leaked) => true,
                (Some(pair), LeakSubset::LeakedExact) => pair.kind == PairKind::Exact,
                (Some(pair), LeakSubset::LeakedNear) => pair.kind != PairKind::Exact,
                (Some(pair), LeakSubset::LeakedSimilarity) => pair.kind != PairKind::Exact && similar(pair),
                (None, LeakSubset::TwinWithinSplit) => image.has_twin_within,
                _ => false,
            }
        });
        Accuracy::of(Proportion::of(images.map(|(_, is_correct)| *is_correct)), confidence)
    };
    let (reported, without_twin, leaked) =
        (of(LeakSubset::All, None), of(LeakSubset::WithoutTwin, None), of(LeakSubset::Leaked, None));
    let overstatement = overstatement(leaked.proportion(), without_twin.proportion(), confidence);
    let subset = |subset: LeakSubset, similarity| {
        let accuracy = of(subset, similarity);
        let difference = match subset {
            LeakSubset::All => overstatement,
            LeakSubset::WithoutTwin | LeakSubset::TwinWithinSplit => None,
            _ => independent_difference(accuracy.proportion(), without_twin.proportion(), confidence),
        };
        Subset { subset, similarity, accuracy, difference }
    };
    let mut subsets = Vec::new();
    for &which in LeakSubset::ALL {
        match which {
            LeakSubset::LeakedSimilarity => {
                subsets.extend(config.bins().into_iter().map(|bin| subset(which, Some(bin))));
            }
            // Not known where twins were searched between splits alone.
            LeakSubset::TwinWithinSplit if !dataset.is_searched_within => {}
            _ => subsets.push(subset(which, None)),
        }
    }
    ModelResult {
        name: model.name.clone(),
        reported,
        without_twin,
        leaked,
        overstatement,
        subsets,
        read: model.read.clone(),
    }
}

/// Of fewer images a model may well be as good as a guess.
const MIN_IMAGES_FOR_GUESS: usize = 50;

/// What a reader should know of a model's figures.
fn warnings(model: &Model, dataset: &Dataset, config: &Config) -> Vec<String> {
    let Model { name, predicted, read, .. } = model;
    let mut warnings = Vec::new();
    let accuracy = Accuracy::of(Proportion::of(model.correct(dataset)), config.confidence);
    let by_chance = accuracy_by_chance(predicted, dataset);
    let is_guess = accuracy.interval.is_some_and(|interval| interval.low <= by_chance);
    if is_guess && predicted.len() >= MIN_IMAGES_FOR_GUESS {
        let order = if read.is_order_unchecked { ": are they in the order of the images' manifest?" } else { "" };
        warnings.push(format!(
            "`{name}` is right on {:.1} % of the images, and the same predictions in any order would be right on {:.1} %{order}",
            accuracy.accuracy.unwrap_or_default() * 100.0,
            by_chance * 100.0
        ));
    } else if read.is_order_unchecked {
        warnings
            .push(format!("nothing but their number says that the predictions of `{name}` are in the images' order"));
    }
    if let (Some(n @ 1..), Some(n_with_label)) = (read.n_ties, read.n_ties_with_label) {
        warnings.push(format!(
            "`{name}` gives its largest logit to several classes on {n} images, and to the right class among them on {n_with_label}; the \
             first class counts"
        ));
    }
    if read.n_of_other_splits > 0 {
        warnings.push(format!(
            "{} predictions of `{name}` are of images of other splits, and were left out",
            read.n_of_other_splits
        ));
    }
    warnings
}

/// The accuracy that is expected of the same predictions in any order.
fn accuracy_by_chance(predicted: &[u32], dataset: &Dataset) -> f64 {
    let mut n = vec![(0_u64, 0_u64); dataset.classes.len()];
    for (predicted, image) in predicted.iter().zip(&dataset.images) {
        n[*predicted as usize].0 += 1;
        n[image.label as usize].1 += 1;
    }
    let n_images = predicted.len() as f64;
    n.iter().map(|(predicted, labelled)| (*predicted as f64 / n_images) * (*labelled as f64 / n_images)).sum()
}

impl Analysis {
    /// The rows of `leaks`.
    pub fn rows(&self) -> Vec<Leak> {
        let rows = self
            .models
            .iter()
            .enumerate()
            .flat_map(|(place, model)| model.subsets.iter().map(move |subset| self.row(place, model, subset)));
        rows.collect()
    }

    fn row(&self, place: usize, model: &ModelResult, subset: &Subset) -> Leak {
        let Subset { accuracy, difference, similarity, .. } = *subset;
        let ranked = match subset.subset {
            LeakSubset::All => self.ranking.of_model(place),
            LeakSubset::WithoutTwin => self.ranking_without_twins.of_model(place),
            _ => None,
        };
        let lead = ranked.and_then(|ranked| ranked.lead);
        let next = ranked.and_then(|ranked| ranked.next);
        let interval = difference.and_then(|difference| difference.interval);
        Leak {
            model: model.name.clone(),
            split: self.split,
            subset: subset.subset,
            similarity_low: similarity.map(|(low, _)| low),
            similarity_high: similarity.map(|(_, high)| high),
            n_images: accuracy.n_images,
            n_correct: accuracy.n_correct,
            accuracy: accuracy.accuracy,
            accuracy_low: accuracy.interval.map(|interval| interval.low),
            accuracy_high: accuracy.interval.map(|interval| interval.high),
            difference: difference.map(|difference| difference.value),
            difference_low: interval.map(|interval| interval.low),
            difference_high: interval.map(|interval| interval.high),
            confidence: self.confidence,
            rank: ranked.map(|ranked| ranked.rank),
            next_model: next.map(|next| self.models[next].name.clone()),
            lead: lead.map(|lead| lead.value),
            lead_low: lead.and_then(|lead| lead.interval).map(|interval| interval.low),
            lead_high: lead.and_then(|lead| lead.interval).map(|interval| interval.high),
        }
    }
}

#[cfg(test)]
mod tests {
    use twinset_manifest::{Digest, Input};

    use super::*;

    #[test]
    fn predictions_in_another_order_are_noticed() {
        let names: Vec<String> = (0..60).map(|number| format!("{number}.png")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let dataset = crate::tests::dataset(&names, &["train.png"]);
        let warnings = |is_other: bool, is_order_unchecked: bool| {
            // Two images of one class after two of the other, where the images take turns one by one.
            let predicted = (0..60).map(|place| if is_other { place / 2 % 2 } else { place % 2 }).collect();
            let read = FileRead { is_order_unchecked, ..FileRead::default() };
            let input = Input { name: "a.npy".to_owned(), schema: None, blake3: Digest([0; 32]) };
            let model = Model { name: "a".to_owned(), predicted, read, input };
            warnings(&model, &dataset, &Config::default())
        };
        assert_eq!(warnings(false, false), Vec::<String>::new());
        assert_eq!(
            warnings(false, true),
            ["nothing but their number says that the predictions of `a` are in the images' order"]
        );
        let found = warnings(true, true);
        assert!(
            found[0].ends_with("in any order would be right on 50.0 %: are they in the order of the images' manifest?"),
            "{found:?}"
        );
    }
}
