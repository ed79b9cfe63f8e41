//! Upgrades: taken, refused, and with bytes of the new protocol before the answer.

use crate::http_scripts::script::{
    SMUGGLED, Script, Step, get, get_and_pause, pause, seen, send, send_in_pieces, until,
};

fn head(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
}

const CONNECT: &str = "CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n";

pub(super) fn scripts() -> Vec<Script> {
    let echoed = || {
        ["one ", SMUGGLED, "three "]
            .into_iter()
            .flat_map(|bytes| [send(bytes), until(bytes), pause()])
    };
    let upgraded =
        |path: &str| [send(head(path)), until("\r\n\r\n"), pause()].into_iter().chain(echoed());
    let early = |path: &str| {
        let early = head(path) + SMUGGLED;
        [send(early), until(SMUGGLED), pause()].into_iter().chain(echoed())
    };
    vec![
        Script::new("an upgrade at once", upgraded("/upgrade")),
        Script::new("an upgrade after requests with pauses", {
            ["/one", "/two"].into_iter().flat_map(get_and_pause).chain(upgraded("/upgrade"))
        }),
        Script::new("an upgrade whose head comes in pieces", {
            let bytes = send_in_pieces(head("/upgrade"), 11);
            get_and_pause("/one")
                .into_iter()
                .chain(bytes)
                .chain([until("\r\n\r\n"), pause()])
                .chain(echoed())
        }),
        Script::new("an upgrade behind a request in one segment", {
            let both = get("/one") + &head("/upgrade");
            [send(both), until("101 Switching"), until("\r\n\r\n"), pause()]
                .into_iter()
                .chain(echoed())
        }),
        Script::new("an upgrade with early bytes", early("/upgrade")),
        Script::new("an upgrade with early bytes after a parking", {
            get_and_pause("/one").into_iter().chain(early("/upgrade"))
        }),
        Script::new("an upgrade with early bytes, behind a request in one segment", {
            let all = get("/one") + &head("/upgrade") + SMUGGLED;
            [send(all), until(SMUGGLED), pause()].into_iter().chain(echoed())
        }),
        Script::new("an upgrade with early bytes, the head cut", {
            let early = head("/upgrade") + SMUGGLED;
            let (first, second) = early.split_at(30);
            [send(first), pause(), send(second), until(SMUGGLED), pause()]
                .into_iter()
                .chain(echoed())
        }),
        Script::new("an upgrade that is used late", upgraded("/upgrade-later")),
        Script::new("an upgrade with early bytes that is used late", early("/upgrade-later")),
        Script::new(
            "an upgrade that its client closes at once",
            [send(head("/upgrade")), until("\r\n\r\n"), Step::HalfClose],
        ),
        Script::new("an upgrade refused, and another request", {
            [send(head("/one")), seen("/one"), pause()].into_iter().chain(get_and_pause("/two"))
        }),
        Script::new("an upgrade refused, and taken the second time", {
            [send(head("/one")), seen("/one"), pause()].into_iter().chain(upgraded("/upgrade"))
        }),
        Script::new("an upgrade refused, with a request behind", {
            [send(head("/one") + &get("/two")), seen("/two"), pause()]
                .into_iter()
                .chain(get_and_pause("/three"))
        }),
        Script::new("an upgrade refused late, with a request behind", {
            [send(head("/late")), pause(), send(get("/two")), seen("/two"), pause()]
        }),
        Script::new("an upgrade to HTTP/2 that nobody takes", {
            let head = "GET /one HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\
                        http2-settings: AAMAAABkAAQAAP__\r\n\r\n";
            [send(head), seen("/one"), pause()].into_iter().chain(get_and_pause("/two"))
        }),
        Script::new("an upgrade of HTTP/1.0", {
            let head = "GET /upgrade HTTP/1.0\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
            [send(head), pause(), send(SMUGGLED), pause()]
        }),
        Script::new("an upgrade that its connection does not name", {
            let head = "GET /upgrade HTTP/1.1\r\nhost: a\r\nupgrade: echo\r\n\r\n";
            [send(head), pause(), send(SMUGGLED), pause()]
        }),
        Script::new("an upgrade in other letters", {
            let head = "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive, Upgrade\r\nUpgrade: Echo\r\n\r\n";
            [send(head), until("\r\n\r\n"), pause()].into_iter().chain(echoed())
        }),
        Script::new("CONNECT to a host without a port", {
            let head = "CONNECT localhost HTTP/1.1\r\n\r\n";
            [send(head.to_owned() + SMUGGLED), until(SMUGGLED), pause()]
        }),
        Script::new("an upgrade with a body", {
            let head = "POST /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\ncontent-length: 5\r\n\r\n";
            [send(head), pause(), send("body\n"), pause(), send(SMUGGLED), pause()]
        }),
        Script::new(
            "an upgrade that was not asked for",
            [send(get("/upgrade")), pause(), send(get("/two")), pause()],
        ),
        Script::new(
            "CONNECT",
            [send(CONNECT), until("\r\n\r\n"), pause()].into_iter().chain(echoed()),
        ),
        Script::new("CONNECT with early bytes after a parking", {
            let early = [send(CONNECT.to_owned() + SMUGGLED), until(SMUGGLED), pause()];
            get_and_pause("/one").into_iter().chain(early).chain(echoed())
        }),
    ]
}
