//! What an attack leaves in a folder: the changed picture in 8 bits, the exact samples, the change as a picture,
//! and the losses on the way.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use lookalike::encode::{AtomicFile, write_png};
use lookalike::{Channels, Picture};
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;

/// The folder.
pub(super) struct Files {
    folder: PathBuf,
}

/// Names of files, relative to the folder.
#[derive(Debug, Serialize)]
pub(super) struct Written {
    /// The changed picture, rounded to 8 bits.
    picture: String,
    /// `adversarial` and `perturbation` in double precision, `[channels, height, width]` in 0…1.
    tensor: String,
    /// The change about middle grey, enlarged to the whole range.
    perturbation: String,
    /// The loss at every query.
    trace: String,
}

impl Files {
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{}: cannot make this folder", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub(super) fn write(
        &self,
        original: &Picture,
        planes: &[f64],
        losses: &[f64],
        number: Option<usize>,
    ) -> anyhow::Result<Written> {
        let stem = number.map_or_else(|| "adv".to_owned(), |number| format!("{number:04}-adv"));
        let written = Written {
            picture: format!("{stem}.png"),
            tensor: format!("{stem}.safetensors"),
            perturbation: format!("{stem}-perturbation.png"),
            trace: format!("{stem}-trace.csv"),
        };
        let change: Vec<f64> = planes
            .iter()
            .zip(lookalike::robust::attack::planes(original))
            .map(|(x, before)| x - before)
            .collect();
        write_png(&eight_bits(planes, original)?, &self.folder.join(&written.picture))?;
        let largest = change.iter().fold(f64::MIN_POSITIVE, |most, d| most.max(d.abs()));
        let shown: Vec<f64> = change.iter().map(|d| 0.5 + 0.5 * d / largest).collect();
        write_png(&eight_bits(&shown, original)?, &self.folder.join(&written.perturbation))?;
        let shape = vec![original.channels().count(), original.height(), original.width()];
        let bytes = [planes, &change]
            .map(|numbers| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
        let views = ["adversarial", "perturbation"]
            .into_iter()
            .zip(&bytes)
            .map(|(name, bytes)| Ok((name, TensorView::new(Dtype::F64, shape.clone(), bytes)?)));
        let views = views.collect::<anyhow::Result<Vec<_>>>()?;
        self.put(&written.tensor, &safetensors::serialize(views, None)?)?;
        let mut trace = "query,loss\n".to_owned();
        for (query, loss) in losses.iter().enumerate() {
            let _ = writeln!(trace, "{query},{loss}");
        }
        self.put(&written.trace, trace.as_bytes())?;
        Ok(written)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.folder.join(name);
        let wrong = || format!("{}: cannot write", path.display());
        let mut file = AtomicFile::create(&path).with_context(wrong)?;
        file.write_all(bytes).with_context(wrong)?;
        file.finish().with_context(wrong)
    }
}

/// Planes as a picture of 8 bits.
pub(super) fn eight_bits(planes: &[f64], like: &Picture) -> anyhow::Result<Picture> {
    let area = like.width() * like.height();
    let count = like.channels().count();
    let code = |i: usize| (planes[i % count * area + i / count] * 255.0).round() as u8;
    let samples = (0..count * area).map(code).collect();
    let channels = if count == 1 { Channels::Grey } else { Channels::Rgb };
    Ok(Picture::from_u8(like.width(), like.height(), channels, samples)?)
}
