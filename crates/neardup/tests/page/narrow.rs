//! The page on a narrow screen, and by touch.

use serde_json::json;

use crate::browser::Browser;
use crate::set::{gallery, many};

#[test]
fn on_a_narrow_screen_filters_are_folded_and_compare_fits_beside_a_scroll_bar() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = many(50);
    let page = gallery(&folder, "pairs.parquet");
    // A narrow window of a desktop, whose scroll bar takes width.
    let narrow = json!({"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": false});
    browser.call("Emulation.setDeviceMetricsOverride", narrow);
    browser.open(&page, "#splits=train-test");
    browser.js("document.head.append(element('style', '', '::-webkit-scrollbar { width: 15px; }'))");
    browser.until("document.documentElement.clientWidth <= 385");
    for mode in ["Enter", " ", "d"] {
        browser.press(&[mode]);
        let right =
            "Math.max(...[viewer, ...viewer.querySelectorAll('*')].map((e) => e.getBoundingClientRect().right))";
        assert_eq!(browser.js(&format!("{right} <= document.documentElement.clientWidth")), true, "{mode}");
    }
    browser.press(&["Escape"]);
    assert_eq!(browser.js("[filtersBox.open, form.checkVisibility()]"), json!([false, false]));
    assert_eq!(browser.text("#filters > summary"), "Filter and sort (1 on)");
    browser.press(&["/"]);
    assert_eq!(browser.js("[filtersBox.open, document.activeElement.name]"), json!([true, "name"]));
    browser.resize(1400, 800);
    browser.until("filtersBox.open && document.querySelector('#filters > summary').offsetParent === null");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn a_finger_goes_through_the_pairs_and_the_back_button_closes_compare() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = many(50);
    let page = gallery(&folder, "pairs.parquet");
    browser.resize(400, 800);
    browser.call("Emulation.setTouchEmulationEnabled", json!({"enabled": true}));
    browser.open(&page, "#splits=train-test");
    browser.press(&["j", "Enter"]);
    let mut swipe = |from: (u32, u32), to: (u32, u32), expected: u32| {
        let y = browser.js("Math.round(stage.getBoundingClientRect().top) + 20").as_u64().unwrap();
        let at = |(x, down): (u32, u32)| json!([{"x": x, "y": y + u64::from(down)}]);
        for (kind, points) in [("touchStart", at(from)), ("touchMove", at(to)), ("touchEnd", json!([]))] {
            browser.call("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points}));
        }
        assert_eq!(browser.js("sequence.indexOf(current)"), expected, "{from:?} {to:?}");
    };
    swipe((300, 0), (100, 10), 1);
    swipe((300, 0), (100, 0), 2);
    swipe((100, 0), (300, 0), 1);
    // Neither a tap nor scrolling.
    swipe((100, 0), (110, 0), 1);
    swipe((200, 0), (150, 80), 1);

    let (before, state) = (browser.js("location.href"), "[viewer.open, history.state, location.href]");
    browser.js("history.back()");
    browser.until("!viewer.open");
    assert_eq!(browser.js(state), json!([false, null, before]));
    // Closed in another way, nothing is left of it to go back to, and the filter is kept.
    browser.press(&["Enter", "Escape"]);
    browser.until("!viewer.open && history.state === null && !isLeaving");
    assert_eq!(browser.js(state), json!([false, null, before]));
    browser.press(&["Enter", "/", "7"]);
    browser.until("location.hash === '#splits=train-test&name=7'");
    assert_eq!(browser.js("form.elements.name.value"), "7");
    assert_eq!(browser.complaints, Vec::<String>::new());
}
