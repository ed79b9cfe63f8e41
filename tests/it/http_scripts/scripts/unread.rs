//! Bodies that the service doesn't read to their end before it answers. What is left looks like
//! requests: who answers it, was smuggled to.

use crate::http_scripts::script::{
    SMUGGLED, Script, Step, chunked_head, get, get_and_pause, pause, post, post_head, seen, send,
    send_in_pieces, until,
};

/// A body of which a part comes at once, and two requests late.
struct Late {
    head: String,
    part: &'static str,
    rest: String,
}

impl Late {
    fn sized(path: &str) -> Self {
        let part = "some ";
        let rest = SMUGGLED.repeat(2);
        Self { head: post_head(path, part.len() + rest.len()), part, rest }
    }

    fn chunked(path: &str) -> Self {
        let len = SMUGGLED.len();
        let rest = format!("{len:x}\r\n{SMUGGLED}\r\n{len:x}\r\n{SMUGGLED}\r\n0\r\n\r\n");
        Self { head: chunked_head(path), part: "5\r\nsome \r\n", rest }
    }

    /// The head with a part, the answer, a pause, the rest, a pause, and another request.
    fn steps(self, answer: &str) -> Vec<Step> {
        let early = [send(self.head + self.part), until(answer), pause(), pause()];
        early.into_iter().chain([send(self.rest), pause(), send(get("/two")), pause()]).collect()
    }

    /// The head, a pause, a part, the answer, a pause, the rest one by one.
    fn steps_in_pieces(self, answer: &str) -> Vec<Step> {
        let early = [send(self.head), pause(), send(self.part), until(answer), pause(), pause()];
        let rest = send_in_pieces(self.rest, SMUGGLED.len());
        early.into_iter().chain(rest).chain([pause(), send(get("/two")), pause()]).collect()
    }
}

pub(super) fn scripts() -> Vec<Script> {
    let mut scripts = ignored();
    scripts.extend(given_up());
    scripts.extend(spawned());
    scripts
}

fn ignored() -> Vec<Script> {
    vec![
        Script::new(
            "an ignored body in the segment of its head",
            [
                send(post("/ignore", SMUGGLED)),
                until("ignored\n"),
                pause(),
                send(get("/two")),
                seen("/two"),
            ],
        ),
        Script::new(
            "an ignored body and a request in one segment",
            [send(post("/ignore", SMUGGLED) + &get("/two")), seen("/two"), pause()],
        ),
        Script::new(
            "an ignored body of no bytes",
            [
                send(post("/ignore", "")),
                until("ignored\n"),
                pause(),
                send(get("/two")),
                seen("/two"),
            ],
        ),
        Script::new(
            "an ignored body of which a part comes late",
            Late::sized("/ignore").steps("ignored\n"),
        ),
        Script::new("an ignored body that comes late", {
            let late = [send(SMUGGLED), pause(), send(get("/two")), pause()];
            [send(post_head("/ignore", SMUGGLED.len())), until("ignored\n"), pause()]
                .into_iter()
                .chain(late)
        }),
        Script::new("an ignored body that comes late on a connection that was parked", {
            let posted = [
                send(post_head("/ignore", SMUGGLED.len())),
                until("ignored\n"),
                pause(),
                send(SMUGGLED),
                pause(),
            ];
            get_and_pause("/one").into_iter().chain(posted)
        }),
        Script::new(
            "an ignored body that comes late, with a request behind it",
            [
                send(post_head("/ignore", SMUGGLED.len())),
                until("ignored\n"),
                pause(),
                send(SMUGGLED.to_owned() + &get("/two")),
                pause(),
            ],
        ),
        Script::new(
            "ignored chunks in the segment of their head",
            [
                send(chunked_head("/ignore") + "5\r\nhello\r\n0\r\n\r\n"),
                until("ignored\n"),
                pause(),
                send(get("/two")),
                pause(),
            ],
        ),
        Script::new("ignored chunks, some late", Late::chunked("/ignore").steps("ignored\n")),
        Script::new("ignored chunks of which the head comes alone", {
            Late { part: "", ..Late::chunked("/ignore") }.steps("ignored\n")
        }),
        Script::new(
            "an ignored body whose last byte is late",
            [
                send(post_head("/ignore", 5) + "body"),
                until("ignored\n"),
                pause(),
                send("\n".to_owned() + &get("/two")),
                pause(),
            ],
        ),
        Script::new(
            "a failing service that ignores a body",
            [send(post_head("/fail", 5)), pause(), send(SMUGGLED)],
        ),
    ]
}

fn given_up() -> Vec<Script> {
    vec![
        Script::new("a body given up after a frame", Late::sized("/give-up").steps("after 5\n")),
        Script::new(
            "a body given up after a late frame",
            Late::sized("/give-up").steps_in_pieces("after 5\n"),
        ),
        Script::new("chunks given up after a frame", Late::chunked("/give-up").steps("after 5\n")),
        Script::new(
            "chunks given up after a late frame",
            Late::chunked("/give-up").steps_in_pieces("after 5\n"),
        ),
        Script::new(
            "a body given up after a timeout",
            Late::sized("/give-up-later").steps("after 5\n"),
        ),
        Script::new(
            "chunks given up after a timeout",
            Late::chunked("/give-up-later").steps("after 5\n"),
        ),
        Script::new(
            "a body given up at its end",
            [
                send(post("/give-up", "some ")),
                until("after 5\n"),
                pause(),
                send(get("/two")),
                pause(),
            ],
        ),
        Script::new(
            "a body given up of which nothing came",
            [
                send(post_head("/give-up-later", SMUGGLED.len())),
                until("after 0\n"),
                pause(),
                send(SMUGGLED),
                pause(),
                send(get("/two")),
                pause(),
            ],
        ),
        Script::new(
            "chunks given up before their last",
            [
                send(chunked_head("/give-up") + "5\r\nsome \r\n"),
                until("after 5\n"),
                pause(),
                send("0\r\n\r\n"),
                pause(),
                send(get("/two")),
                pause(),
            ],
        ),
    ]
}

fn spawned() -> Vec<Script> {
    let kept = |late: Late| late.steps("spawned\n").into_iter().chain([seen("/two"), pause()]);
    vec![
        Script::new(
            "a body that a task reads",
            [
                send(post("/spawned", "some ")),
                until("spawned\n"),
                pause(),
                pause(),
                send(get("/two")),
                seen("/two"),
            ],
        ),
        Script::new(
            "a body that a task reads, of which a part comes late",
            kept(Late::sized("/spawned")),
        ),
        Script::new("chunks that a task reads, some late", kept(Late::chunked("/spawned"))),
        Script::new("a body that a task reads, one request at a time", {
            Late::sized("/spawned").steps_in_pieces("spawned\n").into_iter().chain([seen("/two")])
        }),
        Script::new("chunks that a task reads, one request at a time", {
            Late::chunked("/spawned").steps_in_pieces("spawned\n").into_iter().chain([seen("/two")])
        }),
        Script::new("a body that a task reads, and all of it comes late", {
            kept(Late {
                head: post_head("/spawned", 2 * SMUGGLED.len()),
                part: "",
                rest: SMUGGLED.repeat(2),
            })
        }),
        Script::new(
            "a body that a task reads, with a request behind its late end",
            [
                send(post_head("/spawned", SMUGGLED.len())),
                until("spawned\n"),
                pause(),
                send(SMUGGLED.to_owned() + &get("/two")),
                seen("/two"),
                pause(),
            ],
        ),
        Script::new("two bodies that tasks read, after one another", {
            let first =
                Late::sized("/spawned").steps("spawned\n").into_iter().chain([seen("/two")]);
            first.chain(kept(Late::chunked("/spawned")))
        }),
        Script::new("a body that a task drops", Late::sized("/spawned-dropped").steps("spawned\n")),
        Script::new(
            "chunks that a task drops",
            Late::chunked("/spawned-dropped").steps("spawned\n"),
        ),
        Script::new(
            "a body that a task reads, whose client goes away",
            [
                send(post_head("/spawned", 100) + "some "),
                until("spawned\n"),
                pause(),
                Step::HalfClose,
            ],
        ),
    ]
}
