//! Bytes that are no request.

use crate::http_scripts::script::{
    Script, Step, chunked_head, get, get_and_pause, pause, post_head, seen, send, until,
};

const HTTP2: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HTTP2_SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const TLS_HELLO: &[u8] =
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x20";

pub(super) fn scripts() -> Vec<Script> {
    let refused = |name, bytes: &[u8]| Script::new(name, [send(bytes), pause()]);
    let head = |header: &str| format!("GET /one HTTP/1.1\r\nhost: a\r\n{header}\r\n\r\n");
    let many = |count: usize| head(&vec!["x: y"; count].join("\r\n"));
    let chunks = |name, bytes: &str| {
        let request = chunked_head("/echo") + bytes + &get("/two");
        Script::new(name, [send(request), pause()])
    };
    let long_name = head(&format!("{}: y", "x".repeat(70_000)));
    let http2 = [HTTP2.as_bytes(), HTTP2_SETTINGS].concat();
    vec![
        refused("garbage", b"garbage\r\n\r\n"),
        refused("garbage without an end", &[b'x'; 100]),
        refused("zeros", &[0; 64]),
        refused("a TLS hello", TLS_HELLO),
        refused("the preface of HTTP/2", &http2),
        Script::new(
            "the preface of HTTP/2 in pieces",
            [send(&http2[..5]), pause(), send(&http2[5..])],
        ),
        Script::new("the preface of HTTP/2 after a request", {
            get_and_pause("/one").into_iter().chain([send(http2.as_slice()), pause()])
        }),
        Script::new("garbage after a parking", {
            get_and_pause("/one").into_iter().chain([send("garbage\r\n\r\n"), pause()])
        }),
        Script::new("garbage in pieces after a parking", {
            get_and_pause("/one").into_iter().chain([send("no req"), pause(), send("uest\r\n\r\n")])
        }),
        Script::new(
            "garbage behind a request in one segment",
            [send(get("/one") + "\0\0\r\n\r\n"), seen("/one")],
        ),
        Script::new(
            "garbage behind a body",
            [send(post_head("/echo", 5) + "body\ngarbage\r\n\r\n"), until("body\n"), pause()],
        ),
        Script::new(
            "garbage after a request that is answered late",
            [send(get("/late")), pause(), send("\0garbage\r\n\r\n"), seen("/late")],
        ),
        refused("a version that is not known", b"GET /one HTTP/3.0\r\nhost: a\r\n\r\n"),
        refused("no version", b"GET /one\r\nhost: a\r\n\r\n"),
        refused("no target", b"GET HTTP/1.1\r\nhost: a\r\n\r\n"),
        refused("a target that is none", b"GET one two HTTP/1.1\r\nhost: a\r\n\r\n"),
        refused("no host", b"GET /one HTTP/1.1\r\n\r\n"),
        refused("a method that is none", b"G(T /one HTTP/1.1\r\nhost: a\r\n\r\n"),
        refused("a header without a colon", head("header").as_bytes()),
        refused("a header without a name", head(": x").as_bytes()),
        refused("a space before a colon", head("content-length : 5").as_bytes()),
        refused("a header over two lines", head("x: y\r\n z").as_bytes()),
        refused("too long a name of a header", long_name.as_bytes()),
        refused("odd bytes in the name of a header", head("x[]: y").as_bytes()),
        refused("a space within a method", b"GE T /one HTTP/1.1\r\nhost: a\r\n\r\n"),
        refused("a method in small letters", b"get /one HTTP/1.1\r\nhost: a\r\n\r\n"),
        refused("a version in small letters", b"GET /one http/1.1\r\nhost: a\r\n\r\n"),
        refused("a version that never was", b"GET /one HTTP/1.2\r\nhost: a\r\n\r\n"),
        refused("two spaces in the first line", b"GET  /one  HTTP/1.1\r\nhost: a\r\n\r\n"),
        refused("two hosts", b"GET /one HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"),
        refused("a zero in a header", head("x: y\0z").as_bytes()),
        refused("a bare carriage return in a header", head("x: y\rz").as_bytes()),
        refused("a bare carriage return as a line end", b"GET /one HTTP/1.1\rhost: a\r\r"),
        refused("a hundred headers", many(99).as_bytes()),
        refused("too many headers", many(200).as_bytes()),
        Script::new("too many headers after a parking", {
            let head = many(110);
            let (first, second) = head.split_at(300);
            get_and_pause("/one").into_iter().chain([send(first), pause(), send(second)])
        }),
        refused("too long a target", get(&"/x".repeat(40_000)).as_bytes()),
        Script::new("too long a head", {
            let long = head(&format!("x: {}", "y".repeat(450_000)));
            [send(&long.as_bytes()[..440_000]), pause()] as [Step; 2]
        }),
        chunks("a chunk of no length", "\r\nhello\r\n0\r\n\r\n"),
        chunks("a chunk of a length that is none", "5x\r\nhello\r\n0\r\n\r\n"),
        chunks("a chunk of a negative length", "-5\r\nhello\r\n0\r\n\r\n"),
        chunks("a chunk of a length with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"),
        chunks("a chunk of a huge length", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        chunks("a chunk of a length that overflows", "f0000000000000003\r\nabc\r\n0\r\n\r\n"),
        chunks("chunks without the length of the last", "1\r\nZ\r\n\r\n\r\n"),
        chunks("a chunk whose extension has a line feed", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
        chunks("a chunk that is longer than it says", "3\r\nhello\r\n0\r\n\r\n"),
        chunks("a chunk whose line ends in a bare line feed", "5\nhello\r\n0\r\n\r\n"),
        chunks("a chunk without a line end", "5\r\nhello0\r\n\r\n"),
        chunks("a trailer without a colon", "5\r\nhello\r\n0\r\ntrailer\r\n\r\n"),
    ]
}
