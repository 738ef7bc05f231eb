//! Heat maps on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::bail;
use lookalike::{Comparison, Failure, MetricId, PairScores};

/// Where heat maps go, and what they are called: `DIR/<candidate>.<family>.png`, or with the whole
/// id where two metrics of one family are used.
pub(crate) struct MapFolder {
    folder: Option<PathBuf>,
    whole_ids: bool,
}

impl MapFolder {
    /// The folder is made when it is first needed.
    ///
    /// # Errors
    /// When none of the metrics has a map.
    pub(crate) fn new(folder: Option<&Path>, comparison: &Comparison) -> anyhow::Result<Self> {
        let mut families = BTreeSet::new();
        let mut whole_ids = false;
        let mut any = false;
        for choice in &comparison.metrics {
            any |= choice.metric().card().map.is_some();
            whole_ids |= !families.insert(choice.metric().id().family().to_owned());
        }
        if folder.is_some() && !any {
            bail!("--map was given, but none of the metrics has a map");
        }
        Ok(Self { folder: folder.map(Path::to_owned), whole_ids })
    }

    fn path(&self, folder: &Path, label: &Path, id: &MetricId) -> PathBuf {
        let name = if self.whole_ids { id.to_string() } else { id.family().to_owned() };
        let safe = |c: char| if c.is_alphanumeric() || "-._@+=".contains(c) { c } else { '_' };
        let name: String = name.chars().map(safe).collect();
        let mut file = label.file_name().unwrap_or_default().to_owned();
        file.push(format!(".{name}.png"));
        folder.join(label.with_file_name(file))
    }

    /// Draws and writes the maps of a pair.
    pub(crate) fn write(&self, pair: &mut PairScores, comparison: &Comparison) -> Vec<Failure> {
        let maps = pair.take_maps();
        let Some(folder) = &self.folder else { return Vec::new() };
        let mut failures = Vec::new();
        for (index, map) in maps {
            let id = &pair.scores[index].id;
            let Some(scale) = comparison.display_scale(id) else { continue };
            let path = self.path(folder, &pair.label, id);
            let written = lookalike::heat_map(&map, scale, pair.width, pair.height)
                .map_err(anyhow::Error::from)
                .and_then(|picture| {
                    if let Some(parent) = path.parent() {
                        std::fs::create_dir_all(parent)?;
                    }
                    Ok(lookalike::encode::write_png(&picture, &path)?)
                });
            if let Err(error) = written {
                failures.push(Failure { path, message: format!("{error:#}") });
            }
        }
        failures
    }

    /// The files of a pair's maps by score position.
    pub(crate) fn files(
        &self,
        pair: &PairScores,
        comparison: &Comparison,
    ) -> BTreeMap<usize, String> {
        let Some(folder) = &self.folder else { return BTreeMap::new() };
        let scores = pair.scores.iter().enumerate();
        scores
            .filter(|(_, score)| comparison.display_scale(&score.id).is_some())
            .map(|(index, score)| (index, self.path(folder, &pair.label, &score.id)))
            .filter(|(_, path)| path.is_file())
            .map(|(index, path)| (index, path.display().to_string()))
            .collect()
    }
}
