//! One transcript: everything that a client received, and how it ended.

use std::fmt;

use memchr::memmem;

/// How a connection ended, as its client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The server closed it while the client could still have sent.
    Closed,
    /// The server kept it open, and closed it when the client did.
    KeptAlive,
    /// The client closed it before its script was over.
    Left,
    /// An error instead of an end of stream.
    Reset,
    /// The answer that this step awaits did not come.
    Stalled { step: usize },
    /// The server did not close it, not even when the client had.
    LeftOpen,
}

/// What one client received on one connection after another, and how each ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    connections: Vec<(Vec<u8>, End)>,
    /// How often the server was busy for most of a rest.
    restless: usize,
}

impl Transcript {
    /// Notes what came on a connection; the value of Date is masked.
    pub(crate) fn push(&mut self, mut received: Vec<u8>, end: End) {
        mask_dates(&mut received);
        self.connections.push((received, end));
    }

    /// Notes that the server was busy while it had nothing to do.
    pub(crate) fn push_restless(&mut self) {
        self.restless += 1;
    }

    /// Whether every awaited answer came, every connection ended, and the server rested when it
    /// could.
    pub(crate) fn is_sound(&self) -> bool {
        let is_over = |end| matches!(end, End::Closed | End::KeptAlive | End::Left | End::Reset);
        self.restless == 0 && self.connections.iter().all(|(_, end)| is_over(*end))
    }

    /// This transcript, readable; of long bytes only what is near to the first that differs from
    /// `other`.
    pub(crate) fn beside(&self, other: &Self) -> impl fmt::Display {
        let mut text = String::new();
        for (index, (received, end)) in self.connections.iter().enumerate() {
            let theirs = other.connections.get(index).map_or(&[][..], |(received, _)| received);
            let same =
                received.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
            let from = same.saturating_sub(1000);
            let to = received.len().min(same + 400);
            text += &format!(
                "    connection {index}: {} bytes, the first {same} are the same\n",
                received.len()
            );
            for line in received[from..to].split_inclusive(|byte| *byte == b'\n') {
                text += &format!("    | {}\n", line.escape_ascii());
            }
            text += &format!("    {end:?}\n");
        }
        text += &format!("    restless: {}\n", self.restless);
        text
    }
}

fn mask_dates(bytes: &mut [u8]) {
    const NAME: &[u8] = b"\r\ndate: ";
    const DATE_LEN: usize = "Sun, 06 Nov 1994 08:49:37 GMT".len();
    let dates: Vec<_> = memmem::find_iter(bytes, NAME).map(|at| at + NAME.len()).collect();
    for from in dates {
        let to = bytes.len().min(from + DATE_LEN);
        bytes[from..to].fill(b'.');
    }
}
