//! The leaked images that a model is right and wrong on, beside their twins.

use std::collections::BTreeSet;

use twinset_gallery::Twins;
use twinset_manifest::rows::PairKind;

use super::PageSource;
use crate::{Dataset, Model};

/// Models whose images are shown.
const MAX_MODELS: usize = 4;
/// Images of a model that are shown, of those that it is right on and of the others.
const MAX_IMAGES: usize = 12;

/// The leaked images that are shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    models: Vec<ShownModel>,
}

/// The leaked images of one model, by their places in the split, the most similar first.
#[derive(Clone, Debug)]
struct ShownModel {
    model: usize,
    wrong: Vec<usize>,
    right: Vec<usize>,
    n_wrong: usize,
    n_right: usize,
}

/// Which leaked images are shown: of each of the first models the most similar ones.
pub fn pairs_shown(dataset: &Dataset, models: &[Model]) -> Shown {
    let mut leaked: Vec<usize> =
        (0..dataset.images.len()).filter(|place| dataset.images[*place].leak.is_some()).collect();
    let rank = |place: &usize| {
        let pair = dataset.images[*place].leak.as_ref();
        pair.map_or((false, -1.0), |pair| (pair.kind == PairKind::Exact, pair.similarity.unwrap_or(-1.0)))
    };
    leaked.sort_by(|left, right| {
        let ((left_exact, left), (right_exact, right)) = (rank(left), rank(right));
        right_exact.cmp(&left_exact).then(right.total_cmp(&left))
    });
    let shown = |(number, model): (usize, &Model)| {
        let correct: Vec<bool> = model.correct(dataset).collect();
        let (mut right, mut wrong): (Vec<usize>, Vec<usize>) = leaked.iter().partition(|place| correct[**place]);
        let (n_right, n_wrong) = (right.len(), wrong.len());
        right.truncate(MAX_IMAGES);
        wrong.truncate(MAX_IMAGES);
        ShownModel { model: number, wrong, right, n_wrong, n_right }
    };
    Shown { models: models.iter().enumerate().take(MAX_MODELS).map(shown).collect() }
}

impl Shown {
    /// How many models' images are shown.
    pub(super) fn n_models(&self) -> usize {
        self.models.len()
    }

    /// The images whose pictures are needed.
    pub fn image_ids(&self, dataset: &Dataset) -> BTreeSet<u64> {
        let places = self.models.iter().flat_map(|model| model.wrong.iter().chain(&model.right));
        let pairs = places.filter_map(|place| dataset.images[*place].leak.as_ref());
        pairs.flat_map(|pair| [pair.left_id, pair.right_id]).collect()
    }
}

/// A model's leaked images.
pub(super) struct LeakedImages {
    pub(super) name: String,
    pub(super) groups: Vec<Group>,
    pub(super) is_first: bool,
}

/// Those that a model is right on, or wrong.
pub(super) struct Group {
    pub(super) title: String,
    pub(super) cards: Vec<Card>,
}

pub(super) struct Card {
    pub(super) twins: String,
    pub(super) predicted: String,
    pub(super) label: String,
    pub(super) is_wrong: bool,
}

pub(super) fn images(source: &PageSource<'_>) -> Vec<LeakedImages> {
    let PageSource { dataset, models, shown, pictures, .. } = source;
    let card = |model: &Model, place: &usize| {
        let image = &dataset.images[*place];
        let pair = image.leak.as_ref()?;
        let predicted = model.predicted[*place];
        Some(Card {
            twins: Twins::of(pair, pictures).to_string(),
            predicted: dataset.class(predicted),
            label: dataset.class(image.label),
            is_wrong: predicted != image.label,
        })
    };
    let of_model = |(number, shown): (usize, &ShownModel)| {
        let model = &models[shown.model];
        let group = |what: &str, n: usize, places: &[usize]| {
            let title = match places.len() {
                0 => format!("{what}: none"),
                n_shown if n_shown < n => format!("{what}: the {n_shown} most similar of {n}"),
                _ => format!("{what}: {n}"),
            };
            Group { title, cards: places.iter().filter_map(|place| card(model, place)).collect() }
        };
        let groups = vec![group("Wrong", shown.n_wrong, &shown.wrong), group("Right", shown.n_right, &shown.right)];
        LeakedImages { name: model.name.clone(), groups, is_first: number == 0 }
    };
    shown.models.iter().enumerate().filter(|(_, of)| of.n_wrong + of.n_right > 0).map(of_model).collect()
}
