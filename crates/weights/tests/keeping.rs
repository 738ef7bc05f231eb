//! From files in every layout to weights in a store, and what is refused on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
#![allow(missing_docs)]

mod written;

use std::path::{Path, PathBuf};

use lookalike_weights::{
    Checkpoint, Error, Kept, Place, Specification, Store, Weights, manifest, read_bytes, read_file,
};
use written::*;

/// A tensor of a file: name, shape, numbers.
type Stored = (String, Vec<usize>, Vec<f32>);

/// Numbers that differ from tensor to tensor and are not negative.
fn numbers(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31) ^ u32::from(byte));
    (0..count as u32)
        .map(|at| ((seed ^ at).wrapping_mul(2_654_435_761) >> 20) as f32 / 4096.0)
        .collect()
}

/// The canonical tensors of weights.
fn tensors(name: &str) -> Vec<Stored> {
    let specification = Specification::of(name).unwrap();
    let all = specification.tensors();
    all.map(|(name, shape)| {
        (name.to_owned(), shape.to_vec(), numbers(name, shape.iter().product()))
    })
    .collect()
}

/// A safetensors file.
fn file(tensors: &[Stored]) -> Checkpoint {
    read_bytes(bytes(tensors), "x").unwrap()
}

fn bytes(tensors: &[Stored]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape, values) in tensors {
        let start = data.len();
        data.extend(floats(values));
        let entry = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]
        });
        assert!(header.insert(name.clone(), entry).is_none());
    }
    safetensors(&serde_json::Value::Object(header).to_string(), &data)
}

fn weights(name: &str, tensors: &[Stored]) -> Result<Weights, Error> {
    file(tensors).into_weights(&Specification::of(name).unwrap())
}

fn refused(name: &str, tensors: &[Stored]) -> String {
    weights(name, tensors).unwrap_err().to_string()
}

/// As `lpips.LPIPS(net=…).state_dict()` has it.
fn module(net: &str, slices: &[&[usize]]) -> Vec<Stored> {
    let mut stored = Vec::new();
    for (name, shape, values) in tensors(&format!("lpips-{net}-0.1")) {
        if let Some(layer) = name.strip_prefix("features.") {
            let index: usize = layer.split('.').next().unwrap().parse().unwrap();
            let slice = 1 + slices.iter().position(|slice| slice.contains(&index)).unwrap();
            stored.push((format!("net.slice{slice}.{layer}"), shape, values));
        } else {
            let tap = name.strip_prefix("lin").unwrap();
            let shape = vec![1, shape[0], 1, 1];
            stored.push((format!("lin{tap}.model.1.weight"), shape.clone(), values.clone()));
            stored.push((format!("lins.{tap}.model.1.weight"), shape, values));
        }
    }
    let three = vec![1, 3, 1, 1];
    stored.push(("scaling_layer.shift".to_owned(), three.clone(), vec![-0.030, -0.088, -0.188]));
    stored.push(("scaling_layer.scale".to_owned(), three, vec![0.458, 0.448, 0.450]));
    stored
}

const SQUEEZE_SLICES: [&[usize]; 7] = [&[0], &[3, 4], &[6, 7], &[9], &[10], &[11], &[12]];

#[test]
fn one_content_in_three_layouts_has_one_hash() {
    let name = "lpips-squeeze-0.1";
    let own = weights(name, &tensors(name)).unwrap();
    assert_eq!(own.layout, "lookalike");
    assert_eq!(own.parameters(), 722_496 + 2240);
    let whole = weights(name, &module("squeeze", &SQUEEZE_SLICES)).unwrap();
    assert_eq!((whole.layout.as_str(), &whole.sha256), ("LPIPS module", &own.sha256));
    assert_eq!(whole.tensors, own.tensors);

    // A trunk with its classifier, and an official head, complete each other.
    let mut trunk = tensors("squeezenet1_1");
    trunk.push(("classifier.1.bias".to_owned(), vec![2], vec![1.0, 2.0]));
    let head: Vec<_> = tensors("lpips-head-squeeze-0.1")
        .into_iter()
        .map(|(name, shape, values)| {
            (format!("{name}.model.1.weight"), vec![1, shape[0], 1, 1], values)
        })
        .collect();
    let specification = Specification::of(name).unwrap();
    let both = Weights::from_files(vec![file(&trunk), file(&head)], &specification).unwrap();
    assert_eq!((both.layout.as_str(), &both.sha256), ("trunk and LPIPS head", &own.sha256));
    assert_eq!(both.source.len(), 2);
    let error = Weights::from_files(vec![file(&head), file(&head)], &specification).unwrap_err();
    assert!(error.to_string().contains("lin0.model.1.weight"), "{error}");
}

#[test]
fn layouts_that_differ_in_shapes_alone_are_told_apart() {
    let canonical = tensors("dists");
    assert_eq!(canonical.iter().map(|(_, _, values)| values.len()).sum::<usize>(), 2 * 1475);
    let own = weights("dists", &canonical).unwrap();
    let mut authors = canonical.clone();
    authors.iter_mut().for_each(|(_, shape, _)| *shape = vec![1, 1475, 1, 1]);
    let authors_weights = weights("dists", &authors).unwrap();
    assert_eq!((own.layout.as_str(), authors_weights.layout.as_str()), ("lookalike", "DISTS"));
    assert_eq!(own.sha256, authors_weights.sha256);
    authors[1].2[9] = -0.5;
    assert!(refused("dists", &authors).contains("'beta' is -0.5 at element 9"));
}

#[test]
fn names_behind_a_wrapper_are_found() {
    let wrapped: Vec<_> = tensors("lpips-head-alex-0.1")
        .into_iter()
        .map(|(name, shape, values)| (format!("module.{name}"), shape, values))
        .collect();
    assert_eq!(weights("lpips-head-alex-0.1", &wrapped).unwrap().tensors.len(), 5);
}

#[test]
fn numbers_come_out_with_the_shape_that_was_asked_for() {
    let weights = weights("lpips-head-alex-0.1", &tensors("lpips-head-alex-0.1")).unwrap();
    assert_eq!(weights.f32("lin0", &[64]).unwrap(), numbers("lin0", 64));
    for (name, shape) in [("lin0", vec![1, 64, 1, 1]), ("lin0", vec![]), ("lin9", vec![64])] {
        let message = weights.f32(name, &shape).unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
    }
    assert!(weights.licence.contains("unknown"), "{}", weights.licence);
}

#[test]
fn whatever_does_not_fit_is_listed() {
    let name = "lpips-head-alex-0.1";
    let sound = tensors(name);
    let change = |edit: &dyn Fn(&mut Vec<Stored>)| {
        let mut tensors = sound.clone();
        edit(&mut tensors);
        refused(name, &tensors)
    };
    for (message, part) in [
        (change(&|t| drop(t.remove(2))), "1 missing (lin2)"),
        (change(&|t| t.truncate(0)), "none of its tensors is known"),
        (change(&|t| t.push(("lin5".to_owned(), vec![1], vec![1.0]))), "1 unknown (lin5)"),
        (change(&|t| t[1].1 = vec![192, 1]), "'lin1' has shape [192, 1], expected [192]"),
        (change(&|t| t[3].2[7] = -1e-9), "'lin3' is -0.000000001 at element 7"),
        (change(&|t| t[4].2[9] = f32::NAN), "tensor 'lin4': element 9 of 256"),
        (change(&|t| t[4].2[9] = f32::INFINITY), "element 9 of 256, stored as f32, is inf"),
    ] {
        assert!(message.contains(part), "{message}");
    }
    // Zero of either sign is no negative weight.
    let mut zeros = sound.clone();
    zeros[0].2[0] = -0.0;
    assert!(weights(name, &zeros).is_ok());
    let several = refused("alexnet", &tensors("vgg16")[..9]);
    assert!(several.contains("alexnet") && several.contains(", …"), "{several}");
    let other = refused("lpips-head-vgg-0.1", &sound);
    assert!(other.contains("--as lpips-head-alex-0.0 or --as lpips-head-alex-0.1"), "{other}");
}

#[test]
fn a_module_whose_copies_or_constants_differ_is_refused() {
    let name = "lpips-squeeze-0.1";
    let sound = module("squeeze", &SQUEEZE_SLICES);
    let at = |tensor: &str| sound.iter().position(|(name, _, _)| name == tensor).unwrap();
    for (tensor, part) in [
        ("lins.3.model.1.weight", "'lins.3.model.1.weight' differs"),
        ("scaling_layer.scale", "'scaling_layer.scale' is not [0.458, 0.448, 0.45]"),
        ("scaling_layer.shift", "'scaling_layer.shift' is not"),
    ] {
        let mut changed = sound.clone();
        changed[at(tensor)].2[0] += 0.01;
        let message = refused(name, &changed);
        assert!(message.contains(part), "{message}");
    }
    let mut lacking = sound.clone();
    lacking.remove(at("scaling_layer.shift"));
    assert!(refused(name, &lacking).contains("1 missing (scaling_layer.shift)"));
}

#[test]
fn integers_in_place_of_weights_are_refused() {
    let header = r#"{"lin0":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#;
    let shape: &[usize] = &[1];
    let specification = Specification::new("mine", [("lin0", shape)]);
    let file = read_bytes(safetensors(header, &[0; 8]), "x").unwrap();
    let message = file.into_weights(&specification).unwrap_err().to_string();
    assert!(message.contains("i64"), "{message}");
}

#[test]
fn every_layout_of_a_graph_is_known() {
    let specification = Specification::of("mobilenet_v2_1.0_224").unwrap();
    let shapes: Vec<_> = specification.tensors().map(|(n, s)| (n.to_owned(), s.to_vec())).collect();
    assert_eq!(shapes.len(), 2 * 53);
    assert_eq!(shapes[0], ("features.0.weight".to_owned(), vec![32, 3, 3, 3]));
    assert_eq!(shapes[2], ("features.1.depthwise.weight".to_owned(), vec![32, 1, 3, 3]));
    assert_eq!(shapes[104], ("classifier.weight".to_owned(), vec![1001, 1280, 1, 1]));
    // The published count, with one bias for scale and shift of 17,056 normalised channels, and one
    // class more.
    assert_eq!(specification.parameters(), 3_504_872 - 17_056 + 1281);
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("deep/weights"));
    (folder, store)
}

#[test]
fn what_is_kept_is_loaded_with_its_origin() {
    let (_folder, store) = store();
    let name = "lpips-head-alex-0.1";
    let message = store.load(name).unwrap_err().to_string();
    assert!(message.ends_with("run `lookalike weights fetch lpips-head-alex-0.1`"), "{message}");
    let message = store.load("mobilenet_v2_1.0_224").unwrap_err().to_string();
    assert!(message.contains("weights import FILE --as mobilenet_v2_1.0_224`"), "{message}");
    assert!(matches!(store.load("nonsense"), Err(Error::UnknownName { .. })));
    assert!(matches!(store.load("../x"), Err(Error::UnknownName { .. })));

    let (weights, kept) = store.import(vec![file(&tensors(name))], name, false).unwrap();
    assert_eq!(kept, Kept::New);
    assert_eq!(store.load(name).unwrap(), weights);
    assert_eq!(store.place(name).unwrap(), Some(Place::Own(store.path(name))));
    let first = std::fs::read(store.path(name)).unwrap();
    // Once more changes nothing, not even a byte.
    let (_, again) = store.import(vec![file(&tensors(name))], name, false).unwrap();
    assert_eq!((again, std::fs::read(store.path(name)).unwrap()), (Kept::Same, first.clone()));

    let mut other = tensors(name);
    other[0].2[0] += 1.0;
    let message = store.import(vec![file(&other)], name, false).unwrap_err().to_string();
    assert!(message.contains("--force"), "{message}");
    assert_eq!(std::fs::read(store.path(name)).unwrap(), first);
    let (_, replaced) = store.import(vec![file(&other)], name, true).unwrap();
    assert_eq!(replaced, Kept::Replaced);
    assert_eq!(store.load(name).unwrap().f32("lin0", &[64]).unwrap(), other[0].2);
    // A refused file leaves what was there.
    other[0].2[0] = -1.0;
    assert!(store.import(vec![file(&other)], name, true).is_err());
    assert!(store.load(name).is_ok());
    let names: Vec<_> = std::fs::read_dir(store.folder()).unwrap().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn wholes_are_loaded_from_parts_and_parts_from_wholes() {
    let name = "lpips-squeeze-0.1";
    let own = weights(name, &tensors(name)).unwrap();
    let (_folder, parts) = store();
    parts.import(vec![file(&tensors("squeezenet1_1"))], "squeezenet1_1", false).unwrap();
    let message = parts.load(name).unwrap_err().to_string();
    assert!(message.contains("`lookalike weights fetch lpips-squeeze-0.1`"), "{message}");
    let head = "lpips-head-squeeze-0.1";
    parts.import(vec![file(&tensors(head))], head, false).unwrap();
    let composed = parts.load(name).unwrap();
    assert_eq!((&composed.sha256, &composed.tensors), (&own.sha256, &own.tensors));
    assert_eq!(composed.source.len(), 2);
    assert!(matches!(parts.place(name).unwrap(), Some(Place::Parts(_))));
    assert_eq!(parts.place("lpips-heads").unwrap(), None);

    let (_folder, whole) = store();
    let heads = "lpips-heads";
    whole.import(vec![file(&tensors(heads))], heads, false).unwrap();
    let taken = whole.load("lpips-head-vgg-0.0").unwrap();
    assert_eq!(taken.f32("lin4", &[512]).unwrap(), numbers("v0.0.vgg.lin4", 512));
    assert_eq!(whole.place("lpips-head-vgg-0.0").unwrap(), Some(Place::Within(heads.to_owned())));
    // A trunk of its own and a head from the collection.
    whole.import(vec![file(&tensors("squeezenet1_1"))], "squeezenet1_1", false).unwrap();
    let mixed = whole.load(name).unwrap();
    assert_eq!(mixed.f32("lin6", &[512]).unwrap(), numbers("v0.1.squeeze.lin6", 512));
}

#[test]
fn a_file_that_changed_on_the_disk_is_noticed() {
    let (_folder, store) = store();
    let name = "lpips-head-alex-0.1";
    store.import(vec![file(&tensors(name))], name, false).unwrap();
    let sound = std::fs::read(store.path(name)).unwrap();
    let damage = |bytes: &[u8]| {
        std::fs::write(store.path(name), bytes).unwrap();
        let error = store.load(name).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.contains("`lookalike weights fetch lpips-head-alex-0.1 --force`"),
            "{message}"
        );
        message
    };
    let mut flipped = sound.clone();
    let at = sound.len() - 2;
    flipped[at] ^= 1;
    assert!(damage(&flipped).contains("numbers have changed"));
    damage(&sound[..sound.len() - 1]);
    damage(b"");
    assert!(damage(&bytes(&tensors(name))).contains("not written by"));
    // A damaged file is not an obstacle to its replacement.
    assert!(store.import(vec![file(&tensors(name))], name, false).is_err());
    assert!(store.import(vec![file(&tensors(name))], name, true).is_ok());
    std::fs::rename(store.path(name), store.path("lpips-head-alex-0.0")).unwrap();
    let message = store.load("lpips-head-alex-0.0").unwrap_err().to_string();
    assert!(message.contains("it holds 'lpips-head-alex-0.1'"), "{message}");
}

#[test]
fn a_store_that_cannot_be_written_says_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("taken"), b"").unwrap();
    let store = Store::at(folder.path().join("taken"));
    let name = "lpips-head-alex-0.1";
    let error = store.import(vec![file(&tensors(name))], name, false).unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
}

/// Acceptance files that lie beside a checkout where there are any.
fn reference(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(path);
    if !path.is_file() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn real_weights_are_taken_in() {
    for (path, name, parameters) in [
        ("lpips/alexnet_features_real.safetensors", "alexnet", 2_469_696),
        ("mobilenet_v2/mobilenet_v2_1.0_224_f32.safetensors", "mobilenet_v2_1.0_224", 3_489_097),
        ("lpips/lpips_lin_weights.safetensors", "lpips-heads", 2 * (1152 + 1472 + 2240)),
    ] {
        let Some(path) = reference(path) else { continue };
        let (_folder, store) = store();
        let (weights, _) = store.import(vec![read_file(&path).unwrap()], name, false).unwrap();
        assert_eq!(weights.parameters(), parameters, "{name}");
        assert_eq!(store.load(name).unwrap().sha256, weights.sha256);
    }
}

#[test]
fn the_real_heads_sum_to_what_is_published() {
    let Some(path) = reference("lpips/lpips_lin_weights.safetensors") else { return };
    let (_folder, store) = store();
    store.import(vec![read_file(&path).unwrap()], "lpips-heads", false).unwrap();
    let head = store.load("lpips-head-alex-0.1").unwrap();
    let sums = [2.3495, 16.1430, 39.2684, 27.1972, 20.3172];
    for (tap, (channels, sum)) in [64, 192, 384, 256, 256].into_iter().zip(sums).enumerate() {
        let values = head.f32(&format!("lin{tap}"), &[channels]).unwrap();
        let total: f64 = values.iter().copied().map(f64::from).sum();
        assert!((total - sum).abs() < 1e-4, "lin{tap}: {total}");
    }
}

#[test]
fn all_names_can_be_kept_and_loaded() {
    for entry in manifest().iter().filter(|entry| entry.name.starts_with("lpips-head")) {
        let (_folder, store) = store();
        store.import(vec![file(&tensors(&entry.name))], &entry.name, false).unwrap();
        assert_eq!(store.load(&entry.name).unwrap().name, entry.name);
    }
}
