//! A page of 5,000 pairs.

use serde_json::json;

use crate::browser::Browser;
use crate::set::{gallery, many};

#[test]
fn keys_go_through_pairs_and_show_them_large() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = many(50);
    let page = gallery(&folder, "pairs.parquet");
    browser.open(&page, "");
    assert_eq!(browser.text("#tools .place"), "50 pairs");
    let mut at = |keys: &[&str], expected: &str| {
        browser.press(keys);
        assert_eq!(browser.text("#tools .place"), expected, "{keys:?}");
    };
    at(&["j"], "1 of 50");
    at(&["j", "j", "ArrowRight"], "4 of 50");
    at(&["k", "ArrowLeft"], "2 of 50");
    at(&["n"], "3 of 50");
    at(&["p", "p", "p"], "1 of 50");
    // The focus is on the pair, which says what it is.
    let focused = "[document.activeElement === current.item, current.item.getAttribute('role'), current.item.getAttribute('aria-label')]";
    assert_eq!(browser.js(focused), json!([true, "group", "Pair of set/00000.png and set/00001.png"]));

    let shown = "[viewer.open, mode, stage.firstElementChild.dataset.shows]";
    let mut check = |keys: &[&str], expected: serde_json::Value| {
        browser.press(keys);
        assert_eq!(browser.js(shown), expected, "{keys:?}");
    };
    check(&["Enter"], json!([true, "sides", "1"]));
    check(&[" "], json!([true, "flicker", "1"]));
    check(&[" "], json!([true, "flicker", "0"]));
    check(&["j"], json!([true, "flicker", "0"]));
    check(&["d"], json!([true, "difference", "2"]));
    check(&["Escape"], json!([false, "difference", "2"]));
    assert_eq!(browser.text("#tools .place"), "2 of 50");
    // The left picture lies on the right one as the pair's alignment says.
    browser.press(&[" "]);
    let transform = "getComputedStyle(document.querySelector('.swapped').firstElementChild).transform";
    assert_eq!(browser.js(transform), "matrix(-1, 0, 0, 1, 0, 0)");
    // Who closes it and opens it again at once keeps it open, though the browser goes back a moment later.
    browser.js("viewer.close(); openViewer('flicker'); 0");
    browser.js("addEventListener('popstate', () => { window.isBack = true; }); 0");
    browser.js("viewer.addEventListener('close', () => openViewer('flicker'), { once: true }); viewer.close(); 0");
    browser.until("window.isBack === true");
    assert_eq!(browser.js("history.state"), "compare");
    assert_eq!(browser.js(shown), json!([true, "flicker", "0"]));
    browser.press(&["f"]);
    let before = browser.js(shown);
    browser.until(&format!(
        "({shown}).join() !== {:?}",
        before.as_array().unwrap().iter().map(|v| v.to_string().replace('"', "")).collect::<Vec<_>>().join(",")
    ));
    browser.press(&["f"]);
    assert_eq!(browser.js("flickering"), 0);
    // Who wants no motion swaps by hand.
    browser.prefer(&[("prefers-reduced-motion", "reduce")]);
    browser.press(&["f"]);
    assert_eq!(browser.js("[flickering, mode]"), json!([0, "flicker"]));
    browser.press(&["Escape", "?"]);
    let listed = browser.text("#keys");
    for key in ["j k", "n p", "Enter", "space", "f", "d", "x", "u", "m", "/", "?", "Esc"] {
        assert!(listed.lines().any(|line| line.trim().starts_with(key)), "{key}: {listed}");
    }
    browser.press(&["Escape"]);
    // Each key has a button.
    let without = "[...new Set(Object.values(doneBy))].filter((name) => name !== 'search' && document.querySelector(`[data-do=${name}]`) === null)";
    assert_eq!(browser.js(without), json!([]));
    let nameless = "[...document.querySelectorAll('button, input, select, textarea, dialog, [role=img]')].filter((e) => !(e.ariaLabel || e.labels?.length || e.innerText || e.textContent.trim() || e.getAttribute('aria-labelledby'))).map((e) => e.outerHTML)";
    assert_eq!(browser.js(nameless), json!([]));
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn filters_tell_how_many_of_5000_pairs_are_shown_and_can_be_shared() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = many(5000);
    let page = gallery(&folder, "pairs.parquet");
    browser.open(&page, "");
    let mut count = |hash: &str, expected: u32| {
        browser.js(&format!("location.hash = {hash:?}"));
        browser.until(&format!(
            "document.querySelector('#count').textContent.endsWith({:?})",
            format!("{} of 5,000 pairs", thousands(expected))
        ));
        assert_eq!(browser.js("cards.filter((card) => !card.item.hidden).length"), expected, "{hash}");
    };
    count("#", 5000);
    count("#kind=exact", 100);
    count("#kind=near", 4900);
    count("#splits=train-test", 3333);
    count("#splits=across", 3333);
    count("#conflict=1", 1000);
    count("#min=0.9", 1001);
    count("#min=0.6&max=0.7", 1001);
    count("#name=SET%2F0000", 5);
    count("#kind=near&splits=train-train&conflict=1&name=99", 7);
    // What is typed goes into the address.
    browser.js("location.hash = ''");
    browser.js("form.elements.kind.value = 'exact'; form.dispatchEvent(new Event('input'))");
    assert_eq!(browser.js("location.hash"), "#kind=exact");
    browser.press(&["/"]);
    browser.press(&["7", "7"]);
    assert_eq!(browser.js("location.hash"), "#kind=exact&name=77");
    browser.press(&["Escape", "j"]);
    assert_eq!(browser.js("current.ids"), json!(["76", "77"]));
    browser.click("[type=reset]");
    browser.until("document.querySelector('#count').textContent === '5,000 of 5,000 groups, 5,000 of 5,000 pairs'");

    // Going through the pairs that are not marked, a mark leads to the next.
    browser.js("location.hash = '#kind=near&marks=no'");
    browser.until("sequence.length === 4900");
    browser.js("select(sequence[0])");
    browser.press(&["x", "x"]);
    assert_eq!(browser.js("[sequence.length, marks.n(), current.ids]"), json!([4898, 2, ["204", "205"]]));
    browser.press(&["u", "u"]);
    browser.js("location.hash = '#sort=least'");
    browser.until("list.firstElementChild.querySelector('.twins').dataset.ids === '9998 9999'");

    for scheme in ["light", "dark"] {
        browser.prefer(&[("prefers-color-scheme", scheme)]);
        for width in [1400, 400] {
            browser.resize(width, 800);
            browser.press(&["j"]);
            let wide = "[document.documentElement.scrollWidth - innerWidth, viewer.open ? viewer.scrollWidth - viewer.clientWidth : 0].map((n) => Math.max(n, 0))";
            assert_eq!(browser.js(wide), json!([0, 0]), "{scheme} {width}");
            for mode in ["Enter", " ", "d"] {
                browser.press(&[mode]);
                assert_eq!(browser.js(wide), json!([0, 0]), "{scheme} {width} {mode}");
                assert_eq!(
                    browser.js("viewer.querySelector('[data-do=close]').getBoundingClientRect().right <= innerWidth"),
                    true
                );
            }
            browser.press(&["Escape"]);
            assert_eq!(browser.js(CONTRAST), json!([]), "{scheme} {width}");
            // The buttons are within reach, whatever is scrolled.
            browser.js("scrollTo(0, 3000)");
            let button = "document.querySelector('#tools [data-do=next]').getBoundingClientRect()";
            assert_eq!(browser.js(&format!("{button}.top >= 0 && {button}.bottom <= innerHeight")), true, "{width}");
        }
    }
    let asked: Vec<_> = browser
        .requests
        .iter()
        .filter(|address| !address.starts_with("file:///") && *address != "about:blank")
        .collect();
    assert_eq!(asked, Vec::<&String>::new());
    assert_eq!(browser.complaints, Vec::<String>::new());

    // Without JavaScript all groups are there, and nothing that would do nothing.
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.open(&page, "");
    let shown = "[[...document.querySelectorAll('.card')].filter((card) => card.offsetParent !== null).length, [...document.querySelectorAll('form, button, dialog')].filter((e) => e.offsetParent !== null).length]";
    assert_eq!(browser.js(shown), json!([5000, 0]));
}

fn thousands(n: u32) -> String {
    if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) }
}

/// Texts whose colour is too near that of the ground they stand on (below 4.5 to 1).
const CONTRAST: &str = "(() => {
  const light = (c) => c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { const c = getComputedStyle(e).backgroundColor; return c === 'rgba(0, 0, 0, 0)' && e.parentElement ? ground(e.parentElement) : c; };
  const looked = ['h1', 'header p', '.kicker', '.of', '.faint', '.about', '.tag', '.tag.bad', '.how', 'label', 'select', 'button', 'kbd', 'output', '.place', 'footer p'];
  return looked.flatMap((s) => [document.querySelector(s)].filter((e) => e !== null).map((e) => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    return [s, (a + 0.05) / (b + 0.05)];
  })).filter(([, ratio]) => ratio < 4.5);
})()";
