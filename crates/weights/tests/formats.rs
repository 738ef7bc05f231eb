//! What is in a file comes out of it, in every format.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod written;

use lookalike_weights::{DType, Error, Format, read_bytes};
use written::*;
use zip::CompressionMethod;

fn names(bytes: Vec<u8>) -> Vec<String> {
    let checkpoint = read_bytes(bytes, "x").unwrap();
    checkpoint.tensors().map(|(name, _, _)| name.to_owned()).collect()
}

fn message(bytes: Vec<u8>) -> String {
    read_bytes(bytes, "x").unwrap_err().to_string()
}

#[test]
fn a_zip_file_is_read() {
    let object = state_dict(&[("a.weight", whole("0", &[2, 3])), ("a.bias", whole("1", &[2]))]);
    let values = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let bytes = saved(&object, &[("0", values), ("1", floats(&[7.0, 8.0]))]);
    let mut checkpoint = read_bytes(bytes, "x").unwrap();
    assert_eq!(checkpoint.format(), Format::PytorchZip);
    assert_eq!(checkpoint.sha256().len(), 64);
    let found: Vec<_> = checkpoint.tensors().map(|(n, s, d)| (n, s.to_vec(), d)).collect();
    let expected = [("a.weight", vec![2, 3], DType::F32), ("a.bias", vec![2], DType::F32)];
    assert_eq!(found, expected);
    let weight = checkpoint.tensor("a.weight").unwrap();
    assert_eq!(weight.shape, [2, 3]);
    assert_eq!(weight.to_f32().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(checkpoint.tensor("a.bias").unwrap().to_f32().unwrap(), [7.0, 8.0]);
    assert!(checkpoint.tensor("a").unwrap_err().to_string().contains("'a'"));
}

#[test]
fn members_may_be_deflated_or_big_endian() {
    let object = pickle(&state_dict(&[("w", whole("0", &[2]))]));
    let members = |order: &str, values: [f32; 2]| {
        let swap = |v: &f32| if order == "big" { v.to_be_bytes() } else { v.to_le_bytes() };
        vec![
            ("m/data.pkl", object.clone()),
            ("m/byteorder", order.as_bytes().to_vec()),
            ("m/data/0", values.iter().flat_map(swap).collect()),
        ]
    };
    for (order, method) in
        [("little", CompressionMethod::Deflated), ("big", CompressionMethod::Stored)]
    {
        let mut checkpoint = read_bytes(zip(&members(order, [1.5, -2.0]), method), "x").unwrap();
        assert_eq!(checkpoint.tensor("w").unwrap().to_f32().unwrap(), [1.5, -2.0], "{order}");
    }
    let strange = zip(&members("middle", [0.0; 2]), CompressionMethod::Stored);
    assert!(message(strange).contains("byteorder"));
}

#[test]
fn a_legacy_stream_is_read_with_its_first_constructor() {
    let rebuild = global("torch._utils", "_rebuild_tensor");
    let first = call(
        &rebuild,
        &[legacy_storage("FloatStorage", "94", 2), int(0), ints(&[1, 2]), ints(&[2, 1])],
    );
    let second = tensor(legacy_storage("HalfStorage", "7", 3), 1, &[2], &[1]);
    let object = state_dict(&[("lin0", first), ("lin1", second)]);
    let halves = [0, 0, 0, 0x3c, 0, 0xc0].to_vec();
    // Storages lie in the order of the list, not of the tensors.
    let bytes = legacy(&object, &[("7", 3, halves), ("94", 2, floats(&[0.25, 0.5]))]);
    let mut checkpoint = read_bytes(bytes, "x").unwrap();
    assert_eq!(checkpoint.format(), Format::PytorchLegacy);
    assert_eq!(checkpoint.tensor("lin0").unwrap().to_f32().unwrap(), [0.25, 0.5]);
    let half = checkpoint.tensor("lin1").unwrap();
    assert_eq!((half.dtype, half.to_f32().unwrap()), (DType::F16, vec![1.0, -2.0]));
}

#[test]
fn tensors_share_storages_and_have_strides() {
    let shared = || storage("FloatStorage", "0", 6);
    let object = state_dict(&[
        ("rows", tensor(shared(), 0, &[2, 3], &[3, 1])),
        ("columns", tensor(shared(), 0, &[3, 2], &[1, 3])),
        ("last", tensor(shared(), 5, &[], &[])),
        ("none", tensor(shared(), 6, &[0], &[1])),
    ]);
    let bytes = saved(&object, &[("0", floats(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))]);
    let mut checkpoint = read_bytes(bytes, "x").unwrap();
    let mut values = |name: &str| checkpoint.tensor(name).unwrap().to_f32().unwrap();
    assert_eq!(values("columns"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(values("rows"), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(values("last"), [5.0]);
    assert_eq!(values("none"), [0.0; 0]);
}

#[test]
fn parameters_and_inert_objects_are_let_through() {
    let parameter = call(
        &global("torch._utils", "_rebuild_parameter"),
        &[whole("0", &[1]), b"\x88".to_vec(), b"N".to_vec()],
    );
    let arguments = [
        global("argparse", "Namespace"),
        b")\x81".to_vec(),
        dict(&[("lr", int(1))]),
        b"b".to_vec(),
    ]
    .concat();
    let object = dict(&[
        ("epoch", int(3)),
        ("args", arguments),
        ("state_dict", state_dict(&[("w", parameter)])),
    ]);
    assert_eq!(names(saved(&object, &[("0", floats(&[1.0]))])), ["w"]);
}

#[test]
fn among_several_dictionaries_the_caller_chooses() {
    let inner = || state_dict(&[("w", whole("0", &[1]))]);
    let storages = [("0", floats(&[1.0]))];
    let file = |keys: &[&str]| {
        let items: Vec<_> = keys.iter().map(|&key| (key, inner())).collect();
        saved(&dict(&items), &storages)
    };
    assert_eq!(names(file(&["student"])), ["w"]);
    assert_eq!(names(file(&["optimizer", "state_dict"])), ["w"]);
    for keys in [&["model", "ema"][..], &["teacher", "student"]] {
        let message = message(file(keys));
        assert!(message.contains("--key") && message.contains(keys[0]), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pt");
    std::fs::write(&path, file(&["model", "ema"])).unwrap();
    let checkpoint = lookalike_weights::read_file_key(&path, "ema").unwrap();
    assert_eq!(checkpoint.tensors().count(), 1);
    let message = lookalike_weights::read_file_key(&path, "emma").unwrap_err().to_string();
    assert!(message.contains("'emma'") && message.contains("ema, model"), "{message}");
    assert!(message.contains("x.pt"), "{message}");
}

#[test]
fn a_common_prefix_comes_off_when_all_have_it() {
    let file = |first: &str| {
        let object = state_dict(&[(first, whole("0", &[1])), ("module.b", whole("1", &[1]))]);
        read_bytes(saved(&object, &[("0", floats(&[1.0])), ("1", floats(&[2.0]))]), "x").unwrap()
    };
    let mut all = file("module.a");
    assert!(all.strip_prefix("module."));
    assert_eq!(all.tensor("b").unwrap().to_f32().unwrap(), [2.0]);
    let mut some = file("a");
    assert!(!some.strip_prefix("module."));
    assert!(some.info("module.b").is_some());
}

#[test]
fn safetensors_are_read() {
    let header = r#"{"__metadata__":{"who":"me"},"b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},
        "a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#;
    let mut checkpoint =
        read_bytes(safetensors(header, &[0, 0, 0x80, 0x3f, 0x80, 0xbf]), "x").unwrap();
    assert_eq!(checkpoint.format(), Format::Safetensors);
    assert_eq!(checkpoint.about()["who"], "me");
    assert_eq!(checkpoint.tensor("a").unwrap().to_f32().unwrap(), [1.0]);
    assert_eq!(checkpoint.tensor("b").unwrap().to_f32().unwrap(), [-1.0]);
}

#[test]
fn other_files_are_named_for_what_they_seem() {
    for (bytes, part) in [
        (&b""[..], "empty"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"<!DOCTYPE html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
        (b"\x80\x02}q\0.", "pickle"),
        (b"hello", "neither"),
    ] {
        let error = read_bytes(bytes.to_vec(), "some.pth").unwrap_err();
        assert!(matches!(error, Error::Unrecognised { .. }));
        let message = error.to_string();
        assert!(message.contains(part) && message.contains("some.pth"), "{message}");
    }
    let script = zip(
        &[("m/data.pkl", pickle(b"N")), ("m/constants.pkl", pickle(b"N"))],
        CompressionMethod::Stored,
    );
    assert!(message(script).contains("TorchScript"));
    let other = zip(&[("word/document.xml", b"<x/>".to_vec())], CompressionMethod::Stored);
    assert!(message(other).contains("data.pkl"));
}

#[test]
fn a_folder_and_a_missing_file_are_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let message = lookalike_weights::read_file(folder.path()).unwrap_err().to_string();
    assert!(message.contains("folder"), "{message}");
    let missing = lookalike_weights::read_file(&folder.path().join("no.pth")).unwrap_err();
    assert!(missing.to_string().contains("no.pth: cannot read"), "{missing}");
}
