//! `Expect: 100-continue`: accepted, refused, and not waited for.

use crate::http_scripts::script::{
    SMUGGLED, Script, Step, get, get_and_pause, pause, seen, send, send_in_pieces, until,
};

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

fn head(path: &str, len: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: {len}\r\n\r\n"
    )
}

pub(super) fn scripts() -> Vec<Script> {
    let len = SMUGGLED.len();
    let accepted = |path: &str| [send(head(path, len)), until(CONTINUE), pause(), send(SMUGGLED)];
    let answered = [pause(), send(get("/two")), seen("/two"), pause()];
    let refused = |late: &str| {
        [send(head("/refuse", len)), until("\r\n\r\n"), pause(), send(late), pause(), pause()]
    };
    vec![
        Script::new(
            "an expectation accepted",
            accepted("/echo").into_iter().chain(answered.clone()),
        ),
        Script::new("an expectation accepted on a connection that was parked", {
            get_and_pause("/one").into_iter().chain(accepted("/echo")).chain(answered.clone())
        }),
        Script::new("expectations accepted, one after another", {
            accepted("/echo")
                .into_iter()
                .chain(answered.clone())
                .chain(accepted("/echo"))
                .chain(answered.clone())
        }),
        Script::new(
            "an expectation accepted late",
            accepted("/echo-slowly").into_iter().chain(answered.clone()),
        ),
        Script::new("an expectation accepted, the head in pieces", {
            let body = [until(CONTINUE), pause(), send(SMUGGLED)];
            send_in_pieces(head("/echo", len), 9).chain(body).chain(answered.clone())
        }),
        Script::new("an expectation accepted, chunks", {
            let head = "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n";
            let body = [
                send(head),
                until(CONTINUE),
                pause(),
                send("5\r\nhello\r\n0\r\n\r\n"),
                until("hello"),
            ];
            body.into_iter().chain(answered.clone())
        }),
        Script::new("an expectation of a client that doesn't wait", {
            [send(head("/echo", len) + SMUGGLED), until(SMUGGLED)]
                .into_iter()
                .chain(answered.clone())
        }),
        Script::new(
            "an expectation of a client that doesn't wait, with a request behind",
            [send(head("/echo", len) + SMUGGLED + &get("/two")), seen("/two"), pause()],
        ),
        Script::new(
            "an expectation neither accepted nor refused: the body is sent back as it comes",
            {
                let head = [send(head("/echo-streaming", len)), until("\r\n\r\n"), pause()];
                head.into_iter().chain([send(SMUGGLED), until(SMUGGLED)]).chain(answered.clone())
            },
        ),
        Script::new("an expectation accepted, then given up", {
            let late = [pause(), send(SMUGGLED), pause()];
            let head = [
                send(head("/give-up", 2 * len)),
                until(CONTINUE),
                send(SMUGGLED),
                until("given up"),
            ];
            head.into_iter().chain(late)
        }),
        Script::new("an expectation accepted by a task", {
            let late =
                [pause(), send(SMUGGLED), pause(), pause(), send(get("/two")), pause(), pause()];
            [send(head("/spawned", len)), until("spawned\n")].into_iter().chain(late)
        }),
        Script::new("an expectation refused", refused("")),
        Script::new(
            "an expectation refused, and another request instead of the body",
            refused(&get("/two")),
        ),
        Script::new("an expectation refused, and the body sent anyway", refused(SMUGGLED)),
        Script::new("an expectation refused, the body sent anyway and a request behind it", {
            refused(&(SMUGGLED.to_owned() + &get("/two")))
        }),
        Script::new("an expectation refused, of a client that doesn't wait", {
            [send(head("/refuse", len) + SMUGGLED), until("\r\n\r\n")]
                .into_iter()
                .chain(answered.clone())
        }),
        Script::new(
            "an expectation refused after a parking",
            get_and_pause("/one").into_iter().chain(refused(SMUGGLED)),
        ),
        Script::new("an expectation ignored", {
            [send(head("/ignore", len)), until("ignored\n"), pause(), send(SMUGGLED), pause()]
                as [Step; 5]
        }),
        Script::new("an expectation without a body", {
            let head = "GET /one HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\r\n";
            [send(head), seen("/one")].into_iter().chain(answered.clone())
        }),
        Script::new("an expectation in other letters, of a client that closes", {
            let head = format!(
                "POST /echo HTTP/1.1\r\nHOST: a\r\nExpect: 100-Continue\r\nConnection: Close\r\nContent-Length: {len}\r\n\r\n"
            );
            [send(head), until(CONTINUE), pause(), send(SMUGGLED), until(SMUGGLED)] as [Step; 5]
        }),
        Script::new(
            "an expectation that nobody knows",
            [
                send(format!(
                    "POST /echo HTTP/1.1\r\nhost: a\r\nexpect: more\r\ncontent-length: {len}\r\n\r\n"
                )),
                pause(),
                send(SMUGGLED),
                until(SMUGGLED),
            ],
        ),
        Script::new(
            "an expectation of HTTP/1.0",
            [
                send(format!(
                    "POST /echo HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: {len}\r\n\r\n"
                )),
                pause(),
                send(SMUGGLED),
                until(SMUGGLED),
            ],
        ),
    ]
}
