//! `Wire`: a gRPC client that speaks HTTP/2 by hand.
//!
//! It can stop anywhere in a message, and has next to no memory of its own, so that a count of the
//! heap is a count of the server.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// RFC 9113 §6.5.2: the largest frame, unless a peer allows more.
const FRAME_MAX: usize = 16_384;

/// RFC 9113 §6.9.2: the first window of a connection, and of a stream until SETTINGS say otherwise.
const WINDOW: i64 = 65_535;

/// A server that says nothing for so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

/// ACK of SETTINGS and PING; END_STREAM of DATA and HEADERS.
const ACK_OR_END: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection with one call at a time; a call that is not ended goes on.
pub(crate) struct Wire {
    socket: TcpStream,
    stream: u32,
    /// What may be sent on the connection, and on the stream of the latest call.
    windows: [i64; 2],
    stream_window: i64,
    is_answered: bool,
    is_over: bool,
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut socket = TcpStream::connect(address).expect("a server");
        socket.set_nodelay(true).expect("a TCP socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a TCP socket");
        socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("a preface is taken");
        let windows = [WINDOW; 2];
        let (is_answered, is_over) = (false, false);
        let mut wire =
            Self { socket, stream: 0, windows, stream_window: WINDOW, is_answered, is_over };
        wire.write(SETTINGS, 0, 0, &[]);
        while wire.read() != SETTINGS {}
        wire
    }

    /// Begins a call. The last one need not be over.
    pub(crate) fn call(&mut self, path: &str) {
        self.call_of_len(path, None);
    }

    /// Begins a call that announces how long its request is.
    pub(crate) fn call_of_len(&mut self, path: &str, len: Option<&str>) {
        self.stream = if self.stream == 0 { 1 } else { self.stream + 2 };
        (self.windows[1], self.is_answered, self.is_over) = (self.stream_window, false, false);
        let mut block = Vec::with_capacity(256);
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ];
        for (name, value) in fields.into_iter().chain(len.map(|len| ("content-length", len))) {
            // RFC 7541 §6.2.2: a literal that is not indexed, with a new name.
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).expect("short").min(127));
                block.extend_from_slice(text.as_bytes());
            }
        }
        self.write(HEADERS, END_HEADERS, self.stream, &block);
    }

    /// The prefix of a message of `len` bytes.
    pub(crate) fn announce(&mut self, len: usize) {
        let [a, b, c, d] = u32::try_from(len).expect("a message under 4 GiB").to_be_bytes();
        self.send(&[0, a, b, c, d]);
    }

    /// Sends `len` zeros, as windows allow, unless the call is answered first.
    pub(crate) fn send_zeros(&mut self, mut len: usize) {
        while len > 0 && !self.is_answered {
            let piece = len.min(FRAME_MAX);
            self.send(&[0; FRAME_MAX][..piece]);
            len -= piece;
        }
    }

    /// Sends one frame of data, when the windows allow it.
    pub(crate) fn send(&mut self, data: &[u8]) {
        let len = data.len() as i64;
        while self.windows.iter().any(|window| *window < len) && !self.is_answered {
            self.read();
        }
        if !self.is_answered {
            self.windows.iter_mut().for_each(|window| *window -= len);
            self.write(DATA, 0, self.stream, data);
        }
    }

    /// Ends the request.
    pub(crate) fn end(&mut self) {
        self.write(DATA, ACK_OR_END, self.stream, &[]);
    }

    /// Whether the call was answered while its message was sent.
    pub(crate) fn is_answered(&self) -> bool {
        self.is_answered
    }

    /// Reads until the call is over, and widens no window.
    pub(crate) fn finish(&mut self) {
        while !self.is_over {
            self.read();
        }
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let [_, a, b, c] = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
        let [d, e, f, g] = stream.to_be_bytes();
        let mut frame = [0; 9 + FRAME_MAX];
        frame[..9].copy_from_slice(&[a, b, c, kind, flags, d, e, f, g]);
        frame[9..][..payload.len()].copy_from_slice(payload);
        self.socket.write_all(&frame[..9 + payload.len()]).expect("a frame is taken");
    }

    /// Reads one frame, does what it says, and tells its kind.
    fn read(&mut self) -> u8 {
        let mut head = [0; 9];
        self.socket.read_exact(&mut head).expect("a frame");
        let [a, b, c, kind, flags, d, e, f, g] = head;
        let (len, stream) =
            (u32::from_be_bytes([0, a, b, c]) as usize, u32::from_be_bytes([d, e, f, g]));
        let mut payload = [0; FRAME_MAX];
        let payload = &mut payload[..len];
        self.socket.read_exact(payload).expect("a whole frame");
        let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().expect("four"));
        let is_current = stream == self.stream;
        match kind {
            SETTINGS if flags & ACK_OR_END == 0 => {
                for at in (0..len).step_by(6).filter(|at| payload[*at..at + 2] == [0, 4]) {
                    let window = i64::from(number(at + 2));
                    self.windows[1] += window - self.stream_window;
                    self.stream_window = window;
                }
                self.write(SETTINGS, ACK_OR_END, 0, &[]);
            }
            WINDOW_UPDATE if stream == 0 => self.windows[0] += i64::from(number(0)),
            WINDOW_UPDATE if is_current => self.windows[1] += i64::from(number(0)),
            PING if flags & ACK_OR_END == 0 => {
                let payload = <[u8; 8]>::try_from(&*payload).expect("eight");
                self.write(PING, ACK_OR_END, 0, &payload);
            }
            HEADERS | DATA | RESET if is_current => {
                self.is_answered = true;
                self.is_over |= kind == RESET || flags & ACK_OR_END != 0;
            }
            _ => (),
        }
        kind
    }
}
