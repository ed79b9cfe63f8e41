//! `Operation`: one of the crate's that waits, as a story with a beginning and an end that can be
//! told anywhere.

use std::{future::Future, pin::Pin};

#[cfg(unix)]
use crate::place::Unix;
use crate::{
    place::{Memory, Tcp},
    site::{Done, Site},
};

pub(crate) type Running = Pin<Box<dyn Future<Output = Done> + Send>>;

pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) in_memory: fn(Site<Memory>) -> Running,
    /// None if it has no transport.
    pub(crate) on_tcp: Option<fn(Site<Tcp>) -> Running>,
    #[cfg(unix)]
    pub(crate) on_unix: Option<fn(Site<Unix>) -> Running>,
    pub(crate) refused: Refused,
    pub(crate) tells: Tells,
}

/// What comes of a lack of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nothing: it is called again, or does without.
    Again,
    /// It fails.
    Fails,
}

/// Who is told of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tells {
    /// Its caller.
    Caller,
    /// Its caller, but for what fails when both ends have said that they are done.
    CallerUntilClosed,
    /// The peer, by an end or by a refusal: nobody calls it.
    Peer,
}

/// An operation without transports.
macro_rules! alone {
    ($name:literal, $run:path, $refused:ident) => {
        $crate::operation::Operation {
            name: $name,
            in_memory: |site| Box::pin($run(site)),
            on_tcp: None,
            #[cfg(unix)]
            on_unix: None,
            refused: $crate::operation::Refused::$refused,
            tells: $crate::operation::Tells::Caller,
        }
    };
}

/// An operation on transports.
macro_rules! wired {
    ($name:literal, $run:path, $refused:ident, $tells:ident) => {
        $crate::operation::Operation {
            name: $name,
            in_memory: |site| Box::pin($run(site)),
            on_tcp: Some(|site| Box::pin($run(site))),
            #[cfg(unix)]
            on_unix: Some(|site| Box::pin($run(site))),
            refused: $crate::operation::Refused::$refused,
            tells: $crate::operation::Tells::$tells,
        }
    };
}

pub(crate) use {alone, wired};
