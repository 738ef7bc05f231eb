//! Options that every metric takes: shaving, grey, range, tone mapping; and refusal of nonsense.

use lookalike::{Channels, CoreError as Error, Encoding, Luma, Metric, Picture, Samples, Want};

use crate::exceptions::{excused, tolerance};
use crate::pictures::{codes, noisy, resampled, scene, size};
use crate::{close, every_metric, metric, score, value};

/// What is wrong with the metric's answer under an option, if anything.
fn complaint(
    plain: &dyn Metric,
    option: &str,
    (a, b): (&Picture, &Picture),
    expected: f64,
    tolerance: f64,
) -> Option<String> {
    let id = format!("{}+{option}", plain.id());
    let found = score(metric(&id).unwrap().as_ref(), a, b);
    if found.id.to_string() != id {
        return Some(format!("+{option}: the score is called {}", found.id));
    }
    let agrees = close(found.value, expected, tolerance);
    (!agrees).then(|| format!("+{option}: {:e}, expected {expected:e}", found.value))
}

#[test]
fn shaving_is_cropping() {
    every_metric("shave", |metric| {
        let (width, height) = size(metric);
        let reference = scene((width + 8, height + 8));
        let damaged = noisy(&reference, 0.3);
        let cut = |p: &Picture| p.crop(4, 4, width, height).unwrap();
        let expected = value(metric, &cut(&reference), &cut(&damaged));
        complaint(metric, "shave=4", (&reference, &damaged), expected, 0.0).into_iter().collect()
    });
}

#[test]
fn a_shaved_map_stays_in_place() {
    every_metric("shaved map", |metric| {
        if metric.card().map.is_none() {
            return Vec::new();
        }
        let (width, height) = size(metric);
        let reference = scene((width + 8, height + 8));
        let damaged = noisy(&reference, 0.3);
        let cut = |p: &Picture| p.crop(4, 4, width, height).unwrap();
        let want = Want { map: true };
        let plain = metric.compare(&cut(&reference), &cut(&damaged), want).unwrap().map.unwrap();
        let shaved = crate::metric(&format!("{}+shave=4", metric.id())).unwrap();
        let shaved = shaved.compare(&reference, &damaged, want).unwrap().map.unwrap();
        let moved = (shaved.left, shaved.top) == (plain.left + 4, plain.top + 4);
        if moved && shaved.values == plain.values {
            Vec::new()
        } else {
            vec![format!("at ({}, {})", shaved.left, shaved.top)]
        }
    });
}

#[test]
fn grey_is_luma() {
    every_metric("grey option", |metric| {
        let reference = scene(size(metric));
        let damaged = noisy(&reference, 0.3);
        let luma = |p: &Picture| {
            let luma = p.luma(Luma::Y601).into_iter().map(|y| (y / 255.0).clamp(0.0, 1.0));
            p.with_samples(Channels::Grey, Samples::F64(luma.collect()), Encoding::Srgb).unwrap()
        };
        let expected = value(metric, &luma(&reference), &luma(&damaged));
        complaint(metric, "grey", (&reference, &damaged), expected, 0.0).into_iter().collect()
    });
}

#[test]
fn range_says_what_full_intensity_is() {
    every_metric("range option", |metric| {
        let reference = scene(size(metric));
        let damaged = noisy(&reference, 0.3);
        // 12 bits in 16: white is 4095.
        let twelve = |p: &Picture| -> Vec<u16> {
            codes(p).iter().map(|&c| u16::from(c) << 4 | u16::from(c) >> 4).collect()
        };
        let deep = |p: &Picture| resampled(p, Samples::U16(twelve(p)));
        let float = |p: &Picture| {
            let samples = twelve(p).into_iter().map(|c| f64::from(c) / 4095.0);
            resampled(p, Samples::F64(samples.collect()))
        };
        let expected = value(metric, &float(&reference), &float(&damaged));
        let pair = (deep(&reference), deep(&damaged));
        let tolerance = tolerance(metric.card().id, "range option", 1e-9);
        let complaint = complaint(metric, "range=4095", (&pair.0, &pair.1), expected, tolerance);
        complaint.into_iter().collect()
    });
}

#[test]
fn scene_linear_pictures_need_a_tone_curve_unless_the_metric_takes_light() {
    every_metric("scene-linear", |metric| {
        let reference = scene(size(metric));
        let damaged = noisy(&reference, 0.3);
        let light = |p: &Picture| {
            let samples = codes(p).into_iter().map(|c| (f32::from(c) / 255.0).powf(2.2) * 1.5);
            let samples = Samples::F32(samples.collect());
            p.with_samples(p.channels(), samples, Encoding::SceneLinear).unwrap()
        };
        let (a, b) = (light(&reference), light(&damaged));
        let mut wrong = Vec::new();
        match metric.compare(&a, &b, Want::default()) {
            Ok(_) if metric.card().scene_linear => {}
            Err(Error::NotDisplayCoded { .. }) if !metric.card().scene_linear => {}
            other => wrong.push(format!("without a curve: {other:?}")),
        }
        for curve in ["clip", "reinhard", "aces"] {
            let mapped = crate::metric(&format!("{}+tonemap={curve}", metric.id())).unwrap();
            let (equal, found) = (value(mapped.as_ref(), &a, &a), value(mapped.as_ref(), &a, &b));
            let ordered = metric.direction().compare(found, equal).is_lt();
            let exact = equal == metric.card().equal || excused(metric.card().id, "identity");
            if !exact || !ordered {
                wrong.push(format!("{curve}: {equal:e} equal, {found:e} damaged"));
            }
        }
        let expected = value(metric, &reference, &damaged);
        wrong.extend(complaint(metric, "tonemap=aces", (&reference, &damaged), expected, 0.0));
        wrong
    });
}

#[test]
fn nonsense_is_refused() {
    every_metric("nonsense", |plain| {
        let own = plain.card().options.iter().map(|(name, _)| format!("{name}=no§sense"));
        let general = ["range=-1", "shave=-1", "shave=1.5", "grey=1", "tonemap=x", "unheard-of=1"];
        own.chain(general.map(str::to_owned))
            .filter_map(|option| match metric(&format!("{}+{option}", plain.id())) {
                Err(Error::InvalidOption { reason, .. }) if reason.len() > 10 => None,
                Err(error) => Some(format!("+{option}: {error}")),
                Ok(_) => Some(format!("+{option} was accepted")),
            })
            .collect()
    });
}

#[test]
fn shaving_everything_is_an_error() {
    every_metric("shave everything", |plain| {
        let (width, height) = size(plain);
        let picture = scene((width, height));
        for shave in [height.div_ceil(2), width, usize::MAX] {
            let shaved = metric(&format!("{}+shave={shave}", plain.id())).unwrap();
            if let Ok(score) = shaved.compare(&picture, &picture, Want::default()) {
                return vec![format!("+shave={shave}: {:e}", score.value)];
            }
        }
        Vec::new()
    });
}
