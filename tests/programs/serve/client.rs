//! A client that sends what it is told to, and reads no faster than it is told to.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// One connection.
pub struct Client {
    reader: BufReader<TcpStream>,
    /// Sent with each request: the address of the server, unless it is changed.
    pub host: String,
}

/// One response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).expect("the server accepts"))
    }

    pub fn on(socket: TcpStream) -> Self {
        let address = socket.peer_addr().expect("it is connected");
        // No test waits longer than this for a byte.
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
        Self { reader: BufReader::new(socket), host: address.to_string() }
    }

    /// Sends a request without a body; `headers` are whole lines.
    pub fn send(&mut self, method: &str, path: &str, headers: &[&str]) {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.host);
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        self.send_bytes(request.as_bytes());
    }

    /// Sends a request as it stands here.
    pub fn send_bytes(&mut self, request: &[u8]) {
        self.reader.get_mut().write_all(request).expect("the server reads");
    }

    /// Sends some bytes of a body; whether the server took them.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.reader.get_mut().write_all(bytes).is_ok()
    }

    pub fn ask(&mut self, method: &str, path: &str, headers: &[&str]) -> Reply {
        self.send(method, path, headers);
        self.reply(method)
    }

    /// Reads the response to a request of this method.
    pub fn reply(&mut self, method: &str) -> Reply {
        let mut reply = self.head();
        let has_body = method != "HEAD" && ![100, 101, 304].contains(&reply.status);
        if let Some(len) = reply.header("content-length").filter(|_| has_body) {
            reply.body = vec![0; len.parse().expect("a length is a number")];
            self.reader.read_exact(&mut reply.body).expect("the whole body comes");
        }
        reply
    }

    /// Reads some bytes of whatever comes.
    pub fn read_some(&mut self, len: usize) {
        self.reader.read_exact(&mut vec![0; len]).expect("so many bytes come");
    }

    /// Reads all that comes until the server closes; an error counts as the end.
    pub fn read_to_end(&mut self) -> usize {
        let mut bytes = Vec::new();
        let _ = self.reader.read_to_end(&mut bytes);
        bytes.len()
    }

    fn head(&mut self) -> Reply {
        let status = self.line();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut reply =
            Reply { status: status.expect("a status line"), headers: Vec::new(), body: Vec::new() };
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { return reply };
            reply.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line comes");
        line.trim_end().to_owned()
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| &value[..])
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }
}
