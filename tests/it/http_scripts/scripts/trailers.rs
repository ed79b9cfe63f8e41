//! Trailers: who wants them, which ones are sent, and what follows them.

use crate::http_scripts::script::{Script, get, get_and_pause, pause, seen, send, until};

/// The end of chunks without trailers.
const LAST_CHUNK: &str = "\r\n0\r\n";

pub(super) fn scripts() -> Vec<Script> {
    let sent = |name, te: &str| {
        let head = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\n{te}\r\n");
        let asked = ["/stream-trailers", "/own-trailers"]
            .into_iter()
            .flat_map(|path| [send(head(path)), until(LAST_CHUNK), pause(), pause()]);
        Script::new(name, asked.chain(get_and_pause("/two")))
    };
    let received = |name, headers: &str, trailers: &str| {
        let head = format!("POST /echo-trailers HTTP/1.1\r\nhost: a\r\nte: trailers\r\n{headers}");
        let body = format!("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{trailers}\r\n");
        let request = head + &body;
        let once = [send(request.as_str()), until(LAST_CHUNK), pause()];
        let twice = [send(request + &get("/two")), seen("/two"), pause()];
        Script::new(name, once.into_iter().chain(twice))
    };
    let many = "x: y\r\n".repeat(200);
    let long = |len| format!("x: {}\r\n", "y".repeat(len));
    vec![
        sent("trailers for who wants them", "te: trailers\r\n"),
        sent("trailers for who does not say so", ""),
        sent("trailers for who wants another encoding", "te: gzip\r\n"),
        sent("trailers for who wants two things", "te: gzip, Trailers\r\n"),
        sent("trailers for who says so in two headers", "te: gzip\r\nTE: trailers\r\n"),
        sent("trailers for who weighs them", "te: trailers;q=0.5\r\n"),
        received("trailers that were announced", "trailer: x-sum\r\n", "x-sum: 7\r\n"),
        received("trailers that were not announced", "", "x-sum: 7\r\nX-Sum: 8\r\n"),
        received("trailers that were announced, and do not come", "trailer: x-sum\r\n", ""),
        received("trailers that may be none", "", "host: b\r\ncontent-length: 3\r\n"),
        received("too many trailers", "", &many),
        received("long trailers", "", &long(2_000)),
        received("too long trailers", "", &long(20_000)),
        received("a trailer that is none", "", "no colon\r\n"),
    ]
}
