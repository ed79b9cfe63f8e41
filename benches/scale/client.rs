//! Connections to a server, and what is said on them.

use std::{io, net::SocketAddr, os::fd::AsRawFd, time::Duration};

use anyhow::{Context, ensure};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::TcpStream,
};

/// In which words a body is sent and asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A length of four bytes, and so many more.
    Framed,
    /// HTTP/1.1 on a connection that is kept.
    Http,
    /// Binary messages.
    WebSocket,
}

/// A request made beforehand, and how long the response is.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    request: Vec<u8>,
    response_len: usize,
}

/// A connection whose end is a reset: its port is free at once.
pub(crate) async fn connect(address: SocketAddr, protocol: Protocol) -> anyhow::Result<TcpStream> {
    let mut stream =
        TcpStream::connect(address).await.context("the server does not take a connection")?;
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    if protocol == Protocol::WebSocket {
        shake_hands(&mut stream).await?;
    }
    Ok(stream)
}

/// So many of them.
pub(crate) async fn connect_all(
    address: SocketAddr,
    protocol: Protocol,
    count: usize,
) -> anyhow::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(count);
    while streams.len() < count {
        streams.push(connect(address, protocol).await?);
    }
    Ok(streams)
}

async fn shake_hands(stream: &mut TcpStream) -> anyhow::Result<()> {
    const HANDSHAKE: &[u8] =
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(HANDSHAKE).await?;
    let head = read_head(stream).await?;
    ensure!(head.starts_with("http/1.1 101 "), "no WebSocket: {head}");
    Ok(())
}

impl Protocol {
    /// A message with a body of so many bytes.
    pub(crate) fn request(self, len: usize) -> Vec<u8> {
        // RFC 6455 §5.2: a whole binary message, masked by a key.
        const BINARY: u8 = 0x82;
        const MASKED: u8 = 0x80;
        const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
        let mut request = match self {
            Self::Framed => (len as u32).to_be_bytes().to_vec(),
            Self::Http => {
                format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len}\r\n\r\n")
                    .into_bytes()
            }
            Self::WebSocket => match len {
                ..126 => vec![BINARY, MASKED | len as u8],
                126..0x1_0000 => {
                    [&[BINARY, MASKED | 126], &(len as u16).to_be_bytes()[..]].concat()
                }
                _ => [&[BINARY, MASKED | 127], &(len as u64).to_be_bytes()[..]].concat(),
            },
        };
        let body = (0..len).map(|index| index as u8);
        match self {
            Self::WebSocket => {
                request.extend(KEY);
                request.extend(body.zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
            }
            _ => request.extend(body),
        }
        request
    }

    /// How long the response is, which is read up to its end.
    async fn response_len(self, stream: &mut TcpStream) -> anyhow::Result<usize> {
        let (head_len, body_len) = match self {
            Self::Framed => (4, stream.read_u32().await? as usize),
            Self::Http => {
                let head = read_head(stream).await?;
                ensure!(head.starts_with("http/1.1 200 "), "an answer that is none: {head}");
                let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                (head.len(), len.context("an answer without a length")?.parse()?)
            }
            Self::WebSocket => match stream.read_u16().await? & 0x7f {
                126 => (4, stream.read_u16().await?.into()),
                127 => (10, usize::try_from(stream.read_u64().await?)?),
                len => (2, len.into()),
            },
        };
        let mut body = vec![0; body_len];
        stream.read_exact(&mut body).await?;
        let is_echo = body.iter().enumerate().all(|(index, &byte)| byte == index as u8);
        ensure!(is_echo, "an answer with other bytes than were sent");
        Ok(head_len + body_len)
    }
}

impl Exchange {
    /// An echo of so many bytes, which is tried once: all further ones are only counted.
    pub(crate) async fn learn(
        stream: &mut TcpStream,
        protocol: Protocol,
        len: usize,
    ) -> anyhow::Result<Self> {
        let request = protocol.request(len);
        stream.write_all(&request).await?;
        Ok(Self { request, response_len: protocol.response_len(stream).await? })
    }

    pub(crate) fn request_len(&self) -> usize {
        self.request.len()
    }

    /// Sends the request, and reads the response.
    pub(crate) async fn run(&self, stream: &mut TcpStream) -> anyhow::Result<()> {
        stream.write_all(&self.request).await?;
        let mut left = self.response_len;
        while left > 0 {
            left -= skip(stream, left).await?;
        }
        Ok(())
    }
}

/// Reads up to so many bytes into nowhere, so that a client costs little.
pub(crate) async fn skip(stream: &mut TcpStream, most: usize) -> anyhow::Result<usize> {
    /// From here on copying costs more than a call that may only hear that there is nothing.
    const COPIED_MAX: usize = 2 << 10;
    let count = if most <= COPIED_MAX {
        stream.read(&mut [0; COPIED_MAX][..most]).await?
    } else {
        // tcp(7): with MSG_TRUNC the bytes are dropped, and nothing is written to.
        let fd = stream.as_raw_fd();
        let receive = || {
            // SAFETY: the descriptor is open, and the system writes nowhere.
            let count = unsafe { libc::recv(fd, std::ptr::null_mut(), most, libc::MSG_TRUNC) };
            usize::try_from(count).map_err(|_| io::Error::last_os_error())
        };
        stream.async_io(Interest::READABLE, receive).await?
    };
    ensure!(count > 0, "the server hung up");
    Ok(count)
}

/// In small letters; it is read byte by byte, so that nothing behind it is.
async fn read_head(stream: &mut TcpStream) -> anyhow::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(head)?.to_lowercase())
}
