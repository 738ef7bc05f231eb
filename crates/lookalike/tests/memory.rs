//! Peak memory: a picture costs its samples, and comparing two costs no third.
//!
//! The peak is the kernel's own account of this process, so this file holds a single test. Elsewhere
//! than on Linux it is skipped, and says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use lookalike::decode::{DecodeOptions, read};
use lookalike::pairing::{Candidate, Group, WorkList};
use lookalike::{Choice, Comparison, FitPolicy, Limits};

const MIB: usize = 1 << 20;

/// Rows, tables of decoders, threads and what the allocator keeps.
const BESIDE_SAMPLES: usize = 12 * MIB;

/// What a comparison of two 4K pictures may take, the program itself included.
const PEAK_AT_4K: usize = 250_000_000;

/// A number of the process's status, in bytes.
fn status(name: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes = line.trim_start_matches(':').trim().strip_suffix("kB")?.trim();
    kibibytes.parse::<usize>().ok().map(|number| number * 1024)
}

/// How far memory rose above where it was, at most, while `act` ran.
fn rise(act: impl FnOnce()) -> Option<usize> {
    // Forgets the peak so far.
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    let before = status("VmRSS")?;
    act();
    Some(status("VmHWM")?.saturating_sub(before))
}

/// A netpbm file of the given header, `seed` telling one from another, written row by row.
fn netpbm(name: &str, header: &str, row: usize, rows: usize, seed: usize) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut file = BufWriter::new(File::create(&path).unwrap());
    file.write_all(header.as_bytes()).unwrap();
    for y in 0..rows {
        // Every fourth byte is 255, an opaque alpha where there is one.
        let bytes: Vec<u8> =
            (0..row).map(|x| if x % 4 == 3 { 255 } else { ((x + y) * seed / 7) as u8 }).collect();
        file.write_all(&bytes).unwrap();
    }
    file.flush().unwrap();
    path
}

#[test]
fn a_picture_costs_its_samples_and_a_comparison_nothing_of_their_size() {
    if rise(|| ()).is_none() {
        println!("skipped: this system does not tell a process its peak memory");
        return;
    }
    let (width, height) = (3840, 2160);
    let options = DecodeOptions::default();
    let rgb = format!("P6\n{width} {height}\n255\n");
    let deep = format!("P6\n{width} {}\n65535\n", height / 2);
    let alpha = format!(
        "P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    );
    let pair = |name: &str, header: &str, row: usize, rows: usize| {
        [3, 5].map(|seed| netpbm(&format!("{name}-{seed}"), header, row, rows, seed))
    };
    let costs_its_samples = |kind: &str, [a, b]: &[PathBuf; 2], bytes_per_pixel: usize| {
        let rise = rise(|| {
            let (a, b) = (read(a, &options).unwrap(), read(b, &options).unwrap());
            assert_eq!(a.width(), b.width());
        });
        let (rise, samples) =
            (rise.expect("was told before"), 2 * width * height * bytes_per_pixel);
        println!("{kind}: {} MiB for {} MiB of samples", rise / MIB, samples / MIB);
        assert!(rise < samples + BESIDE_SAMPLES, "{kind}: {rise} bytes for {samples} of samples");
    };
    let colour = pair("memory-rgb", &rgb, 3 * width, height);
    costs_its_samples("8 bits", &colour, 3);
    costs_its_samples("16 bits", &pair("memory-deep", &deep, 6 * width, height / 2), 3);
    costs_its_samples("opaque alpha", &pair("memory-alpha", &alpha, 4 * width, height), 4);
    let png = colour.each_ref().map(|colour| {
        let path = colour.with_extension("png");
        lookalike::encode::write_png(&read(colour, &options).unwrap(), &path).unwrap();
        path
    });
    costs_its_samples("PNG", &png, 3);

    let comparison = Comparison {
        metrics: ["psnr", "ssim", "ms-ssim"]
            .map(|id| Choice::fixed(lookalike::metric(id).unwrap()))
            .into(),
        decode: options,
        fit: FitPolicy::Error,
        maps: false,
        limits: Limits::default(),
        jobs: 2,
    };
    let candidate =
        Candidate { path: colour[1].clone(), label: "pair".into(), name: "pair.ppm".into() };
    let group = Group { reference: colour[0].clone(), candidates: vec![candidate] };
    let work = WorkList { groups: vec![group], ..WorkList::default() };
    let rise = rise(|| {
        let mut scores = 0;
        comparison.run(
            &work,
            &AtomicBool::new(false),
            |_| Vec::new(),
            |outcome| {
                scores += outcome.pair.expect("both are readable").scores.len();
            },
        );
        assert_eq!(scores, 3);
    });
    let (rise, samples) = (rise.expect("was told before"), 2 * width * height * 3);
    assert!(rise < samples + BESIDE_SAMPLES, "comparing: {rise} bytes for {samples} of samples");
    let peak = status("VmHWM").expect("was told before");
    assert!(peak < PEAK_AT_4K, "{peak} bytes");
}
