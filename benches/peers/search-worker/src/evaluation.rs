//! An evaluation of the size of the published data set: what `lookalike discover evaluate` does once its
//! files are read.

use lookalike_discover::evaluation::files::{Files, Metadata, MetadataImage, Tag};
use lookalike_discover::evaluation::record::{Report, Settings};
use lookalike_discover::evaluation::report::Ranked;
use lookalike_discover::evaluation::rounds::ENOUGH;
use lookalike_discover::evaluation::uncertainty::Sampling;
use lookalike_discover::evaluation::{Benchmark, Embeddings, Rules};
use serde_json::{Value, json};

use crate::line_protocol::Work;

/// Labelled candidates of a seed, and images of a product.
const LABELS: usize = 36;
const IMAGES: usize = 6;

pub fn work(
    rows: Vec<f32>,
    count: usize,
    dimension: usize,
    seeds: usize,
) -> Result<Work<Value>, String> {
    let text = |error: lookalike_discover::Error| error.to_string();
    let path = |image: usize| format!("img/id_{:08}/{image}.jpg", image / IMAGES);
    let images = (0..count).map(|image| MetadataImage {
        id: image.to_string(),
        path: path(image),
        phase: "gallery".to_owned(),
        category: Some(format!("category {}", image % 17)),
        ..MetadataImage::default()
    });
    let metadata = Metadata { images: images.collect() };
    // Labels stand for what people said; which pairs they are does not matter to the work.
    let tags = (0..seeds * LABELS).map(|number| {
        let (seed, label) = (number / LABELS, number % LABELS);
        let candidate = (seed * 7919 + (label + 1) * 104_729) % count;
        Tag {
            key: [path(seed * (count / seeds)), path(candidate)],
            value: u8::from(label % 3 == 0),
        }
    });
    let files = Files { metadata, tags: tags.collect(), ..Files::default() };
    let benchmark = Benchmark::new(&files, &[]).map_err(text)?;
    let embeddings = Embeddings::new(dimension, rows).map_err(text)?;
    let settings = Settings {
        compat: None,
        task: None,
        rules: Rules::default(),
        ks: vec![5, 9],
        sampling: Sampling::default(),
        coverage: ENOUGH,
    };
    Ok(Box::new(move || {
        let ranked =
            Ranked::new("model", &benchmark, &embeddings, settings.head()).map_err(text)?;
        let report = Report::new(&benchmark, &[ranked], &settings, None).map_err(text)?;
        let score = report.models.first().and_then(|model| model.metrics.get("hr@9"));
        Ok(json!({ "hr@9": score.map(|score| score.value) }))
    }))
}
