//! The page: a head and sections, each with a template of its own.

mod cells;
mod claims;
mod classes;
mod curves;
mod duplicates;
mod headline;
mod injected;
mod provenance;
mod summary;

use askama::Template;
use twinset_gallery::TWINS_CSS;
use twinset_manifest::rows::ClaimRow;

use crate::figures::Figure;
use crate::names::Names;
use crate::results::Results;
use crate::{Config, Evidence, Study};

/// What all sections are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) study: &'a Study,
    pub(crate) evidence: &'a Evidence,
    pub(crate) config: &'a Config,
    pub(crate) results: &'a Results<'a>,
    pub(crate) claims: &'a [ClaimRow],
}

impl<'a> Context<'a> {
    fn names(&self) -> Names<'a> {
        Names::of(self.study)
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
}

impl Section {
    fn new(id: &'static str, title: impl Into<String>, template: &impl Template) -> askama::Result<Self> {
        Ok(Self { id, title: title.into(), html: template.render()? })
    }
}

/// The whole page.
pub(crate) fn html(context: &Context<'_>) -> askama::Result<String> {
    let sections = [
        claims::section(context)?,
        headline::section(context)?,
        curves::over_rate(context)?,
        curves::over_samples(context)?,
        classes::section(context)?,
        duplicates::section(context)?,
        injected::section(context)?,
        cells::section(context)?,
        provenance::section(context)?,
    ];
    let page = Page {
        title: context.title(),
        style: [TWINS_CSS, include_str!("../templates/style.css"), &duplicates::rules(context)].concat(),
        summary: summary::Summary::of(context),
        sections: sections.into_iter().flatten().collect(),
        version: env!("CARGO_PKG_VERSION"),
    };
    page.render()
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    style: String,
    summary: summary::Summary,
    sections: Vec<Section>,
    version: &'static str,
}

/// Figures of a section.
#[derive(Template)]
#[template(path = "figures.html")]
struct Figures {
    figures: Vec<Figure>,
}
