//! Bytes from and to a transport.

use std::{future::poll_fn, pin::Pin};

use bytes::Buf;
use leasehold::{
    Account, ChainMut,
    io::{AnyStream, ChainReader, poll_write_buf, write_all_buf},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    place::Place,
    site::{Awaited, Done, Site, again, beside, hear, retry, say},
};

async fn read_into<P: Place>(site: &Site<P>, pool: &Account) -> Done {
    let (mut near, mut far) = site.pair().await?;
    let sent = [site.content(0), site.content(1)].concat();
    let mut awaited = Awaited::new(&*sent);
    let near = async move {
        let (mut reader, mut chain) = (ChainReader::new(), ChainMut::new(pool));
        while retry!(site, reader.read(&mut near, &mut chain))? > 0 {
            awaited.take(&chain.split().freeze().to_vec());
        }
        assert!(chain.is_empty());
        awaited.end()
    };
    let far = async move {
        for piece in sent.chunks(700) {
            say(&mut far, piece).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    beside(near, far).await
}

pub(super) async fn read<P: Place>(site: Site<P>) -> Done {
    read_into(&site, &site.pool).await
}

/// In an account that has room for one read, and is in use for a while.
pub(super) async fn read_short<P: Place>(site: Site<P>) -> Done {
    let account = site.pool.account("short", 4 << 10);
    let held = retry!(site, async { account.try_chain(4 << 10) })?;
    let far = async {
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        drop(held);
        Ok(())
    };
    beside(read_into(&site, &account), far).await
}

pub(super) async fn write<P: Place>(site: Site<P>) -> Done {
    let (mut near, mut far) = site.pair().await?;
    let sent = [site.content(0), site.content(1), b"the end".to_vec()].concat();
    let site = &site;
    let near = async move {
        let mut chain = site.chain(0)?;
        chain.append(site.chain(1)?);
        chain.push(bytes::Bytes::from_static(b"the end"));
        again!(site, write_all_buf(&mut near, &mut chain))?;
        assert!(chain.is_empty());
        again!(site, near.flush())?;
        again!(site, near.shutdown())?;
        Ok(())
    };
    beside(near, async move { hear(&mut far, sent).await }).await
}

pub(super) async fn poll_write<P: Place>(site: Site<P>) -> Done {
    let (mut near, mut far) = site.pair().await?;
    let sent = site.content(0);
    let site = &site;
    let near = async move {
        let mut chain = site.chain(0)?;
        while chain.has_remaining() {
            let left = chain.remaining();
            let count =
                again!(site, poll_fn(|cx| poll_write_buf(Pin::new(&mut near), cx, &mut chain)))?;
            assert!(count > 0 && chain.remaining() + count == left);
        }
        again!(site, near.shutdown())?;
        Ok(())
    };
    beside(near, async move { hear(&mut far, sent).await }).await
}

pub(super) async fn any_stream<P: Place>(site: Site<P>) -> Done {
    let (near, mut far) = site.pair().await?;
    let (sent, back) = (site.content(0), site.content(1));
    let mut awaited = Awaited::new(&*sent);
    let site = &site;
    let near = async move {
        let (mut near, mut room) = (AnyStream::new(near), [0; 100]);
        while awaited.left() > 0 {
            let count = again!(site, near.read(&mut room))?;
            awaited.take(&room[..count]);
            if count == 0 {
                break;
            }
        }
        awaited.end()?;
        let mut chain = site.chain(1)?;
        again!(site, write_all_buf(&mut near, &mut chain))?;
        again!(site, near.flush())?;
        again!(site, near.shutdown())?;
        Ok(())
    };
    let far = async move {
        say(&mut far, &sent).await?;
        hear(&mut far, back).await
    };
    beside(near, far).await
}
