//! Runs on latents, runs that are broken off, and runs that grow without bound.

use std::path::Path;

use lookalike_deep::SeededWeights;
use lookalike_train::session::{Resume, Settings, Stopped};

use super::*;
use crate::autoencoder_kl::tests::files::write_small;
use crate::data::{PairOptions, shoe};
use crate::diffusion::{Betas, Prediction};
use crate::drawing::{Choices, Translator};
use crate::losses::Weighting;
use crate::process::Process;

fn settings(out: &Path, max_seconds: Option<f64>) -> Settings {
    Settings {
        out: out.to_owned(),
        cache: out.to_owned(),
        resume: Resume::Auto,
        max_seconds,
        checkpoint_every: 100,
    }
}

fn small() -> Recipe {
    Recipe {
        size: "D32-N1".to_owned(),
        patch: 2,
        batch: 4,
        steps: 6,
        drawn: Some(8),
        data: PairOptions { side: 16, ..PairOptions::default() },
        ..Recipe::preset("tiny").unwrap()
    }
}

fn run(recipe: &Recipe, settings: &Settings) -> Result<Outcome> {
    train(recipe, settings, &SeededWeights, &mut |_| true)
}

#[test]
fn latents_are_learned_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let (vae, other) = (folder.path().join("vae"), folder.path().join("other"));
    write_small(&vae);
    write_small(&other);
    let file = other.join("diffusion_pytorch_model.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let flow = Recipe { vae: Some(vae.clone()), perceptual: "0.5*l1".to_owned(), ..small() };
    // As the paper has it, but small: noise in steps, weights by the share of signal.
    let steps = Recipe {
        prediction: Prediction::Epsilon,
        weighting: Weighting::AlphaBar,
        process: Process::Discrete { betas: Betas::Linear, steps: 100 },
        ..flow.clone()
    };
    let variances = Recipe { learn_variance: true, ..steps.clone() };
    for (name, recipe) in [("flow", flow), ("steps", steps), ("variances", variances)] {
        let out = folder.path().join(name);
        let outcome = run(&recipe, &settings(&out, None)).unwrap();
        assert_eq!(outcome.stopped, Stopped::Finished);
        let log = std::fs::read_to_string(out.join("log.jsonl")).unwrap();
        let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert!(last["pictures"].as_f64().unwrap() > 0.0 || name == "flow", "{log}");
        let read = || Model::read(&out.join("model.safetensors")).unwrap();
        let plan = read().plan;
        assert_eq!((plan.side(), plan.architecture.side, plan.architecture.channels), (16, 4, 4));
        let choices = Choices { steps: Some(4), ..Choices::default() };
        let translator = Translator::new(read(), Some(&vae), &choices).unwrap();
        let drawn = translator.translate(&shoe(3, 32).unwrap().source, 1).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (16, 16));
        let refused = |vae: Option<&Path>| {
            let refused = Translator::new(read(), vae, &choices).map(|_| ()).unwrap_err();
            refused.to_string()
        };
        assert!(refused(None).contains("--vae PATH"));
        assert!(refused(Some(&other)).contains("expected the autoencoder"));
    }
    let mirrored = Recipe { vae: Some(vae), ..small() };
    let mirrored = Recipe { augmentation: crate::data::Augmentation { mirror: true }, ..mirrored };
    let message = run(&mirrored, &settings(&folder.path().join("m"), None)).unwrap_err();
    assert!(message.to_string().contains("mirrored"), "{message}");
}

/// Runs a recipe whole and in parts, which must end with the same bytes; gives its log.
fn whole_and_in_parts(recipe: &Recipe) -> String {
    let folder = tempfile::tempdir().unwrap();
    let whole = run(recipe, &settings(&folder.path().join("whole"), None)).unwrap();
    let parts = folder.path().join("parts");
    let mut ended = run(recipe, &settings(&parts, Some(0.0))).unwrap();
    assert_eq!((ended.stopped, ended.steps), (Stopped::Time, 0));
    while ended.stopped != Stopped::Finished {
        let next = ended.steps + 2;
        let mut go_on = |progress| match progress {
            Progress::Steps(done, ..) => done < next,
            Progress::Features(..) => true,
        };
        ended = train(recipe, &settings(&parts, None), &SeededWeights, &mut go_on).unwrap();
    }
    assert_eq!(ended.model_sha256, whole.model_sha256);
    assert_eq!(parts.join(crate::kept_vectors::NAME).exists(), recipe.embedder.is_some());
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name).join("log.jsonl"));
    let log = read("whole").unwrap();
    assert_eq!(read("parts").unwrap(), log);
    log
}

#[test]
fn a_run_that_is_broken_off_goes_on_with_the_same_bytes() {
    let recipe = Recipe { embedder: Some("sight".to_owned()), ..small() };
    whole_and_in_parts(&Recipe { condition: "tokens+vector".parse().unwrap(), ..recipe });
}

/// A file with a small image tower of CLIP of random numbers, under OpenAI's names.
fn write_clip(path: &Path) {
    use lookalike_nn::{Parameters, Seeded};
    let block = "visual.transformer.resblocks.0";
    let mut tensors: Vec<(String, Vec<usize>)> = [
        ("class_embedding", &[64][..]),
        ("positional_embedding", &[5, 64]),
        ("proj", &[64, 8]),
        ("conv1.weight", &[64, 3, 8, 8]),
        ("ln_pre.weight", &[64]),
        ("ln_pre.bias", &[64]),
        ("ln_post.weight", &[64]),
        ("ln_post.bias", &[64]),
    ]
    .map(|(name, shape)| (format!("visual.{name}"), shape.to_vec()))
    .into();
    tensors.extend(
        [
            ("attn.in_proj_weight", &[192, 64][..]),
            ("attn.in_proj_bias", &[192]),
            ("attn.out_proj.weight", &[64, 64]),
            ("attn.out_proj.bias", &[64]),
            ("ln_1.weight", &[64]),
            ("ln_1.bias", &[64]),
            ("ln_2.weight", &[64]),
            ("ln_2.bias", &[64]),
            ("mlp.c_fc.weight", &[128, 64]),
            ("mlp.c_fc.bias", &[128]),
            ("mlp.c_proj.weight", &[64, 128]),
            ("mlp.c_proj.bias", &[64]),
        ]
        .map(|(name, shape)| (format!("{block}.{name}"), shape.to_vec())),
    );
    let seeded = Seeded::new("small clip");
    let numbers: Vec<f32> = tensors
        .iter()
        .flat_map(|(name, shape)| {
            seeded.f32(&format!("{name}.weight"), shape).unwrap().into_iter().map(|x| 0.3 * x)
        })
        .collect();
    let file = lookalike_train::model_file::write("about", &"a test", &tensors, &numbers).unwrap();
    std::fs::write(path, file).unwrap();
}

#[test]
fn a_vector_and_a_similarity_of_clip_are_learned_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.safetensors");
    write_clip(&path);
    let clip = Some(format!("clip@{}", path.display()));
    for reference in crate::losses::SimilarityReference::ALL {
        let recipe = Recipe {
            condition: crate::condition::Mode::CONCAT_AND_VECTOR,
            embedder: clip.clone(),
            similarity: clip.clone(),
            similarity_reference: reference,
            similarity_weight: 0.5,
            weighting: Weighting::AlphaBar,
            augmentation: crate::data::Augmentation { mirror: true },
            ..small()
        };
        let log = whole_and_in_parts(&recipe);
        let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert!(last["pictures"].as_f64().unwrap() > 0.0, "{reference}: {log}");
    }
}

#[test]
fn numbers_that_cease_to_be_finite_end_a_run_with_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let wild = Recipe { rate: 1e38, warm_up: 1, average: 0.0, steps: 50, ..small() };
    let message = run(&wild, &settings(folder.path(), None)).unwrap_err().to_string();
    assert!(message.len() > 20, "{message}");
    assert!(Checkpoints::at(folder.path().join("checkpoints")).newest().is_some());
    assert!(!folder.path().join("model.safetensors").exists());
}
