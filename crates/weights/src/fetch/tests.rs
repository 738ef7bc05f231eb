//! Fetching from a server on this machine that misbehaves in every way a server can.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::*;
use crate::conform::single;
use crate::safetensors_file;
use crate::source::hexadecimal;

const NAME: &str = "lpips-head-alex-0.1";

/// What the server does with one request.
type Answer = Box<dyn FnOnce(&str, &mut TcpStream) + Send>;

/// A server that answers one request after the other by the script and then no more.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for answer in script {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let mut request = String::new();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                while !request.ends_with("\r\n\r\n") {
                    if lines.read_line(&mut request).unwrap_or(0) == 0 {
                        break;
                    }
                }
                seen.lock().unwrap().push(request.to_lowercase());
                answer(&request, &mut stream);
            }
        });
        Self { port, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Status, further headers, announced length, body.
fn answer(status: &str, headers: &str, announced: usize, body: &[u8]) -> Answer {
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {announced}\r\nconnection: close\r\n\r\n"
    );
    let bytes = [head.as_bytes(), body].concat();
    Box::new(move |_, stream| {
        let _ = stream.write_all(&bytes);
    })
}

fn whole(body: &[u8]) -> Answer {
    answer("200 OK", "etag: \"a\"\r\n", body.len(), body)
}

/// Announces everything and sends the beginning.
fn cut(body: &[u8], at: usize) -> Answer {
    answer("200 OK", "etag: \"a\"\r\n", body.len(), &body[..at])
}

fn rest(body: &[u8], from: usize, tag: &str) -> Answer {
    let headers =
        format!("etag: {tag}\r\ncontent-range: bytes {from}-{}/{}\r\n", body.len() - 1, body.len());
    answer("206 Partial Content", &headers, body.len() - from, &body[from..])
}

fn redirect(to: &str) -> Answer {
    answer("302 Found", &format!("location: {to}\r\n"), 0, b"")
}

/// Sends the beginning and then nothing, with the connection open.
fn stall(body: &[u8], at: usize) -> Answer {
    let bytes = body.to_vec();
    Box::new(move |_, stream| {
        let head =
            format!("HTTP/1.1 200 OK\r\netag: \"a\"\r\ncontent-length: {}\r\n\r\n", bytes.len());
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&bytes[..at]);
        let _ = stream.flush();
        let mut held = stream.try_clone().unwrap();
        std::thread::spawn(move || held.read(&mut [0; 1]));
    })
}

/// A file with the head, and what its publisher says of it.
fn published() -> (Vec<u8>, PublishedFile) {
    let specification = Specification::of(NAME).unwrap();
    let tensors: Vec<_> = specification
        .tensors()
        .map(|(name, shape)| single(name.to_owned(), shape.to_vec(), &vec![0.5; shape[0]]))
        .collect();
    let tensors: Vec<_> = tensors.iter().collect();
    let bytes = safetensors_file::write(&tensors, BTreeMap::new(), "x").unwrap();
    let file = PublishedFile {
        url: "https://example.org/alex.pth".to_owned(),
        bytes: Some(bytes.len() as u64),
        at_most: None,
        sha256: Some(hexadecimal(&Sha256::digest(&bytes))),
        sha256_prefix: None,
    };
    (bytes, file)
}

fn quick() -> FetchOptions {
    FetchOptions {
        stall: Duration::from_millis(300),
        retries: 2,
        backoff: Duration::from_millis(5),
        ..FetchOptions::default()
    }
}

struct Place {
    folder: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("weights"));
        Self { folder, store }
    }

    fn fetch(&self, url: String, file: &PublishedFile) -> Result<Fetched> {
        let options = FetchOptions { url: Some(url), ..quick() };
        let entry = manifest::entry(NAME).unwrap();
        fetch_file(&self.store, entry, file, &options, &mut |_| {})
    }

    /// Files that a download left behind, besides its lock.
    fn left(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("weights/downloads")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut left: Vec<_> = names.filter(|name| !name.ends_with(".lock")).collect();
        left.sort();
        left
    }
}

/// A script that must lead to the weights; the requests it took.
fn succeeds(script: Vec<Answer>) -> Vec<String> {
    let (_, file) = published();
    let (place, server) = (Place::new(), Server::new(script));
    let fetched = place.fetch(server.url("alex.pth"), &file).unwrap();
    assert_eq!(fetched.kept, Some(Kept::New));
    assert_eq!(fetched.weights.source[0].file, "alex.pth");
    assert_eq!(place.store.load(NAME).unwrap(), fetched.weights);
    assert_eq!(place.left(), [""; 0]);
    server.requests()
}

/// A script that must fail; the message.
fn fails(script: Vec<Answer>) -> String {
    let (_, file) = published();
    let (place, server) = (Place::new(), Server::new(script));
    let message = place.fetch(server.url("alex.pth"), &file).unwrap_err().to_string();
    assert_eq!(place.store.place(NAME).unwrap(), None, "{message}");
    message
}

#[test]
fn a_plain_download_is_kept() {
    let (body, _) = published();
    let requests = succeeds(vec![whole(&body)]);
    assert!(requests[0].starts_with("get /alex.pth http/1.1"), "{requests:?}");
    assert!(requests[0].contains("user-agent: lookalike/") && !requests[0].contains("range:"));
}

#[test]
fn without_a_length_the_hash_decides() {
    let (body, _) = published();
    let bytes = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", &body[..]].concat();
    succeeds(vec![Box::new(move |_, stream| stream.write_all(&bytes).unwrap())]);
}

#[test]
fn a_cut_transfer_continues_where_it_ended() {
    let (body, _) = published();
    let requests = succeeds(vec![cut(&body, 1000), rest(&body, 1000, "\"a\"")]);
    assert!(requests[1].contains("range: bytes=1000-"), "{requests:?}");
    assert!(requests[1].contains("if-range: \"a\""), "{requests:?}");
}

#[test]
fn a_date_of_modification_continues_as_well() {
    let (body, _) = published();
    let date = "last-modified: Tue, 19 Dec 2023 18:37:07 GMT\r\netag: W/\"weak\"\r\n";
    let first = answer("200 OK", date, body.len(), &body[..700]);
    let requests = succeeds(vec![first, whole(&body)]);
    assert!(requests[1].contains("if-range: tue, 19 dec 2023"), "{requests:?}");
    // With nothing to hold on to, it begins anew.
    let first = answer("200 OK", "", body.len(), &body[..700]);
    let requests = succeeds(vec![first, whole(&body)]);
    assert!(!requests[1].contains("range:"), "{requests:?}");
}

#[test]
fn a_silent_server_is_given_up_and_asked_again() {
    let (body, _) = published();
    let before = Instant::now();
    succeeds(vec![stall(&body, 500), rest(&body, 500, "\"a\"")]);
    assert!(before.elapsed() < Duration::from_secs(5));
    let silent = || -> Answer {
        Box::new(|_, stream| {
            let mut held = stream.try_clone().unwrap();
            std::thread::spawn(move || held.read(&mut [0; 1]));
        })
    };
    let message = fails(vec![silent(), silent(), silent()]);
    assert!(message.contains("silent"), "{message}");
}

#[test]
fn a_server_that_ignores_the_range_sends_all_again() {
    let (body, _) = published();
    succeeds(vec![cut(&body, 1000), whole(&body)]);
}

#[test]
fn a_file_that_changed_meanwhile_begins_anew() {
    let (body, _) = published();
    let requests = succeeds(vec![cut(&body, 1000), rest(&body, 1000, "\"b\""), whole(&body)]);
    assert!(!requests[2].contains("range:"), "{requests:?}");
    // Pieces of two versions under one tag show in the hash.
    let other = vec![7; body.len()];
    succeeds(vec![cut(&other, 1000), rest(&body, 1000, "\"a\""), whole(&body)]);
}

#[test]
fn wrong_ranges_begin_anew_once() {
    let (body, _) = published();
    let wrong = || rest(&body, 900, "\"a\"");
    let unsatisfiable = || answer("416 Range Not Satisfiable", "", 0, b"");
    let unsaid =
        || answer("206 Partial Content", "etag: \"a\"\r\n", body.len() - 1000, &body[1000..]);
    succeeds(vec![cut(&body, 1000), wrong(), whole(&body)]);
    succeeds(vec![cut(&body, 1000), unsatisfiable(), whole(&body)]);
    succeeds(vec![cut(&body, 1000), unsaid(), whole(&body)]);
    let message = fails(vec![cut(&body, 1000), wrong(), cut(&body, 1000), wrong()]);
    assert!(message.contains("from 900 on"), "{message}");
    let message = fails(vec![rest(&body, 0, "\"a\""), rest(&body, 0, "\"a\"")]);
    assert!(message.contains("not asked for"), "{message}");
}

#[test]
fn wrong_lengths_begin_anew_once() {
    let (body, _) = published();
    let short = || answer("200 OK", "", body.len() - 1, &body[..body.len() - 1]);
    succeeds(vec![short(), whole(&body)]);
    let message = fails(vec![short(), short()]);
    assert!(message.contains("announces") && message.contains("published file"), "{message}");
}

#[test]
fn wrong_bytes_are_discarded() {
    let (body, file) = published();
    let mut wrong = body.clone();
    wrong[body.len() / 2] ^= 1;
    let (place, server) = (Place::new(), Server::new(vec![whole(&wrong)]));
    let error = place.fetch(server.url("alex.pth"), &file).unwrap_err();
    assert!(matches!(error, Error::Checksum { .. }), "{error}");
    assert!(error.to_string().contains(file.digits()), "{error}");
    assert_eq!(place.left(), [""; 0]);
    let page = b"<html>sign in to the wireless network</html>";
    assert!(fails(vec![answer("200 OK", "", page.len(), page), whole(page)]).contains("announces"));
}

#[test]
fn more_bytes_than_the_file_has_are_not_taken() {
    let (body, mut file) = published();
    let long = [&body[..], &[0; 4096]].concat();
    let endless = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", &long[..]].concat();
    let script: Vec<Answer> = vec![Box::new(move |_, stream| {
        let _ = stream.write_all(&endless);
    })];
    assert!(fails(script).contains("at most"));
    file.at_most = file.bytes.take();
    let (place, server) = (Place::new(), Server::new(vec![whole(&long)]));
    let message = place.fetch(server.url("x"), &file).unwrap_err().to_string();
    assert!(message.contains("at most"), "{message}");
}

#[test]
fn redirects_are_followed_a_few_times() {
    let (body, _) = published();
    let requests = succeeds(vec![redirect("/a"), redirect("b?x=1"), whole(&body)]);
    assert!(requests[2].starts_with("get /b?x=1 "), "{requests:?}");
    let circle = (0..9).map(|_| redirect("/again")).collect();
    assert!(fails(circle).contains("redirects"));
    assert!(fails(vec![redirect("ftp://127.0.0.1/x")]).contains("redirects to ftp"));
    assert!(fails(vec![answer("302 Found", "", 0, b"")]).contains("without saying where"));
}

#[test]
fn statuses_decide_whether_to_ask_again() {
    let (body, _) = published();
    let busy = || answer("503 Service Unavailable", "", 0, b"");
    assert_eq!(succeeds(vec![busy(), busy(), whole(&body)]).len(), 3);
    assert!(fails(vec![busy(), busy(), busy()]).contains("503"));
    let message = fails(vec![answer("404 Not Found", "", 0, b""), whole(&body)]);
    assert!(message.contains("404 Not Found"), "{message}");
    assert!(fails(vec![answer("403 Forbidden", "", 0, b""), whole(&body)]).contains("403"));
    let nonsense: Vec<Answer> = (0..3)
        .map(|_| -> Answer { Box::new(|_, stream| stream.write_all(b"hello\r\n\r\n").unwrap()) })
        .collect();
    fails(nonsense);
}

#[test]
fn what_came_is_kept_for_the_next_run() {
    let (body, file) = published();
    let place = Place::new();
    let busy = || answer("503 Service Unavailable", "", 0, b"");
    let server = Server::new(vec![cut(&body, 1000), busy(), busy(), rest(&body, 1000, "\"a\"")]);
    let message = place.fetch(server.url("alex.pth"), &file).unwrap_err().to_string();
    assert!(message.contains("503") && message.contains("1000 bytes are kept"), "{message}");
    assert_eq!(place.left().len(), 2);
    let fetched = place.fetch(server.url("alex.pth"), &file).unwrap();
    assert_eq!(fetched.kept, Some(Kept::New));
    assert!(server.requests()[3].contains("range: bytes=1000-"));
    assert_eq!(place.left(), [""; 0]);
    // What is held of one address is not taken for another.
    let partial = Partial::at(place.folder.path().join("x.part"));
    let origin = partial::Origin { url: "a".to_owned(), validator: "v".to_owned(), total: None };
    partial.begin(&origin).unwrap().write_all(b"123").unwrap();
    assert_eq!(partial.held("a"), Some((3, origin)));
    assert_eq!(partial.held("b"), None);
}

#[test]
fn no_server_at_all_is_said_to_be_so() {
    let (_, file) = published();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let place = Place::new();
    let message = place.fetch(format!("http://127.0.0.1:{port}/x"), &file).unwrap_err().to_string();
    assert!(message.contains("no connection"), "{message}");
}

#[test]
fn two_at_once_take_turns() {
    let (body, file) = published();
    let place = Place::new();
    // One answer only: the second process finds what the first has brought.
    let slow = body.clone();
    let server = Server::new(vec![Box::new(move |_, stream| {
        std::thread::sleep(Duration::from_millis(150));
        whole(&slow)("", stream);
    })]);
    let url = server.url("alex.pth");
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| place.fetch(url.clone(), &file).unwrap())).collect();
        let kept: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap().kept).collect();
        assert_eq!(kept.iter().filter(|kept| **kept == Some(Kept::New)).count(), 1, "{kept:?}");
    });
    assert_eq!(server.requests().len(), 1);
    assert_eq!(place.left(), [""; 0]);
}

#[test]
fn offline_says_which_file_to_bring() {
    let place = Place::new();
    let offline = FetchOptions { offline: true, ..quick() };
    let fetched =
        |name: &str, options: &FetchOptions| fetch(&place.store, name, options, &mut |_| {});
    let message = fetched(NAME, &offline).unwrap_err().to_string();
    for part in ["offline", "v0.1/alex.pth", "df73285e", "lookalike weights import alex.pth --as"] {
        assert!(message.contains(part), "{message}");
    }
    let message = fetched("resnet18", &offline).unwrap_err().to_string();
    assert!(message.contains("sha256 f37072fd…"), "{message}");
    let mirror = FetchOptions { mirror: Some("https://m.org/w/".to_owned()), ..offline.clone() };
    let message = fetched("alexnet", &mirror).unwrap_err().to_string();
    assert!(message.contains("https://m.org/w/alexnet/alexnet-owt-7be5be79.pth"), "{message}");
    assert!(fetched("lpips-alex-0.1", &offline).unwrap_err().to_string().contains("alexnet"));
    let message = fetched("mobilenet_v2_1.0_224", &quick()).unwrap_err().to_string();
    assert!(message.contains("lookalike weights import FILE --as mobilenet"), "{message}");
    assert!(fetched("lexnet", &quick()).unwrap_err().to_string().contains("weights list"));
    let one_url = FetchOptions { url: Some("https://a.org".to_owned()), ..quick() };
    assert!(fetched("lpips-heads", &one_url).unwrap_err().to_string().contains("several files"));
}
