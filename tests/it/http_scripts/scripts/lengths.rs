//! Lengths that conflict, or are none: what two servers read differently here, smuggles requests
//! past one of them.

use crate::http_scripts::script::{SMUGGLED, Script, get_and_pause, pause, send};

pub(super) fn scripts() -> Vec<Script> {
    let len = SMUGGLED.len();
    let one = |name, headers: &str, body: &str| {
        let request = format!("POST /echo HTTP/1.1\r\nhost: a\r\n{headers}\r\n\r\n{body}");
        Script::new(name, [send(request), pause(), pause()])
    };
    let chunked_then_request = format!("0\r\n\r\n{SMUGGLED}");
    vec![
        one(
            "two lengths that differ",
            &format!("content-length: 0\r\ncontent-length: {len}"),
            SMUGGLED,
        ),
        one(
            "two lengths that differ, the longer first",
            &format!("content-length: {len}\r\ncontent-length: 0"),
            SMUGGLED,
        ),
        one(
            "two lengths that are the same",
            &format!("content-length: {len}\r\ncontent-length: {len}"),
            SMUGGLED,
        ),
        one("two lengths in one header", "content-length: 5, 5", "hello"),
        one(
            "a length and chunks",
            "content-length: 5\r\ntransfer-encoding: chunked",
            &chunked_then_request,
        ),
        one(
            "chunks and a length",
            "transfer-encoding: chunked\r\ncontent-length: 5",
            &chunked_then_request,
        ),
        one(
            "chunks and a length of all",
            "transfer-encoding: chunked\r\ncontent-length: 41",
            &chunked_then_request,
        ),
        one("chunks twice", "transfer-encoding: chunked, chunked", &chunked_then_request),
        one(
            "chunks in two headers",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            &chunked_then_request,
        ),
        one(
            "chunks that are not the last encoding",
            "transfer-encoding: chunked, gzip",
            &chunked_then_request,
        ),
        one(
            "chunks behind another encoding",
            "transfer-encoding: gzip, chunked",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
        one("an encoding that nobody knows", "transfer-encoding: xchunked", &chunked_then_request),
        one("an encoding that is none", "transfer-encoding: identity", SMUGGLED),
        one("chunks with odd spelling", "Transfer-Encoding: \tChUnKeD ", "5\r\nhello\r\n0\r\n\r\n"),
        one("an empty encoding and a length", "transfer-encoding:\r\ncontent-length: 5", "hello"),
        one("a negative length", "content-length: -1", SMUGGLED),
        one("a length with a sign", "content-length: +5", "hello"),
        one("a length with a prefix", "content-length: 0x5", "hello"),
        one("a length with zeros before it", "content-length: 0005", "hello"),
        one("a length that is no number", "content-length: five", "hello"),
        one("a length of nothing", "content-length: ", SMUGGLED),
        one("the largest length", "content-length: 18446744073709551615", SMUGGLED),
        one(
            "the largest length that a body may have",
            "content-length: 18446744073709551613",
            SMUGGLED,
        ),
        one("too large a length", "content-length: 18446744073709551616", SMUGGLED),
        one("no length", "x: y", SMUGGLED),
        Script::new(
            "chunks in HTTP/1.0",
            [
                send(
                    "POST /echo HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                ),
                pause(),
            ],
        ),
        Script::new("a GET with a body", {
            let request =
                format!("GET /echo HTTP/1.1\r\nhost: a\r\ncontent-length: {len}\r\n\r\n{SMUGGLED}");
            [send(request), pause()]
        }),
        Script::new("two lengths that differ, after a parking", {
            let request = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\nhello";
            get_and_pause("/one").into_iter().chain([send(request), pause()])
        }),
        Script::new("a length and chunks, after a parking", {
            let head = "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n";
            get_and_pause("/one").into_iter().chain([
                send(head),
                pause(),
                send(chunked_then_request),
                pause(),
            ])
        }),
    ]
}
