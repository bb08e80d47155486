//! The *evidence* of a study: what its manifests say, as far as the page needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use twinset_gallery::{Picture, pictures, side_for};
use twinset_manifest::rows::{
    Cluster, Epoch, Hashes, Image, ImageFacts, LearningCurve, Origin, Pair, PairKind, Prediction, Reject, Split,
    TrainsetRow, WORST_CASE,
};
use twinset_manifest::{Provenance, Reader};

use crate::counts::{Group, TrainsetCount, count_positions, count_trainset};
use crate::dataset::{Dataset, RejectCount, count_rejects};
use crate::duplicates::{Duplicates, evenly};
use crate::evaluation::Evaluation;
use crate::gaussian::{self, GaussianEvidence};
use crate::sources::{Source, Sources};
use crate::study::Status;
use crate::truth::read_truth;
use crate::{Config, ReportError, Study, StudyCell};

/// What a study's manifests say.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The images, counted.
    pub dataset: Dataset,
    /// What could not be read, by reason.
    pub rejects: Vec<RejectCount>,
    /// The duplicates found.
    pub duplicates: Duplicates,
    /// What each cell came to, in the order of the study's list.
    pub cells: Vec<CellEvidence>,
    /// Some of the near-duplicates that were injected.
    pub injected: Vec<InjectedExample>,
    /// The Gaussian toy; none where the study has none.
    pub gaussian: Option<GaussianEvidence>,
    /// The images to be shown.
    pub pictures: BTreeMap<u64, Picture>,
    /// All files that were read.
    pub sources: Vec<Source>,
}

impl Evidence {
    /// What the stages warn a reader of, each once.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = Vec::new();
        for warning in self.sources.iter().filter_map(|source| source.provenance.as_ref()).flat_map(|p| &p.warnings) {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        warnings
    }
}

/// What one cell came to; empty where it did not come so far.
#[derive(Clone, Debug, Default)]
pub struct CellEvidence {
    /// What its network's predictions come to.
    pub evaluation: Arc<Evaluation>,
    /// Training, epoch by epoch.
    pub epochs: Vec<Epoch>,
    /// Held-out accuracy every so many samples; empty where it was measured after epochs alone.
    pub learning_curve: Vec<LearningCurve>,
    /// The training set, counted.
    pub trainset: Vec<TrainsetCount>,
    /// Images that were judged of which this network's own training set holds a duplicate; none where its training set is not known.
    pub trained_twins: Option<BTreeSet<u64>>,
}

impl CellEvidence {
    /// How many duplicates the class got.
    pub fn n_injected(&self, label: u32) -> u64 {
        let is_it = |count: &&TrainsetCount| count.origin == Origin::Injected && count.label == label;
        self.trainset.iter().filter(is_it).map(|count| count.n).sum()
    }
}

/// A near-duplicate that was injected.
#[derive(Clone, Debug)]
pub struct InjectedExample {
    /// The first arm that has it.
    pub arm: String,
    /// The image it was made from.
    pub derived_from: u64,
    /// What was done to that.
    pub transform: String,
    /// What came of it.
    pub picture: Picture,
}

/// Examples of injected near-duplicates that are shown of an arm.
const EXAMPLES_OF_AN_ARM: usize = 8;

/// Reads what a study names. Images that are files of their own are looked for in `data`.
///
/// # Errors
/// When a file cannot be read or is another one than expected: names the study's field, the file, what was found and
/// what was expected.
pub fn gather(study: &Study, config: &Config, data: &Path) -> Result<Evidence, ReportError> {
    let mut sources = Sources::default();
    let dataset = Dataset::count(sources.open::<ImageFacts>("images", &study.images)?)?;
    if dataset.counts.is_empty() {
        return Err(ReportError::Empty { field: "images".to_owned(), path: study.images.clone() });
    }
    let rejects = count_rejects(&sources.read::<Reject>("rejects", &study.rejects)?);
    sources.open::<Hashes>("hashes", &study.hashes)?;
    let pairs = sources.read::<Pair>("pairs", &study.pairs)?;
    let clusters = sources.read::<Cluster>("clusters", &study.clusters)?;
    let truth = study.truth.as_deref().map(|path| {
        sources.note("truth", path)?;
        read_truth(path)
    });
    let truth = truth.transpose()?;
    let duplicates = Duplicates::count(&pairs, &clusters, truth.as_deref(), config.gallery_pairs);
    let cells = cells(study, &twins(&pairs), &mut sources)?;
    let injected = injected(study, &mut sources, data)?;
    let gaussian = gaussian::read(study, &mut sources)?;
    let mut wanted: BTreeSet<u64> = duplicates.gallery.iter().flat_map(|pair| [pair.left_id, pair.right_id]).collect();
    wanted.extend(injected.iter().map(|example| example.derived_from));
    let pictures = pictures(sources.open("images", &study.images)?, &wanted, data, side_for(wanted.len()), |_| ())
        .map_err(|source| ReportError::Manifest { field: "images".to_owned(), source })?;
    Ok(Evidence { dataset, rejects, duplicates, cells, injected, gaussian, pictures, sources: sources.into_vec() })
}

/// What a study's cells came to, as far as verdicts ask.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// What each cell came to, in the order of the study's list; nothing of its training set.
    pub cells: Vec<CellEvidence>,
    /// The accuracy of a guess.
    pub chance: f64,
}

/// Reads of a study what verdicts ask: neither pictures nor duplicates, training sets or weights.
///
/// # Errors
/// As [`gather`].
pub fn gather_outcomes(study: &Study) -> Result<Outcomes, ReportError> {
    let mut sources = Sources::default();
    let chance = Dataset::count(sources.open::<ImageFacts>("images", &study.images)?)?.chance();
    let mut study = study.clone();
    for cell in &mut study.cells {
        (cell.trainset, cell.injected_images, cell.weights) = (None, None, None);
    }
    let twins = twins(&sources.read::<Pair>("pairs", &study.pairs)?);
    Ok(Outcomes { cells: cells(&study, &twins, &mut sources)?, chance })
}

/// The images of other splits that have an exact or near duplicate in the training split, with these.
type Twins = BTreeMap<u64, Vec<u64>>;

fn twins(pairs: &[Pair]) -> Twins {
    let mut twins = Twins::new();
    for pair in pairs.iter().filter(|pair| pair.kind != PairKind::Similar) {
        match (pair.left_split, pair.right_split) {
            (Split::Train, Split::Train) => {}
            (Split::Train, _) => twins.entry(pair.right_id).or_default().push(pair.left_id),
            (_, Split::Train) => twins.entry(pair.left_id).or_default().push(pair.right_id),
            _ => {}
        }
    }
    twins
}

/// Of the images that were judged, those of which a training set of these images holds a duplicate.
fn trained_twins(judged: &BTreeSet<u64>, twins: &Twins, images: &BTreeSet<u64>) -> BTreeSet<u64> {
    let is_trained_on = |twin: &&u64| twins.get(*twin).into_iter().flatten().any(|image| images.contains(image));
    judged.iter().filter(is_trained_on).copied().collect()
}

/// How many positions of a training set each image stands at.
type Positions = Arc<BTreeMap<u64, u64>>;

/// What is known of a training set: how many positions, at which of them each image stands, and which images of the data it is made of.
type Trainset = (Vec<TrainsetCount>, Positions, Arc<BTreeSet<u64>>);

fn trainset(rows: &[TrainsetRow]) -> Trainset {
    let images = rows.iter().map(|row| row.duplicate_of.unwrap_or(row.image_id)).collect();
    (count_trainset(rows), Arc::new(count_positions(rows)), Arc::new(images))
}

/// Cells may share a file (rate 0 is the same in all arms): each is read once.
fn cells(study: &Study, twins: &Twins, sources: &mut Sources) -> Result<Vec<CellEvidence>, ReportError> {
    let mut evaluations: BTreeMap<&Path, Arc<Evaluation>> = BTreeMap::new();
    let mut epochs: BTreeMap<&Path, Vec<Epoch>> = BTreeMap::new();
    let mut learning_curves: BTreeMap<&Path, Vec<LearningCurve>> = BTreeMap::new();
    let mut trainsets: BTreeMap<&Path, Trainset> = BTreeMap::new();
    let mut leaked: BTreeMap<&Path, BTreeSet<u64>> = BTreeMap::new();
    let mut cells = Vec::new();
    for (i, cell) in study.cells.iter().enumerate() {
        let field = |name: &str| format!("cells[{i}].{name}");
        let mut evidence = CellEvidence::default();
        let mut positions = Positions::default();
        let mut trained_on = None;
        if let Some(path) = &cell.trainset {
            let count = |rows: Vec<TrainsetRow>, _: &_| trainset(&rows);
            let (counts, of_image, images) = once(&mut trainsets, sources, &field("trainset"), path, count)?;
            (evidence.trainset, positions, trained_on) = (counts, of_image, Some(images));
        }
        if let Some(path) = &cell.injected_images {
            sources.open::<Image>(&field("injected_images"), path)?;
        }
        let leaked = match &cell.leaked_images {
            None => BTreeSet::new(),
            Some(path) => {
                let ids = |rows: Vec<Image>, _: &_| rows.iter().map(|row| row.image_id).collect();
                once(&mut leaked, sources, &field("leaked_images"), path, ids)?
            }
        };
        if let Some(path) = &cell.epochs {
            evidence.epochs = once(&mut epochs, sources, &field("epochs"), path, |rows, _| rows)?;
        }
        if let Some(path) = &cell.learning_curve {
            let field = field("learning_curve");
            evidence.learning_curve = once(&mut learning_curves, sources, &field, path, |rows, _| rows)?;
        }
        if let Some(path) = &cell.weights {
            sources.note(&field("weights"), path)?;
        }
        if let Some(path) = cell.predictions.as_ref().filter(|_| cell.status == Status::Done) {
            let group = |image_id: u64| match () {
                () if leaked.contains(&image_id) => Group::Leaked,
                () if twins.contains_key(&image_id) => Group::Twin,
                () => Group::Own,
            };
            let sum_up = |rows: Vec<Prediction>, provenance: &Provenance| {
                Arc::new(Evaluation::of(&rows, &provenance.config, group, &positions))
            };
            let field = field("predictions");
            evidence.evaluation = once(&mut evaluations, sources, &field, path, sum_up)?;
            evidence.trained_twins = trained_on.map(|images| trained_twins(&evidence.evaluation.twins, twins, &images));
            if evidence.evaluation.counts.is_empty() {
                return Err(ReportError::Empty { field, path: path.clone() });
            }
            if evidence.evaluation.runs.iter().any(|run| run.attack == WORST_CASE) {
                return Err(ReportError::Reserved { field, path: path.clone() });
            }
        }
        cells.push(evidence);
    }
    Ok(cells)
}

fn once<'a, R: twinset_manifest::Row, T: Clone>(
    known: &mut BTreeMap<&'a Path, T>,
    sources: &mut Sources,
    field: &str,
    path: &'a Path,
    digest: impl FnOnce(Vec<R>, &Provenance) -> T,
) -> Result<T, ReportError> {
    // Opened even where it is known: the report says which cells share it.
    let reader: Reader<R> = sources.open(field, path)?;
    if let Some(value) = known.get(path) {
        return Ok(value.clone());
    }
    let wrong = |source| ReportError::Manifest { field: field.to_owned(), source };
    let provenance = reader.provenance().clone();
    let value = digest(reader.read_all().map_err(wrong)?, &provenance);
    known.insert(path, value.clone());
    Ok(value)
}

/// Of each arm's largest rate, some of the near-duplicates, evenly spaced.
fn injected(study: &Study, sources: &mut Sources, data: &Path) -> Result<Vec<InjectedExample>, ReportError> {
    let mut examples = Vec::new();
    let mut shown: BTreeSet<&Path> = BTreeSet::new();
    for arm in &study.arms {
        let of_arm = study.cells.iter().enumerate().filter(|(_, cell)| cell.arm == arm.name);
        let with_images = of_arm.filter_map(|(i, cell)| Some((i, cell, cell.injected_images.as_deref()?)));
        let rate_first = |left: &StudyCell, right: &StudyCell| right.rate.total_cmp(&left.rate);
        let mut candidates: Vec<_> = with_images.collect();
        candidates.sort_by(|(_, left, _), (_, right, _)| rate_first(left, right));
        for (i, _, path) in candidates {
            let field = format!("cells[{i}].injected_images");
            let reader = sources.open::<Image>(&field, path)?;
            if reader.n_rows() == 0 {
                continue;
            }
            if shown.insert(path) {
                let places: Vec<u64> = (0..reader.n_rows()).collect();
                let places: BTreeSet<u64> = evenly(&places, EXAMPLES_OF_AN_ARM).into_iter().collect();
                let mut place = 0;
                for batch in reader {
                    for row in batch.map_err(|source| ReportError::Manifest { field: field.clone(), source })? {
                        if places.contains(&place) {
                            examples.extend(example(&arm.name, &row, data));
                        }
                        place += 1;
                    }
                }
            }
            break;
        }
    }
    Ok(examples)
}

fn example(arm: &str, row: &Image, data: &Path) -> Option<InjectedExample> {
    Some(InjectedExample {
        arm: arm.to_owned(),
        derived_from: row.derived_from?,
        transform: row.transform.clone().unwrap_or_default(),
        picture: Picture::of(row, data, side_for(EXAMPLES_OF_AN_ARM)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twin_counts_as_trained_on_where_the_training_set_holds_any_of_its_duplicates() {
        let twins = Twins::from([(10, vec![1, 2]), (11, vec![3]), (12, vec![4])]);
        let found = |images: &[u64]| trained_twins(&[10, 11].into(), &twins, &images.iter().copied().collect());
        assert_eq!(found(&[2, 4, 5]), [10].into(), "12 was not judged");
        assert_eq!(found(&[1, 2, 3]), [10, 11].into());
        assert_eq!(found(&[5]), [].into(), "a training set that lacks the duplicate leaks nothing");
    }
}
