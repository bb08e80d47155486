//! A *report* is one HTML page that tells what a study did, what came of it, and how sure that is.
//!
//! A [`Study`] (`study.json`, written by the runner) names the manifests of all cells; [`gather`] reads them as
//! [`Evidence`]; [`Report::of`] arranges that into [`Results`](results::Results), the page and the rows of the `cells`
//! manifest. The page needs neither a network nor JavaScript, and holds no clock and no path: the same evidence gives
//! the same bytes.
//!
//! ```no_run
//! use std::path::Path;
//! use twinset_report::{Config, Report, Study, gather};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::default();
//! let study = Study::read(Path::new("study.json"))?;
//! let evidence = gather(&study, &config, Path::new("."))?;
//! let report = Report::of(&study, &evidence, &config)?;
//! std::fs::write("index.html", &report.html)?;
//! # Ok(())
//! # }
//! ```

mod cautions;
mod cells;
pub mod claims;
mod comparable;
mod counts;
mod dataset;
mod duplicates;
pub mod efficiency;
mod error;
mod evaluation;
mod evidence;
mod figures;
mod files;
pub mod gaussian;
mod json_path;
mod latex;
mod measure;
mod names;
mod numerals;
mod outcomes;
mod page;
pub mod published;
pub mod results;
mod shared;
mod sources;
pub mod statistics;
mod study;
mod truth;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use twinset_manifest::Provenance;
use twinset_manifest::rows::{Cell, ClaimRow, Efficiency, FigurePoint};
use twinset_stage::InvalidField;

pub use cells::cells;
pub use claims::{Arms, Claim, Condition, Need, Needs, unknown_conditions};
pub use comparable::Mismatch;
pub use counts::{ByImage, Count, PairCount, TrainsetCount};
pub use dataset::{Dataset, RejectCount};
pub use duplicates::{Duplicates, Recall, RecallGroup};
pub use error::{ReportError, TruthError};
pub use evaluation::{Evaluation, Moved, Partial, Run};
pub use evidence::{CellEvidence, Evidence, InjectedExample, Outcomes, gather, gather_outcomes};
pub use files::File;
pub use gaussian::{GaussianEvidence, GaussianPublished, GaussianValue};
pub use outcomes::outcomes;
pub use published::{Published, PublishedValue};
pub use sources::Source;
pub use study::{Arm, Registration, Status, Study, StudyCell, StudyError};
pub use truth::Planted;

/// How the report is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The page's title; none for the pipeline's name.
    pub title: Option<String>,
    /// Near-duplicate pairs that are shown as pictures.
    pub gallery_pairs: usize,
    /// The confidence level of all intervals.
    pub confidence: f64,
    /// What the study claims, declared before it runs.
    #[serde(rename = "claim")]
    pub claims: Vec<Claim>,
    /// What each family of claims is about: a sentence by the family's name.
    pub families: BTreeMap<String, String>,
    /// What a paper that the study repeats says.
    pub published: Vec<Published>,
    /// What it says of its Gaussian toy.
    pub gaussian_published: Vec<GaussianPublished>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            title: None,
            gallery_pairs: 24,
            confidence: 0.95,
            claims: Vec::new(),
            families: BTreeMap::new(),
            published: Vec::new(),
            gaussian_published: Vec::new(),
        }
    }
}

impl Config {
    /// Checks what a type cannot.
    ///
    /// # Errors
    /// Names the key, its value, and what it should be.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let is_level = self.confidence > 0.0 && self.confidence < 1.0;
        InvalidField::unless(is_level, "confidence", self.confidence, "a level between 0 and 1, such as 0.95")?;
        InvalidField::unless(self.gallery_pairs <= 1000, "gallery-pairs", self.gallery_pairs, "at most 1000")?;
        for (place, claim) in self.claims.iter().enumerate() {
            claim.validate(place)?;
            let is_first = self.claims[..place].iter().all(|other| other.name != claim.name);
            InvalidField::unless(is_first, &format!("claim[{place}].name"), &claim.name, "each name once")?;
        }
        claims::family::check(&self.claims)?;
        for family in self.families.keys() {
            let mut known: Vec<&str> = self.claims.iter().map(Claim::family).collect();
            known.sort_unstable();
            known.dedup();
            let expected = format!("one of the claims' families: {}", known.join(", "));
            InvalidField::unless(known.contains(&family.as_str()), "families", family, &expected)?;
        }
        for (place, published) in self.published.iter().enumerate() {
            published.validate(place)?;
        }
        gaussian::validate(&self.gaussian_published)
    }
}

/// The page and its numbers.
#[derive(Clone, Debug)]
pub struct Report {
    /// The page.
    pub html: String,
    /// The rows of the `cells` manifest.
    pub cells: Vec<Cell>,
    /// The rows of the `claims` manifest.
    pub claims: Vec<ClaimRow>,
    /// The rows of the `efficiency` manifest.
    pub efficiency: Vec<Efficiency>,
    /// The rows of the `figures` manifest.
    pub figures: Vec<FigurePoint>,
    /// Figures and tables as files.
    pub files: Vec<File>,
    /// The provenance of all manifests.
    pub provenance: Provenance,
}

impl Report {
    /// Makes the page and its numbers of a study's evidence.
    ///
    /// # Errors
    /// When a claim names what the study does not have. Does not fail on any evidence; what the template engine says is passed on.
    pub fn of(study: &Study, evidence: &Evidence, config: &Config) -> Result<Self, ReportError> {
        let results = results::Results::of(study, &evidence.cells, config.confidence);
        let cells = cells(&results, &evidence.dataset.classes);
        let chance = evidence.dataset.chance();
        let judged = claims::verdicts(&config.claims, &results, chance, study.exploratory())?;
        let published = published::repeated(&config.published, &results)?;
        let toy = gaussian::toy(evidence.gaussian.as_ref(), &config.gaussian_published, config.confidence)?;
        let comparisons = efficiency::comparisons(&results, chance);
        let context = page::Context {
            study,
            evidence,
            config,
            results: &results,
            claims: &judged,
            published: &published,
            comparisons: &comparisons,
            toy: toy.as_ref(),
        };
        let (html, figures) = page::html(&context)?;
        let claims: Vec<ClaimRow> = judged.iter().map(|judged| judged.row.clone()).collect();
        let mut files: Vec<File> = figures.iter().flat_map(figures::Figure::files).collect();
        files.extend(latex::tables(&results, &context.names(), &claims, &published));
        Ok(Self {
            html,
            cells,
            claims,
            efficiency: efficiency::rows(&comparisons),
            figures: figures.iter().flat_map(figures::Figure::points).collect(),
            files,
            provenance: provenance(study, evidence, config),
        })
    }
}

/// What each claim needs to find its smallest effect with probability `power`: of a study's outcomes, or of none before anything ran.
///
/// # Errors
/// When a claim names what the study does not have.
pub fn needs(study: Option<(&Study, &Outcomes)>, config: &Config, power: f64) -> Result<Needs, ReportError> {
    let judge = |(study, outcomes): (&Study, &Outcomes)| {
        let results = results::Results::of(study, &outcomes.cells, config.confidence);
        claims::verdicts(&config.claims, &results, outcomes.chance, study.exploratory())
    };
    let judged = study.map(judge).transpose()?;
    let exploratory = study.map_or(&[][..], |(study, _)| study.exploratory());
    Ok(claims::needs(&config.claims, judged.as_deref(), exploratory, power))
}

/// The study's paths are left out: they name the binaries that made the files, the digests name the files.
fn provenance(study: &Study, evidence: &Evidence, config: &Config) -> Provenance {
    let config = json!({
        "title": config.title,
        "gallery-pairs": config.gallery_pairs,
        "confidence": config.confidence,
        "claim": config.claims,
        "published": config.published,
        "gaussian-published": config.gaussian_published,
        "study": {
            "pipeline": study.pipeline, "seeds": study.seeds, "arms": study.arms, "registration": study.registration,
        },
    });
    let mut provenance = Provenance::of_stage("report", env!("CARGO_PKG_VERSION"))
        .with_config(&config)
        .with_inputs(evidence.sources.iter().map(|source| source.input.clone()));
    provenance.warnings = evidence.warnings();
    provenance
}
