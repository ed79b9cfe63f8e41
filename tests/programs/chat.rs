//! The example `chat`, as its users meet it: the real program, plain sockets, and netcat if the
//! machine has it.

use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    net::{Shutdown, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use crate::program::{Program, assert_refused};

/// Long enough for whatever is going to happen.
const SOON: Duration = Duration::from_secs(15);

/// A client by a plain socket.
struct Client {
    socket: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    /// Joins under this name, and waits until the others have been told.
    fn join(chat: &Program, nick: &str) -> Self {
        let socket = TcpStream::connect(chat.address).expect("the chat listens");
        socket.set_read_timeout(Some(SOON)).expect("a timeout");
        let mut client =
            Self { reader: BufReader::new(socket.try_clone().expect("a clone")), socket };
        let welcome = client.hear();
        assert!(
            welcome.starts_with("* you are guest-")
                && welcome.ends_with("; /nick NAME, /who, /pool, /quit")
        );
        client.say(&format!("/nick {nick}"));
        client.hear_until(&format!(" is now {nick}"));
        client
    }

    fn say(&mut self, line: &str) {
        self.send(format!("{line}\n").as_bytes());
    }

    fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("the chat reads");
    }

    /// The next line; empty at the end.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("the chat writes text");
        line.truncate(line.trim_end_matches('\n').len());
        line
    }

    /// The first line from here that ends so.
    #[track_caller]
    fn hear_until(&mut self, end: &str) -> String {
        loop {
            let line = self.hear();
            assert!(!line.is_empty(), "the chat has ended before {end:?}");
            if line.ends_with(end) {
                return line;
            }
        }
    }

    /// What `/pool` says: bytes that are leased, and the most that ever were.
    fn pool(&mut self) -> (usize, usize) {
        self.say("/pool");
        let line = loop {
            let line = self.hear();
            if line.starts_with("* leased: ") {
                break line;
            }
        };
        let numbers: Vec<usize> =
            line.split(|char: char| !char.is_ascii_digit()).flat_map(str::parse).collect();
        (numbers[0], numbers[2])
    }

    /// Blocks come home a moment after the last byte is sent.
    #[track_caller]
    fn assert_nothing_is_leased(&mut self) {
        let deadline = Instant::now() + SOON;
        while self.pool().0 > 0 {
            assert!(Instant::now() < deadline, "it stays leased");
            sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn two_clients_talk() {
    let chat = Program::start("chat", &[]);
    let (mut ann, mut bob) = (Client::join(&chat, "ann"), Client::join(&chat, "bob"));
    assert_eq!(ann.hear(), "* guest-2 is here");
    assert_eq!(ann.hear(), "* guest-2 is now bob");
    ann.say("hello, bob");
    assert_eq!(bob.hear(), "ann: hello, bob");
    bob.send("grüß dich\r\n\n".as_bytes());
    assert_eq!(ann.hear(), "bob: grüß dich");
    ann.send(b"in ");
    ann.send(b"pieces\nand two at once\n");
    assert_eq!(bob.hear(), "ann: in pieces");
    assert_eq!(bob.hear(), "ann: and two at once");
    ann.send(b"\x1b[2Jnot at other people's terminals\x07\n");
    assert_eq!(bob.hear(), "ann: [2Jnot at other people's terminals");
    ann.assert_nothing_is_leased();
}

#[test]
fn commands_are_answered() {
    let chat = Program::start("chat", &["--budget", "4MiB"]);
    let (mut ann, mut bob) = (Client::join(&chat, "ann"), Client::join(&chat, "bob"));
    ann.hear_until(" is now bob");
    ann.say("/who");
    assert_eq!(ann.hear(), "* here: ann, bob");
    for nick in ["", "two words", "guest-9", "an name of more than twenty letters"] {
        ann.say(&format!("/nick {nick}"));
        assert_eq!(ann.hear(), "* a name has 1 to 20 letters and digits, as in /nick ann");
    }
    ann.say("/nick bob");
    assert_eq!(ann.hear(), "* there is a bob already");
    ann.say("/nick  Änne7");
    assert_eq!(bob.hear(), "* ann is now Änne7");
    assert_eq!(ann.hear(), "* ann is now Änne7");
    ann.say("/shrug");
    assert_eq!(ann.hear(), "* there is no /shrug, only /nick NAME, /who, /pool, /quit");
    ann.say("/pool");
    let figures = ann.hear();
    assert!(figures.starts_with("* leased: 0 of 4194304 bytes, "), "{figures}");
    ann.say("/quit");
    assert_eq!(ann.hear(), "");
    assert_eq!(bob.hear(), "* Änne7 has left");
}

#[test]
fn a_line_that_is_none_is_refused_and_the_next_one_is_heard() {
    let chat = Program::start("chat", &[]);
    let (mut ann, mut bob) = (Client::join(&chat, "ann"), Client::join(&chat, "bob"));
    ann.hear_until(" is now bob");
    // Too long, at once and in pieces; no text. What follows in the same packet is heard.
    ann.say(&"x".repeat(4000));
    assert_eq!(bob.hear().len(), 4005);
    ann.send(format!("{}\nafter a long one\n", "x".repeat(4001)).as_bytes());
    assert_eq!(ann.hear(), "* not sent: a line is longer than 4000 bytes");
    assert_eq!(bob.hear(), "ann: after a long one");
    for _ in 0..100 {
        ann.send(&[b'x'; 10_000]);
    }
    assert_eq!(ann.hear(), "* not sent: a line is longer than 4000 bytes");
    ann.send(b"\nafter a longer one\n");
    assert_eq!(bob.hear(), "ann: after a longer one");
    ann.send(b"\xff\xfe\nafter bytes that are no text\n");
    assert!(ann.hear().starts_with("* not sent: a line is not UTF-8"));
    assert_eq!(bob.hear(), "ann: after bytes that are no text");
    ann.assert_nothing_is_leased();
}

#[test]
fn clients_that_vanish_are_noticed() {
    let chat = Program::start("chat", &[]);
    let (mut ann, mut bob) = (Client::join(&chat, "ann"), Client::join(&chat, "bob"));
    bob.send(b"half a li");
    drop(bob);
    ann.hear_until("* bob has left");
    // With bytes that it has not read, its kernel resets the connection.
    let mut eve = Client::join(&chat, "eve");
    ann.hear_until(" is now eve");
    for _ in 0..20 {
        ann.say("hello");
    }
    eve.hear_until("ann: hello");
    drop(eve);
    ann.hear_until("* eve has left");
    // Its last line needs no end, and it hears what was said before it goes.
    let mut joe = Client::join(&chat, "joe");
    ann.hear_until(" is now joe");
    joe.send(b"good bye");
    joe.socket.shutdown(Shutdown::Write).expect("connected");
    assert_eq!(ann.hear(), "joe: good bye");
    assert_eq!(ann.hear(), "* joe has left");
    while !joe.hear().is_empty() {} // its stream has an end
    ann.say("/who");
    assert_eq!(ann.hear(), "* here: ann");
    ann.assert_nothing_is_leased();
}

#[test]
fn clients_that_never_read_slow_nobody_and_hold_little() {
    let mut chat = Program::start("chat", &[]);
    let asleep: Vec<_> =
        (0..10).map(|number| Client::join(&chat, &format!("asleep{number}"))).collect();
    let (mut ann, mut bob) = (Client::join(&chat, "ann"), Client::join(&chat, "bob"));
    let mut flooding = Client::join(&chat, "flood").socket;
    // More than the kernel takes for ten clients that do not read.
    let line = format!("{}\n", "x".repeat(3000));
    flooding.set_nonblocking(true).expect("a socket");
    let (mut slowest, mut most) = (Duration::ZERO, 0);
    let until = Instant::now() + Duration::from_secs(4);
    for round in 0.. {
        if Instant::now() > until {
            break;
        }
        for _ in 0..100 {
            match flooding.write(line.as_bytes()) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                written => written.map(|_| ()).expect("the chat reads"),
            }
        }
        let start = Instant::now();
        ann.say(&format!("are you there, {round}?"));
        bob.hear_until(&format!("ann: are you there, {round}?"));
        bob.say(&format!("yes, {round}"));
        ann.hear_until(&format!("bob: yes, {round}"));
        slowest = slowest.max(start.elapsed());
        most = most.max(ann.pool().0);
    }
    println!("a question and its answer took {slowest:?} at most; leased while ten sleep: {most}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    // One window of the last lines for all who sleep, what the flood has sent, and a line on its
    // way to each.
    assert!(most > 0, "nobody is behind");
    assert!(most <= (64 + 16 + 10 * 4 + 32) << 10, "{most} bytes");
    drop(flooding);
    drop(asleep);
    ann.hear_until("* flood has left");
    ann.assert_nothing_is_leased();
    chat.signal("INT");
    let (_, said) = chat.wait();
    assert_eq!(
        said.matches(" read too slowly; ").count(),
        10,
        "those who read have heard all: {said}"
    );
}

#[test]
fn many_idle_clients_hold_nothing() {
    let chat = Program::start("chat", &["--budget", "1MiB"]);
    let mut ann = Client::join(&chat, "ann");
    let others: Vec<_> =
        (0..200).map(|number| Client::join(&chat, &format!("idle{number}"))).collect();
    ann.assert_nothing_is_leased();
    drop(others);
}

#[test]
fn it_ends_in_order() {
    let mut chat = Program::start("chat", &[]);
    let mut ann = Client::join(&chat, "ann");
    chat.signal("INT");
    assert_eq!(ann.hear(), "* the chat is closing");
    assert_eq!(ann.hear(), "");
    let (status, said) = chat.wait();
    assert!(status.success());
    assert!(said.contains("chat: done; at most "), "{said}");
}

#[test]
fn wrong_flags_are_refused_with_advice() {
    assert_refused(
        "chat",
        &["--budget", "100KiB"],
        1,
        &["--budget 100.0 KiB", "try --budget 16MiB"],
    );
    assert_refused(
        "chat",
        &["--budget", "much"],
        2,
        &["'much' for '--budget <SIZE>'", "such as 16MiB"],
    );
    assert_refused(
        "chat",
        &["--listen", "192.0.2.1:0"],
        1,
        &["192.0.2.1:0", "choose another port with --listen"],
    );
    let chat = Program::start("chat", &[]);
    let address = chat.address.to_string();
    assert_refused(
        "chat",
        &["--listen", &address],
        1,
        &[&address, "in use", "choose another port"],
    );
}

// ---- netcat -------------------------------------------------------------------------------------

/// netcat, and what it prints; killed at the end.
struct Netcat {
    child: Child,
    lines: Receiver<String>,
}

impl Netcat {
    /// None if the machine has none.
    fn start(chat: &Program) -> Option<Self> {
        let (host, port) = (chat.address.ip().to_string(), chat.address.port().to_string());
        let child = Command::new("nc")
            .args([host, port])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match child {
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            child => child.expect("netcat starts"),
        };
        let printed = BufReader::new(child.stdout.take().expect("piped"));
        // A pipe is read without a deadline, a channel with one.
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            printed.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        Some(Self { child, lines })
    }

    fn type_line(&mut self, line: &str) {
        let mut keyboard = self.child.stdin.as_ref().expect("piped");
        keyboard.write_all(format!("{line}\n").as_bytes()).expect("netcat reads");
    }

    fn see(&mut self) -> String {
        self.lines.recv_timeout(SOON).expect("netcat prints a line")
    }
}

impl Drop for Netcat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn netcats_talk() {
    let mut chat = Program::start("chat", &[]);
    let Some(mut ann) = Netcat::start(&chat) else {
        eprintln!("skipped: there is no `nc` here");
        return;
    };
    assert_eq!(ann.see(), "* you are guest-1; /nick NAME, /who, /pool, /quit");
    let mut bob = Netcat::start(&chat).expect("there is one");
    assert_eq!(bob.see(), "* you are guest-2; /nick NAME, /who, /pool, /quit");
    assert_eq!(ann.see(), "* guest-2 is here");
    ann.type_line("hello");
    assert_eq!(bob.see(), "guest-1: hello");
    bob.type_line("hello yourself");
    assert_eq!(ann.see(), "guest-2: hello yourself");
    bob.type_line("/quit");
    assert_eq!(ann.see(), "* guest-2 has left");
    chat.signal("INT");
    assert_eq!(ann.see(), "* the chat is closing");
    assert!(chat.wait().0.success());
}
