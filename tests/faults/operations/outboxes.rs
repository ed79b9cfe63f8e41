//! Outboxes: senders, and the writer beside them.

use std::io;

use leasehold::io::{Outbox, Policy, SendError};
use tokio::{io::AsyncReadExt, task::yield_now};

use crate::{
    place::Place,
    site::{CutOff, Done, Site, again, beside, hear},
};

/// Room for a few bytes only, so that senders wait.
fn narrow() -> (Outbox, leasehold::io::OutboxWriter) {
    Outbox::builder().max_queued(200).channel()
}

pub(super) async fn send<P: Place>(site: Site<P>) -> Done {
    let (mut near, mut far) = site.pair().await?;
    let expected: Vec<u8> = (0..4).flat_map(|number| site.content(number)).collect();
    let (outbox, mut writer) = narrow();
    let site = &site;
    let sending = async move {
        for number in 0..4 {
            let chain = site.chain(number)?;
            // A `send` that is dropped has sent nothing.
            let sent: Result<(), SendError> = again!(site, outbox.send(chain.clone()));
            sent.map_err(io::Error::from)?;
        }
        outbox.close();
        Ok(())
    };
    let writing = async move {
        again!(site, writer.run(&mut near))?;
        Ok(())
    };
    // Senders are told what the writer failed with; the writer fails only with what the transport
    // says.
    let near = async move {
        let (sent, written): (Done, Done) = tokio::join!(sending, writing);
        written.and(sent)
    };
    beside(near, async move { hear(&mut far, expected).await }).await
}

/// Items give way, or are refused: those that are sent are whole, and in order.
pub(super) async fn full<P: Place>(site: Site<P>) -> Done {
    for policy in [Policy::DropOldest, Policy::Refuse] {
        let (mut near, mut far) = site.pair().await?;
        let (outbox, mut writer) =
            Outbox::builder().max_queued(2 * site.plan.len).policy(policy).channel();
        let site = &site;
        let sending = async move {
            for number in 0..6 {
                match again!(site, outbox.send(site.owned(number))) {
                    Err(error) if error.is_full() => {}
                    sent => sent.map_err(io::Error::from)?,
                }
                yield_now().await;
            }
            outbox.close();
            Ok(())
        };
        let writing = async move {
            again!(site, writer.run(&mut near))?;
            Ok(())
        };
        let far = async move {
            let mut heard = Vec::new();
            far.read_to_end(&mut heard).await.map_err(|_| CutOff)?;
            let items: Vec<_> = (0..6).map(|number| site.content(number)).collect();
            let mut next = 0;
            for item in heard.chunks(site.plan.len) {
                let found = items[next..].iter().position(|sent| sent.starts_with(item));
                next += found.expect("an item, or the beginning of one that was cut off") + 1;
            }
            // The last one always has room, or is refused for one before it.
            if heard.is_empty() || heard.len() % site.plan.len > 0 {
                Err(CutOff.into())
            } else {
                Ok(())
            }
        };
        let near = async move {
            let (sent, written): (Done, Done) = tokio::join!(sending, writing);
            written.and(sent)
        };
        beside(near, far).await?;
    }
    Ok(())
}

pub(super) async fn flush<P: Place>(site: Site<P>) -> Done {
    let (mut near, mut far) = site.pair().await?;
    let expected: Vec<u8> = (0..2).flat_map(|number| site.content(number)).collect();
    let (outbox, mut writer) = Outbox::channel(1 << 20);
    let site = &site;
    let sending = async move {
        for number in 0..2 {
            outbox.try_send(site.chain(number)?).map_err(io::Error::from)?;
            again!(site, outbox.flush()).map_err(io::Error::from)?;
            assert_eq!(outbox.queued(), 0);
        }
        let closed = async {
            again!(site, outbox.closed());
            assert!(outbox.is_closed());
        };
        tokio::join!(closed, async { outbox.close() });
        Ok(())
    };
    let writing = async move {
        again!(site, writer.run(&mut near))?;
        Ok(())
    };
    let near = async move {
        let (sent, written): (Done, Done) = tokio::join!(sending, writing);
        written.and(sent)
    };
    beside(near, async move { hear(&mut far, expected).await }).await
}
