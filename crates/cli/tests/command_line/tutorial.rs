//! The commands of `docs/discovery-tutorial.md`, run as they stand there, with synthetic labels through the interface
//! of the studio; and the table that the page ends with.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use lookalike::decode::{DecodeOptions, decode};
use lookalike::{Picture, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::server::Server;
use crate::workplace::{BINARY, Workplace, shared, table_of_page};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/discovery-tutorial.md");

/// Photographs of which a second view is made.
const VIEWS: usize = 660;
/// Mean colours, in codes of 0 to 255, that are near.
const NEAR: f64 = 60.0;

/// What a synthetic rater knows of a photograph: its class and the mean colour of its middle.
#[derive(Clone)]
struct Known {
    class: String,
    colour: [f64; 3],
}

fn middle(picture: &Picture) -> [f64; 3] {
    let (width, height) = (picture.width(), picture.height());
    let part = picture.crop(width / 4, height / 4, width / 2, height / 2).unwrap();
    let count = (part.width() * part.height()) as f64;
    [0, 1, 2].map(|channel| part.plane(channel, 255.0).iter().sum::<f64>() / count)
}

/// The photographs, their second views, and what raters know, by the hash of the bytes.
fn catalogue(place: &Workplace, photographs: &Path) -> HashMap<Vec<u8>, Known> {
    let mut known = HashMap::new();
    let mut names: Vec<PathBuf> = Vec::new();
    for split in ["train", "test", "validation"] {
        let classes = std::fs::read_dir(photographs.join(split)).unwrap();
        for class in classes.map(|entry| entry.unwrap().path()) {
            names.extend(std::fs::read_dir(class).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    names.sort();
    let options = DecodeOptions::default();
    for (number, path) in names.iter().enumerate() {
        let bytes = std::fs::read(path).unwrap();
        let relative = path.strip_prefix(photographs).unwrap();
        place.write(&format!("clothing/{}", relative.display()), &bytes);
        let picture = decode(&bytes, "a photograph", &options).unwrap();
        let class = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let colour = middle(&picture);
        known.insert(Sha256::digest(&bytes).to_vec(), Known { class: class.clone(), colour });
        // Evenly spread over all of them.
        if number * VIEWS / names.len() != (number + 1) * VIEWS / names.len() {
            let view = view(&picture);
            let bytes = encode::png(&view).unwrap();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            place.write(&format!("clothing/views/{class}/{stem}-view.png"), &bytes);
            let colour = middle(&view);
            known.insert(Sha256::digest(&bytes).to_vec(), Known { class, colour });
        }
    }
    known
}

/// Four fifths of a photograph, a little darker.
fn view(picture: &Picture) -> Picture {
    let (width, height) = (picture.width() * 4 / 5, picture.height() * 4 / 5);
    let part = picture.crop(picture.width() / 10, picture.height() / 10, width, height).unwrap();
    let planes = [0, 1, 2].map(|channel| part.plane(channel, 255.0));
    let codes = (0..width * height)
        .flat_map(|place| planes.each_ref().map(|plane| (plane[place] * 0.85).round() as u8));
    Picture::from_u8(width, height, lookalike::Channels::Rgb, codes.collect()).unwrap()
}

/// The pages of the studio as a rater's program sees them.
struct Visitor<'a> {
    agent: ureq::Agent,
    address: String,
    token: &'a str,
}

impl Visitor<'_> {
    fn get(&self, path: &str) -> Vec<u8> {
        let request = self.agent.get(format!("http://{}/{path}", self.address));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        request.call().unwrap().body_mut().read_to_vec().unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("http://{}/{path}", self.address));
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let text = request.send(body.to_string()).unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

/// Whether a rater takes two photographs for look-alikes.
fn similar(rater: &str, [a, b]: [&Known; 2], item: &str) -> bool {
    let apart = a.colour.iter().zip(b.colour).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let drawn = Sha256::digest(format!("{rater} {item}"))[0];
    match rater {
        "ben" => a.class == b.class && apart < 0.8 * NEAR,
        // Twelve in 256 are about one in twenty.
        "carla" => (a.class == b.class && apart < NEAR) != (drawn < 12),
        _ => a.class == b.class && apart < NEAR,
    }
}

/// Answers all questions of everybody. Synthetic: a rule, and no person.
fn labelled(server: &Server, known: &HashMap<Vec<u8>, Known>) -> usize {
    let config = ureq::Agent::config_builder().build();
    let agent: ureq::Agent = config.into();
    let mut pictures: HashMap<String, Known> = HashMap::new();
    let mut answers = 0;
    for person in server.told["raters"].as_array().unwrap() {
        let (rater, link) = (person["rater"].as_str().unwrap(), person["link"].as_str().unwrap());
        let token = link.split_once('#').unwrap().1;
        let address = server.text("/address").to_owned();
        let visitor = Visitor { agent: agent.clone(), address, token };
        let mut state: Value = serde_json::from_slice(&visitor.get("api/state")).unwrap();
        while let Some(item) = state["current"]["item"].as_str().map(str::to_owned) {
            let current = state["current"].clone();
            let mut of = |id: &Value| {
                let id = id.as_str().unwrap();
                let look = || {
                    known[&Sha256::digest(visitor.get(&format!("api/picture/{id}"))).to_vec()]
                        .clone()
                };
                pictures.entry(id.to_owned()).or_insert_with(look).clone()
            };
            let pair = [of(&current["reference"]), of(&current["shown"][0])];
            let answer = u8::from(similar(rater, [&pair[0], &pair[1]], &item)).to_string();
            answers += 1;
            let nonce = format!("synthetic {rater} {answers}");
            let sent = json!({ "nonce": nonce, "item": item, "answer": answer, "milliseconds": 1 });
            state = visitor.post("api/answer", &sent);
            assert!(state["error"].is_null(), "{state}");
        }
    }
    answers
}

/// The blocks of the page that a shell runs.
fn blocks(page: &str) -> Vec<&str> {
    let parts = page.split("```sh\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap_or_default()).collect()
}

/// The table that the page ends with.
fn table(evaluation: &Value) -> String {
    let number = |value: &Value| match value.as_f64() {
        Some(value) => format!("{value:.2}"),
        None => "–".to_owned(),
    };
    let mut text = "| model | p@1 | seeds | hr@5 | coverage@5 | ehr@5 | roc_auc | without |\n|---|---|---|---|---|---|---|---|\n".to_owned();
    for model in evaluation["models"].as_array().unwrap() {
        let id = model["id"].as_str().unwrap();
        let left = evaluation["leave_one_out"].as_array().unwrap();
        let without = left.iter().find(|one| one["model"] == id).map(|one| one["without"].clone());
        let score = |name: &str| number(&model["metrics"][name]["value"]);
        text += &format!(
            "| `{id}` | {} | {} | {} | {} | {} | {} | {} |\n",
            number(&model["identification"]["p@1"]["value"]),
            model["identification"]["p@1"]["seeds"],
            score("hr@5"),
            score("coverage@5"),
            score("ehr@5"),
            score("roc_auc"),
            number(&without.unwrap_or_default()),
        );
    }
    text
}

#[test]
fn the_tutorial_runs_as_it_stands() {
    let Some(photographs) = shared("clothing") else { return };
    let page = std::fs::read_to_string(PAGE).unwrap();
    let place = Workplace::new();
    let known = catalogue(&place, &photographs);
    let folder = Path::new(BINARY).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    for block in blocks(&page) {
        if let Some(rest) = block.strip_prefix("lookalike ")
            && rest.starts_with("studio ")
        {
            let arguments: Vec<&str> = rest.split_whitespace().collect();
            let mut server = Server::start(&place, &arguments, "127.0.0.1:0");
            let answers = labelled(&server, &known);
            assert!(answers > 1000, "{answers}");
            server.interrupt();
            continue;
        }
        let mut command = Command::new("sh");
        command.current_dir(place.root()).args(["-e", "-c", block]).env("PATH", &path);
        command.env("LOOKALIKE_HOME", place.path("home"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let read = |name: &str| -> Value { serde_json::from_str(&place.read(name)).unwrap() };
    let evaluation = read("evaluation.json");
    assert_eq!((&evaluation["seeds"], &evaluation["gallery"]), (&30.into(), &1980.into()));
    assert_eq!(evaluation["models"].as_array().unwrap().len(), 4);
    for model in evaluation["models"].as_array().unwrap() {
        // What each proposed is labelled.
        assert!(model["metrics"]["coverage@5"]["value"].as_f64() > Some(0.98), "{model}");
    }
    let report = place.read("report.html");
    assert!(report.contains("Worst seeds") && report.contains("data:image/"));
    table_of_page("discovery-tutorial.md", "tutorial", &table(&evaluation), 0.03);
}
