//! Bodies that the service reads to their end: at once, in pieces, late, chunked, and with requests
//! behind them.

use crate::http_scripts::script::{
    SMUGGLED, Script, chunked_head, get, get_and_pause, pause, post, post_head, seen, send,
    send_cut_everywhere, send_in_pieces, until,
};

const CHUNKS: &str = "5\r\nhello\r\n1;name=value\r\n \r\nA\r\nworld, yes\r\n0\r\n\r\n";
const UNCHUNKED: &str = "hello world, yes";

pub(super) fn scripts() -> Vec<Script> {
    let chunked = chunked_head("/echo") + CHUNKS;
    let large = "0123456789abcde\n".repeat((1 << 16) - 1) + "and here it ends";
    let requests = SMUGGLED.repeat(3);
    let answered = [pause(), send(get("/two")), seen("/two"), pause()];
    let then = |steps: Vec<_>| steps.into_iter().chain(answered.clone());
    vec![
        Script::new(
            "a body in the segment of its head",
            then(vec![send(post("/echo", "body\n")), until("body\n")]),
        ),
        Script::new("a body in pieces", {
            then(
                send_in_pieces(post("/echo", "a body in pieces\n"), 10)
                    .chain([until("pieces\n")])
                    .collect(),
            )
        }),
        Script::new("a body that comes late", {
            then(vec![
                send(post_head("/echo", 5)),
                pause(),
                pause(),
                send("body\n"),
                until("body\n"),
            ])
        }),
        Script::new("a body byte by byte", {
            let bytes = send_in_pieces(SMUGGLED, 1);
            then(
                [send(post_head("/echo", SMUGGLED.len()))]
                    .into_iter()
                    .chain(bytes)
                    .chain([until(SMUGGLED)])
                    .collect(),
            )
        }),
        Script::new(
            "a body and its head cut everywhere",
            send_cut_everywhere(post("/echo", "body\n"), "body\n"),
        ),
        Script::new(
            "a body of no bytes",
            then(vec![send(post("/echo", "")), pause(), send(post("/echo", ""))]),
        ),
        Script::new("a body on a connection that was parked", {
            let posted = [send(post_head("/echo", 5)), pause(), send("body\n"), until("body\n")];
            then(get_and_pause("/one").into_iter().chain(posted).collect())
        }),
        Script::new("a body of requests, which are not to be answered", {
            then(vec![send(post("/echo", &requests)), until(requests.as_str())])
        }),
        Script::new("a body of requests that come late", {
            let pieces = send_in_pieces(requests.as_str(), SMUGGLED.len());
            let head = [send(post_head("/echo", requests.len())), pause()];
            then(head.into_iter().chain(pieces).chain([until(requests.as_str())]).collect())
        }),
        Script::new(
            "a body and a request in one segment",
            [send(post("/echo", "body\n") + &get("/two")), seen("/two"), pause()],
        ),
        Script::new(
            "a body whose end comes with a request",
            [
                send(post_head("/echo", 9) + "some "),
                pause(),
                send("end\n".to_owned() + &get("/two")),
                seen("/two"),
                pause(),
            ],
        ),
        Script::new("a body whose end comes with half of a request", {
            let head = get("/two");
            let (first, second) = head.split_at(13);
            let end = "end\n".to_owned() + first;
            [
                send(post_head("/echo", 9) + "some "),
                pause(),
                send(end),
                pause(),
                send(second),
                seen("/two"),
            ]
        }),
        Script::new("five pipelined bodies", {
            then(vec![
                send(
                    ["one", "two", "three", "four", "five\n"]
                        .map(|body| post("/echo", body))
                        .concat(),
                ),
                until("five\n"),
            ])
        }),
        Script::new(
            "chunks in the segment of their head",
            then(vec![send(chunked.as_str()), until(UNCHUNKED)]),
        ),
        Script::new("chunks cut everywhere", send_cut_everywhere(chunked.as_str(), UNCHUNKED)),
        Script::new("chunks byte by byte", {
            let bytes = send_in_pieces(CHUNKS, 1);
            then(
                [send(chunked_head("/echo"))]
                    .into_iter()
                    .chain(bytes)
                    .chain([until(UNCHUNKED)])
                    .collect(),
            )
        }),
        Script::new(
            "chunks with a request behind them",
            [send(chunked.clone() + &get("/two")), seen("/two"), pause()],
        ),
        Script::new(
            "chunks whose end comes with a request",
            [
                send(&chunked[..chunked.len() - 2]),
                pause(),
                send("\r\n".to_owned() + &get("/two")),
                seen("/two"),
                pause(),
            ],
        ),
        Script::new("chunks of requests, which are not to be answered", {
            let len = SMUGGLED.len();
            let chunk = format!("{len:X}\r\n{SMUGGLED}\r\n");
            let late =
                [send(chunk.as_str()), pause(), send("0\r\n\r\n"), until(SMUGGLED.repeat(2))];
            then([send(chunked_head("/echo") + &chunk), pause()].into_iter().chain(late).collect())
        }),
        Script::new("chunks with long extensions", {
            let extended =
                format!("5;{}\r\nhello\r\n0;last\r\n\r\n", "name=\"a value\"; ".repeat(50));
            then(vec![send(chunked_head("/echo") + &extended), until("hello")])
        }),
        Script::new(
            "no chunks at all",
            then(vec![send(chunked_head("/echo")), pause(), send("0\r\n\r\n"), pause()]),
        ),
        Script::new("trailers, which the service never sees", {
            then(vec![
                send(chunked_head("/echo") + "5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n"),
                until("hello"),
            ])
        }),
        Script::new("trailers that are sent back", {
            let head = "POST /echo-trailers HTTP/1.1\r\nhost: a\r\nte: trailers\r\ntransfer-encoding: chunked\r\n\r\n";
            then(vec![
                send(head),
                pause(),
                send("5\r\nhello\r\n0\r\nx-sum"),
                pause(),
                send(": 7\r\n\r\n"),
                until("7\r\n"),
            ])
        }),
        Script::new(
            "trailers that come late, with a request behind them",
            [
                send(chunked_head("/echo") + "5\r\nhello\r\n0\r\n"),
                pause(),
                send("x-sum: 7\r\n\r\n".to_owned() + &get("/two")),
                seen("/two"),
                pause(),
            ],
        ),
        Script::new("a body that is read slowly", {
            then(vec![
                send(post_head("/echo-slowly", 9) + "some "),
                pause(),
                pause(),
                send("end\n"),
                until("end\n"),
            ])
        }),
        Script::new(
            "a body that is read slowly, with a request behind it",
            [send(post("/echo-slowly", "body\n") + &get("/two")), seen("/two"), pause()],
        ),
        Script::new("a body that is sent back as it comes", {
            let frames = ["one ", "two ", "three\n"]
                .into_iter()
                .flat_map(|frame| [send(frame), until(frame), pause()]);
            then(
                [send(post_head("/echo-streaming", 14)), pause()]
                    .into_iter()
                    .chain(frames)
                    .collect(),
            )
        }),
        Script::new("requests in a body that is sent back as it comes", {
            let frames = [send(SMUGGLED), until(SMUGGLED), pause()];
            let head = [send(post_head("/echo-streaming", 2 * SMUGGLED.len()))];
            then(head.into_iter().chain(frames.clone()).chain(frames).collect())
        }),
        Script::new("a body of 1 MiB, sent back", {
            then(vec![send(post("/echo", &large)), until("and here it ends")])
        }),
        Script::new("a body of 1 MiB in a chunk, in pieces, with a request behind it", {
            let body =
                chunked_head("/echo") + "100000\r\n" + &large + "\r\n0\r\n\r\n" + &get("/two");
            send_in_pieces(body, 100_000).chain([seen("/two"), pause()])
        }),
    ]
}
