//! Old versions, and connections that a header closes or keeps.

use crate::http_scripts::script::{
    Script, Step, get, get_and_pause, pause, post, seen, send, send_in_pieces,
};

const OLD: &str = "GET /old HTTP/1.0\r\n\r\n";
const OLD_KEPT: &str = "GET /kept HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
const CLOSING: &str = "GET /closing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

pub(super) fn scripts() -> Vec<Script> {
    vec![
        Script::new("HTTP/1.0", [send(OLD), seen("/old")]),
        Script::new("HTTP/1.0 in pieces", send_in_pieces(OLD, 5).chain([seen("/old")])),
        Script::new(
            "HTTP/1.0 kept alive",
            [
                send(OLD_KEPT),
                seen("/kept"),
                pause(),
                send(OLD_KEPT),
                seen("/kept"),
                pause(),
                send(OLD),
                seen("/old"),
            ],
        ),
        Script::new(
            "HTTP/1.0 kept alive, pipelined",
            [send([OLD_KEPT, OLD_KEPT, OLD].concat()), seen("/old")],
        ),
        Script::new(
            "HTTP/1.0 with a request behind it that is not to be answered",
            [send(OLD.to_owned() + &get("/behind")), seen("/old")],
        ),
        Script::new(
            "HTTP/1.0 after HTTP/1.1, and back",
            [
                send(get("/new")),
                seen("/new"),
                pause(),
                send(OLD_KEPT),
                seen("/kept"),
                pause(),
                send(get("/new")),
                seen("/new"),
            ],
        ),
        Script::new(
            "HTTP/1.0 with a body, kept alive",
            [
                send(
                    "POST /echo HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 4\r\n\r\nab",
                ),
                pause(),
                send("cd"),
                pause(),
                send(OLD),
                seen("/old"),
            ],
        ),
        Script::new("a client that closes", [send(CLOSING), seen("/closing")]),
        Script::new("a client that closes after it was parked", {
            get_and_pause("/one").into_iter().chain([send(CLOSING), seen("/closing")])
        }),
        Script::new(
            "a client that closes, in pieces",
            send_in_pieces(CLOSING, 7).chain([seen("/closing")]),
        ),
        Script::new(
            "a client that closes with a request behind it that is not to be answered",
            [send(CLOSING.to_owned() + &get("/behind")), seen("/closing")],
        ),
        Script::new(
            "a client that closes, with bytes behind its request that are no request",
            [send(CLOSING.to_owned() + "These are not read.\r\n"), seen("/closing")],
        ),
        Script::new(
            "a client that closes, with the last of three requests",
            [send([&get("/one"), &get("/two"), CLOSING].concat()), seen("/closing")],
        ),
        Script::new("a client that closes and does not", {
            let head =
                |value| format!("GET /one HTTP/1.1\r\nhost: a\r\nconnection: {value}\r\n\r\n");
            ["close, keep-alive", "keep-alive, close", "CLOSE", "x, close", "closed", "keep-alive"]
                .into_iter()
                .flat_map(move |value| [send(head(value)), seen("/one"), pause(), Step::Reconnect])
                .chain(get_and_pause("/two"))
        }),
        Script::new("HTTP/1.0 kept alive in other letters", {
            let head = "GET /kept HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
            [send(head), seen("/kept"), pause(), send(OLD), seen("/old")]
        }),
        Script::new(
            "a client that closes after a body",
            [
                send(post("/echo", "one\n")),
                pause(),
                send(
                    "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\n",
                ),
                pause(),
                send("two\n\n"),
            ],
        ),
        Script::new(
            "a service that closes",
            [send(get("/close")), seen("/close"), pause(), send(get("/behind"))],
        ),
        Script::new("a service that closes after it was parked", {
            get_and_pause("/one").into_iter().chain([send(get("/close")), seen("/close")])
        }),
        Script::new(
            "a service that closes with a request behind",
            [send(get("/close") + &get("/behind")), seen("/close")],
        ),
    ]
}
