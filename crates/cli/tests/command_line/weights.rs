//! `lookalike weights`: what is here, what comes in, what is refused.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::workplace::{BINARY, Workplace, doubled, fields};

const HEAD: &str = "lpips-head-alex-0.1";

/// A safetensors file of a head of LPIPS on AlexNet, all of whose weights are `weight`.
fn head(weight: f32) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (tap, channels) in [64, 192, 384, 256, 256].into_iter().enumerate() {
        let start = data.len();
        data.extend((0..channels).flat_map(|_| weight.to_le_bytes()));
        let entry = json!({"dtype":"F32","shape":[channels],"data_offsets":[start, data.len()]});
        header.insert(format!("lin{tap}"), entry);
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// A file that PyTorch wrote.
fn fixture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../weights/tests/fixtures");
    folder.join(name).display().to_string()
}

fn json(place: &Workplace, arguments: &[&str]) -> (i32, Value) {
    let outcome = place.run(&[&["weights", "--format", "json"], arguments].concat());
    let json: Value = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}{}", outcome.stdout, outcome.stderr));
    assert_eq!(json["schema"], "lookalike.weights/1");
    (outcome.code, json)
}

#[test]
fn weights_are_listed_with_their_terms() {
    let place = Workplace::new();
    let text = place.succeeds(&["weights", "list"]);
    for part in ["alexnet", "BSD-3-Clause", "unclear", "lpips-heads", "vgg16"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (code, listed) = json(&place, &["list"]);
    assert_eq!(code, 0);
    let weights = listed["weights"].as_array().unwrap();
    assert_eq!(weights.len() + 1, text.lines().count());
    for one in weights {
        assert_eq!(one["status"], "absent");
        let expected = [
            "commercial",
            "files",
            "licence",
            "name",
            "parts",
            "paths",
            "source",
            "status",
            "title",
        ];
        assert_eq!(fields(one), expected);
    }
    let resnet = weights.iter().find(|one| one["name"] == "resnet18").unwrap();
    assert_eq!(resnet["files"][0]["sha256_prefix"], "f37072fd");
    assert_eq!(place.files(), [""; 0], "listing makes nothing");
}

#[test]
fn a_file_is_taken_in_checked_and_found() {
    let place = Workplace::new();
    place.write("head.bin", &head(0.5));
    let message = place.fails(&["weights", "where", HEAD]);
    assert!(message.contains(&format!("run `lookalike weights fetch {HEAD}`")), "{message}");
    let text = place.succeeds(&["weights", "import", "head.bin", "--as", HEAD]);
    for part in
        [HEAD, "taken in", "5, 1152 numbers", "safetensors, not a published file", "unknown"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(place.files(), ["head.bin", &format!("home/weights/{HEAD}.safetensors")]);
    assert!(place.succeeds(&["weights", "where"]).trim_end().ends_with("weights"));
    let path = place.succeeds(&["weights", "where", HEAD]);
    assert!(std::path::Path::new(path.trim_end()).is_file(), "{path}");
    let (code, verified) = json(&place, &["verify"]);
    let one = &verified["weights"][0];
    assert_eq!((code, &one["status"], &one["parameters"]), (0, &json!("stored"), &json!(1152)));
    assert_eq!((&one["origin"][0]["known"], &one["kept"]), (&json!("other"), &Value::Null));
    assert_eq!(one["sha256"].as_str().unwrap().len(), 64);
    // What is here needs no network.
    let text = place.succeeds(&["weights", "fetch", HEAD, "--offline"]);
    assert!(text.contains("sound"), "{text}");
    let list = place.succeeds(&["weights", "list"]);
    let here = list.lines().filter(|line| line.split_whitespace().nth(1) == Some("yes"));
    assert_eq!(here.count(), 1, "{list}");
}

#[test]
fn other_numbers_need_force() {
    let place = Workplace::new();
    place.write("a", &head(0.5));
    place.write("b", &head(0.25));
    place.succeeds(&["weights", "import", "a", "--as", HEAD]);
    assert!(place.succeeds(&["weights", "import", "a", "--as", HEAD]).contains("was there"));
    let message = place.fails(&["weights", "import", "b", "--as", HEAD]);
    assert!(message.contains("--force"), "{message}");
    let text = place.succeeds(&["weights", "import", "b", "--as", HEAD, "--force"]);
    assert!(text.contains("replaced"), "{text}");
}

#[test]
fn damage_is_found_and_the_rest_still_told() {
    let place = Workplace::new();
    place.write("a", &head(0.5));
    place.succeeds(&["weights", "import", "a", "--as", HEAD]);
    place.succeeds(&["weights", "import", "a", "--as", "lpips-head-alex-0.0"]);
    let stored = place.path(&format!("home/weights/{HEAD}.safetensors"));
    let mut bytes = std::fs::read(&stored).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&stored, bytes).unwrap();
    let (code, verified) = json(&place, &["verify"]);
    assert_eq!((code, verified["weights"].as_array().unwrap().len()), (2, 1));
    assert_eq!(verified["errors"][0]["name"], HEAD);
    let message = verified["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("lookalike weights fetch {HEAD} --force")), "{message}");
    let (code, named) = json(&place, &["verify", "lpips-head-alex-0.0", "vgg16", "nonsense"]);
    assert_eq!((code, named["errors"].as_array().unwrap().len()), (2, 2));
}

#[test]
fn files_that_do_not_fit_are_refused_and_nothing_is_kept() {
    let place = Workplace::new();
    place.write("good", &head(0.5));
    place.write("negative", &head(-0.5));
    place.write("cut", &head(0.5)[..4000]);
    place.write("page.pth", b"<html></html>");
    place.write("evil.pth", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02cposix\nsystem\nX\x0d\0\0\0touch made.txt\x85R.");
    for (file, name, part) in [
        ("good", "alexnet", "--as lpips-head-alex-0.0"),
        ("negative", HEAD, "not negative"),
        ("cut", HEAD, "not a sound safetensors file"),
        ("page.pth", HEAD, "web page"),
        ("evil.pth", HEAD, "'posix.system'"),
        ("absent.pth", HEAD, "absent.pth: cannot read"),
        ("good", "nonsense", "weights list"),
    ] {
        let message = place.fails(&["weights", "import", file, "--as", name]);
        assert!(message.contains(part), "{message}");
    }
    assert!(place.files().iter().all(|file| !file.starts_with("home") && file != "made.txt"));
    let message = place.fails(&[
        "weights",
        "import",
        &fixture("training.zip.pth"),
        "--as",
        HEAD,
        "--key",
        "ema",
    ]);
    assert!(message.contains("no dictionary of tensors under 'ema'"), "{message}");
}

#[test]
fn files_of_pytorch_are_converted() {
    let place = Workplace::new();
    for (file, key, tensors) in [
        ("kinds.zip.pth", None, 14),
        ("kinds.legacy.pth", None, 14),
        ("training.zip.pth", Some("state_dict"), 7),
    ] {
        let input = fixture(file);
        let mut arguments = vec!["convert", &input, "out.safetensors", "--force"];
        arguments.extend(key.map(|key| ["--key", key]).into_iter().flatten());
        let (code, converted) = json(&place, &arguments);
        assert_eq!((code, &converted["converted"]["tensors"]), (0, &json!(tensors)), "{file}");
        assert!(std::fs::metadata(place.path("out.safetensors")).unwrap().len() > 400);
    }
    let before = std::fs::read(place.path("out.safetensors")).unwrap();
    for (output, part) in [("out.safetensors", "--force"), ("out.pth", ".safetensors")] {
        let message = place.fails(&["weights", "convert", &fixture("kinds.zip.pth"), output]);
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(std::fs::read(place.path("out.safetensors")).unwrap(), before);
}

/// A file of safetensors with zeros.
#[cfg(feature = "deep")]
fn zeros(path: &std::path::Path, tensors: &[(&str, &[usize])]) {
    let (mut header, mut end) = (String::from("{"), 0);
    for (name, shape) in tensors {
        let (start, comma) = (end, if end == 0 { "" } else { "," });
        end += 4 * shape.iter().product::<usize>();
        header += &format!(
            r#"{comma}"{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        );
    }
    header.push('}');
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(path, [&length[..], header.as_bytes(), &vec![0; end]].concat()).unwrap();
}

#[cfg(feature = "deep")]
#[test]
fn the_files_of_dreamsim_become_one_that_compares() {
    let place = Workplace::new();
    let folder = place.path("dreamsim");
    std::fs::create_dir_all(folder.join("lora")).unwrap();
    let message = place.fails(&["weights", "convert", "dreamsim", "out.safetensors"]);
    assert!(message.contains("found none"), "{message}");
    let (width, file) = (64, folder.join("dino_vitbase16_pretrain.safetensors"));
    let mut tensors: Vec<(String, Vec<usize>)> = vec![
        ("cls_token".to_owned(), vec![1, 1, width]),
        ("pos_embed".to_owned(), vec![1, 5, width]),
        ("patch_embed.proj.weight".to_owned(), vec![width, 3, 8, 8]),
        ("patch_embed.proj.bias".to_owned(), vec![width]),
        ("norm.weight".to_owned(), vec![width]),
        ("norm.bias".to_owned(), vec![width]),
    ];
    for (name, outputs, inputs) in [
        ("attn.qkv", 3 * width, width),
        ("attn.proj", width, width),
        ("mlp.fc1", 9, width),
        ("mlp.fc2", width, 9),
    ] {
        tensors.push((format!("blocks.0.{name}.weight"), vec![outputs, inputs]));
        tensors.push((format!("blocks.0.{name}.bias"), vec![outputs]));
    }
    for name in ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"] {
        tensors.push((format!("blocks.0.{name}"), vec![width]));
    }
    let views: Vec<(&str, &[usize])> = tensors.iter().map(|(n, s)| (n.as_str(), &s[..])).collect();
    zeros(&file, &views);
    let lora = |part| {
        format!("base_model.model.extractor_list.0.model.blocks.0.attn.qkv.lora_{part}.weight")
    };
    let (a, b) = (lora("A"), lora("B"));
    zeros(
        &folder.join("lora/adapter_model.safetensors"),
        &[(&a, &[2, width]), (&b, &[3 * width, 2])],
    );
    let configuration = folder.join("lora/adapter_config.json");
    std::fs::write(&configuration, r#"{"r": 0, "lora_alpha": 8}"#).unwrap();
    let convert = ["weights", "convert", "dreamsim", "out.safetensors"];
    assert!(place.fails(&convert).contains("above 0"));
    std::fs::write(&configuration, r#"{"r": 2, "lora_alpha": 8, "peft_type": "LORA"}"#).unwrap();
    let (code, converted) = json(&place, &["convert", "dreamsim", "out.safetensors"]);
    assert_eq!((code, &converted["converted"]["tensors"]), (0, &json!(18)));
    assert_eq!(converted["converted"]["format"], "1 networks of DreamSim");
    // All features of this one are 0, so every picture is as far from every other.
    let picture: Vec<u8> = (0..48 * 40 * 3).map(|i: u32| (i % 251) as u8).collect();
    std::fs::write(place.path("a.ppm"), [&b"P6 48 40 255\n"[..], &picture].concat()).unwrap();
    let out = place.path("out.safetensors");
    let id = format!("dreamsim@{}", out.display());
    assert_eq!(place.succeeds(&["compare", "a.ppm", "a.ppm", "-m", &id]).trim(), "0");
    let message = place.fails(&["compare", "a.ppm", "a.ppm", "-m", &id.replace('@', ":ensemble@")]);
    assert!(message.contains("expected the networks of ensemble"), "{message}");
}

#[test]
fn offline_says_what_to_bring() {
    let place = Workplace::new();
    let (code, fetched) =
        json(&place, &["fetch", "squeezenet1_1", "lpips-head-vgg-0.1", "--offline"]);
    assert_eq!((code, fetched["errors"].as_array().unwrap().len()), (2, 2));
    let message = fetched["errors"][0]["message"].as_str().unwrap();
    for part in ["squeezenet1_1-b8a52dc0.pth", "sha256 b8a52dc0", "weights import"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!place.path("home/weights/downloads").exists());
}

#[test]
fn a_server_with_another_file_is_not_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let mut requests = String::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 2048];
            let read = stream.read(&mut buffer).unwrap();
            requests.push_str(&String::from_utf8_lossy(&buffer[..read]));
            let body = vec![0; 6009];
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 6009\r\nconnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&body).unwrap();
        }
        requests
    });
    let place = Workplace::new();
    let base = format!("http://127.0.0.1:{port}");
    let url = format!("{base}/other.pth");
    let message = place.fails(&["weights", "fetch", HEAD, "--url", &url]);
    assert!(message.contains("expected a file with sha256 df73285e"), "{message}");
    let mut command = assert_cmd::Command::new(BINARY);
    command.current_dir(place.root()).env("LOOKALIKE_HOME", place.path("home"));
    command.env("LOOKALIKE_WEIGHTS_URL", &base).args(["weights", "fetch", HEAD]);
    let output = command.output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), doubled(&message)), (Some(2), None), "{message}");
    let requests = served.join().unwrap();
    assert!(requests.contains("GET /other.pth "), "{requests}");
    assert!(requests.contains(&format!("GET /{HEAD}/alex.pth ")), "{requests}");
    // Only the lock is left of it.
    assert!(place.files().iter().all(|file| file.ends_with(".lock")), "{:?}", place.files());
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let place = Workplace::new();
    for (arguments, part) in [
        (&["list", "--format", "csv"][..], "text or json"),
        (&["fetch"], "NAME"),
        (&["import", "x"], "--as"),
        (&["fetch", "alexnet", "vgg16", "--url", "https://a.org/x"], "expected one name"),
        (&["fetch", "alexnet", "--url", "file:///x"], "weights import"),
        (&["fetch", "mobilenet_v2_1.0_224"], "weights import FILE"),
        (&["fetch", "lexnet"], "weights list"),
    ] {
        let message = place.fails(&[&["weights"], arguments].concat());
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
    let outcome = place.run(&["weights", "verify"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""));
    assert!(outcome.stderr.contains("no weights in"), "{}", outcome.stderr);
}
