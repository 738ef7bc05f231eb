//! Metrics that are right to miss a property, each with the reason.

/// One metric and what it is excused from. An exception that is not needed is a violation.
struct Exception {
    /// A full id.
    metric: &'static str,
    property: &'static str,
    #[allow(dead_code, reason = "read by people")]
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        metric: "vifp",
        property: "best value",
        reason: "more contrast than the reference has gives values above 1",
    },
    Exception {
        metric: "vifp:rgb",
        property: "best value",
        reason: "more contrast than the reference has gives values above 1",
    },
    Exception {
        metric: "uqi@torchmetrics",
        property: "identity",
        reason: "flat windows count as 0, even when they are equal",
    },
    Exception {
        metric: "uqi@torchmetrics",
        property: "map of equal pictures",
        reason: "flat windows count as 0, even when they are equal",
    },
    Exception {
        metric: "uqi@torchmetrics",
        property: "place of damage",
        reason: "undamaged flat windows count as 0",
    },
    Exception {
        metric: "haarpsi",
        property: "grey as colour",
        reason: "the authors' code compares chroma in colour pictures only, and equal chroma counts",
    },
    Exception {
        metric: "haarpsi@piq",
        property: "grey as colour",
        reason: "the authors' code compares chroma in colour pictures only, and equal chroma counts",
    },
    #[cfg(feature = "deep")]
    Exception {
        metric: "lpips:alex@0.1",
        property: "derivative",
        reason: "its network computes in single precision, too coarse for this step; its own tests \
                 take the slope of the definition in double precision",
    },
    #[cfg(feature = "deep")]
    Exception {
        metric: "lpips:squeeze@baseline",
        property: "derivative",
        reason: "its network computes in single precision, too coarse for this step; its own tests \
                 take the slope of the definition in double precision",
    },
    #[cfg(feature = "deep")]
    Exception {
        metric: "lipsim:mini",
        property: "derivative",
        reason: "its network computes in single precision, too coarse for this step; its own tests \
                 take the slope in double precision",
    },
    #[cfg(feature = "deep")]
    Exception {
        metric: "sight",
        property: "derivative",
        reason: "its network computes in single precision, too coarse for this step; its own tests \
                 take the slope of the definition in double precision",
    },
];

/// Whether a metric is excused from a property.
pub(crate) fn excused(id: &str, property: &str) -> bool {
    EXCEPTIONS.iter().any(|exception| exception.property == property && exception.metric == id)
}

/// The tolerance of a metric where others keep within `usual`.
pub(crate) fn tolerance(id: &str, property: &str, usual: f64) -> f64 {
    let family = id.split([':', '@']).next().unwrap_or_default();
    let wider = TOLERANCES
        .iter()
        .find(|(metric, of, ..)| *of == property && (*metric == id || *metric == family));
    wider.map_or(usual, |(_, _, tolerance, _)| *tolerance)
}

/// Metric or family, property, tolerance, reason.
const TOLERANCES: &[(&str, &str, f64, &str)] = &[
    (
        "sight",
        "place of damage",
        5.0,
        "its last taps see 63 and 103 pixels at a stride of 8 and 16",
    ),
    ("mix-zhao", "place of damage", 6.0, "its widest window has a standard deviation of 8 pixels"),
    (
        "lpips",
        "place of damage",
        8.0,
        "activations look as far as 200 pixels, here on random weights",
    ),
    ("ssim", "range option", 1e-6, SINGLE_PRECISION),
    ("ms-ssim", "range option", 1e-6, SINGLE_PRECISION),
    ("mix", "range option", 1e-6, SINGLE_PRECISION),
    ("ssim", "grey as colour", 1e-6, SINGLE_PRECISION),
    ("ms-ssim", "grey as colour", 1e-6, SINGLE_PRECISION),
    ("mix", "grey as colour", 1e-6, SINGLE_PRECISION),
    ("ssim@skimage", "gradient", 1e-6, "gradients are computed in f64, values of codes in f32"),
    ("ms-ssim", "gradient", 1e-6, "gradients are computed in f64, values of codes in f32"),
    ("mix", "gradient", 1e-6, "gradients are computed in f64, values of codes in f32"),
];

const SINGLE_PRECISION: &str = "codes are computed in f32";

#[test]
fn every_exception_names_a_metric() {
    let excused = EXCEPTIONS.iter().map(|exception| exception.metric);
    for metric in excused.chain(TOLERANCES.iter().map(|(metric, ..)| *metric)) {
        assert!(lookalike::look_up(metric).is_ok(), "there is no metric {metric}");
    }
}
