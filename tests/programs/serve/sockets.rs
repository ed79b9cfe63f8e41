//! The echo at `/ws` and the figures at `/feed`.

use std::{
    net::TcpStream,
    thread::sleep,
    time::{Duration, Instant},
};

use socket2::{Domain, Type};
use tokio_tungstenite::tungstenite::Message;

use crate::serve::{
    client::Client,
    server::Server,
    site::Site,
    socket::{HANDSHAKE, Socket},
};

const GOING_AWAY: u16 = 1001;
const TOO_BIG: u16 = 1009;
const TRY_AGAIN: u16 = 1013;

fn bytes(len: usize) -> Message {
    (0..len).map(|index| (index * 31 / 8) as u8).collect::<Vec<_>>().into()
}

/// A client of a socket that sends whatever it is told to.
fn upgraded(server: &Server, path: &str) -> Client {
    let mut client = server.connect();
    assert_eq!(client.ask("GET", path, &HANDSHAKE).status, 101);
    client
}

/// The first bytes of a message, behind a head that announces all of it; the mask is 0.
fn part(len: u64, sent: usize) -> Vec<u8> {
    let mut frame = vec![0x82, 0xff];
    frame.extend(len.to_be_bytes());
    frame.extend([0; 4]);
    frame.resize(frame.len() + sent, 7);
    frame
}

#[track_caller]
fn assert_eventually(server: &Server, within: Duration, name: &str, figure: u64) {
    let deadline = Instant::now() + within;
    while server.figure(name) != figure {
        assert!(
            Instant::now() < deadline,
            "{name} does not become {figure}: {:#}",
            server.figures()
        );
        sleep(Duration::from_millis(50));
    }
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn an_echo_says_what_it_hears() {
    let server = Server::start(&Site::new());
    let mut socket = Socket::open(&server, "/ws");
    for len in [0, 1, 100, 125, 126, 65_535, 65_536, 1 << 20] {
        socket.assert_echoes(bytes(len));
        socket.assert_echoes("\u{fc}\u{20ac}\u{1f980}".repeat(len / 9));
    }
    server.assert_comes_to_rest();
    socket.close();
    assert_eventually(&server, SOON, "sockets", 0);
}

#[test]
fn an_echo_takes_messages_up_to_a_limit() {
    let server = Server::start(&Site::new());
    for message in [bytes((1 << 20) + 1), bytes(8 << 20), Message::text("x".repeat((1 << 20) + 1))]
    {
        let mut socket = Socket::open(&server, "/ws");
        socket.assert_echoes("hello");
        socket.send(message);
        assert_eq!(socket.close_code(), TOO_BIG);
    }
    server.assert_comes_to_rest();
}

#[test]
fn an_echo_fits_a_small_budget() {
    let server = Server::start_with(&Site::new(), &["--budget", "1MiB"]);
    let mut sockets: Vec<_> = (0..8).map(|_| Socket::open(&server, "/ws")).collect();
    for socket in &mut sockets {
        socket.assert_echoes(bytes(74 << 10));
    }
    sockets[0].send(bytes((74 << 10) + 1));
    assert_eq!(sockets[0].close_code(), TOO_BIG);
    server.assert_comes_to_rest();
}

#[test]
fn an_echo_compresses_only_if_it_is_told_to() {
    let offer = "sec-websocket-extensions: permessage-deflate; client_max_window_bits";
    let headers = [&HANDSHAKE[..], &[offer]].concat();
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (flags, answer) in [(&[][..], None), (&["--deflate"], Some(agreed))] {
        let server = Server::start_with(&Site::new(), flags);
        let reply = server.connect().ask("GET", "/ws", &headers);
        assert_eq!((reply.status, reply.header("sec-websocket-extensions")), (101, answer));
        // Figures are short, and told in the clear.
        assert_eq!(
            server.connect().ask("GET", "/feed", &headers).header("sec-websocket-extensions"),
            None
        );
        assert_eq!(server.figure("reserved") > 400 << 10, answer.is_some());
    }
}

#[test]
fn a_plain_request_is_told_what_there_is() {
    let server = Server::start(&Site::new());
    for path in ["/ws", "/feed"] {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.header("upgrade")), (426, Some("websocket")), "{path}");
        assert_eq!(
            server.connect().ask("POST", path, &["content-length: 0"]).status,
            405,
            "{path}"
        );
    }
    server.assert_comes_to_rest();
}

#[test]
fn idle_sockets_hold_nothing_and_are_no_connections() {
    const SOCKETS: u64 = 200;
    let server = Server::start(&Site::new());
    let mut idle: Vec<_> = (0..SOCKETS).map(|_| Socket::open(&server, "/ws")).collect();
    for (index, socket) in idle.iter_mut().enumerate() {
        socket.assert_echoes(bytes(if index % 20 == 0 { 1 << 20 } else { 100 }));
    }
    server.assert_comes_to_rest();
    let figures = server.figures();
    assert_eq!(
        (&figures["sockets"], &figures["leased"]),
        (&SOCKETS.into(), &0.into()),
        "{figures:#}"
    );
    assert!(figures["connections"]["open"].as_u64() <= Some(2), "{figures:#}");
    let accounts = figures["accounts"].as_array().expect("a list");
    assert!(accounts.iter().all(|account| account["name"] != "/ws"), "{figures:#}");
    // They are open still.
    for socket in &mut idle {
        socket.assert_echoes("still");
    }
    drop(idle);
    assert_eventually(&server, SOON, "sockets", 0);
    server.assert_comes_to_rest();
}

#[test]
fn all_listeners_get_the_same_figures() {
    let server = Server::start(&Site::new());
    let mut first = Socket::open(&server, "/feed");
    let start = Instant::now();
    let mut told = vec![first.figures()];
    assert!(start.elapsed() < Duration::from_millis(800), "who listens first waits for nothing");
    let mut others: Vec<_> = (0..5).map(|_| Socket::open(&server, "/feed")).collect();
    told.extend((0..4).map(|_| first.figures()));
    let took = start.elapsed();
    assert!((3..8).contains(&took.as_secs()), "five come once a second, in {took:?}");
    for other in &mut others {
        let heard: Vec<_> = (0..3).map(|_| other.figures()).collect();
        assert!(told.windows(3).any(|told| *told == heard), "{heard:#?} are not in {told:#?}");
    }
    // They are those of the page.
    let names = |figures: &serde_json::Value| {
        figures.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(&told[4]), names(&server.figures()));
    assert_eq!(told[4]["sockets"], 6);
    drop((first, others));
    server.assert_comes_to_rest();
}

#[test]
fn no_figures_are_made_for_nobody() {
    let server = Server::start(&Site::new());
    let taken = || {
        let metrics = server.get("/metrics");
        let lines = metrics
            .text()
            .lines()
            .filter(|line| line.starts_with("leasehold_class_taken_blocks_total"));
        lines
            .map(|line| {
                line.rsplit(' ')
                    .next()
                    .and_then(|count| count.parse::<u64>().ok())
                    .expect("a count")
            })
            .sum()
    };
    for _ in 0..2 {
        let mut listener = Socket::open(&server, "/feed");
        let before: u64 = taken();
        (0..3).for_each(|_| drop(listener.figures()));
        assert!(taken() > before, "figures are made in blocks");
        listener.close();
        assert_eventually(&server, SOON, "sockets", 0);
        sleep(Duration::from_millis(1500)); // the task looks around once more
        let before: u64 = taken();
        sleep(Duration::from_millis(2500));
        assert_eq!(taken(), before);
    }
}

#[test]
fn a_listener_that_does_not_read_is_closed_and_the_others_go_on() {
    let server = Server::start(&Site::new());
    let mut listener = Socket::open(&server, "/feed");
    // The kernel takes as little as it can for this one.
    let asleep = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    asleep.set_recv_buffer_size(1).expect("a length");
    asleep.connect(&server.address.into()).expect("the server accepts");
    let mut asleep = Client::on(TcpStream::from(asleep));
    assert_eq!(asleep.ask("GET", "/feed", &HANDSHAKE).status, 101);
    while listener.figures()["sockets"] != 2 {}

    let start = Instant::now();
    let mut most = 0;
    while listener.figures()["sockets"] != 1 {
        most = most.max(server.figure("leased"));
        assert!(start.elapsed() < Duration::from_secs(60), "{:#}", server.figures());
    }
    let took = start.elapsed();
    assert!(most > 0 && most <= 64 << 10, "{most} bytes were held");
    for _ in 0..3 {
        let last = Instant::now();
        listener.figures();
        assert!(last.elapsed() < Duration::from_secs(2));
    }
    println!(
        "a listener that does not read was closed after {took:?}, and held at most {most} bytes"
    );
    server.assert_comes_to_rest();
    drop(asleep);
}

#[test]
fn a_listener_has_nothing_to_say() {
    let server = Server::start(&Site::new());
    let mut listener = Socket::open(&server, "/feed");
    listener.send("a word");
    listener.figures();
    listener.send(bytes(1 << 20));
    assert_eq!(listener.close_code(), TOO_BIG);
    assert_eventually(&server, SOON, "sockets", 0);
    server.assert_comes_to_rest();
}

#[test]
fn only_pages_of_this_server_listen() {
    let server = Server::start(&Site::new());
    let own = server.address;
    let port = own.port();
    for origin in
        [format!("http://{own}"), format!("HTTP://{own}").to_lowercase(), format!("https://{own}")]
    {
        let mut listener =
            Socket::open_with(&server, "/feed", &[("origin", &origin)]).expect("it is our page");
        listener.figures();
    }
    for origin in [
        String::new(),
        "null".to_owned(),
        "http://evil.example".to_owned(),
        format!("http://evil.example:{port}"),
        format!("http://localhost:{port}"), // it is asked under another name
        "http://127.0.0.1".to_owned(),
        format!("http://{own}.evil.example"),
        format!("http://evil.example@{own}"),
        format!("http://{own}/"),
        format!("ftp://{own}"),
        own.to_string(),
    ] {
        assert_eq!(
            Socket::open_with(&server, "/feed", &[("origin", &origin)]).err(),
            Some(403),
            "{origin:?}"
        );
        // The echo has no secrets.
        let mut echo =
            Socket::open_with(&server, "/ws", &[("origin", &origin)]).expect("it is for all");
        echo.assert_echoes("hello");
    }
    let own = format!("http://{own}");
    for two in [
        [("origin", &own[..]), ("origin", "http://evil.example")],
        [("origin", "null"), ("origin", &own[..])],
    ] {
        assert_eq!(Socket::open_with(&server, "/feed", &two).err(), Some(403), "{two:?}");
    }
    let localhost =
        [("host", &*format!("LocalHost:{port}")), ("origin", &*format!("http://localhost:{port}"))];
    assert!(Socket::open_with(&server, "/feed", &localhost).is_ok());
}

#[test]
fn the_figures_are_told_to_whom_they_are_shown() {
    let site = Site::new();
    let local = Server::start(&site);
    let named = |host| [("host", host)];
    assert_eq!(Socket::open_with(&local, "/feed", &named("evil.example")).err(), Some(403));
    // A page of a site whose name was made to lead here.
    let rebound = [("host", "evil.example"), ("origin", "http://evil.example")];
    assert_eq!(Socket::open_with(&local, "/feed", &rebound).err(), Some(403));

    let shut = Server::start_at(&site, "0.0.0.0:0", &[]);
    assert_eq!(Socket::open_with(&shut, "/feed", &[]).err(), Some(404));
    Socket::open(&shut, "/ws").assert_echoes("hello");

    let public = Server::start_at(&site, "0.0.0.0:0", &["--public"]);
    Socket::open_with(&public, "/feed", &named("files.example")).expect("it is public").figures();
    let own = [("host", "files.example"), ("origin", "https://files.example")];
    Socket::open_with(&public, "/feed", &own).expect("it is our page").figures();
    let foreign = [("host", "files.example"), ("origin", "https://evil.example")];
    assert_eq!(Socket::open_with(&public, "/feed", &foreign).err(), Some(403));
}

#[test]
fn a_server_that_stops_says_so() {
    for signal in ["INT", "TERM"] {
        let mut server = Server::start(&Site::new());
        let mut echoes: Vec<_> = (0..3).map(|_| Socket::open(&server, "/ws")).collect();
        let mut listeners: Vec<_> = (0..3).map(|_| Socket::open(&server, "/feed")).collect();
        let mut begun = upgraded(&server, "/ws");
        assert!(begun.write(&part(100_000, 50_000)));
        echoes[0].assert_echoes(bytes(1 << 20));
        listeners[0].figures();
        server.signal(signal);
        let start = Instant::now();
        for socket in echoes.iter_mut().chain(&mut listeners) {
            assert_eq!(socket.close_code(), GOING_AWAY);
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        // Each of them answers, and is gone.
        drop((echoes, listeners, begun));
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
}

/// Sockets that have begun messages and stop, until there is no memory for another one. None of
/// them waits for more.
fn exhaust(server: &Server) -> Vec<Client> {
    const TRANSFERS: u64 = 640 << 10;
    let mut begun = Vec::new();
    while server.settled_leased() < TRANSFERS - (70 << 10) {
        let mut client = upgraded(server, "/ws");
        assert!(client.write(&part(70 << 10, 69 << 10)));
        begun.push(client);
    }
    begun
}

#[test]
fn an_echo_waits_for_memory() {
    let server = Server::start_with(&Site::new(), &["--budget", "1MiB"]);
    let mut socket = Socket::open(&server, "/ws");
    let begun = exhaust(&server);
    socket.send(bytes(70 << 10));
    // The figures are told all the same.
    let mut listener = Socket::open(&server, "/feed");
    for _ in 0..3 {
        let figures = listener.figures();
        assert!(figures["leased"].as_u64() >= Some(500 << 10), "{figures:#}");
    }
    drop(begun);
    assert!(socket.recv() == bytes(70 << 10));
    drop(listener);
    server.assert_comes_to_rest();
}

#[test]
#[ignore = "waits for the longest wait for memory, 30 s, and for clients that stop"]
fn an_echo_that_gets_no_memory_is_closed_with_a_word() {
    let server = Server::start_with(&Site::new(), &["--budget", "1MiB"]);
    let mut sockets: Vec<_> = (0..3).map(|_| Socket::open(&server, "/ws")).collect();
    let begun = exhaust(&server);
    let start = Instant::now();
    sockets.iter_mut().for_each(|socket| socket.send(bytes(70 << 10)));
    // What one of them gives up may do for the next one, and so does what those hold that have
    // stopped.
    let mut refused = 0;
    for socket in &mut sockets {
        match socket.recv() {
            Message::Close(Some(frame)) => {
                assert_eq!(u16::from(frame.code), TRY_AGAIN, "{frame:?}");
                refused += 1;
            }
            message => assert!(message == bytes(70 << 10)),
        }
    }
    assert!(
        refused > 0 && start.elapsed() < Duration::from_secs(90),
        "{refused} in {:?}",
        start.elapsed()
    );
    drop((begun, sockets));
    server.assert_comes_to_rest();
    assert_eventually(&server, SOON, "sockets", 0);
}

#[test]
#[ignore = "waits for clients that stop, 75 s"]
fn a_client_that_stops_is_cut_and_an_idle_one_is_not() {
    let server = Server::start(&Site::new());
    let idle = upgraded(&server, "/ws");
    let mut alive = Socket::open(&server, "/ws");
    let mut unread = upgraded(&server, "/ws");
    std::thread::spawn(move || {
        (0..32).all(|_| unread.write(&part(1 << 20, 1 << 20)));
        sleep(Duration::from_secs(300));
    });
    let mut begun = upgraded(&server, "/ws");
    begun.write(&part(1 << 20, 500_000));
    // The first part of a message in two, and pongs as if it were alive.
    let mut fragmented = upgraded(&server, "/ws");
    let mut first = part(500_000, 500_000);
    first[0] = 0x02;
    fragmented.write(&first);
    let held = server.settled_leased();
    assert!(held > 1_500_000, "{held} bytes are held");
    assert_eq!(server.figure("sockets"), 5);
    for _ in 0..37 {
        fragmented.write(&[0x8a, 0x80, 0, 0, 0, 0]);
        alive.assert_echoes("still");
        sleep(Duration::from_secs(2));
    }
    // Who answers no ping is gone too; who does, is not.
    assert_eventually(&server, SOON, "sockets", 1);
    server.assert_comes_to_rest();
    drop((idle, begun, fragmented));
}
