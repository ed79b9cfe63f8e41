//! Responses: late, streamed, large, without a body, and none at all.

use crate::http_scripts::script::{
    Script, Step, get, get_and_pause, pause, post, seen, send, until,
};

/// The last line of a large response.
const LARGE_END: &str = "65535 \n";

const CHUNKS_END: &str = "\r\n0\r\n\r\n";

fn head_request(path: &str) -> Step {
    send(format!("HEAD {path} HTTP/1.1\r\nhost: a\r\n\r\n"))
}

pub(super) fn scripts() -> Vec<Script> {
    let answered = [pause(), send(get("/two")), seen("/two"), pause()];
    let then = |steps: Vec<Step>| steps.into_iter().chain(answered.clone());
    let streamed = |path: &str| [send(get(path)), until(CHUNKS_END)];
    vec![
        Script::new("a response that is late", then(vec![send(get("/late")), seen("/late")])),
        Script::new("a streamed response", then(streamed("/stream").to_vec())),
        Script::new("a streamed response on a connection that was parked", {
            then(get_and_pause("/one").into_iter().chain(streamed("/stream")).collect())
        }),
        Script::new(
            "a streamed response with a request behind",
            [send(get("/stream") + &get("/two")), seen("/two"), pause()],
        ),
        Script::new(
            "a streamed response with a request in its middle",
            [send(get("/stream")), until("one "), send(get("/two")), seen("/two"), pause()],
        ),
        Script::new("a streamed response with half a request in its middle", {
            let head = get("/two");
            let (first, second) = head.split_at(10);
            let start =
                [send(get("/stream")), until("one "), send(first), until(CHUNKS_END), pause()];
            start.into_iter().chain([send(second), seen("/two"), pause()])
        }),
        Script::new(
            "a streamed response of HTTP/1.0",
            [send("GET /stream HTTP/1.0\r\n\r\n"), until("end\n")],
        ),
        Script::new(
            "a streamed response of HTTP/1.0 kept alive",
            [
                send("GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"),
                until("end\n"),
                pause(),
                send(get("/behind")),
            ],
        ),
        Script::new(
            "a streamed response of a client that closes",
            [
                send("GET /stream HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
                until(CHUNKS_END),
            ],
        ),
        Script::new("streamed responses one after another", {
            then([streamed("/stream"), streamed("/stream-empty"), streamed("/stream")].concat())
        }),
        Script::new(
            "three pipelined streamed responses",
            then(vec![send(get("/stream").repeat(3)), until(CHUNKS_END)]),
        ),
        Script::new("a streamed response of nothing", then(streamed("/stream-empty").to_vec())),
        Script::new("a streamed response with trailers", {
            let head = "GET /stream-trailers HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n";
            then(vec![send(head), until("x-sum: 7\r\n\r\n")])
        }),
        Script::new("a streamed response with trailers that its client doesn't want", {
            then(streamed("/stream-trailers").to_vec())
        }),
        Script::new("a streamed response of 4 MiB that is read late", {
            then(vec![send(get("/stream-large")), pause(), pause(), until(CHUNKS_END)])
        }),
        Script::new("a hundred pieces at once", then(streamed("/stream-many").to_vec())),
        Script::new(
            "a hundred pieces at once, of HTTP/1.0",
            [send("GET /stream-many HTTP/1.0\r\n\r\n")],
        ),
        Script::new("HEAD, a body and GET in one segment", {
            let head = "HEAD /large HTTP/1.1\r\nhost: a\r\n\r\n".to_owned();
            then(vec![send(head + &post("/echo", "body\n") + &get("/stream")), until(CHUNKS_END)])
        }),
        Script::new("4 MiB", then(vec![send(get("/large")), until(LARGE_END)])),
        Script::new("4 MiB that are read late", {
            then(vec![send(get("/large")), pause(), pause(), pause(), until(LARGE_END)])
        }),
        Script::new("4 MiB that are read slowly", {
            let sips = (0..6).flat_map(|_| [Step::Read(600_000), pause()]);
            then([send(get("/large"))].into_iter().chain(sips).chain([until(LARGE_END)]).collect())
        }),
        Script::new("4 MiB that are read slowly, with a request behind", {
            let sips = (0..3).flat_map(|_| [Step::Read(1_000_000), pause()]);
            [send(get("/large") + &get("/two"))]
                .into_iter()
                .chain(sips)
                .chain([seen("/two"), pause()])
        }),
        Script::new(
            "4 MiB that are read late, with a request after a while",
            [send(get("/large")), pause(), send(get("/two")), pause(), seen("/two"), pause()],
        ),
        Script::new("4 MiB that are read late, with half a request after a while", {
            let head = get("/two");
            let (first, second) = head.split_at(12);
            let start =
                [send(get("/large")), pause(), send(first), pause(), until(LARGE_END), pause()];
            start.into_iter().chain([send(second), seen("/two"), pause()])
        }),
        Script::new(
            "4 MiB that are read late by a client that closes",
            [
                send("GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
                pause(),
                pause(),
                until(LARGE_END),
            ],
        ),
        Script::new("a HEAD request", then(vec![head_request("/one"), until("\r\n\r\n")])),
        Script::new(
            "a HEAD request for 4 MiB",
            then(vec![head_request("/large"), until("\r\n\r\n")]),
        ),
        Script::new(
            "a HEAD request for a stream",
            then(vec![head_request("/stream"), until("\r\n\r\n")]),
        ),
        Script::new(
            "a HEAD request that is answered late",
            then(vec![head_request("/late"), until("\r\n\r\n")]),
        ),
        Script::new(
            "a HEAD request with a request behind",
            [
                send("HEAD /one HTTP/1.1\r\nhost: a\r\n\r\n".to_owned() + &get("/two")),
                seen("/two"),
                pause(),
            ],
        ),
        Script::new("204", then(vec![send(get("/204")), until("\r\n\r\n")])),
        Script::new("304", then(vec![send(get("/304")), until("\r\n\r\n")])),
        Script::new(
            "204 and 304 with requests behind them",
            [send(get("/204") + &get("/304") + &get("/two")), seen("/two"), pause()],
        ),
        Script::new(
            "a service that fails",
            get_and_pause("/one").into_iter().chain([send(get("/fail"))]),
        ),
        Script::new(
            "a service that fails, with a request behind",
            [send(get("/fail") + &get("/two"))],
        ),
        Script::new(
            "a service that panics",
            get_and_pause("/one").into_iter().chain([send(get("/panic"))]),
        ),
        Script::new(
            "a service that panics, and a new connection",
            [send(get("/panic")), pause(), Step::Reconnect, send(get("/two")), seen("/two")],
        ),
    ]
}
