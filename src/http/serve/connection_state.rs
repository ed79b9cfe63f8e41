//! `ConnectionState`: what is known of a connection while hyper drives it.
//!
//! A connection may be taken apart between requests only if hyper would do nothing more for the
//! last one. hyper does not say so. It is known from the requests, bodies, reads and writes that
//! pass through hyper. The conditions below are security properties. Without ANSWERED and SENT,
//! responses are cut. Without ENDED and UNTAINTED, bytes of a body are parsed as the next request
//! (request smuggling). Without DISPATCHED, a head that comes in pieces makes the connection be
//! rebuilt again and again.
//!
//! # Invariants
//! - ANSWERED: no response is in flight, from the call of the service to the drop of the response's
//!   body.
//! - ENDED: every request body was seen to its end.
//! - UNTAINTED: no request body was dropped before its end since the last request was dispatched.
//! - SENT: the transport was flushed after the last write.
//! - DRAINED: the last read of the transport found nothing.
//! - DISPATCHED: a connection that was resumed with bytes of a head has dispatched that request.
//! - WAITED: each wait for the client is noted with the time of its beginning. A wait begins with a
//!   write that finds no room, and ends with a write that finds some. With HTTP/1 it also begins
//!   when a service asks for more of a body, and ends when hyper has more. With HTTP/2 and a pool
//!   it also begins when hyper gets a part of a response, and ends when the transport takes some.
//! - NOTICED: after the end of a response or a body, the connection looks at these conditions. If
//!   the end comes while hyper is driven, as it mostly does, the connection looks once hyper
//!   returns, and is not woken: a wake-up for each request would cost a second poll of hyper.

use std::{
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU32, AtomicUsize,
            Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
        },
    },
    task::{Context, Wake, Waker},
};

use ::http::StatusCode;

use super::{
    RemoteAddr, body_wait::BodyWait, client_wait::ClientWait, head::Protocol, http2_room::Http2Room,
};
use crate::{
    io::{ServerState, Tether},
    sync::Mutex,
    util::{Millis, wake_list::wake},
};

/// The first length of hyper's read buffer, which is a part of [`Protocol::awake_len`].
const FIRST_READ_LEN: usize = 8 << 10;

#[derive(Debug)]
pub(super) struct ConnectionState {
    protocol: Protocol,
    server: Arc<ServerState>,
    client: RemoteAddr,
    /// The room of the streams of HTTP/2, if it is bounded.
    http2_room: Option<Arc<Http2Room>>,
    /// Responses in flight.
    responses: AtomicU32,
    /// Request bodies that have neither ended nor been dropped.
    bodies: AtomicU32,
    is_tainted: AtomicBool,
    is_unsent: AtomicBool,
    /// The last read found nothing.
    is_drained: AtomicBool,
    /// Reads that brought bytes.
    reads: AtomicU32,
    /// Whether a request has asked for a tunnel.
    is_connect: AtomicBool,
    /// Whether a response upgrades the connection.
    is_upgrading: AtomicBool,
    /// Whether new requests are not answered: HTTP/2 clients may go on after their GOAWAY.
    is_closed: AtomicBool,
    /// Whether the server stops (CLAIM).
    is_stopping: AtomicBool,
    /// Whether hyper has not yet asked for a byte that came after the stop.
    has_claims: AtomicBool,
    /// The largest room that hyper has read into, in bytes.
    read_room: AtomicUsize,
    /// Requests dispatched on this connection since it was resumed.
    dispatched: AtomicU32,
    /// The wait for the transport to take more (WAITED).
    write_wait: ClientWait,
    body_wait: BodyWait,
    /// Set from before hyper is driven until the connection looks at the conditions (NOTICED).
    is_driven: AtomicBool,
    /// The connection's task, while other tasks may change the conditions.
    waker: Mutex<Option<Waker>>,
}

impl ConnectionState {
    pub(super) fn new(
        protocol: Protocol,
        server: Arc<ServerState>,
        client: RemoteAddr,
        http2_room: Option<Arc<Http2Room>>,
    ) -> Self {
        Self {
            http2_room,
            protocol,
            server,
            client,
            responses: AtomicU32::new(0),
            bodies: AtomicU32::new(0),
            is_tainted: AtomicBool::new(false),
            is_unsent: AtomicBool::new(false),
            is_drained: AtomicBool::new(false),
            reads: AtomicU32::new(0),
            is_connect: AtomicBool::new(false),
            is_upgrading: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            has_claims: AtomicBool::new(true),
            read_room: AtomicUsize::new(0),
            dispatched: AtomicU32::new(0),
            write_wait: ClientWait::default(),
            body_wait: BodyWait::default(),
            is_driven: AtomicBool::new(false),
            waker: Mutex::default(),
        }
    }

    // ---- requests -------------------------------------------------------------------------------

    /// Notes that a request is dispatched; its response is in flight until the guard is dropped.
    pub(super) fn dispatch(self: &Arc<Self>) -> InFlight {
        self.is_tainted.store(false, Release);
        add_one(&self.dispatched);
        self.begin_task()
    }

    /// Notes that a request asks for a tunnel.
    #[cold]
    pub(super) fn note_connect(&self) {
        self.is_connect.store(true, Relaxed);
    }

    /// Whether a task of hyper may be that of a tunnel (TUNNEL). After the close of the connection,
    /// it may also be that of a request that is never answered, which must not count.
    #[inline]
    pub(super) fn may_tunnel(&self) -> bool {
        self.is_connect.load(Relaxed) && !self.is_closed()
    }

    /// Counts a task or a transport of a tunnel as a response in flight (TUNNEL). Called only while
    /// hyper is driven, or while the response to the CONNECT is in flight.
    pub(super) fn begin_task(self: &Arc<Self>) -> InFlight {
        self.responses.fetch_add(1, AcqRel);
        InFlight(Arc::clone(self))
    }

    /// Whether new requests are not answered.
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Relaxed)
    }

    /// Counts a body that has begun. Returns the number of its request.
    pub(super) fn begin_body(&self) -> u32 {
        self.bodies.fetch_add(1, AcqRel);
        self.dispatched()
    }

    /// Counts the end of the body of request `number`, and whether it was `cut`: dropped before
    /// its end (UNTAINTED).
    pub(super) fn end_body(&self, number: u32, cut: bool) {
        if cut {
            self.is_tainted.store(true, Release);
        }
        if let Some(room) = &self.http2_room {
            room.end_unread();
        }
        self.body_wait.leave(number);
        self.note_end(&self.bodies);
    }

    /// The service asks for more of the body of request `number` (WAITED). Returns the waker to
    /// give to hyper in place of `waker`, if any.
    pub(super) fn begin_body_wait(self: &Arc<Self>, number: u32, waker: &Waker) -> Option<Waker> {
        let is_watched = self.protocol == Protocol::Http1
            && self.body_wait.begin(number, waker, self.server.timers.clock());
        is_watched.then(|| Waker::from(Arc::clone(self)))
    }

    /// The service has got what it asked for.
    pub(super) fn end_body_wait(&self, number: u32) {
        self.body_wait.end(number);
    }

    pub(super) fn http2_room(&self) -> Option<&Arc<Http2Room>> {
        self.http2_room.as_ref()
    }

    /// The address of the client.
    pub(super) fn client(&self) -> &RemoteAddr {
        &self.client
    }

    // ---- the transport --------------------------------------------------------------------------

    pub(super) fn note_read(&self, count: usize) {
        self.is_drained.store(false, Release);
        if count > 0 {
            add_one(&self.reads);
        }
    }

    /// Notes that hyper reads into a buffer of `len` bytes. Its buffer grows with what comes, and
    /// never shrinks.
    pub(super) fn note_room(&self, len: usize) {
        if len > self.read_room.load(Relaxed) {
            self.read_room.store(len, Relaxed);
        }
    }

    pub(super) fn note_drained(&self) {
        self.is_drained.store(true, Release);
    }

    pub(super) fn note_written(&self) {
        self.is_unsent.store(true, Release);
    }

    pub(super) fn note_flushed(&self) {
        self.is_unsent.store(false, Release);
    }

    /// Notes that the transport takes no more (WAITED).
    pub(super) fn note_stuck(&self) {
        self.write_wait.begin(self.server.timers.clock());
    }

    pub(super) fn note_unstuck(&self) {
        self.write_wait.end();
    }

    /// Whether the connection is being upgraded: the response is written before it is.
    #[inline]
    pub(super) fn is_upgrading(&self) -> bool {
        self.is_upgrading.load(Acquire)
    }

    /// Ties the transport to its server.
    #[cold]
    pub(super) fn tether(&self) -> Tether {
        Tether::new(&self.server)
    }

    /// Whether the server stops, and hyper has had only bytes that came before the stop (CLAIM).
    #[inline]
    pub(super) fn is_claiming(&self) -> bool {
        self.is_stopping.load(Relaxed) && self.has_claims()
    }

    /// Notes that hyper asks for bytes that came after the stop.
    pub(super) fn note_no_claims(&self) {
        self.has_claims.store(false, Release);
        self.note_drained();
    }

    // ---- the connection -------------------------------------------------------------------------

    /// Notes that the server stops.
    pub(super) fn begin_stop(&self) {
        self.is_stopping.store(true, Relaxed);
    }

    /// From here on new requests are not answered.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Relaxed);
    }

    /// Whether requests with a claim may be left (CLAIM).
    #[inline]
    pub(super) fn has_claims(&self) -> bool {
        self.has_claims.load(Acquire)
    }

    /// Whether the client may have more of a body to send.
    pub(super) fn is_cut_short(&self) -> bool {
        self.has_bodies() || self.is_tainted.load(Acquire)
    }

    /// Whether the last read found nothing.
    pub(super) fn is_drained(&self) -> bool {
        self.is_drained.load(Acquire)
    }

    /// How many requests were dispatched.
    pub(super) fn dispatched(&self) -> u32 {
        self.dispatched.load(Acquire)
    }

    /// How many reads brought bytes.
    pub(super) fn reads(&self) -> u32 {
        self.reads.load(Acquire)
    }

    /// How many bytes hyper holds for this connection when it is idle.
    pub(super) fn awake_len(&self) -> usize {
        self.protocol.awake_len() + self.read_room.load(Relaxed).saturating_sub(FIRST_READ_LEN)
    }

    /// Whether a response is in flight.
    pub(super) fn has_responses(&self) -> bool {
        self.responses.load(SeqCst) > 0
    }

    /// Whether a request body has neither ended nor been dropped.
    pub(super) fn has_bodies(&self) -> bool {
        self.bodies.load(SeqCst) > 0
    }

    /// Since when the connection waits for its client (WAITED).
    pub(super) fn waits_since(&self) -> Millis {
        let since = self.write_wait.since().min(self.body_wait.since());
        match &self.http2_room {
            Some(room) => since.min(room.waits_since()),
            None => since,
        }
    }

    /// Whether a service may begin to wait for the client at any time, in a task that does not wake
    /// the connection.
    pub(super) fn may_wait(&self) -> bool {
        self.protocol == Protocol::Http1 && self.has_bodies()
    }

    /// Whether no request has anything left to do: all conditions but DISPATCHED, which the
    /// connection keeps.
    pub(super) fn is_idle(&self) -> bool {
        let answered = !self.has_responses();
        let ended = !self.has_bodies();
        let untainted = !self.is_tainted.load(Acquire);
        let sent = !self.is_unsent.load(Acquire);
        let drained = self.is_drained();
        answered && ended && untainted && sent && drained
    }

    /// Whether all is answered and sent, and a request body was dropped before its end.
    pub(super) fn is_left_unread(&self) -> bool {
        let is_sent = !self.has_responses() && !self.is_unsent.load(Acquire);
        is_sent && !self.has_bodies() && self.is_tainted.load(Acquire)
    }

    /// Before hyper is driven.
    pub(super) fn begin_drive(&self) {
        // Only saves wake-ups: a thread that does not see this wakes the task for nothing.
        self.is_driven.store(true, Relaxed);
    }

    /// Called after hyper was driven, and before the connection looks at the conditions. From here
    /// on the task is woken when a body or a response ends.
    pub(super) fn end_drive(&self, cx: &Context<'_>) {
        // Both counts rise from 0 only while hyper is driven. If both are 0, no waker is needed.
        if self.responses.load(Acquire) > 0 || self.bodies.load(Acquire) > 0 {
            self.watch(cx);
        }
        // NOTICED: pairs with `note_end`. Either `note_end` sees this store, or `has_responses` and
        // `is_idle` see its count.
        self.is_driven.swap(false, SeqCst);
    }

    fn watch(&self, cx: &Context<'_>) {
        let mut waker = self.waker.lock();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Counts the end of a body or a response, and wakes the task unless it will look anyway
    /// (NOTICED).
    fn note_end(&self, count: &AtomicU32) {
        count.fetch_sub(1, SeqCst);
        if self.is_driven.load(SeqCst) {
            return;
        }
        let waker = self.waker.lock().clone();
        waker.into_iter().for_each(wake);
    }
}

/// The waker that hyper wakes when it has more of a body.
impl Wake for ConnectionState {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.body_wait.answer();
    }
}

/// Adds 1 to a count that only the connection's task changes: cheaper than `fetch_add`.
fn add_one(count: &AtomicU32) {
    count.store(count.load(Relaxed).wrapping_add(1), Release);
}

/// A response in flight.
#[derive(Debug)]
pub(super) struct InFlight(Arc<ConnectionState>);

impl InFlight {
    /// Notes the status of the response: some upgrade the connection.
    #[inline]
    pub(super) fn note_status(&self, status: StatusCode) {
        let is_tunnel = || self.0.is_connect.load(Relaxed) && status.is_success();
        if status == StatusCode::SWITCHING_PROTOCOLS || is_tunnel() {
            self.0.is_upgrading.store(self.0.protocol == Protocol::Http1, Release);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.note_end(&self.0.responses);
    }
}
