//! A pair with its pictures, as HTML.

use std::collections::BTreeMap;

use askama::Template;
use twinset_manifest::rows::{Pair, PairKind};

use crate::side::{Looks, Side, size};
use crate::{Alignment, Picture};

/// The style sheet of [`Twins`], with the colours that a page around them can use too; light and dark.
pub const TWINS_CSS: &str = include_str!("../templates/twins.css");

/// A pair, its two pictures and their difference; printed, a `<div>`.
///
/// The page around it must hold [`TWINS_CSS`] and the [`picture_rules`](crate::picture_rules) of both pictures.
#[derive(Clone, Debug, Template)]
#[template(path = "twins.html")]
pub struct Twins<'a> {
    sides: [Side<'a>; 2],
    /// How the left picture is laid on the right one; none where one of them is missing.
    difference: Option<Difference>,
    kind: &'static str,
    is_leak: bool,
    is_conflict: bool,
    /// Three digits.
    similarity: Option<String>,
    /// The sizes of the two images, or of their files, where they differ.
    sizes: Option<String>,
    /// What was done to the left picture before the two were compared, in words, and as the manifest has it.
    alignment: Option<(String, String)>,
    /// How the pair was found, and a sentence that explains it.
    found_by: (String, String),
}

#[derive(Clone, Debug)]
struct Difference {
    layer: String,
    clip: String,
    /// Whether the pair's alignment is none that can be shown.
    is_unaligned: bool,
}

impl<'a> Twins<'a> {
    /// The pair with those of its pictures that are among `pictures`.
    pub fn of(pair: &'a Pair, pictures: &'a BTreeMap<u64, Picture>) -> Self {
        Self::looking(pair, &Looks::of(pictures))
    }

    pub(crate) fn looking(pair: &'a Pair, looks: &Looks<'a>) -> Self {
        let side = |id, split| Side::of(id, split, looks);
        let mut sides = [side(pair.left_id, pair.left_split), side(pair.right_id, pair.right_split)];
        Side::tell_sizes(&mut sides);
        Self {
            difference: difference(&sides, pair.alignment.as_deref()),
            sizes: sizes(&sides, pair.kind),
            sides,
            kind: pair.kind.as_str(),
            is_leak: is_leak(pair) && looks.reference_from.is_none(),
            is_conflict: pair.label_conflict,
            similarity: pair.similarity.map(|similarity| format!("{similarity:.3}")),
            alignment: pair.alignment.as_deref().and_then(alignment),
            found_by: found_by(pair),
        }
    }
}

fn alignment(text: &str) -> Option<(String, String)> {
    let words = match Alignment::parse(text) {
        Some(_) => Alignment::in_words(text)?,
        None => text.to_owned(),
    };
    Some((
        format!("left picture: {words}"),
        format!("This was done to the left picture before the two were compared: {text}"),
    ))
}

/// How a pair was found, for a person to read, and a sentence that says what it means.
fn found_by(pair: &Pair) -> (String, String) {
    const FINGERPRINT: &str = "A fingerprint (hash) sums up a picture in a few bits.";
    let apart = |bits: u32| format!("{bits} bit{}", if bits == 1 { "" } else { "s" });
    match (pair.found_by.as_str(), pair.hash_distance_bits.map(apart)) {
        ("pixels", _) => ("identical pixels".to_owned(), "Both files hold the same pixels.".to_owned()),
        ("correlation", bits) => {
            let bits = bits.map(|bits| format!(" {FINGERPRINT} Those of this pair differ in {bits}."));
            let sentence = "Small blurred copies of the two pictures are light and dark in the same places.";
            ("found by light and dark".to_owned(), sentence.to_owned() + &bits.unwrap_or_default())
        }
        (hash, None) => (format!("found by fingerprint ({hash})"), FINGERPRINT.to_owned()),
        (hash, Some(bits)) => (
            format!("found by fingerprint ({hash}), which differs in {bits}"),
            format!("{FINGERPRINT} The fewer of them differ, the more alike two pictures are."),
        ),
    }
}

/// `640×640 and 320×320: the right one is a smaller copy`, or the sizes of the files.
fn sizes(sides: &[Side<'_>; 2], kind: PairKind) -> Option<String> {
    let [left, right] = [sides[0].picture?, sides[1].picture?];
    let ((w, h), (u, v)) = (left.size(), right.size());
    if (w, h) == (u, v) {
        let (left, right) = (left.n_bytes?, right.n_bytes?);
        return (left != right).then(|| format!("files of {} and {}", bytes(left), bytes(right)));
    }
    let smaller = match (u <= w && v <= h, w <= u && h <= v) {
        (true, _) => ": the right one is a smaller copy",
        (_, true) => ": the left one is a smaller copy",
        _ => "",
    };
    let smaller = if kind == PairKind::Similar { "" } else { smaller };
    Some(format!("{} and {}{smaller}", size((w, h)), size((u, v))))
}

fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

/// Whether a pair is one of duplicates in two splits.
pub(crate) fn is_leak(pair: &Pair) -> bool {
    pair.left_split != pair.right_split && pair.kind != PairKind::Similar
}

fn difference(sides: &[Side<'_>; 2], alignment: Option<&str>) -> Option<Difference> {
    let has_picture = |side: &Side<'_>| side.picture.is_some_and(|picture| picture.uri.is_ok());
    if !sides.iter().all(has_picture) {
        return None;
    }
    let alignment = Alignment::parse(alignment.unwrap_or_default());
    let css = alignment.unwrap_or(Alignment::IDENTITY).css();
    Some(Difference { layer: css.layer, clip: css.clip, is_unaligned: alignment.is_none() })
}

#[cfg(test)]
pub(crate) mod tests {
    use twinset_manifest::rows::Split;

    use super::*;

    pub(crate) fn pair(left_id: u64, right_id: u64) -> Pair {
        Pair {
            left_id,
            right_id,
            kind: PairKind::Near,
            found_by: "dct".to_owned(),
            hash_distance_bits: Some(4),
            left_split: Split::Train,
            right_split: Split::Test,
            left_label: 0,
            right_label: 1,
            label_conflict: true,
            similarity: Some(0.98149),
            expected_false_pairs: None,
            alignment: Some("mirror".to_owned()),
            left_source: String::new(),
            right_source: String::new(),
        }
    }

    pub(crate) fn picture(class_name: &str, source: &str) -> Picture {
        Picture {
            split: Split::Train,
            class_name: class_name.to_owned(),
            source: source.to_owned(),
            width: 32,
            height: 32,
            n_bytes: None,
            is_record: source.contains(".bin#"),
            uri: Ok("data:image/png;base64,AAAA".to_owned()),
        }
    }

    fn html(pair: &Pair, pictures: [Picture; 2]) -> String {
        let [left, right] = pictures;
        Twins::of(pair, &BTreeMap::from([(pair.left_id, left), (pair.right_id, right)])).to_string()
    }

    /// What a reader sees, without tags.
    fn text(html: &str) -> String {
        let parts = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn all_that_is_known_of_a_pair_is_said() {
        let found = html(&pair(3, 8), [picture("cat", "a.bin#2"), picture("dog", "b.bin#7")]);
        assert_eq!(
            text(&found),
            "train · cat a.bin row 2 test · dog b.bin row 7 difference \
             near similarity 0.981 leak label conflict left picture: mirrored \
             found by fingerprint (dct), which differs in 4 bits"
        );
        assert!(found.contains(r#"title="id 3" data-source="a.bin#2""#), "{found}");
        assert!(
            found.contains(r#"class="shot i3" role="img" aria-label="cat, image 3 of the train split""#),
            "{found}"
        );
        assert!(found.contains(r#"class="i3" style="transform:matrix(-1,0,0,1,0,0)""#), "{found}");
    }

    #[test]
    fn what_is_not_known_is_left_out_and_no_conflict_is_claimed() {
        let bare = Pair {
            similarity: None,
            alignment: None,
            hash_distance_bits: None,
            right_split: Split::Train,
            label_conflict: false,
            ..pair(3, 8)
        };
        let found = html(&bare, [picture("cat", "a"), picture("cat", "b")]);
        let expected = "train · cat a train · cat b difference near found by fingerprint (dct)";
        assert_eq!(text(&found), expected);
        let one_bit = Pair { hash_distance_bits: Some(1), ..bare.clone() };
        assert!(text(&html(&one_bit, [picture("cat", "a"), picture("cat", "b")])).ends_with("differs in 1 bit"));
        let exact = Pair { found_by: "pixels".to_owned(), kind: PairKind::Exact, ..bare.clone() };
        assert!(text(&html(&exact, [picture("cat", "a"), picture("cat", "b")])).ends_with("exact identical pixels"));
        let correlated = Pair { found_by: "correlation".to_owned(), hash_distance_bits: Some(91), ..bare };
        let found = html(&correlated, [picture("cat", "a"), picture("cat", "b")]);
        assert!(
            text(&found).ends_with("near found by light and dark") && found.contains("differ in 91 bits."),
            "{found}"
        );
    }

    #[test]
    fn sizes_are_told_where_they_differ() {
        let large = Picture { width: 640, height: 480, ..picture("cat", "a") };
        let found = text(&html(&pair(3, 8), [large.clone(), picture("dog", "b")]));
        assert!(found.contains("a 640×480") && found.contains("b 32×32"), "{found}");
        assert!(found.contains("640×480 and 32×32: the right one is a smaller copy"), "{found}");
        let similar = Pair { kind: PairKind::Similar, ..pair(3, 8) };
        assert!(!text(&html(&similar, [large, picture("dog", "b")])).contains("copy"));
        let file = |n_bytes| Picture { n_bytes: Some(n_bytes), ..picture("cat", "a") };
        let found = text(&html(&pair(3, 8), [file(45_230), file(1_200_000)]));
        assert!(found.contains("files of 45.2 kB and 1.2 MB"), "{found}");
        assert!(!text(&html(&pair(3, 8), [file(7), file(7)])).contains("files of"));
    }

    #[test]
    fn names_from_the_data_are_no_html() {
        let pair = Pair {
            found_by: "<i>".to_owned(),
            alignment: Some("\"><script>alert(1)</script>".to_owned()),
            ..pair(3, 8)
        };
        let found = html(&pair, [picture("a\" onclick=\"b", "<script>x</script>"), picture("<u>&amp;", "'")]);
        for bad in ["<script", "<i>", "<u>", "\" onclick=\"b"] {
            assert!(!found.contains(bad), "{bad}: {found}");
        }
        assert!(found.contains("difference, not aligned"), "{found}");
        assert!(!found.contains("transform"), "{found}");
    }

    #[test]
    fn a_picture_that_is_missing_has_no_difference() {
        let damaged = Picture { uri: Err("it is <damaged>".to_owned()), ..picture("cat", "a") };
        let found = html(&pair(3, 8), [damaged, picture("dog", "b")]);
        assert!(found.contains("it is &#60;damaged&#62;") && !found.contains("difference"), "{found}");
        let pair = pair(3, 8);
        let found = Twins::of(&pair, &BTreeMap::from([(8, picture("dog", "b"))])).to_string();
        assert!(found.contains("not among the images") && !found.contains("difference"), "{found}");
    }
}
