use lookalike_core::Samples;
use lookalike_deep::{Loaded, SeededWeights};
use lookalike_train::session::{Resume, Settings, Stopped};

use super::adversarial::Networks;
use super::part_colours::PartColours;
use super::*;
use crate::data::{Part, shoe};

/// A store with nothing in it.
struct NoWeights;

impl WeightSource for NoWeights {
    fn load(&self, name: &str) -> lookalike_deep::Result<Loaded> {
        Err(lookalike_deep::Error::Absent { name: name.to_owned(), folder: "nowhere".into() })
    }
}

fn small(steps: u64) -> Recipe {
    let mut recipe = Recipe::preset("tiny").unwrap();
    recipe.data.side = 16;
    (recipe.drawn, recipe.batch, recipe.steps) = (Some(20), 4, steps);
    (recipe.size, recipe.rate, recipe.warm_up) = ("D32-N1".to_owned(), 0.02, 2);
    recipe
}

fn study(out: &std::path::Path) -> Study {
    Study { recipe: small(6), seeds: vec![1], evaluated: Some(3), out: out.to_owned() }
}

#[test]
fn rows_differ_in_what_they_say() {
    let rows = Row::all();
    let count = rows.len();
    for of in [|row: &Row| row.name, |row: &Row| row.slug] {
        let mut names: Vec<&str> = rows.iter().map(of).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
    let mut recipes: Vec<String> =
        rows.iter().filter_map(|row| row.recipe(&small(2), 1)).map(|r| r.sha256()).collect();
    recipes.sort();
    recipes.dedup();
    assert_eq!(recipes.len(), 7);
}

#[test]
fn a_study_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path());
    let mut steps = 0;
    let found = study.run(&NoWeights, &mut |_, at| {
        steps += u32::from(matches!(at, Progress::Steps(..)));
        true
    });
    let found = found.unwrap();
    assert!(steps > 0);
    let names: Vec<&str> = found.rows.iter().map(|row| row.slug).collect();
    let expected = [
        "vector",
        "concat",
        "concat-vector",
        "tokens",
        "concat-sight",
        "regression",
        "pix2pix",
        "copied-colours",
    ];
    assert_eq!(names, expected);
    // LPIPS reads no pictures as small as these.
    assert_eq!(found.left_out.len(), 1);
    assert!(found.left_out[0].reason.contains("--side 31"), "{:?}", found.left_out);
    assert_eq!(found.pairs, [20, 16, 16]);
    for row in &found.rows {
        let run = &row.runs[0];
        assert_eq!((run.pictures.len(), run.repeated.len()), (3, 3), "{}", row.name);
        let drawn: Vec<&Samples> = run.repeated[0].iter().map(Picture::samples).collect();
        assert_eq!(drawn.len(), DRAWS);
        let same = drawn.iter().all(|samples| *samples == drawn[0]);
        let drawn_at_once = ["regression", "pix2pix", "copied-colours"].contains(&row.slug);
        assert_eq!(same, drawn_at_once, "{}", row.name);
        assert!(run.model.as_ref().is_none_or(|path| path.exists()));
    }
    let again = study.run(&NoWeights, &mut |label, at| {
        assert!(!matches!(at, Progress::Steps(..)), "{label}");
        true
    });
    let again = again.unwrap();
    for (one, other) in found.rows.iter().zip(&again.rows) {
        assert_eq!(one.runs[0].facts, other.runs[0].facts);
        let samples = |row: &Studied| -> Vec<Samples> {
            row.runs[0].pictures.iter().map(|picture| picture.samples().clone()).collect()
        };
        assert!(samples(one) == samples(other), "{}", one.name);
    }
    let other = Study { recipe: small(7), ..study };
    let refused = other.run(&NoWeights, &mut |_, _| true).unwrap_err().to_string();
    assert!(refused.contains("another run"), "{refused}");
}

#[test]
fn lpips_is_a_loss_where_its_weights_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = study(folder.path());
    (study.recipe.data.side, study.recipe.steps) = (32, 2);
    let found = study.run(&SeededWeights, &mut |_, _| true).unwrap();
    assert!(found.left_out.is_empty(), "{:?}", found.left_out);
    let names: Vec<&str> = found.rows.iter().map(|row| row.name).collect();
    assert!(names.contains(&"concat + LPIPS") && names.len() == 9, "{names:?}");
}

#[test]
fn pix2pix_goes_on_with_the_same_bits() {
    let recipe = small(5);
    let examples = Examples::read(&recipe, None, None, &mut |_| true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, until: u64| {
        let out = folder.path().join(name);
        let settings = Settings {
            cache: out.clone(),
            out,
            resume: Resume::Auto,
            max_seconds: None,
            checkpoint_every: 100,
        };
        let networks = Networks::new(16, 20_000).unwrap();
        let mut progress = |at| !matches!(at, Progress::Steps(done, _, _) if done >= until);
        adversarial::train(networks, &examples, &recipe, &settings, &mut progress).unwrap()
    };
    let whole = train("whole", 9);
    assert_eq!(train("broken", 2).stopped, Stopped::Interrupted);
    let broken = train("broken", 9);
    assert_eq!(broken.stopped, Stopped::Finished);
    assert!(whole.run.states() == broken.run.states());
    // A checkpoint of another run is not gone on with.
    let other = Recipe { rate: 0.5, ..recipe };
    let out = folder.path().join("whole");
    let settings = Settings {
        cache: out.clone(),
        out,
        resume: Resume::Auto,
        max_seconds: None,
        checkpoint_every: 100,
    };
    let networks = Networks::new(16, 20_000).unwrap();
    assert!(adversarial::train(networks, &examples, &other, &settings, &mut |_| true).is_err());
}

#[test]
fn parts_have_their_mean_colours() {
    let pairs = crate::data::Pairs::drawn(24, 3, [12, 1, 2]).unwrap();
    assert!(PartColours::are_known(&pairs));
    let colours = PartColours::learned(&pairs).unwrap();
    let mut sums = [0.0; 4];
    for seed in 3..15 {
        let shoe = shoe(seed, 24).unwrap();
        let Samples::U8(codes) = shoe.target.samples() else { panic!("8 bits") };
        for (pixel, &part) in codes.chunks_exact(3).zip(&shoe.regions) {
            if part == Part::Upper as u8 {
                sums.iter_mut().zip(pixel).for_each(|(sum, &code)| *sum += f64::from(code));
                sums[3] += 1.0;
            }
        }
    }
    let held_out = pairs.places(Role::HeldOut)[0];
    let name = &pairs.names[held_out];
    let seed = name.strip_prefix("shoe:").unwrap().parse().unwrap();
    let regions = shoe(seed, 24).unwrap().regions;
    let drawn = colours.of(name).unwrap();
    let Samples::U8(codes) = drawn.samples() else { panic!("8 bits") };
    for (pixel, &part) in codes.chunks_exact(3).zip(&regions) {
        if part == Part::Upper as u8 {
            for (code, sum) in pixel.iter().zip(sums) {
                assert!((f64::from(*code) - sum / sums[3]).abs() <= 0.5);
            }
        }
    }
    assert!(colours.of("photograph").is_err());
}

#[test]
fn what_is_not_there_is_said_with_what_brings_it() {
    assert!(learned("sight", 32, &NoWeights).unwrap().is_ok());
    assert!(learned("lpips:alex", 32, &SeededWeights).unwrap().is_ok());
    let reason = learned("lpips:alex", 32, &NoWeights).unwrap().err().unwrap();
    assert!(reason.contains("lookalike weights fetch alexnet"), "{reason}");
    assert!(learned("lpips:alex", 16, &SeededWeights).unwrap().is_err());
    assert!(learned("psnr", 32, &NoWeights).is_err());
}

#[test]
fn what_cannot_be_studied_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = study(folder.path());
    let with = |change: fn(&mut Study)| {
        let mut study = good.clone();
        change(&mut study);
        study
    };
    for (wrong, part) in [
        (with(|study| study.seeds.clear()), "a seed"),
        (with(|study| study.seeds = vec![2, 1, 2]), "each once"),
        (with(|study| study.evaluated = Some(0)), "a held-out pair"),
        (with(|study| study.evaluated = Some(17)), "found 16"),
        (with(|study| study.recipe.data.side = 12), "from 16"),
        (with(|study| study.recipe.data.side = 18), "multiple"),
        (with(|study| study.recipe.steps = 0), "steps"),
        (with(|study| study.recipe.vae = Some("vae".into())), "latents"),
    ] {
        let refused = wrong.run(&NoWeights, &mut |_, _| true).unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
}
