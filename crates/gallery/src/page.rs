//! The whole page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use askama::Template;
use twinset_manifest::Input;
use twinset_manifest::rows::{Pair, PairKind};

use crate::group::{Card, splits};
use crate::{Group, Picture, TWINS_CSS, picture_rules};

/// The page's script, in parts: pairs and filter, marks, a pair at large, keys and buttons.
const SCRIPT: &str = concat!(
    include_str!("../templates/page.js"),
    include_str!("../templates/marks.js"),
    include_str!("../templates/viewer.js"),
    include_str!("../templates/keys.js"),
);

/// The most pairs of a group of identical images that are shown: they look the same, and would take the place of others.
pub const MAX_IDENTICAL: usize = 24;

/// Pictures of so many groups stand before the text, the others behind it: a browser shows the first screen before it has read them.
const N_EARLY: usize = 24;

/// A page of groups.
#[derive(Clone, Debug)]
pub struct Gallery {
    /// The groups, as they are shown at first: the most similar before the others.
    pub groups: Vec<Group>,
    /// Less similar pairs that are not shown.
    pub n_left_out: u64,
    /// Pairs of identical images that are not shown: both are in other such pairs, or their group has [`MAX_IDENTICAL`] of these.
    pub n_implied: u64,
    /// The pictures of the pairs' images.
    pub pictures: BTreeMap<u64, Picture>,
    /// What the page was made from, the images first.
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
        let early = self.groups.iter().take(N_EARLY).flat_map(|group| &group.pairs);
        let early: BTreeSet<u64> = early.flat_map(|pair| [pair.left_id, pair.right_id]).collect();
        let (early, late): (Vec<_>, Vec<_>) = self.pictures.iter().partition(|(id, _)| early.contains(id));
        let page = Page {
            twins_css: TWINS_CSS,
            style: include_str!("../templates/page.css"),
            script: SCRIPT,
            early_rules: picture_rules(early),
            late_rules: picture_rules(late),
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
            n_implied: Count(self.n_implied),
            max_identical: MAX_IDENTICAL,
            has_kept: self.groups.iter().any(|group| !group.kept.is_empty()),
            marks: self.marks(),
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

    /// How pairs are marked as no duplicates: the images' digest, and whether by their `name` or by their `id`. None where images are
    /// paired with those of a reference: no search reads such marks.
    fn marks(&self) -> Option<(String, &'static str)> {
        let images = self.made_from.first().filter(|_| self.reference_from.is_none())?;
        let mut names = BTreeSet::new();
        // Fields of a CSV are trimmed when it is read.
        let is_name = |name: &str| !name.is_empty() && name.trim() == name;
        let has_names = self.pictures.values().all(|image| is_name(&image.source) && names.insert(&image.source));
        Some((images.blake3.to_string(), if has_names { "name" } else { "id" }))
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
    early_rules: String,
    late_rules: String,
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
    n_implied: Count,
    max_identical: usize,
    has_kept: bool,
    marks: Option<(String, &'static str)>,
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
        indicatif::HumanCount(self.0).fmt(f)
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
            groups: [exact, conflict, unverified]
                .map(|pair| Group { pairs: vec![pair], n_images: Some(2), kept: BTreeSet::new() })
                .into(),
            reference_from: None,
            n_left_out: 0,
            n_implied: 0,
            pictures: [1, 3, 4, 5, 8].map(|id| (id, picture("cat", &format!("{id}.png")))).into(),
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
                r#"<div class="twins" data-ids="4 5" data-kind="exact" data-splits="train-train" data-similarity="1">"#,
                r#"<div class="twins" data-ids="3 8" data-kind="near" data-splits="train-test" data-conflict data-similarity="0.98149">"#,
                r#"<div class="twins" data-ids="1 8" data-kind="near" data-splits="train-test" data-conflict>"#,
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
    fn pairs_are_marked_by_names_where_these_are_read_back_as_they_are() {
        let check = |source: &str, expected: Option<&str>| {
            let mut page = gallery();
            page.pictures.insert(8, picture("cat", source));
            let digest = "07".repeat(32);
            assert_eq!(page.marks(), expected.map(|by| (digest, by)), "{source:?}");
        };
        check("a, \"b\"\n</script>.png", Some("name"));
        check("", Some("id"));
        check(" 8.png", Some("id"));
        check("3.png", Some("id"));
        assert_eq!(Gallery { reference_from: Some(5), ..gallery() }.marks(), None);
    }

    #[test]
    fn what_is_left_out_is_said() {
        assert!(!gallery().html().contains("pairs left out"));
        let cut = Gallery { n_left_out: 1_234_567, ..gallery() };
        assert!(cut.html().contains("1,234,567 less similar pairs left out"));
        let implied = Gallery { n_implied: 1, ..gallery() };
        assert!(implied.html().contains("1 exact pair more is not listed"));
        let none = Gallery { groups: Vec::new(), ..gallery() };
        assert!(none.html().contains("No pairs were found."));
    }
}
