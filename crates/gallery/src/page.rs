//! The whole page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use askama::Template;
use twinset_manifest::Input;
use twinset_manifest::rows::{Pair, PairKind, Split};

use crate::group::{Card, splits};
use crate::side::Looks;
use crate::twins::is_leak;
use crate::{Found, Group, Picture, TWINS_CSS, picture_rules};

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
    /// The groups, as they are shown at first: the most similar before the others, those of similar pairs alone last.
    pub groups: Vec<Group>,
    /// What was found in all.
    pub found: Found,
    /// The images that stay when the set is cleaned; none where that is not known.
    pub kept: BTreeSet<u64>,
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
    /// The command that searches again without the pairs that are marked.
    pub search_again: String,
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
        let found = &self.found;
        let looks = Looks {
            pictures: &self.pictures,
            reference_from: self.reference_from,
            kept: &self.kept,
            shows_splits: found.n_images_of.len() > 1,
            shows_classes: found.n_classes > 1,
        };
        let cards = self.groups.iter().zip(left_ranks);
        let cards = cards.map(|(group, rank)| (group.is_similar(), group.card(&looks, rank)));
        let (similar, cards): (Vec<_>, Vec<_>) = cards.partition(|(is_similar, _)| *is_similar);
        let without = |cards: Vec<(bool, _)>| cards.into_iter().map(|(_, card)| card).collect();
        let kinds = PairKind::ALL.iter().copied().filter(|kind| self.pairs().any(|pair| pair.kind == *kind));
        let kinds: Vec<PairKind> = kinds.collect();
        let page = Page {
            duplicate_kinds: kinds.iter().copied().filter(|kind| *kind != PairKind::Similar).collect(),
            kinds,
            twins_css: TWINS_CSS,
            style: include_str!("../templates/page.css"),
            script: SCRIPT,
            early_rules: picture_rules(early),
            late_rules: picture_rules(late),
            splits: if looks.shows_splits { self.pairs().map(splits).collect() } else { BTreeSet::new() },
            n_groups: Count(found.n_groups),
            n_images: Count(found.n_images),
            n_duplicates: Count(found.n_duplicates()),
            n_exact: Count(found.n_exact),
            n_near: Count(found.n_near),
            n_similar: Count(found.n_similar),
            n_conflict_groups: Count(found.n_conflict_groups),
            leaks: self.leaks(),
            has_splits: looks.shows_splits && self.reference_from.is_none(),
            has_leaks: self.pairs().any(is_leak) && self.reference_from.is_none(),
            has_conflicts: self.pairs().any(|pair| pair.label_conflict),
            has_differences: !self.groups.is_empty(),
            is_of_reference: self.reference_from.is_some(),
            n_shown: Count(self.n_pairs()),
            n_unverified: self.count(|pair| pair.similarity.is_none()),
            n_left_out: Count(self.n_left_out),
            n_implied: Count(self.n_implied),
            max_identical: MAX_IDENTICAL,
            has_kept: !self.kept.is_empty(),
            marks: self.marks(),
            search_again: &self.search_again,
            cards: without(cards),
            similar: without(similar),
            made_from: &self.made_from,
            version: env!("CARGO_PKG_VERSION"),
        };
        page.render().expect("writing to a string does not fail")
    }

    /// For each split but the first, how many of its images leak: these, all, percent, and the splits before it.
    fn leaks(&self) -> Vec<Leaks> {
        if self.reference_from.is_some() {
            return Vec::new();
        }
        let of = &self.found.n_images_of;
        let leaks = |(place, (split, &all)): (usize, (&Split, &u64))| {
            let n_leaked = self.found.n_leaked.get(split).copied().unwrap_or(0);
            let before: Vec<_> = of.keys().take(place).map(|split| split.as_str()).collect();
            Leaks {
                split: split.as_str(),
                n: Count(n_leaked),
                all: Count(all),
                percent: format!("{:.1}", 100.0 * n_leaked as f64 / all.max(1) as f64),
                before: before.join(" or "),
            }
        };
        of.iter().enumerate().skip(1).map(leaks).collect()
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
    /// Those that are shown.
    kinds: Vec<PairKind>,
    /// Exact and near, if they are shown.
    duplicate_kinds: Vec<PairKind>,
    splits: BTreeSet<String>,
    n_groups: Count,
    n_images: Count,
    n_duplicates: Count,
    n_exact: Count,
    n_near: Count,
    n_similar: Count,
    n_conflict_groups: Count,
    leaks: Vec<Leaks>,
    has_splits: bool,
    has_leaks: bool,
    has_conflicts: bool,
    has_differences: bool,
    is_of_reference: bool,
    n_shown: Count,
    n_unverified: Count,
    n_left_out: Count,
    n_implied: Count,
    max_identical: usize,
    has_kept: bool,
    marks: Option<(String, &'static str)>,
    search_again: &'a str,
    cards: Vec<Card<'a>>,
    /// Of similar pairs alone.
    similar: Vec<Card<'a>>,
    made_from: &'a [Input],
    version: &'static str,
}

/// How many images of a split leak into those before it.
struct Leaks {
    split: &'static str,
    n: Count,
    all: Count,
    percent: String,
    before: String,
}

/// A number; printed, its digits are in groups of three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count(u64);

impl Count {
    /// With its noun: `1 pair`, `2 pairs`.
    fn of(self, noun: &str) -> String {
        format!("{self} {noun}{}", if self.0 == 1 { "" } else { "s" })
    }

    /// The one word for one, the other for several.
    fn choose(self, one: &'static str, several: &'static str) -> &'static str {
        if self.0 == 1 { one } else { several }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        indicatif::HumanCount(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use twinset_manifest::Digest;

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
            found: Found {
                n_groups: 3,
                n_images: 1_005,
                n_conflict_groups: 1,
                n_exact: 1,
                n_near: 1_002,
                n_similar: 0,
                n_images_of: [(Split::Train, 2_000), (Split::Test, 100)].into(),
                n_leaked: [(Split::Test, 1)].into(),
                n_classes: 2,
            },
            kept: BTreeSet::new(),
            search_again: "twinset neardup --images 'my images.parquet' --out <found>".to_owned(),
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
        assert!(html.contains(r#"<option value="train-test">train – test</option>"#), "{html}");
        assert!(html.contains("images.parquet"), "{html}");
        assert!(
            html.contains(
                "<code id=\"again\">twinset neardup --images &#39;my images.parquet&#39; --out &#60;found&#62;</code>"
            ),
            "{html}"
        );
    }

    /// What a reader sees of the head, without tags.
    fn head(gallery: &Gallery) -> String {
        let html = gallery.html();
        let (_, head) = html.split_once("<header>").unwrap();
        let (head, _) = head.split_once("</header>").unwrap();
        let parts = head.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.collect::<Vec<_>>().concat().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_head_counts_duplicates_and_similar_pairs_stand_apart() {
        let found = head(&gallery());
        let expected = "3 groups of duplicates, 1,005 images in all. They are tied by 1,003 pairs: 1 exact (identical pixels) \
                        and 1,002 near (the same shot, changed).";
        assert!(found.contains(expected), "{found}");
        assert!(found.contains("1 of 100 test images (1.0 %) leaks: it has a duplicate in train."), "{found}");
        assert!(found.contains("1 group has two labels, one of which is wrong (label conflict)."), "{found}");
        assert!(!found.contains("similar pair"), "{found}");

        let mut page = gallery();
        page.found.n_similar = 1_276;
        page.groups[2].pairs[0].kind = PairKind::Similar;
        let found = head(&page);
        assert!(found.contains("1,003 pairs: 1 exact"), "{found}");
        assert!(found.contains("1,276 similar pairs are no duplicates"), "{found}");
        let html = page.html();
        let (duplicates, similar) = html.split_once("id=\"alike\"").unwrap();
        assert_eq!((duplicates.matches("data-ids").count(), similar.matches("data-ids").count()), (2, 1));
        assert!(html.contains(r#"<option value="">exact and near</option>"#), "{html}");
    }

    #[test]
    fn of_one_split_and_one_class_nothing_is_said_of_splits_and_labels() {
        let mut page = gallery();
        page.found.n_images_of = [(Split::Train, 2_000)].into();
        (page.found.n_classes, page.found.n_conflict_groups) = (1, 0);
        page.groups.iter_mut().flat_map(|group| &mut group.pairs).for_each(|pair| {
            (pair.left_split, pair.right_split, pair.label_conflict) = (Split::Train, Split::Train, false);
        });
        let html = page.html();
        let (_, body) = html.split_once("<body").unwrap();
        let (body, _) = body.split_once("<script>").unwrap();
        for word in ["split\"", "Splits", "leak", "conflict", ">train", "cat<", "cat,"] {
            assert!(!body.contains(word), "{word}: {body}");
        }
    }

    #[test]
    fn one_is_no_plural() {
        let mut page = gallery();
        page.groups.truncate(1);
        let n_images_of = page.found.n_images_of.clone();
        page.found = Found { n_groups: 1, n_images: 2, n_exact: 1, n_similar: 1, n_images_of, ..Found::default() };
        let found = head(&page);
        assert!(
            found.contains("1 group of duplicates, 2 images in all. They are tied by 1 exact pair (identical pixels)."),
            "{found}"
        );
        assert!(found.contains("1 similar pair is no duplicate"), "{found}");
        assert!(found.contains("No test image leaks: none has a duplicate in train."), "{found}");
        assert!(!found.contains("1 pairs") && !found.contains("1 groups"), "{found}");
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
        assert!(!gallery().html().contains("not shown"));
        let cut = Gallery { n_left_out: 1_234_567, ..gallery() };
        assert!(cut.html().contains("1,234,567 pairs are not shown"));
        let implied = Gallery { n_implied: 1, ..gallery() };
        assert!(implied.html().contains("1 exact pair more is not listed"));
        let none = Gallery { groups: Vec::new(), found: Found::default(), ..gallery() };
        assert!(none.html().contains("No duplicates were found."));
    }
}
