//! Heads in which a service sets what is the server's.

use std::time::Duration;

use crate::http_scripts::script::{Script, Step, get, pause, seen, send};

const SETTLE: Duration = Duration::from_millis(80);

pub(super) fn scripts() -> Vec<Script> {
    vec![
        kept("a length that the service sets", "/own-length"),
        closed("a length that the body exceeds", "/own-length-short"),
        closed("a length that the body does not reach", "/own-length-long"),
        asked("a length without a body, for HEAD", "/own-length-empty"),
        kept("chunks that the service sets", "/own-chunks"),
        kept("chunks that the service sets, of known length", "/own-chunks-whole"),
        closed("chunks and a length that the service sets", "/own-chunks-and-length"),
        closed("an encoding that the service sets", "/own-encoding"),
        kept("a date that the service sets", "/own-date"),
        closed("a response of HTTP/1.0", "/own-version-1.0"),
        closed("a response of HTTP/2", "/own-version-2"),
        closed("a response that only says: go on", "/own-100"),
        closed("a response that only hints", "/own-103"),
        kept("204 with a length", "/own-204"),
        kept("304 with a length", "/own-304"),
        kept("a service that keeps the connection", "/own-keep-alive"),
        kept("a length that the service sets, of known length", "/own-length-whole"),
        kept("a length of nothing that the service sets", "/own-length-zero"),
        kept("no body, and nothing set", "/own-empty"),
        kept("chunks that the service sets, of nothing", "/own-chunks-empty"),
        kept("204 with a body", "/own-204-body"),
        kept("304 with a body", "/own-304-body"),
        kept("204 with chunks", "/own-204-chunks"),
        kept("304 with chunks", "/own-304-chunks"),
        kept("words behind the status", "/own-reason"),
        kept("more headers than a request may have", "/own-many"),
        closed("a length, and a body that fails before it", "/own-length-fails"),
    ]
}

/// GET and HEAD in HTTP/1.1, and GET in HTTP/1.0, each with a request behind it, after a pause that
/// parks the connection.
fn kept(name: &'static str, path: &str) -> Script {
    let behind = [send(get("/behind")), seen("/behind"), pause()];
    let new = [send(get(path)), settle()].into_iter().chain(behind.clone());
    let head = [Step::Reconnect, send(ask("HEAD", path, "1.1")), settle()];
    let old = [Step::Reconnect, send(ask("GET", path, "1.0")), settle()];
    Script::new(name, new.chain(head).chain(behind).chain(old))
}

/// GET in HTTP/1.1 alone: the server may close the connection.
fn closed(name: &'static str, path: &str) -> Script {
    Script::new(name, [send(get(path)), settle()])
}

/// HEAD alone, with a request behind it.
fn asked(name: &'static str, path: &str) -> Script {
    let asked = send(ask("HEAD", path, "1.1"));
    Script::new(name, [asked, settle(), send(get("/behind")), seen("/behind"), pause()])
}

fn ask(method: &str, path: &str, version: &str) -> String {
    format!("{method} {path} HTTP/{version}\r\nhost: a\r\n\r\n")
}

/// Long enough for all of a response in two pieces.
fn settle() -> Step {
    Step::Wait(SETTLE)
}
