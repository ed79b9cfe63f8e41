//! Flags, and what is said of wrong ones.

use crate::serve::{
    server::{Server, run},
    site::Site,
};

/// Runs the program with wrong flags; its code and its message.
fn refusal(flags: &[&str]) -> (Option<i32>, String) {
    let output = run(flags);
    assert!(output.stdout.is_empty(), "nothing is announced");
    (output.status.code(), String::from_utf8(output.stderr).expect("messages are text"))
}

#[track_caller]
fn assert_refused(flags: &[&str], code: i32, words: &[&str]) {
    let (found, message) = refusal(flags);
    assert_eq!(found, Some(code), "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

#[test]
fn the_first_line_says_where_it_listens() {
    let server = Server::start(&Site::new());
    assert_eq!(server.announcement, format!("listening on http://{}\n", server.address));
    assert_ne!(server.address.port(), 0);
}

#[test]
fn a_budget_is_kept() {
    let server = Server::start_with(&Site::new(), &["--budget", "3MiB"]);
    assert_eq!(server.figure("budget"), 3 << 20);
}

#[test]
fn wrong_flags_are_refused_with_advice() {
    let site = Site::new();
    let file = site.write("file", b"");
    let file = file.to_str().expect("UTF-8");
    assert_refused(&["--budget", "100KiB"], 1, &["--budget 100.0 KiB", "try --budget 8MiB"]);
    assert_refused(&["--budget", "much"], 2, &["'much' for '--budget <SIZE>'", "such as 8MiB"]);
    assert_refused(
        &["--root", "/no/such/place"],
        1,
        &["--root /no/such/place", "name a directory that exists"],
    );
    assert_refused(&["--root", file], 1, &["is not a directory"]);
    assert_refused(&["--budget", "1MiB", "--deflate"], 1, &["--deflate needs a larger --budget"]);
    assert_refused(&["--upload-max", "1MiB"], 2, &["--uploads <DIR>"]);
    assert_refused(&["--uploads", file], 1, &["is not a directory; name one that exists"]);
    assert_refused(&["--rood", "."], 2, &["'--rood'", "'--root'"]);
    assert_refused(&["--listen", "8080"], 2, &["'--listen <ADDR>'"]);
    assert_refused(
        &["--listen", "192.0.2.1:0"],
        1,
        &["192.0.2.1:0", "choose another with --listen"],
    );
}

#[test]
fn a_port_in_use_is_named() {
    let server = Server::start(&Site::new());
    let address = server.address.to_string();
    assert_refused(&["--listen", &address], 1, &[&address, "in use", "choose another port"]);
}
