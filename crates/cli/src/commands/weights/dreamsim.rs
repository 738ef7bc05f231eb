//! A folder of DreamSim's published files as one file of safetensors.
//!
//! The folder has the networks, known by their names (`dino…`, `clip…`, `open_clip…`, `dinov2…`,
//! `synclr…`, ending in `.pth`, `.pth.tar`, `.pt` or `.safetensors`), and in itself or in a folder below
//! what fine-tuning added: `adapter_model.safetensors` or `.bin` beside `adapter_config.json`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use lookalike::deep::dreamsim::{Adapter, Branch, one_piece};
use lookalike_weights::{Checkpoint, Error, read_file, read_file_key};
use serde::Deserialize;

const CONFIGURATION: &str = "adapter_config.json";
const ENDINGS: [&str; 4] = [".pth", ".pth.tar", ".pt", ".safetensors"];

/// What is read of `adapter_config.json`.
#[derive(Deserialize)]
struct Configuration {
    r: f64,
    lora_alpha: f64,
}

/// The bytes of the file, and how many networks it has.
pub(super) fn converted(folder: &Path, patches: bool) -> anyhow::Result<(Vec<u8>, usize)> {
    let mut branches = Vec::new();
    for branch in Branch::ALL {
        if let Some(file) = network(folder, branch)? {
            branches.push((branch, file));
        }
    }
    if branches.is_empty() {
        bail!(
            "{}: expected the networks of DreamSim, such as dino_vitbase16_pretrain.pth or clip_vitb16_pretrain.pth.tar, found none",
            folder.display()
        );
    }
    let count = branches.len();
    Ok((one_piece(branches, adapter(folder)?, patches, None)?, count))
}

/// Files and folders, by name.
fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || folder.display().to_string();
    let read = std::fs::read_dir(folder).with_context(context)?;
    let mut entries = read
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(context)?;
    entries.sort_unstable();
    Ok(entries)
}

/// Whose network a file name promises.
fn promised(path: &Path) -> Option<Branch> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    if !ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return None;
    }
    let known = [
        ("open_clip", Branch::OpenClip),
        ("open-clip", Branch::OpenClip),
        ("clip", Branch::Clip),
        ("dinov2", Branch::DinoV2),
        ("dino", Branch::Dino),
        ("synclr", Branch::SynClr),
    ];
    known.into_iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, branch)| branch)
}

/// The one file of a network that has its tensors: the published file of DINO's head has none.
fn network(folder: &Path, branch: Branch) -> anyhow::Result<Option<Checkpoint>> {
    let mut found = Vec::new();
    let mut without = None;
    for path in entries(folder)?.into_iter().filter(|path| path.is_file()) {
        if promised(&path) != Some(branch) {
            continue;
        }
        let file = opened(&path)?;
        let whole = file.tensors().any(|(name, ..)| name.ends_with("cls_token"));
        if whole { found.push(file) } else { without = Some(path) }
    }
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(Checkpoint::file).collect();
        bail!("expected one network of {}, found {}", branch.as_str(), names.join(" and "));
    }
    match (found.pop(), without) {
        (None, Some(path)) => bail!(
            "{}: it has no tensors of the network itself (cls_token, blocks…); put the file of the network, such as dino_vitbase16_pretrain.pth, beside it",
            path.display()
        ),
        (found, _) => Ok(found),
    }
}

/// A file with one dictionary of tensors, or with one of the names under which networks are kept.
fn opened(path: &Path) -> anyhow::Result<Checkpoint> {
    match read_file(path) {
        Err(Error::Key { file, reason }) => {
            let keys = ["state_dict", "model", "teacher", "student"];
            let found = keys.into_iter().find_map(|key| read_file_key(path, key).ok());
            found.ok_or_else(|| Error::Key { file, reason }.into())
        }
        found => Ok(found?),
    }
}

/// What fine-tuning added, where it is there.
fn adapter(folder: &Path) -> anyhow::Result<Option<Adapter>> {
    let below = entries(folder)?.into_iter().filter(|path| path.is_dir());
    let places: Vec<PathBuf> = std::iter::once(folder.to_owned())
        .chain(below)
        .filter(|place| place.join(CONFIGURATION).is_file())
        .collect();
    let place = match places.as_slice() {
        [] => return Ok(None),
        [place] => place,
        several => {
            let names: Vec<String> = several.iter().map(|p| p.display().to_string()).collect();
            bail!("expected one {CONFIGURATION}, found one in {}", names.join(" and in "));
        }
    };
    let path = place.join(CONFIGURATION);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let Configuration { r, lora_alpha } =
        serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    if !(r > 0.0 && lora_alpha > 0.0) {
        bail!("{}: expected r and lora_alpha above 0, found {r} and {lora_alpha}", path.display());
    }
    let names = ["adapter_model.safetensors", "adapter_model.bin"];
    let Some(file) = names.iter().map(|name| place.join(name)).find(|path| path.is_file()) else {
        bail!("{}: expected {} beside it, found neither", path.display(), names.join(" or "));
    };
    Ok(Some(Adapter { file: read_file(&file)?, scale: lora_alpha / r }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_promise_networks() {
        for (name, branch) in [
            ("dino_vitbase16_pretrain.pth", Some(Branch::Dino)),
            ("open_clip_vitb16_pretrain.pth.tar", Some(Branch::OpenClip)),
            ("clip_vitb32_pretrain.pth.tar", Some(Branch::Clip)),
            ("dinov2_vitb14_pretrain.pth", Some(Branch::DinoV2)),
            ("clip.txt", None),
            ("other.pth", None),
        ] {
            assert_eq!(promised(Path::new(name)), branch, "{name}");
        }
    }
}
