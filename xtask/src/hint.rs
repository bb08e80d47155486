//! A *hint* says what the reader of an error can do about it.

use std::fmt;

/// An error with advice; it stands at the root of an [`anyhow::Error`]'s chain.
#[derive(Debug)]
pub struct Hinted {
    message: String,
    hint: String,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}

/// An error that reads `message`, with one line of advice.
pub fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Hinted { message: message.into(), hint: hint.into() })
}

/// The error as the user reads it.
pub fn render(error: &anyhow::Error) -> String {
    format!("error: {}", text(error))
}

/// The chain on one line, then its hints.
pub fn text(error: &anyhow::Error) -> String {
    let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
    let mut text = chain.join(": ");
    for hinted in error.chain().filter_map(|cause| cause.downcast_ref::<Hinted>()) {
        text.push_str("\nhint: ");
        text.push_str(&hinted.hint);
    }
    text
}

/// The candidate that `wanted` was most likely meant to be.
pub fn did_you_mean<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(wanted, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn chain_is_one_line_and_hint_follows() {
        let error = Err::<(), _>(hinted("no such file", "look elsewhere")).context("failed to read `x`").unwrap_err();
        assert_eq!(render(&error), "error: failed to read `x`: no such file\nhint: look elsewhere");
    }

    #[test]
    fn likeness_needs_to_be_plain() {
        for (wanted, expected) in [("quikc", Some("quick")), ("papr", Some("paper")), ("zebra", None)] {
            assert_eq!(did_you_mean(wanted, ["quick", "paper", "cifar10-mini"]), expected, "{wanted}");
        }
    }
}
