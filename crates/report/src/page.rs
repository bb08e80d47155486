//! The page: a head and sections, each with a template of its own.

mod attacks;
mod cells;
mod checks;
mod claims;
mod classes;
mod curves;
mod duplicates;
mod efficiency;
mod gaussian;
mod headline;
mod injected;
mod leaks;
mod provenance;
mod published;
mod summary;

use askama::Template;
use twinset_chart::CHART_CSS;
use twinset_gallery::TWINS_CSS;

use crate::claims::Judged;
use crate::efficiency::Comparison;
use crate::figures::Figure;
use crate::gaussian::Toy;
use crate::names::Names;
use crate::published::Repeated;
use crate::results::Results;
use crate::{Config, Evidence, Study};

/// What all sections are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) study: &'a Study,
    pub(crate) evidence: &'a Evidence,
    pub(crate) config: &'a Config,
    pub(crate) results: &'a Results<'a>,
    pub(crate) claims: &'a [Judged],
    pub(crate) published: &'a [Repeated<'a>],
    pub(crate) comparisons: &'a [Comparison<'a>],
    pub(crate) toy: Option<&'a Toy<'a>>,
}

impl<'a> Context<'a> {
    pub(crate) fn names(&self) -> Names<'a> {
        Names::of(self.results)
    }

    fn title(&self) -> &'a str {
        self.config.title.as_deref().unwrap_or(&self.study.pipeline)
    }
}

/// A part of the page with a heading.
struct Section {
    /// The anchor.
    id: &'static str,
    /// The heading.
    title: String,
    /// What follows the heading.
    html: String,
    /// The figures in it.
    figures: Vec<Figure>,
}

impl Section {
    fn new(id: &'static str, title: impl Into<String>, template: &impl Template) -> askama::Result<Self> {
        Ok(Self { id, title: title.into(), html: template.render()?, figures: Vec::new() })
    }

    /// A section of figures alone.
    fn of_figures(id: &'static str, title: impl Into<String>, figures: Vec<Figure>) -> askama::Result<Self> {
        let figures = Figures { figures };
        Ok(Self::new(id, title, &figures)?.with_figures(figures))
    }

    fn with_figures(self, figures: Figures) -> Self {
        Self { figures: figures.figures, ..self }
    }
}

/// The whole page, and the figures on it.
pub(crate) fn html(context: &Context<'_>) -> askama::Result<(String, Vec<Figure>)> {
    let sections: Vec<Section> = [
        claims::section(context)?,
        published::section(context)?,
        headline::section(context)?,
        attacks::section(context)?,
        efficiency::section(context)?,
        curves::over_rate(context)?,
        curves::over_samples(context)?,
        leaks::section(context)?,
        classes::section(context)?,
        gaussian::section(context)?,
        duplicates::section(context)?,
        injected::section(context)?,
        cells::section(context)?,
        provenance::section(context)?,
    ]
    .into_iter()
    .flatten()
    .collect();
    let figures = sections.iter().flat_map(|section| section.figures.iter().cloned()).collect();
    let page = Page {
        title: context.title(),
        style: [TWINS_CSS, CHART_CSS, include_str!("../templates/style.css"), &duplicates::rules(context)].concat(),
        summary: summary::Summary::of(context),
        answer: claims::answer(context)?,
        sections,
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok((page.render()?, figures))
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    style: String,
    summary: summary::Summary,
    /// What the study came to, at once.
    answer: Option<String>,
    sections: Vec<Section>,
    version: &'static str,
}

/// Figures of a section.
#[derive(Clone, Template)]
#[template(path = "figures.html")]
struct Figures {
    figures: Vec<Figure>,
}
