//! Hubs, and their members.

use std::time::Duration;

use leasehold::{
    Chain,
    ws::{Hub, HubError, Message, Role, WebSocket},
};

use super::sockets::{check, message, talk};
use crate::{
    place::Place,
    site::{CutOff, Done, Failure, Site, again, beside},
};

const PATIENCE: Duration = Duration::from_secs(100);

pub(super) async fn broadcast<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    // A member that does not move for its patience loses messages; on a machine that has other work
    // that would be any.
    let hub = Hub::builder(&site.pool.account("feed", 64 << 10))
        .max_queued(100)
        .slow_member_timeout(PATIENCE)
        .build();
    let mut member =
        hub.join(WebSocket::with_config(near, Role::Server, &site.pool, site.config()));
    let mut far = WebSocket::new(far, Role::Client, &site.far_pool);
    let (all, heard) = tokio::sync::oneshot::channel();
    let (deaf, mut out) = tokio::sync::mpsc::unbounded_channel();
    let site = &site;
    let feeding = async move {
        for number in 0..3 {
            // Made of leased blocks, so that the hub's account is charged.
            let leased = Message::binary(site.chain_of(&site.pool, number * 2)?);
            // A `send` that is dropped has sent nothing.
            let sent: Result<usize, HubError> = again!(site, hub.send(leased.clone()));
            if sent? == 0 {
                let _ = deaf.send(());
                return Ok(());
            }
        }
        let _ = heard.await;
        hub.close();
        Ok::<_, Failure>(())
    };
    let running = async move {
        loop {
            tokio::select! {
                biased;
                // The member is out, for its transport has failed: that is told by its next send.
                Some(()) = out.recv() => member.send(Message::Ping(Chain::new())).await?,
                received = async { again!(site, member.recv()) } => match received {
                    Some(received) => drop(received?),
                    None => return Ok::<_, Failure>(()),
                },
            }
        }
    };
    // Whichever fails first: what feeds it may wait for it.
    let near = async move { tokio::try_join!(feeding, running).map(|_| ()) };
    let far = async move {
        for number in 0..3 {
            let received = far.recv().await.ok_or(CutOff)?.map_err(|_| CutOff)?;
            if !received.is_data() {
                return Err(CutOff.into());
            }
            check(site, number * 2, &received);
        }
        let _ = all.send(());
        while let Some(received) = far.recv().await.transpose().map_err(|_| CutOff)? {
            assert!(!received.is_data(), "more than was sent");
        }
        Ok(())
    };
    beside(near, far).await
}

pub(super) async fn echo<P: Place>(site: Site<P>) -> Done {
    let (near, far) = site.pair().await?;
    let hub = Hub::new(&site.pool);
    let mut member =
        hub.join(WebSocket::with_config(near, Role::Server, &site.pool, site.config()));
    let site = &site;
    let near = async move {
        let mut number = 0;
        while let Some(received) = again!(site, member.recv()) {
            let received = received?;
            if received.is_data() {
                check(site, number, &received);
                member.send(message(site, number)).await?;
                number += 1;
            }
        }
        assert_eq!((number, hub.len()), (2, 1));
        Ok(())
    };
    beside(near, talk(site, WebSocket::new(far, Role::Client, &site.far_pool))).await
}
