//! Marking pairs that are no duplicates, and giving the marks to the next search.

use std::fs;
use std::path::PathBuf;

use image::{Rgb, RgbImage};
use serde_json::json;
use tempfile::TempDir;
use twinset_manifest::rows::{Image, Pair, Split};
use twinset_manifest::{Provenance, Reader, write_manifest};

use crate::browser::Browser;
use crate::set::{gallery, row, run};

/// Names as files may have them: of HTML, of CSV, of text from right to left, of several lines.
const NAMES: [&str; 7] = [
    "a/</script><script>document.title=1</script>.png",
    "a/\"quoted\", and; more\t|.png",
    "b/line\nline\r\nline\rline.png",
    "b/\u{202e}gpj.\u{5d0}\u{5d1}.png",
    "c/&amp;&lt;'.png",
    "c/\u{fffd}\u{1f408}.png",
    "c/copy.png",
];

/// A picture, made brighter by so much.
fn picture(number: u32, brighter: u8) -> RgbImage {
    let wave = |x: u32, y: u32| ((x * (number % 7 + 1) * 11 + y * (number % 5 + 1) * 17 + number * 50) % 240) as u8;
    RgbImage::from_fn(32, 32, |x, y| Rgb([wave(x / 4, y / 4), wave(y / 4, x / 4), 90].map(|value| value + brighter)))
}

/// Three pictures in two versions each, and one of these twice; the pairs that are found among them are in `found`.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let looks = [(1, 0), (1, 9), (2, 0), (2, 9), (3, 0), (3, 9), (3, 0)];
    let image = |(id, (number, brighter)): (usize, (u32, u8))| {
        row(id as u64, Split::Train, 0, &picture(number, brighter), NAMES[id])
    };
    let images: Vec<Image> = looks.into_iter().enumerate().map(image).collect();
    write_manifest(&folder.path().join("images.parquet"), images, &Provenance::of_stage("ingest", "0")).unwrap();
    find(&folder, &[]);
    assert_eq!(pairs(&folder), [(0, 1), (2, 3), (4, 5), (4, 6), (5, 6)]);
    let page = gallery(&folder, "found/pairs.parquet");
    (folder, page)
}

fn find(folder: &TempDir, words: &[&str]) -> String {
    run(folder, &[&["--quiet", "--images", "images.parquet", "--out", "found"], words].concat())
}

fn pairs(folder: &TempDir) -> Vec<(u64, u64)> {
    let pairs = Reader::<Pair>::open(&folder.path().join("found/pairs.parquet")).unwrap().read_all().unwrap();
    pairs.iter().map(|pair| (pair.left_id, pair.right_id)).collect()
}

/// Moves to a pair with the key `j`.
fn go_to(browser: &mut Browser, ids: &str) {
    for _ in 0..10 {
        if browser.js("current?.item.dataset.ids") == ids {
            return;
        }
        browser.press(&["j"]);
    }
    panic!("no pair {ids}");
}

#[test]
fn marks_are_kept_and_undone_and_the_next_search_reads_them() {
    let Some(mut browser) = Browser::start() else { return };
    let (folder, page) = folder();
    browser.open(&page, "");
    // An exact pair cannot be marked.
    go_to(&mut browser, "4 6");
    browser.press(&["x"]);
    assert_eq!(browser.text("#bar .said"), "Not marked: the pixels of an exact pair are identical.");
    assert_eq!(browser.text("#n-marks"), "0");

    browser.press(&["k", "k", "k", "k", "k", "k"]);
    for ids in ["0 1", "2 3", "4 5"] {
        browser.js("select(sequence[0])");
        go_to(&mut browser, ids);
        browser.press(&["x"]);
    }
    assert_eq!(browser.text("#n-marks"), "3");
    assert_eq!(browser.js("current.tag.textContent"), "not a duplicate");
    browser.press(&["u"]);
    assert_eq!(browser.text("#bar .said"), "Undone: a mark taken back.");
    assert_eq!(
        (browser.text("#n-marks"), browser.js("document.querySelectorAll('.marked').length")),
        ("2".into(), json!(2))
    );
    browser.press(&["x"]);
    // In the large view, by the button.
    browser.press(&["Enter"]);
    browser.click("#viewer [data-do=mark]");
    assert_eq!(browser.js("document.querySelectorAll('.marked').length"), 2);
    browser.press(&["Escape"]);
    browser.until("!viewer.open && history.state === null && !isLeaving");

    browser.reload();
    assert_eq!(
        (browser.text("#n-marks"), browser.js("document.querySelectorAll('.marked').length")),
        ("2".into(), json!(2))
    );

    // As a download, as a text, and as a copy.
    let downloads = folder.path().join("downloads");
    browser.call("Browser.setDownloadBehavior", json!({"behavior": "allow", "downloadPath": downloads}));
    browser.press(&["m"]);
    assert!(browser.text("#marked").starts_with("2 pairs are marked as no duplicates."));
    let again = "twinset neardup --images images.parquet --not-duplicates not-duplicates.csv --out found";
    assert_eq!(browser.text("#again"), again);
    assert!(browser.text("#marks").contains("an image may stay in its group through other pairs"));
    browser.click("[data-do=download]");
    let file = downloads.join("not-duplicates.csv");
    while !file.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("left,right\n"), "{text}");
    browser.call("Browser.grantPermissions", json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}));
    browser.click("[data-do=copy]");
    browser.until("document.querySelector('#marks .said').textContent === 'Copied.'");
    assert_eq!(browser.js("navigator.clipboard.readText()"), json!(text));
    let stdout = find(&folder, &["--not-duplicates", "downloads/not-duplicates.csv"]);
    assert!(stdout.contains("2 pairs are left out: no duplicates by the file, which tells of 2 pairs\n"), "{stdout}");
    assert_eq!(pairs(&folder), [(4, 5), (4, 6), (5, 6)]);

    // A page of this search shows neither, and does not forget them.
    let later = gallery(&folder, "found/pairs.parquet");
    browser.open(&later, "");
    browser.press(&["m"]);
    assert_eq!(browser.text("#marked"), "2 pairs are marked as no duplicates, 2 of them not on this page.");
    browser.click("[data-do=clear]");
    assert_eq!(browser.text("#marked"), "0 pairs are marked as no duplicates.");
    browser.give_file("#import", &file);
    browser.until("document.querySelector('#marked').textContent.startsWith('2 pairs')");
    assert_eq!(browser.text("#marks .said"), "2 of 2 pairs added.");
    browser.give_file("#import", &file);
    browser.until("document.querySelector('#marks .said').textContent.startsWith('0 of 2')");
    browser.press(&["u"]);
    assert_eq!(browser.text("#n-marks"), "0");
    fs::write(&file, "a,b\n1,2\n").unwrap();
    browser.give_file("#import", &file);
    browser.until("document.querySelector('#marks .said').textContent.startsWith('Nothing')");
    let expected = "Nothing was added: found the columns a, b, expected left, right or left_id, right_id.";
    assert_eq!(browser.text("#marks .said"), expected);

    // A browser that keeps nothing says so, and exports all the same.
    let blocked = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('blocked'); } });";
    browser.call("Page.addScriptToEvaluateOnNewDocument", json!({"source": blocked}));
    browser.open(&page, "");
    go_to(&mut browser, "4 5");
    browser.press(&["x", "m"]);
    assert_eq!(
        browser.text("#kept"),
        "This browser keeps nothing for the page: download the marks before you close it."
    );
    assert_eq!(browser.js("marks.n()"), 1);
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn names_of_files_are_text_and_nothing_else() {
    let Some(mut browser) = Browser::start() else { return };
    let (_folder, page) = folder();
    browser.open(&page, "");
    assert_eq!(browser.js("document.title"), "Duplicates · Twinset gallery");
    // All images are of one split and one class: nothing is said of either.
    let said = "[...document.querySelectorAll('header, #bar, main')].map((e) => e.textContent).join(' ').match(/train|split|leak|conflict|label|\\bcat\\b/gi)";
    assert_eq!(browser.js(said), json!(null));
    let found = browser.js("[...new Set(pairs.flatMap((pair) => pair.names))].sort()");
    let mut names = NAMES;
    names.sort_by_key(|name| name.encode_utf16().collect::<Vec<_>>());
    assert_eq!(found, json!(names));
    // What is written from right to left stays within its name.
    assert_eq!(browser.js("getComputedStyle(document.querySelector('.source')).unicodeBidi"), "isolate");
    browser.press(&["/"]);
    for key in ["\"", "Q", "U"] {
        browser.press(&[key]);
    }
    assert_eq!(browser.text("#count"), "1 of 3 groups, 1 of 5 pairs");
    browser.press(&["Escape", "j", "f"]);
    assert_eq!(browser.js("viewer.open"), true);
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn pairs_with_a_reference_are_looked_at_and_not_marked() {
    let Some(mut browser) = Browser::start() else { return };
    let (folder, _) = folder();
    fs::copy(folder.path().join("images.parquet"), folder.path().join("other.parquet")).unwrap();
    find(&folder, &["--reference", "other.parquet"]);
    let words = ["gallery", "--quiet", "--images", "images.parquet", "--reference", "other.parquet"];
    run(&folder, &[&words[..], &["--pairs", "found/reference-pairs.parquet", "--out", "g.html"]].concat());
    browser.open(&fs::canonicalize(folder.path().join("g.html")).unwrap(), "");
    browser.press(&["j", "x", "m", "u", "Enter", "x", " ", "d", "j"]);
    assert_eq!(browser.js("[viewer.open, mode, sequence.indexOf(current)]"), json!([true, "difference", 1]));
    browser.press(&["Escape", "?", "Escape", "/"]);
    assert_eq!(browser.js("document.activeElement.name"), "name");
    let of_marks = "document.querySelectorAll('[data-do=mark], [data-do=marks], #marks, [name=marks]').length";
    assert_eq!(browser.js(of_marks), 0);
    assert_eq!(browser.complaints, Vec::<String>::new());
}
