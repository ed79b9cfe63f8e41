//! Framed transports of both crates as one trait, and what a series of polls answers.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt, Stream};
use leasehold::{Chain, codec as ours, codec::compat};
use tokio_util::codec as theirs;

use crate::framed::{fault::Fault, transport::Faulty};

/// What a poll of a stream answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Pending,
    Frame(Vec<u8>),
    Fault(Fault),
    End,
}

/// What decoders make.
pub(crate) trait Content {
    fn content(self) -> Vec<u8>;
}

impl Content for Chain {
    fn content(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Content for String {
    fn content(self) -> Vec<u8> {
        self.into_bytes()
    }
}

impl Content for Bytes {
    fn content(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Content for BytesMut {
    fn content(self) -> Vec<u8> {
        self.to_vec()
    }
}

/// A stream of frames over a transport that can be fed.
pub(crate) trait Rival: Unpin {
    fn poll(&mut self, cx: &mut Context<'_>) -> Event;
    fn io(&mut self) -> &mut Faulty;

    /// Polls once, as somebody who is never woken.
    fn step(&mut self) -> Event {
        self.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Polls until the transport has nothing more and the stream said so several times; at most so
    /// often.
    fn events(&mut self, most: usize) -> Vec<Event> {
        let (mut events, mut ends) = (Vec::new(), 0);
        while events.len() < most && ends < 4 {
            let event = self.step();
            ends = if event == Event::End { ends + 1 } else { ends };
            ends = if matches!(event, Event::Frame(_) | Event::Fault(_)) { 0 } else { ends };
            events.push(event);
        }
        events
    }
}

fn event<S, I, E>(stream: &mut S, cx: &mut Context<'_>) -> Event
where
    S: Stream<Item = Result<I, E>> + Unpin,
    I: Content,
    E: Into<Fault>,
{
    match Pin::new(stream).poll_next(cx) {
        Poll::Pending => Event::Pending,
        Poll::Ready(None) => Event::End,
        Poll::Ready(Some(Ok(frame))) => Event::Frame(frame.content()),
        Poll::Ready(Some(Err(error))) => Event::Fault(error.into()),
    }
}

/// A generic type of each crate has the same methods under the same names.
macro_rules! rival {
    ($framed:ty, $decoder:path) => {
        impl<D> Rival for $framed
        where
            D: $decoder + Unpin,
            D::Item: Content,
            D::Error: Into<Fault>,
        {
            fn poll(&mut self, cx: &mut Context<'_>) -> Event {
                event(self, cx)
            }

            fn io(&mut self) -> &mut Faulty {
                self.get_mut()
            }
        }
    };
}

rival!(theirs::Framed<Faulty, D>, theirs::Decoder);
rival!(theirs::FramedRead<Faulty, D>, theirs::Decoder);
rival!(compat::Framed<Faulty, D>, theirs::Decoder);
rival!(ours::Framed<Faulty, D>, ours::Decoder);
rival!(ours::FramedRead<Faulty, D>, ours::Decoder);

/// A sink of items over a transport that can be looked at.
pub(crate) trait Sender<I>: Sink<I, Error: Into<Fault>> + Unpin {
    fn io(&mut self) -> &mut Faulty;
    fn bound_by(&mut self, boundary: usize);

    /// Polls once for readiness, as somebody who is never woken.
    fn ready(&mut self) -> Poll<Result<(), Fault>> {
        self.poll_ready_unpin(&mut Context::from_waker(Waker::noop())).map_err(Into::into)
    }

    fn start(&mut self, item: I) -> Result<(), Fault> {
        self.start_send_unpin(item).map_err(Into::into)
    }

    fn flush_once(&mut self) -> Poll<Result<(), Fault>> {
        self.poll_flush_unpin(&mut Context::from_waker(Waker::noop())).map_err(Into::into)
    }

    fn close_once(&mut self) -> Poll<Result<(), Fault>> {
        self.poll_close_unpin(&mut Context::from_waker(Waker::noop())).map_err(Into::into)
    }
}

macro_rules! sender {
    ($framed:ty) => {
        impl<I, E> Sender<I> for $framed
        where
            $framed: Sink<I, Error: Into<Fault>> + Unpin,
        {
            fn io(&mut self) -> &mut Faulty {
                self.get_mut()
            }

            fn bound_by(&mut self, boundary: usize) {
                self.set_backpressure_boundary(boundary);
                assert_eq!(self.backpressure_boundary(), boundary);
            }
        }
    };
}

sender!(theirs::Framed<Faulty, E>);
sender!(theirs::FramedWrite<Faulty, E>);
sender!(compat::Framed<Faulty, E>);
sender!(ours::Framed<Faulty, E>);
sender!(ours::FramedWrite<Faulty, E>);
