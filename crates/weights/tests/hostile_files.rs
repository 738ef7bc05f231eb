//! Crafted and damaged files are errors: nothing is executed, nothing large is allocated, nothing hangs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod written;

use lookalike_weights::{Error, read_bytes};
use written::*;
use zip::CompressionMethod;

/// The message of a file that must be refused, by opening it or by reading its tensors.
fn refused(bytes: Vec<u8>) -> String {
    match attempt(bytes) {
        Err(error) => error.to_string(),
        Ok(()) => panic!("accepted"),
    }
}

fn attempt(bytes: Vec<u8>) -> Result<(), Error> {
    let mut checkpoint = read_bytes(bytes, "x")?;
    let names: Vec<String> = checkpoint.tensors().map(|(name, _, _)| name.to_owned()).collect();
    for name in names {
        checkpoint.tensor(&name)?;
    }
    Ok(())
}

/// A sound dictionary with something else beside the tensor.
fn beside(object: Vec<u8>) -> Vec<u8> {
    let items = dict(&[("w", whole("0", &[1])), ("x", object)]);
    saved(&items, &[("0", floats(&[1.0]))])
}

fn one(tensor: Vec<u8>, bytes: Vec<u8>) -> Vec<u8> {
    saved(&state_dict(&[("w", tensor)]), &[("0", bytes)])
}

#[test]
fn names_outside_the_list_are_named_and_not_called() {
    for (module, name) in [
        ("posix", "system"),
        ("nt", "system"),
        ("os", "system"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("subprocess", "Popen"),
        ("torch.nn.modules.conv", "Conv2d"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch._utils", "_rebuild_tensor_v3"),
        ("collections", "OrderedDict.__reduce__"),
        ("numpy.core.multiarray", "_reconstruct"),
    ] {
        let function = global(module, name);
        let stacked = [text(module), text(name), b"\x93".to_vec()].concat();
        for function in [function, stacked] {
            for object in [
                call(&function, &[text("touch /tmp/pwned")]),
                [&function[..], b")\x81"].concat(),
                function.clone(),
            ] {
                let error = read_bytes(beside(object), "x").unwrap_err();
                let full = format!("{module}.{name}");
                assert!(matches!(&error, Error::Forbidden { global, .. } if *global == full));
                assert!(error.to_string().contains("nothing was executed"), "{error}");
            }
        }
    }
}

#[test]
fn opcodes_that_files_of_tensors_do_not_use_are_refused() {
    // INST, OBJ, EXT1, NEXT_BUFFER, READONLY_BUFFER, PERSID, INT, NEWOBJ_EX, …
    for opcode in (0_u8..=255).filter(|o| !b".(012NJKMGXTUCB)t]}aesuqrhjcRbQ".contains(o)) {
        if (0x80..=0x96).contains(&opcode) && ![0x82, 0x83, 0x84, 0x91, 0x92].contains(&opcode) {
            continue;
        }
        let message = refused(beside(vec![opcode; 40]));
        assert!(message.contains(&format!("0x{opcode:02x}")), "{message}");
    }
}

#[test]
fn a_pickle_that_misuses_its_stack_is_refused() {
    for object in [
        &b"0"[..],
        b"000000",
        b"1",
        b"(0",
        b"t",
        b"e",
        b"u",
        b"a",
        b"s",
        b"R",
        b"b",
        b"Q",
        b"N\x81",
        b"NNR",
        b"NNb",
        b"NQ",
        b")Q",
        b"(\x87",
        b"\x87",
        b"h\x63",
        b"j\xff\xff\xff\xff",
        b"Ka",
        b"NNNs",
        b"}(Nu",
        b"}(NNNu",
        b"]N}s",
        b"NNa",
        b"\x93",
        b"NN\x93",
        b"c",
        b"cposix",
        b"cposix\nsystem",
        b"\x80\x01",
        b"\x80\x09",
        b"\x8a\xff",
        b"\x8b\xff\xff\xff\xff",
        b"\x8a\x11aaaaaaaaaaaaaaaaa",
        b"X\xff\xff\xff\xff",
        b"X\x01\0\0\0\xff",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"B\xff\xff\xff\x7f",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x95\xff\xff\xff\xff\xff\xff\xff\xff",
        b"G\0",
    ] {
        let message = refused(saved(object, &[]));
        assert!(message.starts_with("x: "), "{object:?}: {message}");
    }
}

#[test]
fn known_names_with_wrong_arguments_are_refused() {
    let storage = storage("FloatStorage", "0", 1);
    let v2 = global("torch._utils", "_rebuild_tensor_v2");
    let v1 = global("torch._utils", "_rebuild_tensor");
    let none = || b"N".to_vec();
    for object in [
        call(&v1, &[]),
        call(&v1, &[int(1), int(0), ints(&[1]), ints(&[1])]),
        call(&v1, &[storage.clone(), none(), ints(&[1]), ints(&[1])]),
        call(&v1, &[storage.clone(), int(-1), ints(&[1]), ints(&[1])]),
        call(&v1, &[storage.clone(), int(0), int(1), ints(&[1])]),
        call(
            &v2,
            &[
                storage.clone(),
                int(0),
                ints(&[1]),
                ints(&[1]),
                none(),
                none(),
                dict(&[("conj", int(1))]),
            ],
        ),
        call(&global("torch._utils", "_rebuild_parameter"), &[none(), none(), none()]),
        call(&global("collections", "OrderedDict"), &[int(1)]),
        call(&global("collections", "OrderedDict"), &[list(&[int(1)])]),
        call(&global("argparse", "Namespace"), &vec![none(); 99]),
        call(&global("torch", "Size"), &[int(1)]),
        call(&global("torch", "FloatStorage"), &[int(1)]),
        [ints(&[1]), b"Q".to_vec()].concat(),
        [global("torch", "FloatStorage"), dict(&[]), b"b".to_vec()].concat(),
    ] {
        refused(beside(object));
    }
    let other =
        tuple(&[text("module"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(1)]);
    assert!(refused(beside([other, b"Q".to_vec()].concat())).contains("'module'"));
}

#[test]
fn bombs_of_the_memo_and_of_nesting_cost_what_their_bytes_cost() {
    // Each list holds the one before it ten times: 10^depth visits if one followed them all.
    let laughs = |depth: u8| {
        let mut bytes = b"]q\x000".to_vec();
        for slot in 1..depth {
            bytes.extend([b']', b'q', slot, b'(']);
            bytes.extend([b'h', slot - 1].repeat(10));
            bytes.extend(b"e0");
        }
        [&bytes[..], &[b'h', depth - 1]].concat()
    };
    assert!(refused(beside(laughs(40))).contains("nested"));
    assert!(refused(beside(laughs(12))).contains("more than"));
    assert!(attempt(beside(laughs(4))).is_ok());
    // A list that contains itself.
    assert!(refused(beside(b"]q\0h\0a".to_vec())).contains("nested"));
    for (opener, count) in [(&b"("[..], 3 << 20), (b"]", 3 << 20), (b")", 3 << 20), (b"N", 3 << 20)]
    {
        assert!(refused(beside(opener.repeat(count))).contains("values"));
    }
    let nested = [b"]".repeat(100_000), b"a".repeat(99_999)].concat();
    assert!(refused(beside(nested)).contains("nested"));
    let slots = (0..3 << 20).flat_map(|slot: u32| [&b"r"[..], &slot.to_le_bytes()].concat());
    assert!(refused(beside([b"N".to_vec(), slots.collect()].concat())).contains("values"));
    // One list of pairs, made a dictionary again and again.
    let pairs = list(&vec![tuple(&[b"N".to_vec(), b"N".to_vec()]); 100_000]);
    let again =
        [global("collections", "OrderedDict"), b"h\x01\x85R0".to_vec()].concat().repeat(1000);
    assert!(refused(beside([pairs, b"q\x010".to_vec(), again].concat())).contains("values"));
    let large = vec![b'N'; 33 << 20];
    assert!(refused(beside(large)).contains("announces"));
}

#[test]
fn tensors_stay_inside_their_storage() {
    let four = || storage("FloatStorage", "0", 4);
    let huge = i64::MAX;
    for (offset, shape, strides, part) in [
        (0, vec![5], vec![1], "storage of 4"),
        (4, vec![], vec![], "storage of 4"),
        (1, vec![2, 2], vec![2, 1], "storage of 4"),
        (0, vec![-4], vec![1], "-4"),
        (0, vec![4], vec![-1], "-1"),
        (-1, vec![1], vec![1], "-1"),
        (huge, vec![1], vec![1], "storage of 4"),
        (0, vec![huge, huge], vec![1, 1], "storage of 4"),
        (0, vec![2, 2], vec![huge, 1], "storage of 4"),
        (0, vec![huge], vec![0], "overlap"),
        (0, vec![3, 3], vec![1, 1], "overlap"),
        (0, vec![1; 40], vec![1; 40], "dimensions"),
        (0, vec![4], vec![1, 1], "strides"),
    ] {
        let message = refused(one(tensor(four(), offset, &shape, &strides), floats(&[0.0; 4])));
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn storages_are_what_the_archive_holds() {
    let wide = tensor(storage("FloatStorage", "0", 1 << 40), 0, &[1 << 40], &[1]);
    assert!(refused(one(wide.clone(), floats(&[0.0]))).contains("has 4 bytes"));
    assert!(refused(one(whole("1", &[1]), floats(&[0.0]))).contains("archive/data/1"));
    assert!(
        refused(one(tensor(storage("FloatStorage", "0", -1), 0, &[1], &[1]), vec![]))
            .contains("-1")
    );
    let overflow = tensor(storage("FloatStorage", "0", i64::MAX), 0, &[1], &[1]);
    assert!(refused(one(overflow, floats(&[0.0]))).contains("has 4 bytes"));
    let twice = state_dict(&[
        ("a", whole("0", &[1])),
        ("b", tensor(storage("DoubleStorage", "0", 1), 0, &[1], &[1])),
    ]);
    assert!(refused(saved(&twice, &[("0", floats(&[0.0]))])).contains("two ways"));
    let again = state_dict(&[("a", whole("0", &[1])), ("a", whole("0", &[1]))]);
    assert!(refused(saved(&again, &[("0", floats(&[0.0]))])).contains("occurs twice"));
    assert!(refused(saved(&whole("0", &[1]), &[("0", floats(&[0.0]))])).contains("without a name"));
    for object in [b"N".to_vec(), int(1), dict(&[]), text("hello")] {
        assert!(refused(saved(&object, &[])).contains("no tensors"));
    }
}

#[test]
fn shared_storages_do_not_multiply_without_end() {
    let elements = 1 << 20;
    let shared = || storage("FloatStorage", "0", elements);
    let names: Vec<String> = (0..100).map(|index| format!("w{index}")).collect();
    let items: Vec<_> =
        names.iter().map(|n| (n.as_str(), tensor(shared(), 0, &[elements], &[1]))).collect();
    let bytes = saved(&state_dict(&items), &[("0", vec![0; 4 << 20])]);
    assert!(refused(bytes).contains("unpack to"));
}

#[test]
fn archives_that_lie_are_refused() {
    let object = pickle(&state_dict(&[("w", whole("0", &[64 << 20]))]));
    let bomb = zip(
        &[("a/data.pkl", object), ("a/data/0", vec![0; 256 << 20])],
        CompressionMethod::Deflated,
    );
    assert!(bomb.len() < 1 << 20);
    assert!(refused(bomb).contains("unpack to more"));

    let object = pickle(&state_dict(&[("w", whole("0", &[64]))]));
    let members = [("a/data.pkl", object.clone()), ("a/data/0", vec![7; 256])];
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let sound = zip(&members, method);
        assert!(attempt(sound.clone()).is_ok());
        // A flipped bit in the data shows in the checksum.
        let mut flipped = sound.clone();
        let at = sound.windows(8).rposition(|w| w == b"a/data/0").unwrap();
        let data = sound.windows(8).position(|w| w == b"a/data/0").unwrap() + 8;
        assert!(data < at);
        flipped[data + 2] ^= 1;
        refused(flipped);
    }
    for name in ["a/data.pkl", "../../a/data.pkl", "/etc/data.pkl", "C:\\a/data.pkl"] {
        let storage = name.replace("data.pkl", "data/0");
        let bytes =
            zip(&[(name, object.clone()), (&storage, vec![7; 256])], CompressionMethod::Stored);
        assert!(attempt(bytes).is_ok(), "names are looked up, never written to: {name}");
    }
    let two = zip(
        &[("a/data.pkl", object.clone()), ("b/data.pkl", object.clone())],
        CompressionMethod::Stored,
    );
    assert!(refused(two).contains("2 members"));

    // The writer refuses duplicates, so one is made by renaming.
    let mut twice = zip(
        &[("a/data.pkl", object), ("a/data/0", vec![7; 256]), ("a/data/1", vec![8; 256])],
        CompressionMethod::Stored,
    );
    while let Some(at) = twice.windows(8).position(|w| w == b"a/data/1") {
        twice[at + 7] = b'0';
    }
    assert!(refused(twice).contains("same name"));
}

#[test]
fn legacy_streams_that_lie_are_refused() {
    let object =
        state_dict(&[("w", tensor(legacy_storage("FloatStorage", "0", 2), 0, &[2], &[1]))]);
    let two = floats(&[1.0, 2.0]);
    assert!(attempt(legacy(&object, &[("0", 2, two.clone())])).is_ok());
    for (storages, part) in [
        (vec![], "not there"),
        (vec![("0", 3, two.clone())], "has 3 elements"),
        (vec![("0", -1, two.clone())], "elements"),
        (vec![("0", 2, floats(&[1.0]))], "ends within"),
        (vec![("0", 2, floats(&[1.0, 2.0, 3.0]))], "4 bytes follow"),
        (vec![("1", 2, two.clone())], "does not fit"),
        (vec![("0", 2, two.clone()), ("0", 2, two.clone())], "does not fit"),
    ] {
        let message = refused(legacy(&object, &storages));
        assert!(message.contains(part), "{message}");
    }
    let big = legacy_with(&object, &[("0", 2, two.clone())], false);
    assert!(refused(big).contains("big-endian"));
    let huge = state_dict(&[(
        "w",
        tensor(legacy_storage("FloatStorage", "0", i64::MAX), 0, &[i64::MAX], &[1]),
    )]);
    assert!(refused(legacy(&huge, &[("0", i64::MAX, two)])).contains("ends within"));
}

#[test]
fn safetensors_that_lie_are_refused() {
    let entry = |offsets: &str| {
        format!(r#"{{"w":{{"dtype":"F32","shape":[1],"data_offsets":{offsets}}}}}"#)
    };
    assert!(attempt(safetensors(&entry("[0,4]"), &[0; 4])).is_ok());
    for (header, data) in [
        (entry("[0,4]"), 3),
        (entry("[0,4]"), 5),
        (entry("[0,8]"), 8),
        (entry("[4,8]"), 8),
        (entry("[4,0]"), 4),
        (entry("[0,18446744073709551615]"), 4),
        ("{".to_owned(), 0),
        ("{\"w\":1}".to_owned(), 0),
        (r#"{"w":{"dtype":"F32","shape":[18446744073709551615,18446744073709551615],"data_offsets":[0,4]}}"#.to_owned(), 4),
        (r#"{"w":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#.to_owned(), 4),
        (r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.to_owned(), 4),
        (r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"v":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#.to_owned(), 6),
        (format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)), 0),
        (format!("{{\"a\":{}", "{\"a\":".repeat(10_000)), 0),
    ] {
        refused(safetensors(&header, &vec![0; data]));
    }
    let mut long = safetensors(&entry("[0,4]"), &[0; 4]);
    long[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(refused(long).contains("header"));
}

#[test]
fn files_cut_anywhere_are_refused() {
    let object = state_dict(&[("a", whole("0", &[2])), ("b", whole("1", &[1]))]);
    let (two, one) = (floats(&[1.0, 2.0]), floats(&[3.0]));
    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    for file in [
        saved(&object, &[("0", two.clone()), ("1", one.clone())]),
        legacy(&object, &[("0", 2, two.clone()), ("1", 1, one)]),
        safetensors(header, &two),
    ] {
        assert!(attempt(file.clone()).is_ok());
        for length in 0..file.len() {
            let error = attempt(file[..length].to_vec()).expect_err("cut");
            assert!(error.to_string().starts_with("x: "), "cut to {length}: {error}");
        }
    }
}

/// A small generator (xorshift64) for reproducible damage.
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as usize
}

#[test]
fn damaged_files_never_panic() {
    let object = state_dict(&[("a", whole("0", &[2, 2])), ("b", whole("1", &[1]))]);
    let (four, one) = (floats(&[1.0; 4]), floats(&[3.0]));
    let header = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for file in [
        saved(&object, &[("0", four.clone()), ("1", one.clone())]),
        legacy(&object, &[("0", 4, four.clone()), ("1", 1, one)]),
        safetensors(header, &four[..8]),
    ] {
        for _ in 0..4000 {
            let mut damaged = file.clone();
            for _ in 0..=random(&mut state) % 4 {
                let at = random(&mut state) % damaged.len();
                damaged[at] = random(&mut state) as u8;
            }
            let _ = attempt(damaged);
        }
    }
}
