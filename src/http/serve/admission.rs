//! Admission: from the first byte of a head to hyper, through the line if there is no room.
//!
//! # Invariants
//! - NO-SILENCE: a head that has come whole is served, or answered 503; the connection is never
//!   just reset or closed. The same holds for half a head that finds no room.

use std::{
    future::Future,
    mem::MaybeUninit,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    awake::Awake,
    connection::{Connection, Next, Queued, Stage},
    connection_state::ConnectionState,
    driver::{Mode, Waking},
    farewell::Farewell,
    head::{HEAD_LEN, Protocol, Verdict, judge, left_of_request},
    http2_room::Http2Room,
    phase::Phase,
    waiting_heads::WaitingHead,
};
use crate::{
    io::{is_socket, peek_now, poll_read_piece, recv_now},
    pool::{LeaseError, Reservation},
    util::Millis,
};

/// The longest head that hyper takes, unless another limit is set.
const HYPER_HEAD_MAX: usize = (8 << 10) + 100 * (4 << 10);

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connection<T> {
    /// Reads the next head, until it goes to hyper.
    pub(super) fn poll_waiting(
        &mut self,
        cx: &mut Context<'_>,
        mut io: T,
        mut head: BytesMut,
        mut held: Reservation,
    ) -> Poll<Next> {
        let settings = &self.shared.settings;
        let max_head = settings.max_header_size.map_or(HEAD_LEN, |most| most.clamp(1, HEAD_LEN));
        let verdict = loop {
            let verdict = judge(&head, self.is_fresh && settings.http2);
            let is_too_long = head.len() >= max_head; // to be read here
            if verdict != Verdict::More || is_too_long {
                break verdict;
            }
            let mut room = [MaybeUninit::uninit(); HEAD_LEN];
            let mut room = ReadBuf::uninit(&mut room[..max_head - head.len()]);
            let polled = match poll_read_piece(Pin::new(&mut io), cx, &mut room) {
                Poll::Pending if head.is_empty() && self.shared.server.look().1 => {
                    // CLAIM: the kernel may have bytes that tokio has not noticed.
                    if recv_now(&io, &mut room).is_none()
                        && !std::mem::replace(&mut self.has_looked, true)
                    {
                        // A transport that is no socket is asked again, after its own driver has
                        // run.
                        let _ = pin!(tokio::task::yield_now()).poll(cx);
                        self.stage = Stage::waiting(io, head, held);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(()))
                }
                // EVICTED: the kernel may have bytes that tokio has not noticed.
                Poll::Pending
                    if head.is_empty()
                        && self.is_evicted()
                        && peek_now(&io, 1).is_none_or(|count| count == 0) =>
                {
                    return Poll::Ready(Next::End(Ok(())));
                }
                polled => polled,
            };
            match polled {
                Poll::Pending => match settings.try_hold(&head, &mut held) {
                    Ok(()) => {
                        self.stage = Stage::waiting(io, head, held);
                        return Poll::Pending;
                    }
                    Err(error) => return Poll::Ready(self.refuse(io, Protocol::Http1, error)),
                },
                Poll::Ready(Ok(())) if !room.filled().is_empty() => {
                    if head.is_empty() {
                        self.deadline =
                            self.shared.server.look().0.deadline_after(settings.header_timeout);
                    }
                    head.extend_from_slice(room.filled());
                }
                // The stream has ended or failed. hyper judges the bytes that came.
                Poll::Ready(_) if !head.is_empty() => break Verdict::More,
                Poll::Ready(_) => return Poll::Ready(Next::End(Ok(()))),
            }
        };
        drop(held);
        Poll::Ready(match verdict {
            Verdict::Whole(protocol) => self.admit(io, head, protocol),
            Verdict::More => self.admit_half(cx, io, head),
        })
    }

    /// Wakes the connection if there is room for it, or waits in line.
    fn admit(&mut self, io: T, head: BytesMut, protocol: Protocol) -> Next {
        let account = self.shared.settings.account.as_ref();
        match account.map(|account| account.awake.try_reserve_untold(protocol.awake_len())) {
            None => self.wake(io, head, protocol, Reservation::empty()),
            Some(Ok(room)) => self.wake(io, head, protocol, room),
            // The pool is too small for a single connection: a wait would never end.
            Some(Err(error)) if error.is_too_large() => {
                self.wake(io, head, protocol, Reservation::empty())
            }
            Some(Err(error)) => match self.enter_line(&head) {
                Some(place) => self.queue(io, head, protocol, place),
                None => self.refuse(io, protocol, error),
            },
        }
    }

    /// Wakes the connection with a head that is not whole, if there is room for half heads.
    fn admit_half(&mut self, cx: &mut Context<'_>, io: T, head: BytesMut) -> Next {
        let protocol = Protocol::Http1;
        let heads = self.shared.settings.account.as_ref().map(|account| &account.heads);
        match heads.map(|heads| heads.try_reserve_untold(protocol.awake_len())) {
            None => self.wake(io, head, protocol, Reservation::empty()),
            Some(Ok(room)) => self.wake(io, head, protocol, room),
            Some(Err(error)) if error.is_too_large() => {
                self.wake(io, head, protocol, Reservation::empty())
            }
            // It would wait for clients that never end their heads, unless its rest is there
            // already.
            Some(Err(error)) => self.read_on(cx, io, head, error),
        }
    }

    /// For a head that is too long to be waited for here, while hyper has no room: it waits in line
    /// if it has come whole.
    fn read_on(
        &mut self,
        cx: &mut Context<'_>,
        mut io: T,
        mut head: BytesMut,
        error: LeaseError,
    ) -> Next {
        let most = self.shared.settings.max_header_size.unwrap_or(HYPER_HEAD_MAX);
        loop {
            let Some(place) = self.enter_line(&head) else { break };
            if let Verdict::Whole(protocol) = judge(&head, false) {
                return self.queue(io, head, protocol, place);
            }
            let mut room = [MaybeUninit::uninit(); HEAD_LEN];
            let mut room =
                ReadBuf::uninit(&mut room[..most.saturating_sub(head.len()).min(HEAD_LEN)]);
            if !matches!(poll_read_piece(Pin::new(&mut io), cx, &mut room), Poll::Ready(Ok(())))
                || room.filled().is_empty()
            {
                break;
            }
            head.extend_from_slice(room.filled());
        }
        self.refuse(io, Protocol::Http1, error)
    }

    fn enter_line(&self, head: &BytesMut) -> Option<WaitingHead> {
        self.shared.settings.account.as_ref()?.line.as_ref()?.enter(head.capacity())
    }

    fn queue(&mut self, io: T, head: BytesMut, protocol: Protocol, place: WaitingHead) -> Next {
        let account = self.shared.settings.account.as_ref().expect("only a pool refuses");
        let reserve = account.awake.reserve(protocol.awake_len());
        self.stage = Stage::Queued(Box::new(Queued { io, head, protocol, reserve, _place: place }));
        Next::GoOn
    }

    pub(super) fn poll_queued(
        &mut self,
        cx: &mut Context<'_>,
        mut queued: Box<Queued<T>>,
    ) -> Poll<Next> {
        match Pin::new(&mut queued.reserve).poll(cx) {
            Poll::Pending => {
                self.stage = Stage::Queued(queued);
                Poll::Pending
            }
            Poll::Ready(Ok(room)) => {
                let Queued { io, head, protocol, .. } = *queued;
                Poll::Ready(self.wake(io, head, protocol, room))
            }
            // The wait has told it already.
            Poll::Ready(Err(_)) => Poll::Ready(self.answer_refused(queued.io, queued.protocol)),
        }
    }

    /// Refuses a head for which there is no room, not even to wait. The refusal counts (TOLD).
    fn refuse(&mut self, io: T, protocol: Protocol, error: LeaseError) -> Next {
        if let Some(account) = &self.shared.settings.account {
            account.awake.told(error);
        }
        self.answer_refused(io, protocol)
    }

    /// Refuses a head that has waited in line for as long as it may. The refusal counts (TOLD).
    pub(super) fn refuse_late(&mut self, queued: Queued<T>) -> Next {
        let error = LeaseError::pool_empty(queued.protocol.awake_len());
        self.refuse(queued.io, queued.protocol, error)
    }

    /// Tells the client that there is no room (NO-SILENCE), and closes the connection.
    fn answer_refused(&mut self, io: T, protocol: Protocol) -> Next {
        let (now, _) = self.shared.server.look();
        self.bid_farewell(Farewell::refused(io, protocol, now), now)
    }

    /// Gives the transport to hyper, with the bytes that were read already. The deadline of the
    /// head stays.
    fn wake(&mut self, io: T, head: BytesMut, protocol: Protocol, room: Reservation) -> Next {
        let settings = &self.shared.settings;
        let account = settings
            .account
            .as_ref()
            .map(|account| account.pool.account("connection", account.limit));
        let is_http2 = protocol == Protocol::Http2;
        let can_park = !is_http2 && settings.keep_alive && is_socket(&io);
        // CLAIM
        let is_last =
            !is_http2 && self.shared.server.look().1 && (self.is_last || is_alone(&io, &head));
        let client = self.shared.drivers.client(&self.peer).clone();
        let server = Arc::clone(&self.shared.server);
        let http2_room = settings.account.as_ref().zip(account.as_ref()).filter(|_| is_http2);
        let http2_room = http2_room.map(|(pools, own)| {
            let (server, streams) = (Arc::clone(&server), pools.streams.clone());
            Arc::new(Http2Room::new(server, streams, own.clone(), settings.http2_window()))
        });
        let state = Arc::new(ConnectionState::new(protocol, server, client, http2_room));
        let mode = match protocol {
            Protocol::Http2 => Mode::Http2,
            Protocol::Http1 if is_last => Mode::Http1Once,
            Protocol::Http1 => Mode::Http1,
        };
        let driver = self.shared.drivers.driver(Waking {
            mode,
            io,
            prefix: head.freeze(),
            state: Arc::clone(&state),
            account,
            peer: &self.peer,
            builders: &settings.builders,
        });
        self.is_fresh = false;
        if settings.evicts() {
            self.asleep = None; // it is not idle (EVICTED)
        }
        self.stage = Stage::Awake(Box::new(Awake {
            driver,
            state,
            phase: Phase::Head { dispatched: 0 },
            can_park,
            is_http2,
            is_told_to_stop: is_last,
            last_call: Millis::NEVER,
            _room: room,
            wakeful: self.open.awaken(),
        }));
        Next::GoOn
    }
}

/// Whether nothing has come behind the request that begins with `head`.
fn is_alone<T>(io: &T, head: &[u8]) -> bool {
    match left_of_request(head) {
        Some(left) => peek_now(io, left + 1).is_some_and(|there| there <= left),
        None => false,
    }
}
