//! The whole page.

use std::collections::BTreeMap;
use std::fmt;

use askama::Template;
use twinset_manifest::Input;
use twinset_manifest::rows::{Pair, PairKind};

use crate::group::{Card, splits};
use crate::{Group, Picture, TWINS_CSS, picture_rules};

/// A page of groups.
#[derive(Clone, Debug)]
pub struct Gallery {
    /// The groups, as they are shown at first: the most similar before the others.
    pub groups: Vec<Group>,
    /// Less similar pairs that are not shown.
    pub n_left_out: u64,
    /// The pictures of the pairs' images.
    pub pictures: BTreeMap<u64, Picture>,
    /// What the page was made from.
    pub made_from: Vec<Input>,
    /// Where pairs are of an image and one of another set, the reference: what ids there are greater by.
    pub reference_from: Option<u64>,
}

impl Gallery {
    /// The page. It asks for nothing over a network, and forbids the browser to.
    pub fn html(&self) -> String {
        let mut by_left: Vec<usize> = (0..self.groups.len()).collect();
        by_left.sort_by_key(|&place| self.groups[place].left());
        let mut left_ranks = vec![0; by_left.len()];
        for (rank, place) in by_left.into_iter().enumerate() {
            left_ranks[place] = rank;
        }
        let page = Page {
            twins_css: TWINS_CSS,
            style: include_str!("../templates/page.css"),
            script: include_str!("../templates/page.js"),
            rules: picture_rules(&self.pictures),
            kinds: counted(self.pairs().map(|pair| pair.kind.as_str().to_owned())),
            splits: counted(self.pairs().map(splits)),
            n_groups: Count(self.groups.len() as u64),
            n_pairs: Count(self.n_pairs()),
            is_of_reference: self.reference_from.is_some(),
            n_exact: self.count(|pair| pair.kind == PairKind::Exact),
            n_across: self.count(|pair| pair.left_split != pair.right_split),
            n_conflicts: self.count(|pair| pair.label_conflict),
            n_unverified: self.count(|pair| pair.similarity.is_none()),
            n_left_out: Count(self.n_left_out),
            cards: self
                .groups
                .iter()
                .zip(left_ranks)
                .map(|(group, rank)| group.card(&self.pictures, self.reference_from, rank))
                .collect(),
            made_from: &self.made_from,
            version: env!("CARGO_PKG_VERSION"),
        };
        page.render().expect("writing to a string does not fail")
    }

    fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.groups.iter().flat_map(|group| &group.pairs)
    }

    /// How many pairs are shown.
    pub fn n_pairs(&self) -> u64 {
        self.pairs().count() as u64
    }

    fn count(&self, is_it: impl Fn(&Pair) -> bool) -> Count {
        Count(self.pairs().filter(|pair| is_it(pair)).count() as u64)
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
    n_groups: Count,
    n_pairs: Count,
    is_of_reference: bool,
    n_exact: Count,
    n_across: Count,
    n_conflicts: Count,
    n_unverified: Count,
    n_left_out: Count,
    cards: Vec<Card<'a>>,
    made_from: &'a [Input],
    version: &'static str,
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
            groups: [exact, conflict, unverified].map(|pair| Group { pairs: vec![pair], n_images: Some(2) }).into(),
            reference_from: None,
            n_left_out: 0,
            pictures: [1, 3, 4, 5, 8].map(|id| (id, picture("cat", "a.png"))).into(),
            made_from: vec![Input { name: "images.parquet".to_owned(), schema: None, blake3: Digest([7; 32]) }],
        }
    }

    #[test]
    fn each_pair_says_what_it_is_filtered_and_sorted_by() {
        let html = gallery().html();
        let lines =
            |begin: &str| html.lines().filter(|line| line.starts_with(begin)).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            lines("<div class=\"twins\""),
            [
                r#"<div class="twins" data-kind="exact" data-splits="train-train" data-similarity="1">"#,
                r#"<div class="twins" data-kind="near" data-splits="train-test" data-conflict data-similarity="0.98149">"#,
                r#"<div class="twins" data-kind="near" data-splits="train-test" data-conflict>"#,
            ]
        );
        assert_eq!(
            lines("<div class=\"card\""),
            [2, 1, 0].map(|rank| format!(r#"<div class="card" role="listitem" data-left="{rank}" data-images="2">"#))
        );
        assert!(html.contains("3 groups of 3 pairs: 1 exact, 2 across splits, 2 with a label conflict."), "{html}");
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
        let none = Gallery { groups: Vec::new(), ..gallery() };
        assert!(none.html().contains("No pairs were found."));
    }
}
