//! Outboxes: senders, and the writer beside them.

use leasehold::io::{Outbox, SendError};

use crate::{
    place::Place,
    site::{Done, Site, again, beside, hear},
};

/// Room for a few bytes only, so that senders wait.
fn narrow() -> (Outbox, leasehold::io::OutboxWriter) {
    Outbox::builder().high_mark(200).channel()
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
            sent.map_err(std::io::Error::from)?;
        }
        outbox.close();
        Ok(())
    };
    let writing = async move {
        again!(site, writer.run(&mut near))?;
        Ok(())
    };
    // Senders are told what the writer failed with; the writer fails only with what the transport says.
    let near = async move {
        let (sent, written): (Done, Done) = tokio::join!(sending, writing);
        written.and(sent)
    };
    beside(near, async move { hear(&mut far, expected).await }).await
}

pub(super) async fn flush<P: Place>(site: Site<P>) -> Done {
    let (mut near, mut far) = site.pair().await?;
    let expected: Vec<u8> = (0..2).flat_map(|number| site.content(number)).collect();
    let (outbox, mut writer) = Outbox::channel(1 << 20);
    let site = &site;
    let sending = async move {
        for number in 0..2 {
            outbox.try_send(site.chain(number)?).map_err(std::io::Error::from)?;
            again!(site, outbox.flush()).map_err(std::io::Error::from)?;
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
