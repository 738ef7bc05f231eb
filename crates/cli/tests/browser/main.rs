//! The page of `--format html` in a real browser: Chromium without a window, at the sizes of a
//! desktop and of a phone.
//!
//! Without Chromium and chromedriver the tests say so and check nothing. `LOOKALIKE_SCREENSHOTS`
//! names a folder for pictures of what was tested.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod collection;
mod driver;
mod evaluation;
mod server;
mod studio;
#[allow(dead_code)]
#[path = "../command_line/workplace.rs"]
mod workplace;

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use driver::Browser;
use workplace::{SIZE, Workplace};

const DESKTOP: (u32, u32) = (1280, 800);
const PHONE: (u32, u32) = (390, 844);

/// Names that would break out of a page that put them in as markup or as script.
const HOSTILE: [&str; 3] = [
    "<img src=x onerror=window.broken=1>.png",
    "'\"&lt;${`window.broken=1`}\\u003c\n].png",
    "<!--<script>window.broken=1.png",
];

/// Two folders with pairs of graded noise, some hostile names, an unreadable file and files
/// without partners; returns the page.
fn report(place: &Workplace) -> PathBuf {
    for (index, name) in ["a", "b", "deep/c", "d", "e", "f"].into_iter().enumerate() {
        place.scene(&format!("left/{name}.png"), (240, 180));
        place.noisy(&format!("right/{name}.png"), (240, 180), 0.1 * index as f64);
    }
    // Across folders a name can even hold a slash.
    let closing = "<.d/script><script>window.broken=1<.d/script>.png".replace("<.d", "<");
    for name in HOSTILE.into_iter().chain([closing.as_str()]) {
        place.scene(&format!("left/{name}"), SIZE);
        place.noisy(&format!("right/{name}"), SIZE, 0.05);
    }
    place.scene("left/broken.png", SIZE);
    place.write("right/broken.png", b"no picture");
    place.scene("left/alone.png", SIZE);
    let outcome = place.run(&[
        "compare",
        "left",
        "right",
        "-m",
        "ssim,psnr,gmsd",
        "--gate",
        "ssim>=0.7",
        "--allow-missing",
        "--format",
        "html",
        "-o",
        "report.html",
        "--quiet",
    ]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    place.path("report.html")
}

/// What holds whatever was done on a page.
fn check(browser: &Browser, page: &std::path::Path) {
    assert_eq!(browser.value("window.broken === undefined"), true);
    let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.value(wide), 0, "the page is wider than the window");
    assert_eq!(browser.complaints(page), Vec::<String>::new());
}

fn names(browser: &Browser) -> Vec<String> {
    let names =
        browser.value("[...document.querySelectorAll('#body .open')].map(b => b.textContent)");
    serde_json::from_value(names).unwrap()
}

const LOADED: &str = "[...document.images].every(i => i.complete && i.naturalWidth > 0)";
const SHOWN: &str = "[...document.querySelectorAll('#stage img')]\
    .filter(i => getComputedStyle(i).visibility === 'visible').map(i => i.alt.split(' ')[0]).join()";

#[test]
fn the_table_is_sorted_and_filtered() {
    let Some(browser) = Browser::start(DESKTOP.0, DESKTOP.1) else { return };
    let place = Workplace::new();
    let page = report(&place);
    browser.open(&page);
    browser.wait("document.documentElement.dataset.ready === 'true'");
    assert_eq!(browser.value("document.querySelector('#table').ariaRowCount"), "12");
    assert_eq!(browser.value("document.querySelector('#count').textContent"), "11 pairs");
    let worst = names(&browser);
    // What could not be read, then the failures by their value, then the rest.
    assert_eq!(worst[..4], ["broken", "f", "e", "d"]);
    let status =
        "[...document.querySelectorAll('#body .status')].map(s => s.lastChild.textContent)";
    let told: Vec<String> = serde_json::from_value(browser.value(status)).unwrap();
    assert_eq!(told[0], "error");
    let failed = told.iter().filter(|s| *s == "failed").count();
    assert!(failed >= 3 && told[1..=failed].iter().all(|s| s == "failed"), "{told:?}");
    assert_eq!(browser.value("document.querySelectorAll('.list li').length"), 2);
    browser.wait(LOADED);
    assert_eq!(browser.value("document.images.length > 12"), true);
    browser.screenshot("desktop-table");

    // By the first metric: worst first, then best first.
    let sorted = "document.querySelectorAll('#head th')[3].getAttribute('aria-sort')";
    assert_eq!(browser.value(sorted), json!(null));
    browser.click("#head th:nth-child(4) button");
    assert_eq!(browser.value(sorted), "ascending");
    assert_eq!(names(&browser)[..3], ["f", "e", "d"]);
    browser.click("#head th:nth-child(4) button");
    assert_eq!(browser.value(sorted), "descending");
    assert_eq!(names(&browser)[0], "a");
    // By one that is better when it is lower.
    browser.click("#head th:nth-child(6) button");
    assert_eq!(
        browser.value("document.querySelector('#head [aria-sort]').getAttribute('aria-sort')"),
        "descending"
    );
    assert_eq!(names(&browser)[0], "f");

    // By text, by status, by a threshold, by what is nowhere.
    browser.press(&["/"]);
    browser.press(&["d", "e", "e", "p"]);
    assert_eq!(names(&browser), ["deep/c"]);
    browser.value("(search.value = '', search.dispatchEvent(new Event('input')))");
    browser.value("(status_ = document.getElementById('status'), status_.value = 'error', status_.dispatchEvent(new Event('change')))");
    assert_eq!(names(&browser), ["broken"]);
    browser.value("(status_.value = 'all', threshold.value = '0.7', threshold.dispatchEvent(new Event('input')))");
    assert_eq!(names(&browser).len(), failed);
    browser.value("(threshold.value = '-2', threshold.dispatchEvent(new Event('input')))");
    assert_eq!(names(&browser).len(), 0);
    assert_eq!(
        browser.value("document.querySelector('#empty').innerText"),
        "No pair matches these filters."
    );
    check(&browser, &page);
    browser.prefer_dark(true);
    browser.value("(threshold.value = '', threshold.dispatchEvent(new Event('input')))");
    browser.wait(LOADED);
    let ground = browser.value("getComputedStyle(document.documentElement).backgroundColor");
    assert_eq!(ground, "rgb(20, 23, 26)");
    browser.screenshot("desktop-dark");
}

/// Goes through the views of a pair by keyboard.
fn views(size: (u32, u32), name: &str) {
    let Some(browser) = Browser::start(size.0, size.1) else { return };
    let place = Workplace::new();
    let page = report(&place);
    browser.open(&page);
    browser.wait("document.documentElement.dataset.ready === 'true'");
    browser.wait(LOADED);
    browser.screenshot(&format!("{name}-list"));
    check(&browser, &page);
    let title = "document.querySelector('#name').textContent";

    // The second row is opened from the list.
    browser.press(&["j", "Enter"]);
    browser.wait("detail.open");
    assert_eq!(browser.value(title), "f");
    browser.wait(LOADED);

    // Flicker runs by itself, stops, and goes on by hand.
    browser.wait(&format!("({SHOWN}) === 'reference'"));
    browser.wait(&format!("({SHOWN}) === 'candidate'"));
    browser.screenshot(&format!("{name}-flicker"));
    browser.press(&[" "]);
    let before = browser.value(SHOWN);
    browser.press(&[" "]);
    let after = browser.value(SHOWN);
    assert_ne!(before, after);
    std::thread::sleep(std::time::Duration::from_millis(900));
    assert_eq!(browser.value(SHOWN), after, "a stopped flicker stands still");

    // The boundary of the slider follows the arrows.
    browser.press(&["s"]);
    let cut = "getComputedStyle(document.querySelector('.swipe img:nth-of-type(2)')).clipPath";
    assert_eq!(browser.value(cut), "inset(0px 0px 0px 50%)");
    browser.value("at.focus()");
    browser.press(&["Right", "Right"]);
    assert_eq!(browser.value(cut), "inset(0px 0px 0px 51%)");
    browser.wait(LOADED);
    browser.screenshot(&format!("{name}-slider"));

    browser.press(&["b"]);
    assert_eq!(browser.value("document.querySelectorAll('#stage .frame').length"), 2);
    browser.screenshot(&format!("{name}-side"));

    // The map has its colours and their numbers, for each metric that has one.
    browser.press(&["m"]);
    let bar = "document.querySelector('.bar').innerText.split(/\\s+/).join(' ')";
    assert_eq!(browser.value(bar), "1 0 same 0.5 different");
    let colours =
        browser.value("getComputedStyle(document.querySelector('.bar i')).backgroundImage");
    assert!(colours.as_str().unwrap().starts_with("linear-gradient"), "{colours}");
    assert_eq!(browser.value("document.querySelector('#stage .tag').textContent"), "ssim@wang");
    browser.wait(LOADED);
    browser.screenshot(&format!("{name}-map"));
    browser.press(&["m"]);
    assert_ne!(browser.value("document.querySelector('#stage .tag').textContent"), "ssim@wang");
    browser.press(&["o"]);
    assert_eq!(browser.value("document.querySelectorAll('#stage img')[1].style.opacity"), "0.5");

    // On to the next pair and back, the help, and out again.
    browser.press(&["j"]);
    assert_eq!(browser.value(title), "e");
    browser.press(&["k", "k", "k"]);
    assert_eq!(browser.value(title), "broken");
    assert_eq!(browser.value("stage.innerText.includes('broken.png')"), true);
    browser.press(&["?"]);
    assert_eq!(browser.value("help.open"), true);
    browser.screenshot(&format!("{name}-help"));
    browser.press(&["Escape"]);
    assert_eq!(browser.value("[help.open, detail.open].join()"), "false,true");
    for _ in 0..12 {
        browser.press(&["j"]);
        browser.wait(LOADED);
    }
    assert_eq!(browser.value("next.disabled"), true);
    browser.press(&["Escape"]);
    assert_eq!(browser.value("detail.open"), false);
    browser.wait("document.activeElement.textContent === 'a'");
    check(&browser, &page);
}

#[test]
fn a_pair_is_looked_at_on_a_desktop() {
    views(DESKTOP, "desktop");
}

#[test]
fn a_pair_is_looked_at_on_a_phone() {
    views(PHONE, "phone");
}

#[test]
fn two_thousand_pairs_stay_small_and_quick() {
    let Some(browser) = Browser::start(DESKTOP.0, DESKTOP.1) else { return };
    const PAIRS: usize = 2000;
    let place = Workplace::new();
    for index in 0..8 {
        place.scene(&format!("base/{index}-a.png"), (64, 48));
        place.noisy(&format!("base/{index}-b.png"), (64, 48), 0.1 * f64::from(index));
    }
    for folder in ["left", "right"] {
        std::fs::create_dir(place.path(folder)).unwrap();
    }
    for index in 0..PAIRS {
        for (folder, side) in [("left", "a"), ("right", "b")] {
            let base = place.path(&format!("base/{}-{side}.png", index % 8));
            std::fs::hard_link(base, place.path(&format!("{folder}/{index:04}.png"))).unwrap();
        }
    }
    place.succeeds(&[
        "compare", "left", "right", "-m", "ssim,mse", "--format", "html", "-o", "all.html",
    ]);
    let page = place.path("all.html");
    let bytes = std::fs::metadata(&page).unwrap().len();
    assert!(bytes < 60_000_000, "{bytes} bytes");
    let start = Instant::now();
    browser.open(&page);
    browser.wait("document.documentElement.dataset.ready === 'true'");
    println!("{bytes} bytes, interactive after {:?}", start.elapsed());
    assert_eq!(browser.value("document.querySelector('#table').ariaRowCount"), "2001");
    // Only what is near the window is on the page.
    assert_eq!(browser.value("document.images.length > 0 && document.images.length < 100"), true);
    browser.wait(LOADED);
    let sorted = browser.value("(() => { const start = performance.now(); document.querySelector('#head th:nth-child(4) button').click(); return performance.now() - start; })()");
    println!("sorted in {sorted} ms");
    browser.value("scrollTo(0, document.documentElement.scrollHeight)");
    browser.wait("document.querySelector('#body tr[aria-rowindex=\"2001\"]') !== null");
    browser.wait(LOADED);
    assert_eq!(browser.value("document.images.length < 100"), true);
    browser.screenshot("many");
    check(&browser, &page);
}

#[test]
fn a_page_without_pairs_says_so() {
    let Some(browser) = Browser::start(PHONE.0, PHONE.1) else { return };
    let place = Workplace::new();
    place.scene("left/a.png", SIZE);
    place.scene("right/b.png", SIZE);
    let start = ["compare", "left", "right", "-m", "mse", "--allow-missing"];
    let outcome = place.run(&[&start[..], &["--format", "html", "-o", "empty.html"]].concat());
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    let page = place.path("empty.html");
    browser.open(&page);
    browser.wait("document.documentElement.dataset.ready === 'true'");
    assert_eq!(
        browser.value("document.querySelector('#empty').innerText"),
        "No pairs were compared."
    );
    assert_eq!(browser.value("document.querySelectorAll('.list li').length"), 3);
    browser.press(&["j", "Enter", "k"]);
    assert_eq!(browser.value("detail.open"), false);
    check(&browser, &page);
    browser.screenshot("empty");
}
