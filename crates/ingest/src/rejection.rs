//! Why an item of a source gave no image.

use twinset_manifest::rows::Reject;

/// Why an item gave no image: the short reason, and what was found, which does not say the reason again.
pub(crate) type Rejection = (&'static str, String);

/// Why an item without a label gives none, where its source does not know better.
pub(crate) const UNLABELLED: (&str, &str) = ("unlabelled", "it has no label");

/// A rejection as a row.
pub(crate) fn reject(source: &str, (reason, detail): Rejection) -> Reject {
    let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
    Reject { source: source.to_owned(), reason: reason.to_owned(), detail }
}

/// A reject for a message: which item, the reason, and what was found.
pub(crate) fn told(Reject { source, reason, detail }: &Reject) -> String {
    format!("`{source}`: {}: {detail}", reason.replace('-', " "))
}
