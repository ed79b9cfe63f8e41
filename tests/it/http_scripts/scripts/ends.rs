//! Clients that go away: politely and not, in every state of a connection.

use crate::http_scripts::script::{
    Script, Step, chunked_head, get, get_and_pause, pause, post, post_head, seen, send,
    send_in_pieces, until,
};

pub(super) fn scripts() -> Vec<Script> {
    let again = [Step::Reconnect, send(get("/two")), seen("/two"), pause()];
    vec![
        Script::new("a client that closes and says nothing", [pause(), Step::HalfClose]),
        Script::new("a client that closes at once", [Step::HalfClose]),
        Script::new(
            "a client that closes after an answer",
            [send(get("/one")), seen("/one"), Step::HalfClose],
        ),
        Script::new("a client that closes while it is parked", {
            get_and_pause("/one").into_iter().chain([Step::HalfClose])
        }),
        Script::new("a client that closes in a head", [send("GET /o"), pause(), Step::HalfClose]),
        Script::new("a client that closes in a head, at once", [send("GET /o"), Step::HalfClose]),
        Script::new("a client that closes in a head, after a parking", {
            get_and_pause("/one").into_iter().chain([send("GET /o"), pause(), Step::HalfClose])
        }),
        Script::new(
            "a client that closes behind a line end",
            [send("\r\n"), pause(), Step::HalfClose],
        ),
        Script::new(
            "a client that closes in a body",
            [send(post_head("/echo", 10) + "some "), pause(), Step::HalfClose],
        ),
        Script::new(
            "a client that closes before a body",
            [send(post_head("/echo", 10)), pause(), Step::HalfClose],
        ),
        Script::new(
            "a client that closes behind a body",
            [send(post("/echo", "body\n")), pause(), Step::HalfClose],
        ),
        Script::new(
            "a client that closes in a chunk",
            [send(chunked_head("/echo") + "5\r\nhel"), pause(), Step::HalfClose],
        ),
        Script::new(
            "a client that closes between chunks",
            [send(chunked_head("/echo") + "5\r\nhello\r\n"), pause(), Step::HalfClose],
        ),
        Script::new(
            "a client that closes in a body that is ignored",
            [
                send(post_head("/ignore", 10) + "some "),
                until("ignored\n"),
                pause(),
                Step::HalfClose,
            ],
        ),
        Script::new(
            "a client that closes before an answer",
            [send(get("/never")), pause(), Step::HalfClose],
        ),
        Script::new(
            "a client that closes before an answer that comes late",
            [send(get("/late")), Step::HalfClose],
        ),
        Script::new(
            "a client that closes behind pipelined requests",
            [send(get("/one").repeat(3) + &get("/late")), Step::HalfClose],
        ),
        Script::new(
            "a client that closes before an answer on a connection that was parked",
            get_and_pause("/one").into_iter().chain([send(get("/late")), Step::HalfClose]),
        ),
        Script::new(
            "a client that closes in a streamed response",
            [send(get("/stream-stuck")), until("one "), Step::HalfClose],
        ),
        Script::new(
            "a client that closes before it has read 4 MiB",
            [send(get("/large")), pause(), Step::HalfClose],
        ),
        Script::new("a client that is gone while it is parked", {
            get_and_pause("/one").into_iter().chain(again.clone())
        }),
        Script::new(
            "a client that is gone in a head",
            [send("GET /o"), pause()].into_iter().chain(again.clone()),
        ),
        Script::new("a client that is gone in a body", {
            [send(post_head("/echo", 9) + "some "), pause()].into_iter().chain(again.clone())
        }),
        Script::new("a client that is gone in a streamed response", {
            [send(get("/stream-stuck")), until("one ")].into_iter().chain(again.clone())
        }),
        Script::new("a client that is gone in 4 MiB", {
            [send(get("/large")), Step::Read(1000), pause()].into_iter().chain(again.clone())
        }),
        Script::new("clients that come and go", {
            (0..5).flat_map(|_| [Step::Reconnect].into_iter().chain(get_and_pause("/one")))
        }),
        Script::new("a client that closes behind half a request after many", {
            let many = send_in_pieces(get("/one").repeat(5) + "GET /ha", 50);
            many.chain([seen("/one"), Step::HalfClose])
        }),
    ]
}
