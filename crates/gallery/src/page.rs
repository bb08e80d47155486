//! The whole page.

use std::collections::BTreeMap;
use std::fmt;

use askama::Template;
use twinset_manifest::Input;
use twinset_manifest::rows::{Pair, PairKind};

use crate::{Picture, TWINS_CSS, Twins, picture_rules};

/// A page of pairs.
#[derive(Clone, Debug)]
pub struct Gallery {
    /// The pairs, as they are shown at first: the most similar before the others.
    pub pairs: Vec<Pair>,
    /// Less similar pairs that are not shown.
    pub n_left_out: u64,
    /// The pictures of the pairs' images.
    pub pictures: BTreeMap<u64, Picture>,
    /// What the page was made from.
    pub made_from: Vec<Input>,
}

impl Gallery {
    /// The page. It asks for nothing over a network, and forbids the browser to.
    pub fn html(&self) -> String {
        let mut by_left: Vec<usize> = (0..self.pairs.len()).collect();
        by_left.sort_by_key(|&place| (self.pairs[place].left_id, self.pairs[place].right_id));
        let mut left_ranks = vec![0; by_left.len()];
        for (rank, place) in by_left.into_iter().enumerate() {
            left_ranks[place] = rank;
        }
        let page = Page {
            twins_css: TWINS_CSS,
            style: include_str!("../templates/page.css"),
            script: include_str!("../templates/page.js"),
            rules: picture_rules(&self.pictures),
            kinds: counted(self.pairs.iter().map(|pair| pair.kind.as_str().to_owned())),
            splits: counted(self.pairs.iter().map(splits)),
            n_pairs: Count(self.pairs.len() as u64),
            n_exact: self.count(|pair| pair.kind == PairKind::Exact),
            n_across: self.count(|pair| pair.left_split != pair.right_split),
            n_conflicts: self.count(|pair| pair.label_conflict),
            n_unverified: self.count(|pair| pair.similarity.is_none()),
            n_left_out: Count(self.n_left_out),
            items: self.pairs.iter().zip(left_ranks).map(|(pair, left_rank)| self.item(pair, left_rank)).collect(),
            made_from: &self.made_from,
            version: env!("CARGO_PKG_VERSION"),
        };
        page.render().expect("writing to a string does not fail")
    }

    fn count(&self, is_it: impl Fn(&Pair) -> bool) -> Count {
        Count(self.pairs.iter().filter(|pair| is_it(pair)).count() as u64)
    }

    fn item<'a>(&'a self, pair: &'a Pair, left_rank: usize) -> Item<'a> {
        Item {
            kind: pair.kind.as_str(),
            splits: splits(pair),
            is_conflict: pair.label_conflict,
            similarity: pair.similarity,
            left_rank,
            twins: Twins::of(pair, &self.pictures),
        }
    }
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    twins_css: &'static str,
    style: &'static str,
    script: &'static str,
    rules: String,
    kinds: Vec<(String, Count)>,
    splits: Vec<(String, Count)>,
    n_pairs: Count,
    n_exact: Count,
    n_across: Count,
    n_conflicts: Count,
    n_unverified: Count,
    n_left_out: Count,
    items: Vec<Item<'a>>,
    made_from: &'a [Input],
    version: &'static str,
}

struct Item<'a> {
    kind: &'static str,
    splits: String,
    is_conflict: bool,
    similarity: Option<f32>,
    /// Its place in the order of (left, right) ids.
    left_rank: usize,
    twins: Twins<'a>,
}

/// A number of pairs; printed, its digits are in groups of three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count(u64);

impl Count {
    fn noun(self) -> &'static str {
        if self.0 == 1 { "pair" } else { "pairs" }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (i, digit) in digits.chars().enumerate() {
            let is_group = i > 0 && (digits.len() - i).is_multiple_of(3);
            write!(f, "{}{digit}", if is_group { "," } else { "" })?;
        }
        Ok(())
    }
}

/// `train-test`, the earlier split (train, val, test) first, whichever side it stands on.
fn splits(pair: &Pair) -> String {
    let (left, right) = (pair.left_split, pair.right_split);
    format!("{}-{}", left.min(right), left.max(right))
}

fn counted(values: impl Iterator<Item = String>) -> Vec<(String, Count)> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for value in values {
        counts.entry(value).or_default().0 += 1;
    }
    counts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use twinset_manifest::Digest;
    use twinset_manifest::rows::Split;

    use super::*;
    use crate::twins::tests::{pair, picture};

    fn gallery() -> Gallery {
        let conflict = pair(3, 8);
        let exact = Pair {
            kind: PairKind::Exact,
            label_conflict: false,
            right_split: Split::Train,
            similarity: Some(1.0),
            alignment: None,
            ..pair(4, 5)
        };
        let unverified = Pair { similarity: None, left_split: Split::Test, right_split: Split::Train, ..pair(1, 8) };
        Gallery {
            pairs: vec![exact, conflict, unverified],
            n_left_out: 0,
            pictures: [1, 3, 4, 5, 8].map(|id| (id, picture("cat", "a.png"))).into(),
            made_from: vec![Input { name: "images.parquet".to_owned(), schema: None, blake3: Digest([7; 32]) }],
        }
    }

    #[test]
    fn each_pair_says_what_it_is_filtered_and_sorted_by() {
        let html = gallery().html();
        let items: Vec<_> = html.lines().filter(|line| line.starts_with("<div class=\"twins\"")).collect();
        assert_eq!(
            items,
            [
                r#"<div class="twins" role="listitem" data-kind="exact" data-splits="train-train" data-similarity="1" data-left="2">"#,
                r#"<div class="twins" role="listitem" data-kind="near" data-splits="train-test" data-conflict data-similarity="0.98149" data-left="1">"#,
                r#"<div class="twins" role="listitem" data-kind="near" data-splits="train-test" data-conflict data-left="0">"#,
            ]
        );
        assert!(html.contains(r#"<option value="train-test">train – test (2)</option>"#), "{html}");
        assert!(html.contains("images.parquet"), "{html}");
    }

    #[test]
    fn a_picture_of_many_pairs_is_stored_once_and_nothing_is_fetched() {
        let html = gallery().html();
        assert_eq!(html.matches("data:image/png").count(), 5);
        assert!(!html.contains("://") && !html.contains("<img"), "{html}");
        assert!(html.contains("default-src 'none'"), "{html}");
    }

    #[test]
    fn what_is_left_out_is_said() {
        assert!(!gallery().html().contains("left out"));
        let cut = Gallery { n_left_out: 1_234_567, ..gallery() };
        assert!(cut.html().contains("1,234,567 less similar pairs left out"));
        let none = Gallery { pairs: Vec::new(), ..gallery() };
        assert!(none.html().contains("No pairs were found."));
    }
}
