//! Slow disks and slow clients.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{assert_at_rest, begin, names, start, utf8};
use crate::serve::{server::Server, site::Site};

#[test]
fn a_slow_disk_keeps_nobody_else_waiting() {
    let site = Site::new();
    site.write("file", b"text");
    let slow = ["-e", "trace=fsync", "-e", "inject=fsync:delay_enter=1000000"];
    let inbox = site.inbox();
    let Some(server) =
        Server::start_traced(&site, &slow, &["--budget", "64MiB", "--uploads", utf8(&inbox)])
    else {
        println!("skipped: there is no strace that may trace");
        return;
    };
    let mut clients: Vec<_> =
        (0..24).map(|index| begin(&server, &format!("/up/{index}"), 4, b"text")).collect();
    thread::sleep(Duration::from_millis(500));
    for path in ["/-/pool", "/file", "/?files"] {
        let start = Instant::now();
        assert_eq!(server.get(path).status, 200);
        assert!(start.elapsed() < Duration::from_millis(900), "{path} took {:?}", start.elapsed());
    }
    for client in &mut clients {
        assert_eq!(client.reply("PUT").status, 201);
    }
    assert_at_rest(&server, &inbox);
}

#[test]
fn clients_that_send_slowly_keep_nobody_from_the_figures() {
    let site = Site::new();
    let server = start(&site, &["--budget", "1MiB"]);
    let mut slow: Vec<_> =
        (0..100).map(|index| begin(&server, &format!("/up/{index}"), 1000, b"x")).collect();
    server.settled_leased();
    assert!(server.open_files(&site.inbox()) <= 4);
    for page in ["/", "/-/pool"] {
        assert_eq!(server.get(page).status, 200, "{page}");
    }
    let mut stored = 0;
    for client in &mut slow {
        client.write(&[b'x'; 999]);
        match client.reply("PUT") {
            reply if reply.status == 201 => stored += 1,
            reply => assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1"))),
        }
    }
    assert_eq!(names(&site).len(), stored);
    assert!(stored > 0);
    // One whose body came too late to be read on is kept as it is until its time is over, or its
    // client goes.
    drop(slow);
    assert_at_rest(&server, &site.inbox());
}
