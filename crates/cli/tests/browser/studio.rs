//! `studio` in browsers: a search by a dropped picture, sixty pairs labelled by three experts with a server that is
//! killed half way, an adjudicator, agreement, evaluation and the report.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lookalike::procedural::{Distortion, scene};
use serde_json::Value;

use crate::driver::Browser;
use crate::server::Server;
use crate::workplace::Workplace;
use crate::{DESKTOP, PHONE};

const PAIRS: usize = 60;
const STUDIO: [&str; 7] =
    ["studio", "--store", "colour,edges", "--project", "asked", "--candidates", "candidates.jsonl"];

const PHASE: &str = "document.documentElement.dataset.phase";
const ANSWERED: &str = "state.answered";

/// Thirty products of two pictures each in two stores, sixty candidates of twelve seeds, three checks.
fn project(place: &Workplace) {
    for product in 0..30_u64 {
        let first = scene(product, 120, 96);
        let second = Distortion::Blur.apply(&first, 0.2, 1).unwrap();
        place.save(&format!("shop/id_{product:02}/a.png"), &first);
        place.save(&format!("shop/id_{product:02}/b.png"), &second);
    }
    for (model, store) in [("colour-hist", "colour"), ("hog", "edges")] {
        let index = ["discover", "index", "shop", "--store", store, "--model", model];
        place.succeeds(&[&index[..], &["--product-regex", r"id_\d+"]].concat());
    }
    let candidates = place.succeeds(&[
        "discover",
        "candidates",
        "--store",
        "colour,edges",
        "--seed-count",
        "12",
        "--depth",
        "4",
    ]);
    let lines: Vec<&str> = candidates.lines().collect();
    assert!(lines.len() >= PAIRS, "{}", lines.len());
    place.write("candidates.jsonl", lines[..PAIRS].join("\n").as_bytes());
    let known = |a, b, value| format!(r#"{{"key":["id_{a}","id_{b}"],"value":{value}}}"#);
    let gold = [known("20/a.png", "20/b.png", 1), known("21/a.png", "21/b.png", 1)];
    place.write("gold.json", format!("[{}]", gold.join(",")).as_bytes());
    place.succeeds(&[
        "discover",
        "label",
        "candidates.jsonl",
        "--pictures",
        "shop",
        "--to",
        "asked",
        "--raters",
        "anna,ben,carla",
        "--adjudicators",
        "dora",
        "--repeat-every",
        "12",
        "--gold",
        "gold.json",
    ]);
}

/// How far the mean colours of seed and candidate are apart, as they are on the page.
const APART: &str = "(() => { const mean = (i) => { const c = document.createElement('canvas'); \
    c.width = c.height = 8; const x = c.getContext('2d'); x.drawImage(i, 0, 0, 8, 8); \
    const d = x.getImageData(0, 0, 8, 8).data; \
    return [0, 1, 2].map((k) => { let s = 0; for (let p = k; p < d.length; p += 4) s += d[p]; return s / 64; }); }; \
    const [a, b] = [...document.querySelectorAll('#stage img')].map(mean); \
    return Math.hypot(...a.map((v, k) => v - b[k])); })()";

/// One answer, by a rule that everybody shares; who is `contrary` says the opposite.
fn answer(browser: &Browser, contrary: bool) {
    browser.wait(&format!("['asking','done'].includes({PHASE})"));
    let before = browser.value(ANSWERED).as_u64().unwrap();
    let near = browser.value(APART).as_f64().unwrap() < 40.0;
    browser.press(&[if near != contrary { "y" } else { "n" }]);
    browser.wait(&format!("{ANSWERED} === {}", before + 1));
}

/// Drops a file on the page, as a hand would.
fn drop_picture(browser: &Browser, bytes: &[u8], name: &str) {
    let text = STANDARD.encode(bytes);
    let drop = format!(
        "(() => {{ const b = Uint8Array.from(atob('{text}'), (c) => c.charCodeAt(0)); \
         const t = new DataTransfer(); t.items.add(new File([b], '{name}', {{ type: 'image/png' }})); \
         for (const kind of ['dragover', 'drop']) document.querySelector('#well').dispatchEvent( \
         new DragEvent(kind, {{ bubbles: true, cancelable: true, dataTransfer: t }})); return true; }})()"
    );
    browser.value(&drop);
    browser.wait(&format!("{PHASE} === 'done'"));
}

/// Results of the search page: the caption of each.
fn results(browser: &Browser) -> Vec<String> {
    let texts = "[...document.querySelectorAll('#results figcaption')].map((c) => c.innerText)";
    browser.wait("[...document.querySelectorAll('#results img')].length === document.querySelectorAll('#results li').length");
    let all = browser.value(texts);
    all.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn searched(place: &Workplace, browser: &Browser, server: &Server) {
    browser.open_url(server.text("/page"));
    browser.wait(&format!("{PHASE} === 'ready'"));
    let bytes = std::fs::read(place.path("shop/id_05/a.png")).unwrap();
    drop_picture(browser, &bytes, "photo.png");
    let found = results(browser);
    // The file itself is no answer; its sibling is, with its score, and once, as one of each product is asked for.
    assert!(found[0].contains("id_05/b.png") && found[0].starts_with("1. 0.9"), "{found:?}");
    assert_eq!(found.len(), 20);
    let told = browser.value("document.querySelector('#told').textContent");
    assert!(told.as_str().unwrap().contains("id_05/a.png"), "{told}");
    browser.screenshot("studio-search");
    // By id, without the own product, by keyboard alone.
    browser.click("#exclude_same_product");
    browser.click("#id");
    browser.press(&["7", "Enter"]);
    browser.wait(&format!("{PHASE} === 'done' && !document.querySelector('#query').hidden"));
    assert!(results(browser).iter().all(|one| !one.contains("id_03")), "{:?}", results(browser));
    browser.click("#where");
    browser.press(&["p", "=", "Enter"]);
    browser.wait(&format!("{PHASE} === 'refused'"));
    let told = browser.value("document.querySelector('#told').textContent");
    assert!(told.as_str().unwrap().contains("at character 3"), "{told}");
    // The refusal is an answer of the server, which browsers log; nothing else went wrong.
    let errors = browser.errors();
    assert!(errors.iter().all(|one| one.contains("400")), "{errors:?}");
}

/// Keys of the labelling page beside the answers.
fn handled(browser: &Browser) {
    browser.wait(&format!("{PHASE} === 'asking'"));
    let item = "state.current.item";
    let before = browser.value(item);
    browser.press(&["+", "+", "Left"]);
    assert_eq!(browser.value("view.zoom === 2.25 && view.x > 0"), true);
    let same =
        "new Set([...document.querySelectorAll('.lens img')].map((i) => i.style.transform)).size";
    assert_eq!(browser.value(same), 1, "both are enlarged together");
    browser.press(&["f"]);
    assert_eq!(browser.value("view.zoom"), 1);
    browser.press(&["u"]);
    browser.wait(&format!("{ANSWERED} === 1 && {PHASE} === 'asking'"));
    assert_ne!(browser.value(item), before);
    browser.press(&["z"]);
    browser.wait(&format!("{ANSWERED} === 0 && {PHASE} === 'asking'"));
    browser.press(&["p"]);
    assert_eq!(browser.value(PHASE), "paused");
    browser.press(&[" ", "?"]);
    assert_eq!(browser.value("document.querySelector('#help').open"), true);
    browser.press(&["Escape"]);
    // Nothing on the page says which model proposed the pair, or at which rank.
    browser.wait(&format!("{PHASE} === 'asking'"));
    let text = browser.value("document.documentElement.outerHTML + JSON.stringify(state)");
    for word in ["colour-hist", "hog", "rank", "score", "id_0"] {
        assert!(!text.as_str().unwrap().contains(word), "{word}");
    }
}

#[test]
fn sixty_pairs_are_searched_labelled_decided_on_and_evaluated() {
    let place = Workplace::new();
    let sizes = [DESKTOP, DESKTOP, PHONE];
    let browsers: Vec<Browser> =
        sizes.iter().map_while(|&(width, height)| Browser::start(width, height)).collect();
    if browsers.len() < 3 {
        return;
    }
    project(&place);
    let mut server = Server::start(&place, &STUDIO, "127.0.0.1:0");
    assert_eq!(server.told["token"], Value::Null, "this machine alone needs none");
    searched(&place, &browsers[0], &server);

    let links: Vec<String> =
        (0..3).map(|rater| server.text(&format!("/raters/{rater}/link")).to_owned()).collect();
    for (browser, link) in browsers.iter().zip(&links) {
        browser.open_url(link);
        browser.wait(&format!("{PHASE} === 'paused'"));
        browser.press(&[" "]);
    }
    handled(&browsers[0]);
    browsers[0].screenshot("studio-label");
    browsers[2].screenshot("studio-label-phone");
    for turn in 0..25 {
        for (rater, browser) in browsers.iter().enumerate() {
            answer(browser, rater == 2 && turn % 6 == 0);
        }
    }
    server.kill();
    // An answer to a server that is gone is kept and stored when it is back.
    browsers[1].press(&["y"]);
    browsers[1].wait("document.querySelector('#told').textContent.includes('trying again')");
    let address = server.text("/address").to_owned();
    let mut again = Server::start(&place, &STUDIO, &address);
    assert_eq!(again.told, server.told, "links stay");
    browsers[1].wait(&format!("{ANSWERED} === 26 && {PHASE} === 'asking'"));
    browsers[2].open_url("about:blank");
    browsers[2].open_url(&links[2]);
    browsers[2].wait(&format!("{PHASE} === 'paused' && {ANSWERED} === 25"));
    browsers[2].press(&[" "]);
    for (rater, browser) in browsers.iter().enumerate() {
        browser.wait(&format!("['asking','done'].includes({PHASE})"));
        for turn in 0.. {
            if browser.value(PHASE) == "done" {
                break;
            }
            answer(browser, rater == 2 && turn % 6 == 0);
            browser.wait(&format!("['asking','done'].includes({PHASE})"));
        }
        assert_eq!(browser.value("state.left"), 0);
    }

    let browser = &browsers[0];
    let page = |name: &str| format!("http://{address}/{name}");
    browser.open_url(&page("labels"));
    browser.wait("document.querySelectorAll('#people tr').length === 3");
    let count = browser.value("document.querySelector('#count').textContent");
    assert_eq!(count, "180 of 180 votes");
    browser.screenshot("studio-labels");
    // Who decides sees what was said, and nothing else is left.
    browser.open_url(again.text("/raters/3/link"));
    browser.wait(&format!("{PHASE} === 'paused'"));
    let divided = browser.value("state.left").as_u64().unwrap();
    assert!((3..=20).contains(&divided), "{divided}");
    browser.press(&[" "]);
    browser.wait(&format!("{PHASE} === 'asking'"));
    let said = browser.value("document.querySelector('#said').textContent");
    assert!(said.as_str().unwrap().contains("2 × ") && said.as_str().unwrap().contains("1 × "));
    browser.screenshot("studio-adjudicate");
    for _ in 0..divided {
        answer(browser, false);
    }
    browser.wait(&format!("{PHASE} === 'done'"));

    browser.open_url(&page("agreement"));
    browser.wait(&format!("{PHASE} === 'done' && !document.querySelector('#content').hidden"));
    let labels = browser.value("document.querySelector('#labels').textContent");
    assert!(labels.as_str().unwrap().starts_with("60 labels"), "{labels}");
    assert!(labels.as_str().unwrap().contains(&format!("{divided} were decided")), "{labels}");
    let repeated =
        "[...document.querySelectorAll('#raters tr')].every((r) => +r.cells[3].textContent >= 3)";
    assert_eq!(browser.value(repeated), true, "pairs are asked again");
    browser.screenshot("studio-agreement");
    browser.open_url(&page("evaluation"));
    browser.wait(&format!("{PHASE} === 'done' && !document.querySelector('#content').hidden"));
    browser.screenshot("studio-evaluation");
    let shown = "[...document.querySelectorAll('#discovery tbody tr')].find((r) => r.cells[0].textContent === 'hr@5').cells[1].innerText.split('\\n')[0]";
    let shown: f64 = browser.value(shown).as_str().unwrap().parse().unwrap();
    assert_eq!(browser.value("document.querySelector('#generators').hidden"), false);
    again.interrupt();

    // The same on the command line, from the votes that were stored.
    let votes = place.succeeds(&["discover", "import", "asked", "--pictures", "shop"]);
    place.write("votes.csv", votes.as_bytes());
    let decisions = votes.lines().filter(|line| line.contains(",dora,") && line.ends_with(",1"));
    assert_eq!(decisions.count() as u64, divided);
    let json = |arguments: &[&str]| -> Value {
        let all = [&["discover"], arguments, &["--format", "json"]].concat();
        serde_json::from_str(&place.succeeds(&all)).unwrap()
    };
    let agreement = json(&["agree", "votes.csv"]);
    assert_eq!(
        (&agreement["pairs"], &agreement["raters"][0]["rater"]),
        (&60.into(), &"anna".into())
    );
    // Anna and Ben share a rule, but for the answer that one of them gave blindly.
    let pair = &agreement["rater_pairs"][0];
    assert!(pair["raw"].as_f64().unwrap() > 0.95, "{pair}");
    let run =
        ["--labels", "votes.csv", "--store", "colour,edges", "--candidates", "candidates.jsonl"];
    let evaluation = json(&[&["evaluate"], &run[..]].concat());
    assert_eq!(evaluation["labels"]["all"], 60);
    let value = evaluation["models"][0]["metrics"]["hr@5"]["value"].as_f64().unwrap();
    assert!((value - shown).abs() < 1e-4, "{value} {shown}");
    place.succeeds(
        &[&["discover", "report"], &run[..], &["--pictures", "shop", "-o", "report.html"]].concat(),
    );
    let report = place.path("report.html");
    browser.open(&report);
    assert_eq!(browser.value("document.images.length > 20"), true);
    browser.screenshot("studio-report");
}

#[test]
fn candidates_of_a_seed_are_labelled_on_one_sheet() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(DESKTOP.0, DESKTOP.1) else { return };
    let Some(phone) = Browser::start(PHONE.0, PHONE.1) else { return };
    project(&place);
    let mut server = Server::start(&place, &STUDIO, "127.0.0.1:0");
    const CELLS: &str = "document.querySelectorAll('.sheet .cell').length";
    let begin = |browser: &Browser, rater: usize| {
        browser.open_url(server.text(&format!("/raters/{rater}/link")));
        browser.wait(&format!("{PHASE} === 'paused'"));
        browser.press(&[" "]);
        browser.wait(&format!("{PHASE} === 'asking'"));
        // Checks come alone.
        while browser.value("state.beside.length") == 0 {
            let before = browser.value(ANSWERED).as_u64().unwrap();
            browser.press(&["u"]);
            browser.wait(&format!("{ANSWERED} === {} && {PHASE} === 'asking'", before + 1));
        }
        browser.press(&["g"]);
        browser.wait(&format!("{CELLS} > 1 && {PHASE} === 'asking'"));
        let cells = browser.value(CELLS).as_u64().unwrap();
        assert_eq!(browser.value("state.beside.length").as_u64().unwrap() + 1, cells);
        cells
    };
    let cells = begin(&browser, 0);
    let before = browser.value(ANSWERED).as_u64().unwrap();
    let items = browser.value("[state.current, ...state.beside].map((one) => one.item).join()");
    let marks = "[...document.querySelectorAll('.cell .mark')].map((m) => m.textContent).join()";
    // A mark moves on; nothing is stored before all have one.
    browser.press(&["y", "Enter"]);
    assert_eq!(browser.value("sheet.at"), 1);
    assert_eq!(browser.value("document.querySelector('#done').disabled"), true);
    browser.press(&["Left", "n"]);
    assert!(browser.value(marks).as_str().unwrap().starts_with("No,"), "{}", browser.value(marks));
    browser.press(&["Left", "Left", "y", "r"]);
    let expected = format!("Yes{}", ",No".repeat(cells as usize - 1));
    assert_eq!(browser.value(marks), expected);
    browser.screenshot("studio-sheet");
    browser.press(&["Enter"]);
    let all = before + cells;
    browser.wait(&format!("{ANSWERED} === {all} && {PHASE} === 'asking'"));
    let shown = browser.value("String(state.current.item)");
    assert_ne!(shown.as_str(), items.as_str().unwrap().split(',').next());
    // One by one again, and back to the last answer.
    browser.press(&["z"]);
    browser.wait(&format!("{ANSWERED} === {} && {PHASE} === 'asking'", all - 1));
    if browser.value("state.beside.length").as_u64().unwrap() > 0 {
        browser.press(&["g"]);
        browser.wait(&format!("{CELLS} === 0 && {PHASE} === 'asking'"));
    }
    assert_eq!(browser.value("document.querySelectorAll('#stage .lens').length"), 2);

    begin(&phone, 1);
    phone.screenshot("studio-sheet-phone");
    let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(phone.value(wide), 0, "the page is wider than the window");
    phone.click(".sheet .cell:nth-child(2)");
    assert_eq!(phone.value("document.querySelectorAll('.cell')[1].dataset.answer"), "1");
    phone.click(".sheet .cell:nth-child(2)");
    assert_eq!(phone.value("document.querySelectorAll('.cell')[1].dataset.answer"), "0");
    server.interrupt();
    let votes = place.succeeds(&["discover", "import", "asked", "--pictures", "shop"]);
    let graded = votes.lines().filter(|line| line.ends_with(",0") || line.ends_with(",1"));
    assert_eq!(graded.count() as u64, cells - 1);
}

#[test]
fn a_token_opens_what_others_can_reach() {
    let place = Workplace::new();
    let Some(browser) = Browser::start(PHONE.0, PHONE.1) else { return };
    place.scene("shop/a.png", (64, 48));
    place.noisy("shop/b.png", (64, 48), 0.2);
    place.succeeds(&["discover", "index", "shop", "--store", "store", "--model", "hog"]);
    let studio = ["studio", "--store", "store", "--require-token"];
    let mut server = Server::start(&place, &studio, "127.0.0.1:0");
    let address = server.text("/address").to_owned();
    browser.open_url(&format!("http://{address}/"));
    browser.wait("document.querySelector('#told').textContent.includes('token')");
    browser.open_url("about:blank");
    browser.open_url(server.text("/page"));
    browser.wait(&format!("{PHASE} === 'ready'"));
    assert_eq!(browser.value("location.hash"), "", "the token is not left in the address");
    browser.click("#id");
    browser.press(&["1", "Enter"]);
    browser.wait(&format!("{PHASE} === 'done'"));
    assert_eq!(results(&browser).len(), 1);
    // Other pages of the tab have it too.
    browser.click("nav a[href='/agreement']");
    browser.wait(&format!("{PHASE} === 'done'"));
    let told = browser.value("document.querySelector('#told').textContent");
    assert!(told.as_str().unwrap().contains("discover label"), "{told}");
    browser.screenshot("studio-phone");
    server.interrupt();
}
