//! Two transports joined.

use leasehold::io::{Relay, copy_bidirectional};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{
    place::Place,
    site::{Awaited, CutOff, Done, Site, again, beside},
};

/// A side that is silent after a failure is not waited for long, where the clock is real.
const LINGER: std::time::Duration = std::time::Duration::from_secs(1);

/// Says `sent`, and hears `expected` meanwhile.
async fn talk(io: impl AsyncRead + AsyncWrite + Unpin, sent: Vec<u8>, expected: Vec<u8>) -> Done {
    let (mut reader, mut writer) = tokio::io::split(io);
    let saying = async {
        writer.write_all(&sent).await?;
        writer.shutdown().await
    };
    let hearing = async {
        let (mut awaited, mut room) = (Awaited::new(expected), [0; 700]);
        loop {
            match reader.read(&mut room).await? {
                0 => return Ok(awaited),
                count => awaited.take(&room[..count]),
            }
        }
    };
    let (_, awaited): (_, std::io::Result<_>) = tokio::join!(saying, hearing);
    awaited.map_err(|_| CutOff)?.end()
}

/// The operation between two who talk through it.
async fn between<P: Place, F: Future<Output = Done>>(
    site: &Site<P>,
    relay: impl FnOnce(P::Near, P::Near, u64, u64) -> F,
) -> Done {
    let ((a, far_a), (b, far_b)) = (site.pair().await?, site.pair().await?);
    let (to_b, to_a) = (site.content(0), [site.content(1), site.content(2)].concat());
    let near = relay(a, b, to_b.len() as u64, to_a.len() as u64);
    let far = async move {
        let (one, other) = tokio::join!(
            talk(far_a, to_b.clone(), to_a.clone()),
            talk(far_b, to_a.clone(), to_b.clone())
        );
        one.and(other)
    };
    beside(near, far).await
}

pub(super) async fn relay<P: Place>(site: Site<P>) -> Done {
    let near = async |a, b, to_b, to_a| {
        let mut relay = Relay::with_limit(a, b, &site.pool, 8 << 10).linger_timeout(LINGER);
        let copied = again!(site, &mut relay)?;
        assert_eq!(
            (copied, (relay.a_to_b(), relay.b_to_a()), relay.leased()),
            ((to_b, to_a), (to_b, to_a), 0)
        );
        Ok(())
    };
    between(&site, near).await
}

pub(super) async fn copy<P: Place>(site: Site<P>) -> Done {
    let near = async |mut a, mut b, to_b, to_a| {
        let copied = copy_bidirectional(&mut a, &mut b, &site.pool).await?;
        assert_eq!(copied, (to_b, to_a));
        Ok(())
    };
    between(&site, near).await
}
