//! Images that are duplicates of one another, as a card of the page.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use twinset_manifest::rows::{Pair, PairKind};

use crate::Twins;
use crate::members::{Member, spread};
use crate::side::{Looks, Side};
use crate::twins::is_leak;

/// The most images of a group that are shown outside its pairs until more are asked for; the page's script knows it too.
const MAX_MEMBERS: usize = 24;

/// Pairs that belong together: those of one cluster, or the similar ones between two.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The pairs that are shown, the most similar first; at least one.
    pub pairs: Vec<Pair>,
    /// The images of the cluster; none where the pairs are similar ones between two clusters.
    pub n_images: Option<u64>,
}

/// A group as HTML: its images and its pairs; or the pair alone, where it is all there is.
#[derive(Template)]
#[template(path = "group.html")]
pub(crate) struct Card<'a> {
    /// What is shown of the group without its other pairs: the first pair, where the images are in no cluster or are two.
    first: Option<Shown<'a>>,
    members: Vec<Side<'a>>,
    /// Of the members, how many are shown at first.
    n_shown: usize,
    n_images: u64,
    n_elsewhere: u64,
    kinds: Vec<&'static str>,
    similarity: String,
    is_leak: bool,
    is_conflict: bool,
    others: Vec<Shown<'a>>,
    left_rank: usize,
}

/// A pair, and what it is filtered by.
struct Shown<'a> {
    kind: &'static str,
    left_id: u64,
    right_id: u64,
    splits: String,
    is_conflict: bool,
    similarity: Option<f32>,
    twins: Twins<'a>,
}

impl Group {
    pub(crate) fn card<'a>(&'a self, looks: &Looks<'a>, left_rank: usize) -> Card<'a> {
        let is_pair = self.pairs.len() == 1 && self.n_images.is_none_or(|n| n == 2);
        let has_members = self.n_images.is_some() && !is_pair;
        let mut pairs = self.pairs.iter().map(|pair| Shown {
            kind: pair.kind.as_str(),
            left_id: pair.left_id,
            right_id: pair.right_id,
            splits: splits(pair),
            is_conflict: pair.label_conflict,
            similarity: pair.similarity,
            twins: Twins::looking(pair, looks),
        });
        let first = if has_members { None } else { pairs.next() };
        let ends =
            self.pairs.iter().flat_map(|pair| [(pair.left_id, pair.left_split), (pair.right_id, pair.right_split)]);
        let members: BTreeMap<_, _> = ends.filter(|_| has_members).collect();
        let n_images = self.n_images.unwrap_or(0);
        let members = members.into_iter().map(|(id, split)| Member {
            id,
            split,
            source: looks.pictures.get(&id).map_or("", |picture| &picture.source),
            is_kept: looks.kept.contains(&id),
        });
        let members = spread(members.collect(), MAX_MEMBERS).into_iter().enumerate();
        let side = |(place, member): (usize, Member<'_>)| Side {
            is_member: true,
            is_more: place >= MAX_MEMBERS,
            ..Side::of(member.id, member.split, looks)
        };
        let mut members: Vec<_> = members.map(side).collect();
        Side::tell_sizes(&mut members);
        // What is said of the group holds of its duplicates.
        let kinds: BTreeSet<usize> = self.told().map(|pair| pair.kind as usize).collect();
        Card {
            first,
            n_shown: members.len().min(MAX_MEMBERS),
            n_images,
            n_elsewhere: n_images.saturating_sub(if has_members { members.len() as u64 } else { n_images }),
            members,
            kinds: kinds.into_iter().filter_map(|kind| Some(PairKind::ALL.get(kind)?.as_str())).collect(),
            similarity: self.similarity(),
            is_leak: looks.reference_from.is_none() && self.pairs.iter().any(is_leak),
            is_conflict: self.told().any(|pair| pair.label_conflict),
            others: pairs.collect(),
            left_rank,
        }
    }

    /// Whether it has similar pairs alone, which are no duplicates.
    pub fn is_similar(&self) -> bool {
        self.pairs.iter().all(|pair| pair.kind == PairKind::Similar)
    }

    /// The pairs that a group stands for: exact and near ones, or similar ones where there are no others.
    fn told(&self) -> impl Iterator<Item = &Pair> {
        let is_similar = self.is_similar();
        self.pairs.iter().filter(move |pair| is_similar || pair.kind != PairKind::Similar)
    }

    /// The least and the greatest similarity, three digits each; empty where no pair has one.
    fn similarity(&self) -> String {
        let all = || self.told().filter_map(|pair| pair.similarity);
        let text = |similarity: f32| format!("{similarity:.3}");
        match (all().min_by(f32::total_cmp).map(text), all().max_by(f32::total_cmp).map(text)) {
            (Some(least), Some(greatest)) if least == greatest => least,
            (Some(least), Some(greatest)) => format!("{least} to {greatest}"),
            _ => String::new(),
        }
    }

    /// The smallest ids that it has: what groups are sorted by.
    pub(crate) fn left(&self) -> Option<(u64, u64)> {
        self.pairs.iter().map(|pair| (pair.left_id, pair.right_id)).min()
    }
}

/// `train-test`, the earlier split (train, val, test) first, whichever side it stands on.
pub(crate) fn splits(pair: &Pair) -> String {
    let (left, right) = (pair.left_split, pair.right_split);
    format!("{}-{}", left.min(right), left.max(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twins::tests::{pair, picture};

    fn group(pairs: Vec<Pair>, n_images: Option<u64>) -> Group {
        Group { pairs, n_images }
    }

    fn card(group: &Group) -> String {
        card_keeping(group, &BTreeSet::new())
    }

    fn card_keeping(group: &Group, kept: &BTreeSet<u64>) -> String {
        let pictures = (0..2000).map(|id| (id, picture("cat", &format!("{id}.png")))).collect();
        group.card(&Looks { kept, ..Looks::of(&pictures) }, 0).to_string()
    }

    #[test]
    fn a_pair_is_a_card_of_its_own_and_more_images_are_shown_with_their_pairs_behind_them() {
        let found = card(&group(vec![pair(3, 8)], Some(2)));
        assert!(!found.contains("<details class") && !found.contains("members"), "{found}");
        assert_eq!(found.matches("class=\"shot i").count(), 2);

        let alike = |left, right, similarity| Pair { similarity: Some(similarity), ..pair(left, right) };
        let exact = Pair { kind: PairKind::Exact, ..alike(3, 4, 1.0) };
        let group = group(vec![exact, alike(3, 8, 0.9), alike(4, 8, 0.8)], Some(3));
        let found = card(&group);
        let (members, pairs) = found.split_once("<details class").unwrap();
        assert_eq!(members.matches("class=\"shot i").count(), 3, "{members}");
        assert!(members.contains("<b>3 images</b>") && members.contains("similarity 0.800 to 1.000"), "{members}");
        assert!(members.contains(">exact<") && members.contains(">near<") && members.contains(">leak<"), "{members}");
        assert!(pairs.contains("3 pairs side by side"), "{pairs}");
        assert_eq!(pairs.matches("class=\"twins\"").count(), 3, "{pairs}");
    }

    #[test]
    fn the_images_that_cleaning_keeps_are_told_in_the_group_and_in_its_pairs() {
        let found = card_keeping(&group(vec![pair(3, 8), pair(3, 9)], Some(3)), &BTreeSet::from([3]));
        let (members, pairs) = found.split_once("<details class").unwrap();
        assert_eq!((members.matches(">stays<").count(), pairs.matches(">stays<").count()), (1, 2), "{found}");
        let (_, after) = members.split_once("3.png</bdi>").unwrap();
        assert!(after.starts_with("\n<span class=\"tag stays\">"), "{after}");
    }

    #[test]
    fn of_a_large_group_some_images_are_shown_and_the_rest_is_counted() {
        let star = (1..1000).map(|right| pair(0, right)).collect();
        let found = card(&group(star, Some(1200)));
        let (members, _) = found.split_once("<details class").unwrap();
        assert_eq!(members.matches("class=\"shot i").count(), 1000);
        assert_eq!(members.matches("class=\"side more\"").count(), 1000 - MAX_MEMBERS);
        assert!(members.contains("200 more are not on this page"), "{members}");
        assert!(members.contains(">Show all 1000 pictures<"), "{members}");
    }

    #[test]
    fn what_is_said_of_a_group_is_said_of_its_duplicates() {
        let alike = |left, right, kind, similarity| Pair { kind, similarity: Some(similarity), ..pair(left, right) };
        let near = |left, right| Pair { label_conflict: false, ..alike(left, right, PairKind::Near, 0.9) };
        let similar = alike(3, 5, PairKind::Similar, 0.7);
        let found = card(&group(vec![near(3, 4), near(4, 5), similar.clone()], Some(3)));
        let (members, _) = found.split_once("<details class").unwrap();
        assert!(members.contains(">near<") && members.contains("similarity 0.900<"), "{members}");
        assert!(!members.contains(">similar<") && !members.contains("label conflict"), "{members}");
        let found = card(&group(vec![similar], None));
        assert!(found.contains(">similar<") && !found.contains(">leak<"), "{found}");
    }

    #[test]
    fn similar_pairs_between_two_clusters_are_one_card_that_shows_the_first() {
        let similar = |left, right| Pair { kind: PairKind::Similar, ..pair(left, right) };
        let found = card(&group(vec![similar(3, 8), similar(4, 8)], None));
        let (first, others) = found.split_once("<details class").unwrap();
        assert_eq!(first.matches("class=\"twins\"").count(), 1, "{first}");
        assert!(!first.contains("members"), "{first}");
        assert!(others.contains("1 pair more between the same groups"), "{others}");
    }

    #[test]
    fn an_image_of_the_reference_is_told_by_its_own_id() {
        let pictures = BTreeMap::from([(3, picture("cat", "a.png")), (1008, picture("dog", "b.png"))]);
        let group = group(vec![pair(3, 1008)], Some(2));
        let looks = Looks { reference_from: Some(1000), ..Looks::of(&pictures) };
        let found = group.card(&looks, 0).to_string();
        assert!(found.contains("reference · test · dog") && found.contains("title=\"id 8\""), "{found}");
        assert!(found.contains("image 8 of the test split of the reference"), "{found}");
        assert!(!found.contains(">leak<"), "{found}");
    }
}
