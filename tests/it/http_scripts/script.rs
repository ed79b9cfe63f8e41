//! One script: what a client does to a server, step by step.

use std::time::Duration;

/// Long enough for a server to find nothing more to do and to take its connection apart.
const PAUSE: Duration = Duration::from_millis(15);

/// The same between two bytes, where a script has a hundred such waits.
const BLINK: Duration = Duration::from_millis(2);

/// What a client does to one server, and the name under which a difference is reported.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
}

impl Script {
    pub(crate) fn new(name: &'static str, steps: impl IntoIterator<Item = Step>) -> Self {
        Self { name, steps: steps.into_iter().collect() }
    }

    /// Whether it looks how busy its server is: only scripts that rest too may run meanwhile.
    pub(crate) fn rests(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Rest))
    }
}

/// One thing that a client does.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends these bytes in one piece.
    Send(Vec<u8>),
    /// Neither sends nor reads for so long.
    Wait(Duration),
    /// Reads until these bytes have come, behind those that the last such step waited for.
    Until(Vec<u8>),
    /// Reads so many bytes and leaves the rest with the server.
    Read(usize),
    /// Neither sends nor reads, and notes whether the server had anything to do meanwhile.
    Rest,
    /// Sends no more.
    HalfClose,
    /// Closes the connection as it is, and opens another.
    Reconnect,
}

pub(crate) fn send(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Send(bytes.into())
}

pub(crate) fn until(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Until(bytes.into())
}

pub(crate) fn pause() -> Step {
    Step::Wait(PAUSE)
}

/// Sends `bytes` in pieces of `len`, and lets the server rest after each.
pub(crate) fn send_in_pieces(bytes: impl AsRef<[u8]>, len: usize) -> impl Iterator<Item = Step> {
    let pieces: Vec<_> = bytes.as_ref().chunks(len).map(send).collect();
    pieces.into_iter().flat_map(|piece| [piece, Step::Wait(BLINK)])
}

/// Sends `bytes` over and over, cut at another point each time, and awaits `answer` every time.
pub(crate) fn send_cut_everywhere(bytes: impl AsRef<[u8]>, answer: &str) -> Vec<Step> {
    let bytes = bytes.as_ref();
    let cut =
        |at: usize| [send(&bytes[..at]), Step::Wait(BLINK), send(&bytes[at..]), until(answer)];
    (1..bytes.len()).flat_map(cut).collect()
}

/// A request without a body; its answer is a description of it, see [`seen`].
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")
}

/// A request with a body of known length.
pub(crate) fn post(path: &str, body: &str) -> String {
    let len = body.len();
    format!("{}{body}", post_head(path, len))
}

/// The head of a request with a body of `len` bytes.
pub(crate) fn post_head(path: &str, len: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {len}\r\n\r\n")
}

/// The head of a request with a body in chunks.
pub(crate) fn chunked_head(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
}

/// Awaits the end of a description of the request for `path`.
pub(crate) fn seen(path: &str) -> Step {
    until(format!("end of {path}\n"))
}

/// A request and its answer, with a pause after them.
pub(crate) fn get_and_pause(path: &str) -> [Step; 3] {
    [send(get(path)), seen(path), pause()]
}

/// Bytes of a body that a server which lost track of it takes for a request, and answers.
pub(crate) const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
