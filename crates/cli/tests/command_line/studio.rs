//! `studio` as shops and strangers meet it: the interface of searches, tokens, limits, and what is refused.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::server::Server;
use crate::workplace::{Workplace, fields};

const STUDIO: [&str; 3] = ["studio", "--store", "store"];

/// Six scenes in a store; `own` has the bytes of the first.
fn workplace() -> (Workplace, Vec<u8>) {
    let place = Workplace::new();
    for seed in 0..6 {
        let picture = lookalike::procedural::scene(seed, 64, 48);
        place.save(&format!("shop/id_{seed}/a.png"), &picture);
    }
    let index = ["discover", "index", "shop", "--store", "store", "--model", "hog"];
    place.succeeds(&[&index[..], &["--product-regex", r"id_\d"]].concat());
    let own = std::fs::read(place.path("shop/id_0/a.png")).unwrap();
    (place, own)
}

/// Status and text of an answer.
type Answered = (u16, String);

struct Client {
    agent: ureq::Agent,
    address: String,
}

impl Client {
    fn of(server: &Server) -> Self {
        // A connection on which a body was refused half way is of no use for another request.
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let config = config.max_idle_connections(0);
        Self { agent: config.build().into(), address: server.text("/address").to_owned() }
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answered {
        let mut request = self.agent.get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.call().unwrap();
        let bytes = answer.body_mut().read_to_vec().unwrap();
        (answer.status().as_u16(), String::from_utf8_lossy(&bytes).into_owned())
    }

    fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answered {
        let once = || -> Result<Answered, ureq::Error> {
            let mut request = self.agent.post(format!("http://{}{path}", self.address));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let mut answer = request.send(body)?;
            Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
        };
        // The answer to a body that is too large may be lost with the connection, which closes at once.
        let tries = if body.len() > 32 << 20 { 20 } else { 1 };
        let mut answers = (0..tries).map(|_| once());
        answers.find_map(Result::ok).expect("an answer")
    }
}

const PNG: (&str, &str) = ("Content-Type", "image/png");
const JSON: (&str, &str) = ("Content-Type", "application/json");

fn results((status, text): Answered) -> Vec<Value> {
    assert_eq!(status, 200, "{text}");
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["schema"], "lookalike.search/1");
    told["queries"][0]["results"].as_array().unwrap().clone()
}

#[test]
fn shops_search_by_bytes_by_form_and_by_id() {
    let (place, own) = workplace();
    let mut server = Server::start(&place, &STUDIO, "127.0.0.1:0");
    assert_eq!(fields(&server.told), ["address", "page", "raters", "schema", "token"]);
    let client = Client::of(&server);
    let bytes = results(client.post("/api/search?k=3&where=not%20product=id_5", &[PNG], &own));
    let parts = ["category", "id", "path", "picture", "product", "rank", "score"];
    assert_eq!((bytes.len(), fields(&bytes[0])), (3, parts.to_vec()));
    // The picture itself is no answer.
    assert!(bytes.iter().all(|one| one["id"] != 1 && one["product"] != "id_5"));
    let form = |parts: &[(&str, &str, &[u8])]| {
        let mut body = Vec::new();
        for (name, more, value) in parts {
            write!(body, "--x\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n")
                .unwrap();
            body.extend_from_slice(value);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--x--\r\n");
        client.post("/api/search", &[("Content-Type", "multipart/form-data; boundary=x")], &body)
    };
    let file = "; filename=\"a.png\"";
    let sent =
        form(&[("k", "", b"3"), ("where", "", b"not product=id_5"), ("picture", file, &own)]);
    assert_eq!(results(sent), bytes);
    let by_id = json!({ "id": 1, "k": 3, "where": "not product=id_5" }).to_string();
    assert_eq!(results(client.post("/api/search", &[JSON], by_id.as_bytes())), bytes);
    // The command line says the same.
    let same =
        ["discover", "search", "#1", "--store", "store", "-k", "3", "--where", "not product=id_5"];
    let told: Value =
        serde_json::from_str(&place.succeeds(&[&same[..], &["--format", "json"]].concat()))
            .unwrap();
    for (one, other) in bytes.iter().zip(told["queries"][0]["results"].as_array().unwrap()) {
        assert_eq!((&one["path"], &one["score"]), (&other["path"], &other["score"]));
    }
    let (status, _) = client.get(&format!("/{}", bytes[0]["picture"].as_str().unwrap()), &[]);
    assert_eq!(status, 200);
    for (answer, expected, part) in [
        (client.post("/api/search", &[PNG], b"no picture"), 400, "known format"),
        (client.post("/api/search?k=0", &[PNG], &own), 400, "1 to 1000"),
        (client.post("/api/search?colour=red", &[PNG], &own), 400, "one_per_product"),
        (client.post("/api/search?where=p%3d", &[PNG], &own), 400, "at character 3"),
        (client.post("/api/search?crop=0,0,999,9", &[PNG], &own), 400, "999"),
        (client.post("/api/search?model=clip", &[PNG], &own), 404, "there are hog"),
        (client.post("/api/search", &[JSON], b"{\"id\":99}"), 404, "not in the store"),
        (client.post("/api/search", &[JSON], b"{}"), 400, "or an id"),
        (client.post("/api/search?id=1", &[PNG], &own), 400, "found both"),
        (client.post("/api/search", &[("Content-Type", "text/plain")], b"x"), 415, "image/"),
        (client.post("/api/search", &[PNG], &vec![0; 33 << 20]), 413, "32 MiB"),
        (form(&[("picture", file, &vec![0; 33 << 20])]), 413, "32 MiB"),
        (client.get("/api/search", &[]), 405, ""),
        (client.get("/api/agreement", &[]), 404, "discover label"),
    ] {
        assert!(answer.0 == expected && answer.1.contains(part), "{expected} {part}: {answer:?}");
    }
    server.interrupt();
}

#[test]
fn strangers_get_nothing() {
    let (place, own) = workplace();
    place.write("secret.png", &own);
    let mut server = Server::start(&place, &STUDIO, "127.0.0.1:0");
    let client = Client::of(&server);
    for headers in [
        [("Origin", "http://evil.example"), PNG],
        [("Origin", "null"), PNG],
        [("Sec-Fetch-Site", "cross-site"), PNG],
        [("Host", "evil.example"), PNG],
    ] {
        let answer = client.post("/api/search", &headers, &own);
        assert!(
            answer.0 == 403 && answer.1.contains("as it was printed"),
            "{headers:?}: {answer:?}"
        );
    }
    // As no client would write them.
    let raw = |target: &str| {
        let mut stream = TcpStream::connect(&client.address).unwrap();
        write!(
            stream,
            "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            client.address
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    for target in [
        "/api/catalogue/0/../../secret.png",
        "/api/catalogue/0/..%2f..%2fsecret.png",
        "/api/catalogue/0/99",
        "/api/catalogue/9/1",
        "/api/catalogue/-1/1",
        "/../secret.png",
        "/%2e%2e/secret.png",
    ] {
        let answer = raw(target);
        let status = answer.split(' ').nth(1).unwrap();
        assert!(matches!(status, "400" | "404"), "{target}: {answer}");
        assert!(!answer.contains("PNG"), "{target}");
    }
    server.interrupt();
    // A token where one is demanded, or was chosen.
    let demanded = [&STUDIO[..], &["--require-token"]].concat();
    let mut server = Server::start(&place, &demanded, "127.0.0.1:0");
    let client = Client::of(&server);
    let token = format!("Bearer {}", server.text("/token"));
    assert!(server.text("/page").ends_with(server.text("/token")));
    for path in ["/api/catalogue", "/api/catalogue/0/1", "/api/labels", "/api/evaluation"] {
        assert_eq!(client.get(path, &[]).0, 401, "{path}");
        assert_eq!(client.get(path, &[("Authorization", "Bearer x")]).0, 401, "{path}");
    }
    assert_eq!(client.post("/api/search", &[PNG], &own).0, 401);
    assert_eq!(client.post("/api/search", &[PNG, ("Authorization", &token)], &own).0, 200);
    assert_eq!(client.get("/api/catalogue/0/1", &[("Authorization", &token)]).0, 200);
    server.interrupt();
}

#[test]
fn what_cannot_be_served_is_said() {
    let (place, _) = workplace();
    place.write(
        "project/items.csv",
        b"reference,candidate\n../shop/id_0/a.png,../shop/id_1/a.png\n",
    );
    place.write("project/project.toml", b"task = 'rating'\nitems = 'items.csv'\nraters = 2\n");
    for (arguments, part) in [
        (&["studio", "--store", "nowhere"][..], "discover index"),
        (&["studio", "--store", "store,store"], "twice"),
        (&["studio", "--store", "store", "--pictures", "gone"], "--pictures DIR"),
        (&["studio", "--store", "store", "--project", "project"], "expected the task similarity"),
        (&["studio", "--store", "store", "--project", "nowhere"], "project.toml"),
        (&["studio", "--store", "store", "--listen", "192.0.2.1:1"], "192.0.2.1:1"),
        (&["studio", "--store", "store", "--format", "csv"], "text or json"),
    ] {
        let message = place.fails(arguments);
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}
