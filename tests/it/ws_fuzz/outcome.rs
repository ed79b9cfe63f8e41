//! `Outcome`: what a reader made of a stream.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl Seen {
    pub(crate) fn is_control(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Binary(_))
    }
}

/// Messages, and whether it ended as it should: with a close frame.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) messages: Vec<Seen>,
    /// What the reader says; readers need not say the same.
    pub(crate) failure: Option<String>,
}

impl Outcome {
    pub(crate) fn is_failed(&self) -> bool {
        self.failure.is_some()
    }
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        self.messages == other.messages && self.is_failed() == other.is_failed()
    }
}
