//! Responses that fail within their bodies, after bytes that say how long they are.

use crate::http_scripts::script::{
    Script, Step, chunked_head, get, get_and_pause, pause, post, send, until,
};

pub(super) fn scripts() -> Vec<Script> {
    let settle = || [pause(), pause(), pause()];
    let fails =
        |name, request: String| Script::new(name, [send(request)].into_iter().chain(settle()));
    vec![
        fails("a body that fails after a piece", get("/stream-fails")),
        fails("a body that fails at once", get("/stream-fails-at-once")),
        fails("a body that fails, with a request behind", get("/stream-fails") + &get("/two")),
        fails("a body that fails, of HTTP/1.0", "GET /stream-fails HTTP/1.0\r\n\r\n".to_owned()),
        fails("a HEAD request for a body that fails", {
            "HEAD /stream-fails HTTP/1.1\r\nhost: a\r\n\r\n".to_owned() + &get("/two")
        }),
        fails("a body that fails before its length", get("/own-length-fails")),
        fails("a body that fails, of a request with a body", post("/stream-fails", "body\n")),
        fails("a body that fails, of a request whose body is not whole", {
            chunked_head("/stream-fails") + "5\r\nhel"
        }),
        Script::new("a body that fails on a connection that was parked", {
            get_and_pause("/one").into_iter().chain([send(get("/stream-fails"))]).chain(settle())
        }),
        Script::new(
            "a body that fails, with a request in its middle",
            [send(get("/stream-fails")), until("one "), send(get("/two")), pause(), pause()],
        ),
        Script::new("a body that fails, and a new connection", {
            let failed = [send(get("/stream-fails")), pause(), pause(), Step::Reconnect];
            failed.into_iter().chain(get_and_pause("/two"))
        }),
    ]
}
