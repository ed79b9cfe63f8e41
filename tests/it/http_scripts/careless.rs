//! A server that parks without any linger, and can forget a condition: it proves that the scripts
//! see what goes wrong then.
//!
//! The least that parks rightly, in one file; limits, timeouts and cheap waiting are not its
//! business.

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use hyper::{
    Request, Response,
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

use crate::http_scripts::{
    condition::Condition,
    servers::{Server, accept},
    service::{AnswerBody, answer},
};

/// A server that parks connections, and doesn't ask whether the condition `without` holds.
pub(crate) fn careless(without: Option<Condition>) -> Server {
    Server::start(async move |listener: TcpListener| {
        loop {
            let stream = accept(&listener).await;
            tokio::spawn(connection(stream, without));
        }
    })
}

async fn connection(mut stream: TcpStream, without: Option<Condition>) {
    let mut prefix = Bytes::new();
    loop {
        if prefix.is_empty() && stream.readable().await.is_err() {
            return;
        }
        let signs = Arc::new(Signs { has_prefix: !prefix.is_empty(), ..Signs::default() });
        let io = WatchedIo { stream, prefix, signs: signs.clone() };
        let service = service_fn(|request| watched_answer(request, signs.clone()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(io), service);
        let mut connection = connection.with_upgrades();
        let is_parked = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
            Poll::Ready(_) => Poll::Ready(false),
            Poll::Pending if signs.allow_parking(without) => Poll::Ready(true),
            Poll::Pending => Poll::Pending,
        });
        if !is_parked.await {
            return;
        }
        let parts = connection.into_parts().expect("it isn't upgraded");
        stream = parts.io.into_inner().stream;
        prefix = parts.read_buf;
        // Without `PrefixUsed` this is a hot loop; let the others run.
        tokio::task::yield_now().await;
    }
}

/// What tells whether a connection may be parked.
#[derive(Debug, Default)]
struct Signs {
    has_prefix: bool,
    was_called: AtomicBool,
    in_flight: AtomicUsize,
    unread: AtomicUsize,
    has_dropped: AtomicBool,
    is_unflushed: AtomicBool,
    is_read_pending: AtomicBool,
}

impl Signs {
    fn allow_parking(&self, without: Option<Condition>) -> bool {
        let holds = |condition, holds| without == Some(condition) || holds;
        holds(Condition::NoneInFlight, self.in_flight.load(SeqCst) == 0)
            && holds(Condition::BodiesSeen, self.unread.load(SeqCst) == 0)
            && holds(Condition::NoneDropped, !self.has_dropped.load(SeqCst))
            && holds(Condition::Flushed, !self.is_unflushed.load(SeqCst))
            && holds(Condition::ReadPending, self.is_read_pending.load(SeqCst))
            && holds(Condition::PrefixUsed, !self.has_prefix || self.was_called.load(SeqCst))
    }
}

async fn watched_answer(
    request: Request<Incoming>,
    signs: Arc<Signs>,
) -> io::Result<Response<HeldBody>> {
    signs.was_called.store(true, SeqCst);
    signs.has_dropped.store(false, SeqCst);
    signs.in_flight.fetch_add(1, SeqCst);
    let in_flight = InFlight(signs.clone());
    let request = request.map(|body| {
        let is_unread = !body.is_end_stream();
        signs.unread.fetch_add(usize::from(is_unread), SeqCst);
        WatchedBody { body, is_unread, signs }
    });
    let response = answer(request).await?;
    Ok(response.map(|body| HeldBody { body, _in_flight: in_flight }))
}

#[derive(Debug)]
struct InFlight(Arc<Signs>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, SeqCst);
    }
}

/// A response's body, in flight until it is dropped.
#[derive(Debug)]
struct HeldBody {
    body: AnswerBody,
    _in_flight: InFlight,
}

impl Body for HeldBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request's body that notes its end, or that it was dropped before.
#[derive(Debug)]
struct WatchedBody {
    body: Incoming,
    is_unread: bool,
    signs: Arc<Signs>,
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let is_end = frame.is_none() || self.body.is_end_stream();
        if is_end && self.is_unread {
            self.is_unread = false;
            self.signs.unread.fetch_sub(1, SeqCst);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        if self.is_unread {
            self.signs.unread.fetch_sub(1, SeqCst);
            self.signs.has_dropped.store(true, SeqCst);
        }
    }
}

/// The socket, behind the bytes that the last parking left over.
#[derive(Debug)]
struct WatchedIo {
    stream: TcpStream,
    prefix: Bytes,
    signs: Arc<Signs>,
}

impl AsyncRead for WatchedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.has_remaining() {
            let len = self.prefix.len().min(buf.remaining());
            buf.put_slice(&self.prefix.split_to(len));
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.signs.is_read_pending.store(read.is_pending(), SeqCst);
        read
    }
}

impl AsyncWrite for WatchedIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.signs.is_unflushed.store(true, SeqCst);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.signs.is_unflushed.store(true, SeqCst);
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.signs.is_unflushed.store(false, SeqCst);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
