//! What is known of a pair that is looked at closely.

use crate::align::Alignment;
use crate::correlation::Listed;

/// A pair that is looked at closely.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looked {
    pub(crate) listed: Listed,
    /// None while the pair was not verified.
    pub(crate) verdict: Option<Verdict>,
}

/// How well a pair lies on one another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Verdict {
    /// In no way.
    DoesNotLie,
    /// Aligned so, with this correlation.
    Lies { correlation: f32, alignment: Alignment },
}
