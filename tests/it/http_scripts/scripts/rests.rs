//! Connections on which nothing happens: the server has nothing to do either.

use crate::http_scripts::script::{
    Script, Step, chunked_head, get, get_and_pause, pause, post_head, seen, send, until,
};

pub(super) fn scripts() -> Vec<Script> {
    let rest = |name, steps: &[Step], late: &[Step]| {
        let steps = steps.iter().chain([&Step::Rest]).chain(late);
        Script::new(name, steps.cloned())
    };
    let head = get("/two");
    let (first, second) = head.split_at(9);
    let long_first = format!("{}X-Long: {}", &head[..head.len() - 2], "x".repeat(5000));
    let long_halves = [send("\r\n\r\n"), seen("/two"), pause()];
    let halves = [send(second), seen("/two"), pause()];
    vec![
        rest(
            "a rest on a connection that is parked",
            &get_and_pause("/one"),
            &get_and_pause("/two"),
        ),
        rest("a rest in a head", &[send(first)], &halves),
        rest("a rest in a long head", &[send(long_first)], &long_halves),
        rest(
            "a rest in a head behind a request",
            &[send(get("/one") + first), seen("/one")],
            &halves,
        ),
        rest("a rest behind a line end", &[send("\r\n")], &get_and_pause("/two")),
        rest(
            "a rest in a body",
            &[send(post_head("/echo", 9) + "some ")],
            &[send("end\n"), until("end\n"), pause()],
        ),
        rest(
            "a rest in a chunk",
            &[send(chunked_head("/echo") + "5\r\nhe")],
            &[send("llo\r\n0\r\n\r\n"), until("hello")],
        ),
        rest(
            "a rest in 4 MiB that nobody reads",
            &[send(get("/large"))],
            &[until("65535 \n"), pause()],
        ),
        rest(
            "a rest in a body that a task waits for",
            &[send(post_head("/spawned", 5))],
            &[send("body\n"), pause()],
        ),
    ]
}
