//! Which images of a large group are shown first.

use std::collections::BTreeMap;

use twinset_manifest::rows::Split;

/// An image of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    pub(crate) id: u64,
    pub(crate) split: Split,
    pub(crate) source: &'a str,
    pub(crate) is_kept: bool,
}

/// The images, so ordered that the first `n_first` stand for all: each split has its turn, within it each top folder, rare ones
/// before frequent ones, and in each those that cleaning keeps come first. Of the first ones those that it keeps lead.
pub(crate) fn spread(members: Vec<Member<'_>>, n_first: usize) -> Vec<Member<'_>> {
    let of_splits = grouped(members, |member| member.split).into_iter().map(|of_split| {
        let of_folders = grouped(of_split, |member| member.source.split_once('/').map_or("", |(folder, _)| folder));
        let kept_first = of_folders.into_iter().map(|mut of_folder| {
            of_folder.sort_by_key(|member| (!member.is_kept, member.id));
            of_folder
        });
        in_turn(kept_first.collect())
    });
    let mut members = in_turn(of_splits.collect());
    let n_first = n_first.min(members.len());
    members[..n_first].sort_by_key(|member| !member.is_kept);
    members
}

fn grouped<'a, K: Ord>(members: Vec<Member<'a>>, key: impl Fn(&Member<'a>) -> K) -> Vec<Vec<Member<'a>>> {
    let mut groups: BTreeMap<K, Vec<Member<'a>>> = BTreeMap::new();
    members.into_iter().for_each(|member| groups.entry(key(&member)).or_default().push(member));
    groups.into_values().collect()
}

/// The first of each list, the shortest list before the others, then the second of each, and so on.
fn in_turn(mut lists: Vec<Vec<Member<'_>>>) -> Vec<Member<'_>> {
    lists.sort_by_key(Vec::len);
    let longest = lists.last().map_or(0, Vec::len);
    (0..longest).flat_map(|turn| lists.iter().filter_map(move |list| list.get(turn).copied())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_splits_and_folders_come_first_and_what_stays_leads() {
        let member = |id: u64, split: Split, source: &'static str| Member { id, split, source, is_kept: id == 20 };
        let mut members: Vec<_> = (0..26).map(|id| member(id, Split::Train, "all/a.png")).collect();
        members[25].source = "from-phone/a.png";
        members[24].source = "alone.png";
        members.extend((26..34).map(|id| member(id, Split::Test, "all/a.png")));
        let ids: Vec<u64> = spread(members, 24).iter().map(|member| member.id).collect();
        assert_eq!(ids[..8], [20, 26, 24, 27, 25, 28, 29, 0]);
        assert!((26..34).all(|id| ids[..24].contains(&id)), "all test images are among the first: {ids:?}");
        assert_eq!(ids.len(), 34);
    }
}
