//! The page of `judge eval --format html`.

use std::fmt::Write as _;

use crate::driver::Browser;
use crate::workplace::Workplace;
use crate::{DESKTOP, LOADED, PHONE, check};

/// Triplets in three subsets, ratings and an odd one, with a path that would break out of a page.
fn place() -> Workplace {
    let place = Workplace::new();
    let mut triplets = "reference,left,right,votes_right,votes,subset\n".to_owned();
    let mut ratings = "reference,candidate,mos\n".to_owned();
    for index in 0..24 {
        let size = (96, 80 + index % 3 * 16);
        place.scene(&format!("p/r{index}.png"), size);
        place.noisy(&format!("p/a{index}.png"), size, 0.02 * (index + 1) as f64);
        place.noisy(&format!("p/b{index}.png"), size, 0.3);
        let (votes, subset) = (index * 7 % 6, ["noise", "<b>blur</b>", "a long name of a subset"]);
        writeln!(
            triplets,
            "p/r{index}.png,p/a{index}.png,p/b{index}.png,{votes},5,{}",
            subset[index % 3]
        )
        .unwrap();
        writeln!(ratings, "p/r{index}.png,p/a{index}.png,{}", 90 - 3 * index + index * 5 % 11)
            .unwrap();
    }
    let hostile = "p/<img src=x onerror=alert(1)>.png";
    place.scene(hostile, (96, 80));
    writeln!(triplets, "{hostile},p/a0.png,p/b0.png,5,5,noise").unwrap();
    place.write("triplets.csv", triplets.as_bytes());
    place.write("ratings.csv", ratings.as_bytes());
    place
}

#[test]
fn metrics_and_people_are_shown_on_a_desktop_and_a_phone() {
    for (size, name) in [(DESKTOP, "desktop"), (PHONE, "phone")] {
        let Some(browser) = Browser::start(size.0, size.1) else { return };
        let place = place();
        for (set, charts) in [("triplets", 4), ("ratings", 1)] {
            let metrics = "mse,ssim,gmsd,ssimulacra2";
            let (csv, page) = (format!("{set}.csv"), format!("{set}.html"));
            place
                .succeeds(&["judge", "eval", &csv, "-m", metrics, "--format", "html", "-o", &page]);
            let page = place.path(&page);
            browser.open(&page);
            browser.wait(LOADED);
            let count = |selector: &str| {
                browser.value(&format!("document.querySelectorAll('{selector}').length"))
            };
            assert_eq!(count("svg[aria-label^=\"Scores\"]"), charts);
            assert_eq!(count("svg[aria-label$=\"against people\"]"), 4);
            assert_eq!(count("article"), 24);
            let pictures = if set == "triplets" { 72 } else { 48 };
            assert_eq!(count("article img"), pictures);
            // Bars and their labels lie within their drawings.
            let outside = "[...document.querySelectorAll('svg[role=img]')].flatMap(svg => { const box = \
                svg.getBoundingClientRect(); return [...svg.querySelectorAll('text, rect, circle')].filter(\
                part => { const own = part.getBoundingClientRect(); return own.left < box.left - 1 || \
                own.right > box.right + 1; }); }).length";
            assert_eq!(browser.value(outside), 0);
            check(&browser, &page);
            browser.screenshot(&format!("evaluation-{set}-{name}"));
            browser.value("document.querySelector('main > section:last-child').scrollIntoView()");
            browser.screenshot(&format!("evaluation-{set}-{name}-worst"));
            browser.prefer_dark(true);
            browser.screenshot(&format!("evaluation-{set}-{name}-dark"));
            browser.prefer_dark(false);
        }
    }
}
