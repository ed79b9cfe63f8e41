//! The example `relay`, as its users meet it: the real program between plain sockets.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use crate::program::{Program, assert_refused};

const SOON: Duration = Duration::from_secs(15);

/// A server, and a relay to it.
fn relayed() -> (TcpListener, Program) {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let relay =
        Program::start("relay", &["--to", &server.local_addr().expect("bound").to_string()]);
    (server, relay)
}

/// A client of the relay, and the server's end of it.
fn joined(server: &TcpListener, relay: &Program) -> (TcpStream, TcpStream) {
    let near = TcpStream::connect(relay.address).expect("the relay listens");
    let (far, _) = server.accept().expect("the relay connects");
    for socket in [&near, &far] {
        socket.set_read_timeout(Some(SOON)).expect("a timeout");
    }
    (near, far)
}

#[test]
fn bytes_go_there_and_back_and_are_counted() {
    let (server, mut relay) = relayed();
    let (mut near, mut far) = joined(&server, &relay);
    let sent: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    let heard = thread::scope(|scope| {
        scope.spawn(|| {
            near.write_all(&sent).expect("the relay reads");
            near.shutdown(Shutdown::Write).expect("connected");
        });
        let mut heard = Vec::new();
        far.read_to_end(&mut heard).expect("the relay writes");
        heard
    });
    assert!(heard == sent);
    far.write_all(b"thanks").expect("the relay reads");
    drop(far);
    let mut answer = String::new();
    near.read_to_string(&mut answer).expect("the relay writes");
    assert_eq!(answer, "thanks");
    relay.signal("INT");
    let (status, said) = relay.wait();
    assert!(status.success());
    assert!(said.contains(": ended, after 3000000 bytes there and 6 back\n"), "{said}");
    assert!(said.contains("relay: done; at most "), "{said}");
}

#[test]
fn open_connections_may_end_after_ctrl_c() {
    let (server, mut relay) = relayed();
    let (mut near, mut far) = joined(&server, &relay);
    near.write_all(b"?").expect("the relay reads");
    far.read_exact(&mut [0]).expect("the relay writes");
    relay.signal("INT");
    thread::sleep(Duration::from_millis(300));
    assert!(TcpStream::connect(relay.address).is_err(), "it listens no more");
    far.write_all(b"!").expect("the relay still reads");
    near.read_exact(&mut [0]).expect("the relay still writes");
    drop((near, far));
    let (status, said) = relay.wait();
    assert!(status.success());
    assert!(
        said.contains("relay: stopping; 1 still open")
            && said.contains(": ended, after 1 bytes there"),
        "{said}"
    );
}

#[test]
fn a_second_ctrl_c_cuts_them_off() {
    let (server, mut relay) = relayed();
    let (mut near, _far) = joined(&server, &relay);
    relay.signal("INT");
    thread::sleep(Duration::from_millis(300));
    relay.signal("INT");
    assert_eq!(near.read(&mut [0]).expect("closed in order"), 0);
    let (status, said) = relay.wait();
    assert!(status.success());
    assert!(said.contains(": cut off, after 0 bytes there and 0 back\n"), "{said}");
}

#[test]
fn when_memory_is_short_new_connections_are_refused() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to = server.local_addr().expect("bound").to_string();
    let mut relay = Program::start("relay", &["--to", &to, "--budget", "1MiB"]);
    // These servers do not read: a direction each is full before long.
    let mut stalled = Vec::new();
    let refused = loop {
        assert!(stalled.len() < 100, "there is always memory");
        let near = TcpStream::connect(relay.address).expect("the relay listens");
        near.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        match (&near).read(&mut [0]) {
            Ok(count) => break count, // it closes, or
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break 0,
            Err(_) => {} // serves
        }
        near.set_nonblocking(true).expect("a socket");
        for _ in 0..20 {
            while (&near).write(&[7; 64 << 10]).is_ok() {}
            thread::sleep(Duration::from_millis(10));
        }
        stalled.push((near, server.accept().expect("the relay connects")));
    };
    assert_eq!(refused, 0);
    drop(stalled);
    thread::sleep(Duration::from_millis(300));
    let (mut near, mut far) = joined(&server, &relay);
    near.write_all(b"?").expect("the relay reads");
    far.read_exact(&mut [0]).expect("the relay writes");
    drop((near, far));
    relay.signal("INT");
    let (_, said) = relay.wait();
    assert!(said.contains(" of 1048576 bytes are leased; give more with --budget"), "{said}");
}

#[test]
fn silent_connections_are_ended() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to = server.local_addr().expect("bound").to_string();
    for (flag, says) in
        [("--idle-timeout", "(idle_timeout)"), ("--half-open-timeout", "(half_open_timeout)")]
    {
        let mut relay = Program::start("relay", &["--to", &to, flag, "1"]);
        let (mut near, far) = joined(&server, &relay);
        if flag == "--half-open-timeout" {
            far.shutdown(Shutdown::Write).expect("connected");
        }
        assert_eq!(near.read(&mut [0]).expect("closed in order"), 0);
        thread::sleep(Duration::from_millis(1500));
        relay.signal("INT");
        let (status, said) = relay.wait();
        assert!(status.success());
        assert!(said.contains(&format!("{says}, after 0 bytes there and 0 back")), "{said}");
    }
}

#[test]
fn an_unreachable_target_is_named() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let to = server.local_addr().expect("bound").to_string();
    let mut relay = Program::start("relay", &["--to", &to]);
    drop(server);
    let mut near = TcpStream::connect(relay.address).expect("the relay listens");
    assert_eq!(near.read(&mut [0]).expect("closed in order"), 0);
    relay.signal("INT");
    let (_, said) = relay.wait();
    assert!(said.contains(&format!("cannot reach {to}; is it running")), "{said}");
}

#[test]
fn wrong_flags_are_refused_with_advice() {
    assert_refused("relay", &[], 2, &["--to <HOST:PORT>"]);
    let listen = ["--listen", "127.0.0.1:0"];
    let refused = |flags: &[&str], code, words: &[&str]| {
        assert_refused("relay", &[&listen, flags].concat(), code, words)
    };
    refused(&["--to", "nowhere"], 1, &["--to nowhere", "write HOST:PORT"]);
    refused(
        &["--to", "127.0.0.1:1", "--budget", "100KiB"],
        1,
        &["--budget 100.0 KiB", "try --budget 64MiB"],
    );
    refused(
        &["--to", "127.0.0.1:1", "--budget", "much"],
        2,
        &["'much' for '--budget <SIZE>'", "such as 64MiB"],
    );
    let (server, relay) = relayed();
    let (to, taken) = (server.local_addr().expect("bound").to_string(), relay.address.to_string());
    assert_refused(
        "relay",
        &["--to", &to, "--listen", &taken],
        1,
        &[&taken, "in use", "choose another port"],
    );
}
