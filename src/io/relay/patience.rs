//! `Patience`: the timeouts of a relay.

use std::{
    io,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;

use crate::sync::Sleep;

/// How long a relay may last after a failure. nginx waits 5 s for each piece that it drops, and 30
/// s for all; HAProxy's examples have 10 s for a client that is to end.
const LINGER: Duration = Duration::from_secs(10);

/// The timeouts of a relay, and the timer that watches them when one of them counts.
#[derive(Default)]
pub(super) struct Patience {
    settings: Option<Box<Settings>>,
    alarm: Option<Box<Alarm>>,
}

struct Settings {
    idle: Option<Duration>,
    half_open: Option<Duration>,
    linger: Duration,
}

struct Alarm {
    at: Instant,
    sleep: Sleep,
}

/// What a relay waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// A byte in either direction.
    Byte,
    /// A byte in the direction that has not ended.
    ByteOfOther,
    /// The end after a failure.
    Linger,
}

impl Patience {
    pub(super) fn set_idle(&mut self, timeout: Duration) {
        self.settings_mut().idle = Some(timeout);
    }

    pub(super) fn set_half_open(&mut self, timeout: Duration) {
        self.settings_mut().half_open = Some(timeout);
    }

    pub(super) fn set_linger(&mut self, timeout: Duration) {
        self.settings_mut().linger = timeout;
    }

    fn settings_mut(&mut self) -> &mut Settings {
        self.settings.get_or_insert_with(|| {
            Box::new(Settings { idle: None, half_open: None, linger: LINGER })
        })
    }

    /// How long `wait` may last. `None` if it may last for ever.
    fn timeout(&self, wait: Wait) -> Option<Duration> {
        match (self.settings.as_deref(), wait) {
            (None, Wait::Linger) => Some(LINGER),
            (None, _) => None,
            (Some(settings), Wait::Byte) => settings.idle,
            (Some(settings), Wait::ByteOfOther) => settings.half_open,
            (Some(settings), Wait::Linger) => Some(settings.linger),
        }
    }

    /// Ready when one of `waits` has lasted too long since its instant. Returns the one that is
    /// over first.
    pub(super) fn poll_over(
        &mut self,
        cx: &mut Context<'_>,
        waits: impl IntoIterator<Item = (Wait, Instant)>,
    ) -> Poll<io::Error> {
        let waits = waits.into_iter().filter_map(|(wait, since)| {
            let timeout = self.timeout(wait)?;
            Some((since.checked_add(timeout)?, wait, timeout))
        });
        let Some((deadline, wait, timeout)) = waits.min_by_key(|&(deadline, ..)| deadline) else {
            self.alarm = None;
            return Poll::Pending;
        };
        loop {
            let now = Instant::now();
            if deadline <= now {
                return Poll::Ready(wait.error(timeout));
            }
            // A timer that is too early is set again only when it is over, because most deadlines
            // are put off by each byte.
            let alarm = match &mut self.alarm {
                Some(alarm) if alarm.at <= deadline => alarm,
                alarm => alarm
                    .insert(Box::new(Alarm { at: deadline, sleep: Sleep::new(deadline - now) })),
            };
            if alarm.sleep.poll_passed(cx).is_pending() {
                return Poll::Pending;
            }
            self.alarm = None;
        }
    }
}

impl Wait {
    fn error(self, timeout: Duration) -> io::Error {
        let what = match self {
            Self::Byte => format!("no byte in either direction for {timeout:?} (idle_timeout)"),
            Self::ByteOfOther => {
                format!(
                    "one direction has ended, and the other has no byte for {timeout:?} (half_open_timeout)"
                )
            }
            Self::Linger => {
                format!("one direction has failed, and the other has no byte for {timeout:?}")
            }
        };
        io::Error::new(io::ErrorKind::TimedOut, what)
    }
}
