//! `Order`: what a guest can tell a handler to do wrong.

use std::{future::pending, panic::panic_any, time::Duration};

use leasehold::{Account, Chain};

use crate::tally::Fault;

/// The payload of panics on purpose, which nobody has to hear of.
pub(crate) struct OnPurpose;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// To panic with a message in hand.
    Panic,
    /// To wait with a message in hand, and be aborted.
    Hang,
}

impl Order {
    pub(crate) const ALL: [Self; 2] = [Self::Panic, Self::Hang];

    /// What is sent instead of a message.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Panic => "please panic",
            Self::Hang => "please hang",
        }
    }

    pub(crate) fn fault(self) -> Fault {
        match self {
            Self::Panic => Fault::HandlerPanicked,
            Self::Hang => Fault::HandlerAborted,
        }
    }

    pub(crate) fn of(message: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.text().as_bytes() == message)
    }

    pub(crate) fn of_chain(message: &Chain) -> Option<Self> {
        Self::ALL.into_iter().find(|order| *message == *order.text().as_bytes())
    }

    /// Does it, with all that the handler holds.
    pub(crate) async fn obey<T: Send + 'static>(self, held: T, account: Account) {
        let block = account.try_lease(4 << 10);
        match self {
            Self::Panic => panic_any(OnPurpose),
            Self::Hang => {
                let waiting = tokio::spawn(async move {
                    let chain = account.chain(200 << 10).await;
                    pending::<()>().await;
                    drop((held, block, chain));
                });
                tokio::time::sleep(Duration::from_millis(5)).await;
                waiting.abort();
                // It was cancelled, and its blocks are home.
                let _ = waiting.await;
            }
        }
    }
}
