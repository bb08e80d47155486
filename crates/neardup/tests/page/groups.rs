//! A group of more images than are shown at first, and similar pairs beside it.

use serde_json::json;

use crate::browser::Browser;
use crate::set::{gallery, mixed};

/// The ids of a group's images that are shown without its pairs, in their order.
const MEMBERS: &str = "[...document.querySelectorAll('.members > .side')].filter((side) => side.offsetParent !== null)\
                       .map((side) => Number(side.dataset.id))";
/// The choices of a filter.
fn choices(browser: &mut Browser, name: &str) -> serde_json::Value {
    browser.js(&format!("Array.from(form.elements.{name}.options, (option) => option.textContent)"))
}

fn filter(browser: &mut Browser, hash: &str, count: &str) {
    browser.js(&format!("location.hash = {hash:?}"));
    browser.until(&format!("document.querySelector('#count').textContent === {count:?}"));
}

#[test]
fn similar_pairs_stand_apart_and_counts_follow_the_other_filters() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = mixed();
    let page = gallery(&folder, "pairs.parquet");
    browser.open(&page, "");
    let head = browser.text("header");
    for expected in [
        "2 groups of duplicates, 36 images in all. They are tied by 34 pairs: 1 exact (identical pixels) and 33 near",
        "8 of 9 test images (88.9 %) leak: they have a duplicate in train.",
        "2 similar pairs are no duplicates: the pictures look alike, but may be two shots.",
    ] {
        assert!(head.contains(expected), "{expected}: {head}");
    }
    assert!(!head.contains("label conflict"), "a similar pair is none: {head}");
    assert_eq!(browser.text("#count"), "2 of 2 groups, 34 of 34 pairs");
    assert_eq!(browser.js("alike.hidden"), true);
    let kinds = ["exact and near (34)", "exact (1)", "near (33)", "similar (2)", "all, similar too (36)"];
    assert_eq!(choices(&mut browser, "kind"), json!(kinds));
    let splits = ["all (34)", "between splits (8)", "train – test (8)", "train – train (26)"];
    assert_eq!(choices(&mut browser, "splits"), json!(splits));
    assert_eq!(browser.text(".check > span"), "leaks only (8)");

    filter(&mut browser, "kind=similar", "2 of 3 groups, 2 of 36 pairs");
    assert_eq!(browser.js("alike.hidden"), false);
    let splits = ["all (2)", "between splits (1)", "train – test (1)", "train – train (1)"];
    assert_eq!(choices(&mut browser, "splits"), json!(splits));
    assert_eq!(browser.text(".check > span"), "leaks only (0)");
    filter(&mut browser, "leak=1", "1 of 2 groups, 8 of 34 pairs");
    let kinds = ["exact and near (8)", "exact (0)", "near (8)", "similar (0)", "all, similar too (8)"];
    assert_eq!(choices(&mut browser, "kind"), json!(kinds));
    filter(&mut browser, "kind=all&sort=left", "3 of 3 groups, 36 of 36 pairs");
    let order = "Array.from(document.querySelectorAll('.card'), (card) => card.querySelector('.twins').dataset.ids)";
    assert_eq!(browser.js(order), json!(["0 1", "34 35", "36 37"]));
    // What is ticked goes into the address, and is read from it.
    browser.js("location.hash = ''");
    browser.click("[name=leak]");
    assert_eq!(browser.js("location.hash"), "#leak=1");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn of_a_large_group_rare_images_and_those_of_a_filter_are_shown_first() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = mixed();
    let page = gallery(&folder, "pairs.parquet");
    browser.open(&page, "");
    let members: Vec<u64> = serde_json::from_value(browser.js(MEMBERS)).unwrap();
    assert_eq!((members.len(), members[0]), (24, 0), "image 0 stays: {members:?}");
    assert!((25..34).all(|id| members.contains(&id)), "all of test, and that of a rare folder: {members:?}");
    assert_eq!(browser.text("[data-do=members]"), "Show all 34 pictures");
    browser.click("[data-do=members]");
    assert_eq!(browser.js(&format!("{MEMBERS}.length")), 34);
    assert_eq!(browser.text("[data-do=members]"), "Show fewer pictures");
    browser.click("[data-do=members]");
    let rest = "[document.querySelector('.rest').open, document.querySelector('.rest > summary').textContent]";
    assert_eq!(browser.js(rest), json!([false, "33 pairs side by side"]));

    filter(&mut browser, "splits=train-test", "1 of 2 groups, 8 of 34 pairs");
    let members: Vec<u64> = serde_json::from_value(browser.js(MEMBERS)).unwrap();
    assert_eq!(members[..9], [0, 26, 27, 28, 29, 30, 31, 32, 33]);
    assert_eq!(browser.js(rest), json!([true, "8 of 33 pairs side by side"]));
    filter(&mut browser, "name=from-phone", "1 of 2 groups, 1 of 34 pairs");
    let members: Vec<u64> = serde_json::from_value(browser.js(MEMBERS)).unwrap();
    assert_eq!((members.len(), members[0], members[1]), (24, 25, 0));
    assert_eq!(browser.js(rest), json!([true, "1 of 33 pairs side by side"]));
    filter(&mut browser, "", "2 of 2 groups, 34 of 34 pairs");
    assert_eq!(browser.js(rest), json!([false, "33 pairs side by side"]));
    filter(&mut browser, "kind=all", "3 of 3 groups, 36 of 36 pairs");
    assert_eq!(browser.js(rest), json!([false, "34 pairs side by side"]));
    // What an image is and how a pair was found is said in words.
    browser.press(&["j"]);
    let about = "[current.item.querySelector('.about').innerText, current.item.querySelector('.source').title]";
    let said = "near similarity 0.990 left picture: moved 9 % right and 11 % up\u{a0}· found by light and dark";
    let found = browser.js(about);
    let words = |text: &str| text.replace(['\u{a0}', '·'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(found[0].as_str().unwrap()), words(said));
    assert_eq!(found[1], "id 0");
    assert_eq!(browser.complaints, Vec::<String>::new());

    // Without JavaScript all are shown.
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(&page, "");
    assert_eq!(browser.js(&format!("{MEMBERS}.length")), 34);
}
