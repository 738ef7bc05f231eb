use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lookalike_core::decode::{DecodeOptions, decode};
use lookalike_core::encode::png;
use lookalike_core::procedural::scene;
use lookalike_core::{Channels, Picture, Samples};
use lookalike_train::random::{Purpose, Stream};
use lookalike_train::sight::Role;

use super::doctor::{Diagnosis, Finding, Severity, examine};
use super::*;
use crate::Result;

fn write(folder: &Path, name: &str, picture: &Picture) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, png(picture).unwrap()).unwrap();
}

fn codes(picture: &Picture) -> Vec<u8> {
    let Samples::U8(samples) = picture.to_rgb().samples().clone() else { panic!("8 bits") };
    samples
}

/// Two pictures of one height side by side.
fn beside(left: &Picture, right: &Picture) -> Picture {
    let rows = |picture: &Picture| -> Vec<Vec<u8>> {
        codes(picture).chunks(3 * picture.width()).map(<[u8]>::to_vec).collect()
    };
    let samples = rows(left).into_iter().zip(rows(right)).flat_map(|(a, b)| [a, b].concat());
    let width = left.width() + right.width();
    Picture::from_u8(width, left.height(), Channels::Rgb, samples.collect()).unwrap()
}

fn negative(picture: &Picture) -> Picture {
    let samples = codes(picture).into_iter().map(|code| 255 - code).collect();
    Picture::from_u8(picture.width(), picture.height(), Channels::Rgb, samples).unwrap()
}

fn options(data: &Path, side: usize) -> PairOptions {
    PairOptions { data: vec![data.to_owned()], side, ..PairOptions::default() }
}

fn sample_of(pairs: &Pairs, place: usize) -> [Vec<f32>; 2] {
    let (mut source, mut target) = (Vec::new(), Vec::new());
    pairs.append(place, false, &mut source, &mut target);
    [source, target]
}

/// The planes of a picture in 0…1.
fn planes(picture: &Picture) -> Vec<f32> {
    squared(picture, picture.width()).unwrap()
}

#[test]
fn pictures_side_by_side_have_roles_by_folder_and_a_direction() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("train/1_AB", 1), ("train/2_AB", 2), ("val/1_AB", 3), ("test/1_AB", 4)] {
        let right = scene(seed, 16, 16);
        write(folder.path(), &format!("{name}.png"), &beside(&negative(&right), &right));
    }
    let pairs = Pairs::read(&options(folder.path(), 16)).unwrap();
    let title = folder.path().file_name().unwrap().to_string_lossy();
    let names: Vec<&str> =
        pairs.names.iter().map(|name| name.strip_prefix(&*title).unwrap()).collect();
    assert_eq!(names, ["/test/1_AB", "/train/1_AB", "/train/2_AB", "/val/1_AB"]);
    assert_eq!(pairs.roles, [Role::HeldOut, Role::Learned, Role::Learned, Role::Validation]);
    let [source, target] = sample_of(&pairs, 1);
    assert_eq!(target, planes(&scene(1, 16, 16)));
    assert_eq!(source, planes(&negative(&scene(1, 16, 16))));
    let turned = PairOptions { direction: Direction::BToA, ..options(folder.path(), 16) };
    let turned = Pairs::read(&turned).unwrap();
    assert_eq!(sample_of(&turned, 1), [target, source]);
    assert_ne!(turned.sha256, pairs.sha256);
    assert_eq!(pairs.report.layouts[0].layout, Layout::SideBySide);
    assert!((pairs.report.sound_share() - 1.0).abs() < 1e-12);
}

#[test]
fn every_other_layout_gives_the_same_pairs() {
    type Name = fn(u64) -> String;
    let layouts: [[Name; 2]; 6] = [
        [|n| format!("trainA/{n}.png"), |n| format!("trainB/{n}.png")],
        [|n| format!("train_A/{n}.png"), |n| format!("train_B/{n}.png")],
        [|n| format!("A/train/{n}.png"), |n| format!("B/train/{n}.png")],
        [|n| format!("train/A/{n}.png"), |n| format!("train/B/{n}.png")],
        [|n| format!("f/f/face/{n}.png"), |n| format!("f/f/comics/{n}.png")],
        [|n| format!("{n}_face.png"), |n| format!("{n}_comic.png")],
    ];
    type Samples = [Vec<f32>; 2];
    let mut all: Vec<(Vec<Role>, Vec<Samples>)> = Vec::new();
    for [first, second] in layouts {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..12 {
            let picture = scene(number, 12, 12);
            write(folder.path(), &first(number), &picture);
            write(folder.path(), &second(number), &negative(&picture));
        }
        let pairs =
            Pairs::read(&PairOptions { held_out: 0.2, ..options(folder.path(), 12) }).unwrap();
        let samples: Vec<_> = (0..12).map(|place| sample_of(&pairs, place)).collect();
        all.push((pairs.roles.clone(), samples));
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "equal stems, equal roles");
    let kinds: BTreeSet<Role> = all[0].0.iter().copied().collect();
    assert!(kinds.len() > 1, "{kinds:?}");
}

#[test]
fn folders_and_lists_name_their_pairs() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..6 {
        write(folder.path(), &format!("s/{number}.png"), &scene(number, 12, 12));
        write(folder.path(), &format!("t/{number}.png"), &negative(&scene(number, 12, 12)));
    }
    let at = |name: &str| folder.path().join(name);
    let folders = Some([at("s"), at("t")]);
    let two = Pairs::read(&PairOptions { folders, side: 12, ..PairOptions::default() }).unwrap();
    assert_eq!((two.len(), two.report.layouts[0].layout), (6, Layout::TwoFolders));
    let rows =
        (0..6).map(|n| format!("s/{n}.png,t/{n}.png,{}\n", if n < 4 { "train" } else { "val" }));
    std::fs::write(at("pairs.csv"), format!("source,target,split\n{}", rows.collect::<String>()))
        .unwrap();
    for data in [at("pairs.csv"), folder.path().to_owned()] {
        let listed = Pairs::read(&options(&data, 12)).unwrap();
        assert_eq!(listed.places(Role::Validation), [4, 5], "{data:?}");
        assert_eq!(sample_of(&listed, 2), sample_of(&two, 2));
        assert_eq!(listed.report.layouts[0].layout, Layout::Manifest);
    }
    let none = Pairs::read(&PairOptions::default()).unwrap_err().to_string();
    assert!(none.contains("found none named"), "{none}");
}

#[test]
fn source_and_target_go_through_one_frame() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..5 {
        let picture = scene(number, 40, 40);
        write(folder.path(), &format!("train/A/{number}.png"), &picture);
        write(folder.path(), &format!("train/B/{number}.png"), &negative(&picture));
    }
    write(folder.path(), "val/A/0.png", &scene(9, 40, 40));
    write(folder.path(), "val/B/0.png", &negative(&scene(9, 40, 40)));
    let larger = PairOptions { load: Some(24), ..options(folder.path(), 20) };
    let pairs = Pairs::read(&larger).unwrap();
    assert_eq!((pairs.margin(0), pairs.margin(5)), (4, 0));
    let mut random = Stream::new(3, Purpose::Augmentation, 0);
    let mut frames = Vec::new();
    let mut pictures = BTreeSet::new();
    for turn in 0..60 {
        let (mut source, mut target) = (Vec::new(), Vec::new());
        let place = turn % 6;
        let augmentation = Augmentation { mirror: true };
        let frame =
            pairs.append_augmented(place, augmentation, &mut random, &mut source, &mut target);
        assert_eq!((source.len(), target.len()), (1200, 1200));
        // The cubic's overshoot is cut off at both ends, so negatives differ by the rounding only.
        for (a, b) in source.iter().zip(&target) {
            assert!((a + b - 1.0).abs() < 1.01 / 255.0, "{place} {frame:?}: {a} {b}");
        }
        assert!(place < 5 || (frame.top, frame.left) == (0, 0));
        pictures.insert(source.iter().map(|sample| sample.to_bits()).collect::<Vec<u32>>());
        frames.push(frame);
    }
    assert!(frames.iter().any(|frame| frame.mirrored) && frames.iter().any(|f| !f.mirrored));
    assert!(frames.iter().any(|frame| frame.top != frame.left));
    assert!(pictures.len() > 40);
    // Mirrored is the other way around, of both.
    let mut mirrored = [Vec::new(), Vec::new()];
    let [source, target] = &mut mirrored;
    pairs.append(2, true, source, target);
    for (plain, mirrored) in sample_of(&pairs, 2).iter().zip(&mirrored) {
        for (row, other) in plain.chunks(20).zip(mirrored.chunks(20)) {
            assert!(row.iter().eq(other.iter().rev()));
        }
    }
    // Nothing comes of what is not there.
    assert_eq!(sample_of(&pairs, 99), [Vec::<f32>::new(), Vec::new()]);
}

#[test]
fn broken_pairs_are_listed_and_too_many_refused() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..8 {
        write(folder.path(), &format!("trainA/{number}.png"), &scene(number, 16, 16));
        write(folder.path(), &format!("trainB/{number}.png"), &scene(number + 50, 16, 16));
    }
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("trainA/1.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    write(folder.path(), "trainB/2.png", &scene(52, 32, 32));
    write(folder.path(), "trainB/3.png", &scene(53, 16, 30));
    write(folder.path(), "trainA/alone.png", &scene(1, 16, 16));
    let mut pairs = Pairs::read(&options(folder.path(), 16)).unwrap();
    let paths = |problems: &[Problem]| -> Vec<PathBuf> {
        problems.iter().map(|problem| problem.path.clone()).collect()
    };
    assert_eq!(pairs.len(), 6);
    assert_eq!(paths(&pairs.report.unreadable), [at("trainA/1.png"), at("trainA/3.png")]);
    assert_eq!(paths(&pairs.report.resized), [at("trainA/2.png")]);
    assert_eq!(paths(&pairs.report.unmatched), [at("trainA/alone.png")]);
    for number in [4, 5, 6] {
        std::fs::write(at(&format!("trainB/{number}.png")), b"no picture").unwrap();
    }
    let message = Pairs::read(&options(folder.path(), 16)).unwrap_err().to_string();
    assert!(message.contains("5 cannot be used") && message.contains("1.png"), "{message}");
    pairs = Pairs::gather(&options(folder.path(), 16), &|_, _| ()).unwrap();
    assert_eq!((pairs.len(), pairs.report.unreadable.len()), (3, 5));
    // A folder of portraits is no data.
    let portraits = tempfile::tempdir().unwrap();
    for number in 0..4 {
        write(portraits.path(), &format!("{number}.png"), &scene(number, 20, 24));
    }
    let message = Pairs::read(&options(portraits.path(), 16)).unwrap_err().to_string();
    assert!(message.contains("side by side"), "{message}");
}

#[test]
fn options_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "A/1.png", &scene(1, 8, 8));
    write(folder.path(), "B/1.png", &scene(2, 8, 8));
    let good = options(folder.path(), 8);
    assert_eq!(Pairs::read(&good).unwrap().len(), 1);
    for bad in [
        PairOptions { side: 0, ..good.clone() },
        PairOptions { load: Some(7), ..good.clone() },
        PairOptions { side: 5000, ..good.clone() },
        PairOptions { held_out: 0.5, ..good.clone() },
        PairOptions { held_out: f64::NAN, ..good.clone() },
        PairOptions { layout: Some(Layout::Suffixes), ..good.clone() },
    ] {
        assert!(Pairs::read(&bad).is_err(), "{bad:?}");
    }
    let text = toml::to_string(&good).unwrap();
    assert_eq!(toml::from_str::<PairOptions>(&text).unwrap(), good);
    assert!(toml::from_str::<PairOptions>("sides = 3").is_err());
}

#[test]
fn limits_take_from_everywhere_and_threads_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..30 {
        let split = if number < 15 { "test" } else { "train" };
        let picture = scene(number, 10, 10);
        write(folder.path(), &format!("{split}/{number}_AB.png"), &beside(&picture, &picture));
    }
    let limited = PairOptions { limit: Some(12), ..options(folder.path(), 8) };
    let read = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Pairs::read(&limited)).unwrap()
    };
    let (one, three) = (read(1), read(3));
    assert_eq!((one.len(), one.report.found, one.report.beyond_limit), (12, 30, 18));
    assert!((2..=10).contains(&one.places(Role::Learned).len()));
    assert_eq!(one.sha256, three.sha256);
    assert!((0..12).all(|place| sample_of(&one, place) == sample_of(&three, place)));
}

#[test]
fn contents_are_held_out_under_every_name_and_at_the_right_size() {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("train/a", 1), ("train/b", 2), ("train/c", 3), ("test/d", 1)] {
        let picture = scene(seed, 30, 30);
        write(folder.path(), &format!("{name}_AB.png"), &beside(&negative(&picture), &picture));
    }
    let larger = PairOptions { load: Some(24), ..options(folder.path(), 20) };
    let pairs = Pairs::read(&larger).unwrap();
    // By name: test/d, train/a, train/b, train/c.
    assert_eq!(pairs.roles, [Role::HeldOut, Role::HeldOut, Role::Learned, Role::Learned]);
    assert_eq!(pairs.report.moved.len(), 1);
    assert_eq!([0, 1, 2, 3].map(|place| pairs.margin(place)), [0, 0, 4, 4]);
    assert_eq!(sample_of(&pairs, 0), sample_of(&pairs, 1));
}

#[test]
fn drawn_pairs_are_apart_and_repeatable() {
    let drawn = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Pairs::drawn(32, 7, [5, 2, 3])).unwrap()
    };
    let (one, three) = (drawn(1), drawn(3));
    assert_eq!(one.sha256, three.sha256);
    assert!((0..10).all(|place| sample_of(&one, place) == sample_of(&three, place)));
    assert_eq!(one.places(Role::Validation), [5, 6]);
    assert_eq!(one.places(Role::HeldOut), [7, 8, 9]);
    let different: BTreeSet<Vec<u32>> = (0..10)
        .map(|place| sample_of(&one, place)[1].iter().map(|sample| sample.to_bits()).collect())
        .collect();
    assert_eq!(different.len(), 10);
    assert!(Pairs::drawn(0, 7, [1, 0, 0]).is_err());
    assert!(Pairs::drawn(8, 1 << 30, [1, 0, 0]).is_err());
    assert!(Pairs::drawn(1024, 1, [0, 0, 1 << 20]).is_err());
}

#[test]
fn real_faces_and_comics_are_found() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/face2comics");
    let folder = Path::new(folder);
    if !folder.is_dir() {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    }
    let pairs = Pairs::read(&options(folder, 64)).unwrap();
    assert_eq!((pairs.len(), pairs.report.layouts[0].layout), (50, Layout::Suffixes));
    assert_eq!(pairs.report.sound_share(), 1.0);
    let roles = [Role::Learned, Role::Validation, Role::HeldOut].map(|r| pairs.places(r).len());
    assert!(roles.iter().all(|&count| count > 0), "{roles:?}");
    let diagnosis = doctor::diagnose(&pairs, Fit::Resize);
    eprintln!("{}", serde_json::to_string_pretty(&diagnosis).unwrap());
    let found = finding(&diagnosis, "alignment");
    assert_eq!(found.severity, Severity::Ok, "{}", found.message);
}

fn finding<'a>(diagnosis: &'a Diagnosis, check: &str) -> &'a Finding {
    diagnosis.findings.iter().find(|finding| finding.check == check).unwrap()
}

/// A set of pictures, each written by `pair` from its number.
fn examined(count: u64, fit: Fit, pair: impl Fn(u64) -> (&'static str, [Picture; 2])) -> Diagnosis {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        let (split, [source, target]) = pair(number);
        write(folder.path(), &format!("{split}/A/{number}.png"), &source);
        write(folder.path(), &format!("{split}/B/{number}.png"), &target);
    }
    let options = PairOptions { fit, held_out: 0.1, ..options(folder.path(), 48) };
    let diagnosis = examine(&options, &|_, _| ()).unwrap();
    let json = serde_json::to_string(&diagnosis).unwrap();
    assert!(!json.contains("null"), "{json}");
    diagnosis
}

fn split(number: u64) -> &'static str {
    ["train", "train", "train", "val", "test"][number as usize % 5]
}

fn lines(picture: &Picture) -> Picture {
    edge_map(picture, MethodName::Canny.into()).unwrap()
}

#[test]
fn a_sound_set_is_found_sound() {
    let diagnosis = examined(120, Fit::Resize, |number| {
        let target = scene(number, 48, 48);
        (split(number), [lines(&target), target])
    });
    for found in &diagnosis.findings {
        let few = found.check == "splits";
        assert!(few || found.severity == Severity::Ok, "{found:?}");
    }
    assert_eq!(finding(&diagnosis, "splits").numbers["learned"], 72.0);
    let numbers = &finding(&diagnosis, "alignment").numbers;
    assert!(numbers["paired"] > numbers["shuffled"] + 0.3, "{numbers:?}");
    assert!(numbers["wins"] > 0.98, "{numbers:?}");
}

#[test]
fn pairs_that_are_mixed_up_are_an_error() {
    let diagnosis = examined(40, Fit::Resize, |number| {
        (split(number), [lines(&scene(number, 48, 48)), scene((number + 1) % 40, 48, 48)])
    });
    let found = finding(&diagnosis, "alignment");
    assert_eq!((found.severity, diagnosis.severity), (Severity::Error, Severity::Error));
    assert!(found.message.contains("by chance"), "{}", found.message);
    let some = examined(40, Fit::Resize, |number| {
        let other = if number % 3 == 0 { (number + 1) % 40 } else { number };
        (split(number), [lines(&scene(number, 48, 48)), scene(other, 48, 48)])
    });
    let found = finding(&some, "alignment");
    assert!(found.severity != Severity::Error && !found.examples.is_empty(), "{found:?}");
}

#[test]
fn values_and_copies_are_seen() {
    let grey = |code: u8| Picture::from_u8(48, 48, Channels::Grey, vec![code; 2304]).unwrap();
    // Saved as numbers of 0 and 1.
    let dark = examined(10, Fit::Resize, |number| {
        let bits = codes(&scene(number, 48, 48)).iter().map(|code| code / 128).collect();
        let picture = Picture::from_u8(48, 48, Channels::Rgb, bits).unwrap();
        (split(number), [picture.clone(), picture])
    });
    let found = finding(&dark, "values");
    assert_eq!(found.severity, Severity::Error);
    assert!(found.message.contains("255"), "{}", found.message);
    assert_eq!(finding(&dark, "identity").severity, Severity::Error);
    let plain = examined(30, Fit::Resize, |number| {
        let source = if number == 4 { grey(200) } else { scene(number, 48, 48) };
        (split(number), [source, scene(number + 90, 48, 48)])
    });
    let found = finding(&plain, "values");
    assert_eq!((found.severity, found.numbers["plain_sources"]), (Severity::Warning, 1.0));
    assert!(found.examples[0].ends_with("test/4"), "{found:?}");
}

#[test]
fn duplicates_across_roles_are_an_error() {
    let diagnosis = examined(20, Fit::Resize, |number| {
        // The pairs 3 (val) and 5 (train) are one; 4 (test) and 6 (train) share their target.
        let (source, target) = match number {
            5 => (3, 3),
            6 => (6, 4),
            other => (other, other),
        };
        (split(number), [negative(&scene(source, 48, 48)), scene(target + 100, 48, 48)])
    });
    let found = finding(&diagnosis, "duplicates");
    assert_eq!(found.severity, Severity::Error, "{}", found.message);
    assert_eq!(found.numbers["targets_across_roles"], 2.0);
    assert_eq!((found.numbers["moved"], found.numbers["repeated"]), (1.0, 1.0));
    assert_eq!(diagnosis.report.moved[0].to, Role::Validation);
}

#[test]
fn grey_targets_and_proportions_are_seen() {
    let diagnosis = examined(10, Fit::Resize, |number| {
        let source = scene(number, 40, 30);
        (split(number), [source.clone(), lines(&source)])
    });
    let found = finding(&diagnosis, "colour");
    assert_eq!(found.severity, Severity::Warning);
    assert!(found.message.contains("BtoA"), "{}", found.message);
    let found = finding(&diagnosis, "proportions");
    assert_eq!((found.severity, found.numbers["not_square"]), (Severity::Warning, 20.0));
    assert!((found.numbers["most"] - 4.0 / 3.0).abs() < 1e-12);
    let cropped = examined(10, Fit::Crop, |number| {
        (split(number), [scene(number, 80, 60), negative(&scene(number, 80, 60))])
    });
    assert_eq!(finding(&cropped, "proportions").severity, Severity::Ok);
}

#[test]
fn what_cannot_be_read_is_found_not_fatal() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..4 {
        for side in ["A", "B"] {
            let path = folder.path().join(format!("train/{side}/{number}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"no picture").unwrap();
        }
    }
    write(folder.path(), "train/A/9.png", &scene(1, 8, 8));
    let diagnosis = examine(&options(folder.path(), 16), &|_, _| ()).unwrap();
    assert_eq!((diagnosis.pairs, diagnosis.severity), (0, Severity::Error));
    assert_eq!(finding(&diagnosis, "unreadable").numbers["count"], 4.0);
    assert_eq!(finding(&diagnosis, "unmatched").severity, Severity::Warning);
    assert_eq!(finding(&diagnosis, "splits").severity, Severity::Error);
    assert!(!serde_json::to_string(&diagnosis).unwrap().contains("null"));
}

#[test]
fn a_sheet_has_sources_above_targets() -> Result<()> {
    let pairs = Pairs::drawn(16, 3, [12, 0, 0])?;
    let places = spread(&pairs, 10);
    assert_eq!(places, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]);
    let bytes = preview(&pairs, &places, Augmentation::default(), 1)?;
    let sheet = decode(&bytes, "sheet", &DecodeOptions::default())?;
    assert_eq!((sheet.width(), sheet.height()), (8 * 20 + 4, 2 * 37 + 4));
    let [source, target] = sample_of(&pairs, 9);
    // The ninth place is the first of the second row.
    let red = sheet.plane(0, 1.0);
    let at = |x: usize, y: usize| red[(41 + y) * sheet.width() + 4 + x] as f32;
    let [source, target] = [&source, &target].map(|planes| &planes[..256]);
    for (index, (&a, &b)) in source.iter().zip(target).enumerate() {
        let (x, y) = (index % 16, index / 16);
        assert!((at(x, y) - a).abs() < 1e-6 && (at(x, y + 17) - b).abs() < 1e-6);
    }
    let mirrored = Augmentation { mirror: true };
    assert_ne!(preview(&pairs, &places, mirrored, 1)?, bytes);
    assert!(preview(&pairs, &[], mirrored, 1).is_err());
    assert!(preview(&pairs, &[12], mirrored, 1).is_err());
    assert_eq!(spread(&pairs, 99).len(), 12);
    Ok(())
}
