//! `judge collect` in browsers: three raters, a server that is killed half way, and what comes out.

use lookalike::procedural::{Distortion, scene};
use serde_json::Value;

use crate::driver::Browser;
use crate::server::Server;
use crate::workplace::Workplace;

const ITEMS: u64 = 16;

/// Sixteen scenes, each with a slight and a strong distortion, and two attention checks.
fn project(place: &Workplace) {
    let mut rows = "reference,left,right,subset,expected\n".to_owned();
    for item in 0..ITEMS + 2 {
        let picture = scene(item, 120, 96);
        let apply = |strength| Distortion::Noise.apply(&picture, strength, item).unwrap();
        place.save(&format!("p/{item}.png"), &picture);
        place.save(&format!("p/{item}-near.png"), &apply(0.1));
        // One that no browser shows by itself.
        let far = if item == 3 { "ppm" } else { "png" };
        place.save(&format!("p/{item}-far.{far}"), &apply(0.9));
        let expected = if item < ITEMS { "" } else { "left" };
        let subset = if item % 2 == 0 { "even" } else { "odd" };
        rows += &format!("p/{item}.png,p/{item}-near.png,p/{item}-far.{far},{subset},{expected}\n");
    }
    place.write("items.csv", rows.as_bytes());
    let init = ["judge", "collect", "study", "--init", "--items", "items.csv", "--task", "2afc"];
    place.succeeds(&init);
}

fn serve(place: &Workplace, listen: &str) -> Server {
    Server::start(place, &["judge", "collect", "study"], listen)
}

const PHASE: &str = "document.documentElement.dataset.phase";
const ANSWERED: &str = "state.answered";

/// Chooses, as a careful person would, the picture that differs less from the reference.
fn answer(browser: &Browser) {
    browser.wait(&format!("['asking','done'].includes({PHASE})"));
    let before = browser.value(ANSWERED).as_u64().unwrap();
    let closer = browser.value(
        "(() => { const at = (i) => { const c = document.createElement('canvas'); c.width = i.naturalWidth; \
         c.height = i.naturalHeight; const x = c.getContext('2d'); x.drawImage(i, 0, 0); \
         return x.getImageData(0, 0, c.width, c.height).data; }; \
         const [l, r, s] = [...document.querySelectorAll('#stage img')].map(at); \
         const d = (a) => a.reduce((sum, v, i) => sum + (v - r[i]) ** 2, 0); return d(l) < d(s) ? 'Left' : 'Right'; })()",
    );
    browser.press(&[closer.as_str().unwrap()]);
    browser.wait(&format!("{ANSWERED} === {}", before + 1));
}

#[test]
fn fifty_judgements_of_three_raters_survive_a_kill() {
    let place = Workplace::new();
    let browsers: Vec<Browser> = (0..3).map_while(|_| Browser::start(1280, 800)).collect();
    if browsers.len() < 3 {
        return;
    }
    project(&place);
    let mut server = serve(&place, "127.0.0.1:0");
    let told = server.told.clone();
    let links: Vec<String> =
        (0..3).map(|rater| told["raters"][rater]["link"].as_str().unwrap().to_owned()).collect();
    for (browser, link) in browsers.iter().zip(&links) {
        browser.open_url(link);
        browser.wait(&format!("{PHASE} === 'paused'"));
        browser.press(&[" "]);
        browser.wait(&format!("{PHASE} === 'asking'"));
    }
    browsers[0].screenshot("collect-2afc");
    // Both sides occur, and the pages of two raters differ.
    for _ in 0..8 {
        browsers.iter().for_each(answer);
    }
    // Undo asks the same question again; pause and help are reached by keys.
    let item = "state.current.item";
    answer(&browsers[0]);
    let after = browsers[0].value(item);
    browsers[0].press(&["u"]);
    browsers[0].wait(&format!("{ANSWERED} === 8 && {PHASE} === 'asking'"));
    assert_ne!(browsers[0].value(item), after);
    browsers[0].press(&["p"]);
    assert_eq!(browsers[0].value(PHASE), "paused");
    browsers[0].screenshot("collect-paused");
    browsers[0].press(&[" ", "?"]);
    assert_eq!(browsers[0].value("document.querySelector('#help').open"), true);
    browsers[0].press(&["Escape"]);

    server.kill();
    // An answer to a server that is gone is kept and stored when it is back.
    browsers[1].press(&["Left"]);
    browsers[1].wait("document.querySelector('#told').textContent.includes('trying again')");
    let mut server = serve(&place, told["address"].as_str().unwrap());
    assert_eq!(server.told, told, "links stay");
    browsers[1].wait(&format!("{ANSWERED} === 9 && {PHASE} === 'asking'"));
    // One rater closes the page and comes back by the link.
    browsers[2].open_url("about:blank");
    browsers[2].open_url(&links[2]);
    browsers[2].wait(&format!("{PHASE} === 'paused' && {ANSWERED} === 8"));
    browsers[2].press(&[" "]);
    for browser in &browsers {
        while browser.value(PHASE) != "done" {
            answer(browser);
            browser.wait(&format!("['asking','done'].includes({PHASE})"));
        }
        assert_eq!(browser.value("state.left"), 0);
    }
    browsers[0].screenshot("collect-done");
    browsers[0].open_url(told["overview"].as_str().unwrap());
    browsers[0].wait("document.querySelectorAll('#raters tr').length === 3");
    browsers[0].screenshot("collect-overview");
    let count = browsers[0].value("document.querySelector('#count').textContent");
    assert_eq!(count, "48 of 48 votes");

    server.interrupt();
    let raw = place.succeeds(&["judge", "export", "study", "--raw", "--format", "jsonl"]);
    let answers: Vec<Value> = raw.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let counted: Vec<_> = answers.iter().filter(|a| a["undone"] == false).collect();
    assert!(counted.len() >= 50, "{}", counted.len());
    assert_eq!(answers.len() - counted.len(), 1);
    let firsts = |side| counted.iter().filter(|a| a["shown_first"] == side).count();
    assert!(firsts("left") > 10 && firsts("right") > 10);

    // All but perhaps the one answer given blindly are those of a careful person.
    place.succeeds(&["judge", "export", "study", "-o", "votes.csv"]);
    let eval = ["judge", "eval", "votes.csv", "-m", "mse", "--format", "json"];
    let report: Value = serde_json::from_str(&place.succeeds(&eval)).unwrap();
    assert_eq!((&report["protocol"], &report["n"]), (&"2afc".into(), &ITEMS.into()));
    let score = report["metrics"][0]["score"].as_f64().unwrap();
    assert!(score > 1.0 - 1.01 / 48.0, "{score}");
    assert!(report["metrics"][0]["subsets"]["odd"]["n"] == 8);
}

/// Finds out whether both pictures of a question have the same samples.
const ALIKE: &str = "(() => { window.alike = null; const { reference, shown } = state.current; \
    const at = (i) => { const c = document.createElement('canvas'); c.width = i.naturalWidth; \
    c.height = i.naturalHeight; const x = c.getContext('2d'); x.drawImage(i, 0, 0); \
    return x.getImageData(0, 0, c.width, c.height).data.join(); }; \
    Promise.all([...(reference ? [reference] : []), ...shown].map(picture)) \
    .then(([a, b]) => { window.alike = at(a) === at(b); }); return null; })()";

/// A study of pairs by one rater, who answers with one key where both pictures are the same and else with the
/// other; the votes are exported to a file.
fn pairs_are_judged(place: &Workplace, browser: &Browser, task: &str, [same, other]: [&str; 2]) {
    let mut rows = "reference,candidate\n".to_owned();
    for item in 0..ITEMS / 2 {
        let picture = scene(item, 96, 72);
        // Every other pair is one picture twice.
        let strength = if item % 2 == 0 { 0.0 } else { 0.7 };
        place.save(&format!("p/{item}.png"), &picture);
        let other = Distortion::Noise.apply(&picture, strength, item).unwrap();
        place.save(&format!("p/{item}-other.png"), &other);
        rows += &format!("p/{item}.png,p/{item}-other.png\n");
    }
    place.write("items.csv", rows.as_bytes());
    let init = ["judge", "collect", "study", "--init", "--items", "items.csv", "--task", task];
    place.succeeds(&[&init[..], &["--raters", "1"]].concat());
    let mut server = serve(place, "127.0.0.1:0");
    browser.open_url(server.text("/raters/0/link"));
    browser.wait(&format!("{PHASE} === 'paused'"));
    browser.press(&[" "]);
    let mut seen = 0;
    loop {
        browser.wait(&format!("['asking','done'].includes({PHASE})"));
        if browser.value(PHASE) == "done" {
            break;
        }
        if seen == 0 {
            browser.screenshot(&format!("collect-{task}"));
        }
        let alike = browser.value(ALIKE);
        assert_eq!(alike, Value::Null);
        browser.wait("window.alike !== null");
        browser.press(&[if browser.value("window.alike") == true { same } else { other }]);
        seen += 1;
        browser.wait(&format!("{ANSWERED} === {seen}"));
    }
    assert_eq!(seen, ITEMS / 2);
    server.interrupt();
    place.succeeds(&["judge", "export", "study", "-o", "votes.csv"]);
}

fn judged_by_mse(place: &Workplace) -> Value {
    let eval = ["judge", "eval", "votes.csv", "-m", "mse", "--format", "json"];
    serde_json::from_str(&place.succeeds(&eval)).unwrap()
}

#[test]
fn same_or_different_is_asked_for_the_time_that_was_set() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(1280, 800) else { return };
    pairs_are_judged(&place, &browser, "jnd", ["s", "d"]);
    let raw = place.succeeds(&["judge", "export", "study", "--raw", "--format", "jsonl"]);
    for line in raw.lines() {
        let answer: Value = serde_json::from_str(line).unwrap();
        let display: Value = serde_json::from_str(answer["display"].as_str().unwrap()).unwrap();
        let times = display["times"].as_array().unwrap();
        // First picture, gap, second picture: no shorter than asked, but for half a frame.
        for (time, least) in times.iter().zip([1000.0, 250.0, 1000.0]) {
            let time = time.as_f64().unwrap();
            assert!(time >= least - 20.0, "{time} {least}");
        }
        assert_eq!(times.len(), 3);
    }
    let report = judged_by_mse(&place);
    assert_eq!((&report["protocol"], &report["n"]), (&"jnd".into(), &(ITEMS / 2).into()));
    assert_eq!(report["metrics"][0]["score"], 1.0);
}

#[test]
fn ratings_are_given_by_digits() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(1280, 800) else { return };
    pairs_are_judged(&place, &browser, "rating", ["5", "2"]);
    let report = judged_by_mse(&place);
    assert_eq!((&report["protocol"], &report["n"]), (&"rating".into(), &(ITEMS / 2).into()));
    let agreement = report["metrics"][0]["score"].as_f64().unwrap();
    assert!(agreement > 0.8, "{agreement}");
}
