//! Requests without bodies: one after another, pipelined, and their heads cut anywhere.

use crate::http_scripts::script::{
    Script, Step, get, get_and_pause, pause, seen, send, send_cut_everywhere, send_in_pieces, until,
};

pub(super) fn scripts() -> Vec<Script> {
    let pipelined: Vec<String> = (0..10).map(|number| get(&format!("/number-{number}"))).collect();
    let three = pipelined[..3].concat();
    let large_head =
        format!("GET /large-head HTTP/1.1\r\nhost: a\r\nx-large: {}\r\n\r\n", "x".repeat(20_000));
    vec![
        Script::new("a connection on which nothing is sent", [pause()]),
        Script::new("one request", [send(get("/one")), seen("/one")]),
        Script::new("a pause before the first byte", [pause(), send(get("/one")), seen("/one")]),
        Script::new(
            "three requests with pauses between them",
            ["/one", "/two", "/three"].into_iter().flat_map(get_and_pause),
        ),
        Script::new(
            "three requests, each sent as soon as the last is answered",
            ["/one", "/two", "/three"].into_iter().flat_map(|path| [send(get(path)), seen(path)]),
        ),
        Script::new("two pipelined requests", [send(pipelined[..2].concat()), seen("/number-1")]),
        Script::new("three pipelined requests", [send(three.as_str()), seen("/number-2")]),
        Script::new("ten pipelined requests", [send(pipelined.concat()), seen("/number-9")]),
        Script::new(
            "pipelined requests, a pause, and more of them",
            [
                send(three.as_str()),
                seen("/number-2"),
                pause(),
                send(three.as_str()),
                seen("/number-2"),
                pause(),
            ],
        ),
        Script::new("ten pipelined requests in odd pieces", {
            send_in_pieces(pipelined.concat(), 37).chain([seen("/number-9")])
        }),
        Script::new("ten pipelined requests in pieces as long as half of one", {
            send_in_pieces(pipelined.concat(), pipelined[0].len() / 2).chain([seen("/number-9")])
        }),
        Script::new("a request and half of the next, a pause, the other half", {
            let (first, rest) = three.split_at(pipelined[0].len() + 9);
            [send(first), seen("/number-0"), pause(), send(rest), seen("/number-2")]
        }),
        Script::new(
            "a head byte by byte",
            send_in_pieces(get("/byte-by-byte"), 1).chain([seen("/byte-by-byte")]),
        ),
        Script::new("a head byte by byte on a connection that was parked", {
            get_and_pause("/one")
                .into_iter()
                .chain(send_in_pieces(get("/two"), 1))
                .chain([seen("/two")])
        }),
        Script::new("a head cut everywhere", send_cut_everywhere(get("/cut"), "end of /cut\n")),
        Script::new("two pipelined heads cut everywhere", {
            send_cut_everywhere(get("/first") + &get("/cut"), "end of /cut\n")
        }),
        Script::new("heads in halves with long pauses", {
            ["/one", "/two", "/three"].into_iter().flat_map(|path| {
                let head = get(path);
                let (first, second) = head.split_at(head.len() / 2);
                [send(first), pause(), pause(), send(second), seen(path), pause()]
            })
        }),
        Script::new("one byte after a pause, a pause, the rest", {
            let head = get("/two");
            let late = [send(&head[..1]), pause(), send(&head[1..]), seen("/two"), pause()];
            get_and_pause("/one").into_iter().chain(late)
        }),
        Script::new("the last byte of a head is late", {
            let head = get("/late-byte");
            let (first, last) = head.split_at(head.len() - 1);
            [send(first), pause(), send(last), seen("/late-byte")]
        }),
        Script::new("a large head in pieces", {
            send_in_pieces(large_head, 1900).chain([
                seen("/large-head"),
                pause(),
                send(get("/two")),
                seen("/two"),
            ])
        }),
        Script::new(
            "a request behind one that is answered late",
            [send(get("/late")), pause(), send(get("/two")), seen("/late"), seen("/two")],
        ),
        Script::new("half a head behind a request that is answered late", {
            let head = get("/two");
            let (first, second) = head.split_at(11);
            [
                send(get("/late")),
                pause(),
                send(first),
                seen("/late"),
                pause(),
                send(second),
                seen("/two"),
            ]
        }),
        Script::new(
            "line ends between requests",
            [
                send(get("/one") + "\r\n" + &get("/two")),
                seen("/two"),
                pause(),
                send("\r\n\r\n"),
                pause(),
                send(get("/three")),
                seen("/three"),
            ],
        ),
        Script::new(
            "line ends before the first request",
            [send("\r\n"), pause(), send("\r\n"), pause(), send(get("/one")), seen("/one")],
        ),
        Script::new("a line end in two pieces between requests", {
            let pieces =
                [send("\r"), pause(), send("\n"), pause(), send(get("/two")), seen("/two")];
            get_and_pause("/one").into_iter().chain(pieces)
        }),
        Script::new("lines that end in a bare line feed", {
            let head = "GET /bare HTTP/1.1\nhost: a\n\n";
            let whole = [send(head), seen("/bare"), pause()];
            whole.into_iter().chain(send_in_pieces(head, 5)).chain([seen("/bare")])
        }),
        Script::new(
            "a target with a scheme and a host",
            [
                send("GET http://a/absolute?query HTTP/1.1\r\nhost: b\r\n\r\n"),
                seen("/absolute"),
                pause(),
                send(get("/two")),
                seen("/two"),
            ],
        ),
        Script::new(
            "a target of every resource",
            [
                send("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n"),
                until("end of *\n"),
                pause(),
                send(get("/two")),
                seen("/two"),
            ],
        ),
        Script::new(
            "many headers of the same name and odd values",
            [
                send(
                    "GET /odd HTTP/1.1\r\nhost: a\r\nx: 1\r\nX: 2\r\nx:\r\nx:  \tspaced \r\ny: \x7f\u{e9}\r\n\r\n",
                ),
                pause(),
                send(get("/two")),
                pause(),
            ],
        ),
        Script::new("a fragment and a long query", {
            let target = format!("/query?{}", "q=%20&".repeat(300));
            [send(get(&target)), seen("/query"), pause(), send(get("/a?b#c")), seen("/a")]
                as [Step; 5]
        }),
    ]
}
