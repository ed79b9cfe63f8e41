//! `BufStream`, in both directions.

use std::io::IoSlice;

use leasehold::io::BufStream;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use crate::{
    place::Place,
    site::{Awaited, Done, Site, again, beside, hear, retry, say},
};

pub(super) async fn read<P: Place>(site: Site<P>) -> Done {
    let (near, mut far) = site.pair().await?;
    let sent = site.content(0);
    let mut awaited = Awaited::new(&*sent);
    let site = &site;
    let near = async move {
        let mut stream = BufStream::new(near, &site.pool);
        // Into little, and into so much that nothing is buffered.
        let mut room = vec![0; 9 << 10];
        for len in [100, 9 << 10].into_iter().cycle() {
            let count = retry!(site, stream.read(&mut room[..len]))?;
            awaited.take(&room[..count]);
            if count == 0 {
                break;
            }
        }
        let parts = stream.into_parts();
        assert!(parts.unread.is_empty() && parts.unsent.is_empty());
        awaited.end()
    };
    beside(near, async move { say(&mut far, &sent).await }).await
}

pub(super) async fn lines<P: Place>(site: Site<P>) -> Done {
    let (near, mut far) = site.pair().await?;
    let lines: Vec<Vec<u8>> =
        (0..3).map(|number| [&site.content(number)[..], b"\n"].concat()).collect();
    let sent = lines.concat();
    let site = &site;
    let near = async move {
        let mut stream = BufStream::new(near, &site.pool);
        for line in lines {
            let mut got = Vec::new();
            // What was read before it was dropped, or failed, is in the buffer of its caller.
            retry!(site, stream.read_until(b'\n', &mut got))?;
            Awaited::new(&*line).take(&got);
            if got.is_empty() {
                return Err(crate::site::CutOff.into());
            }
            assert!(got == line, "a whole line");
        }
        assert_eq!(again!(site, stream.read_until(b'\n', &mut Vec::new()))?, 0);
        Ok(())
    };
    beside(near, async move { say(&mut far, &sent).await }).await
}

pub(super) async fn write<P: Place>(site: Site<P>) -> Done {
    let (near, mut far) = site.pair().await?;
    // So much in the end that it is not buffered.
    let last = if site.plan.len > 1_000 { 9 << 10 } else { 0 };
    let sent = [site.content(0), site.content(1), vec![b'x'; last]].concat();
    let expected = sent.clone();
    let site = &site;
    let near = async move {
        let mut stream = BufStream::new(near, &site.pool);
        let (mut left, mut step) = (&sent[..], 0);
        while !left.is_empty() {
            step += 1;
            let len = if left.len() >= 9 << 10 {
                left.len()
            } else {
                left.len().min(1 + step * 97 % 500)
            };
            let (one, two) = left[..len].split_at(len / 3);
            let count = match step % 2 {
                0 => retry!(site, stream.write(&left[..len]))?,
                _ => retry!(site, stream.write_vectored(&[IoSlice::new(one), IoSlice::new(two)]))?,
            };
            left = &left[count..];
            if step % 4 == 0 {
                again!(site, stream.flush())?;
            }
        }
        again!(site, stream.shutdown())?;
        let parts = stream.into_parts();
        assert!(parts.unread.is_empty() && parts.unsent.is_empty());
        Ok(())
    };
    beside(near, async move { hear(&mut far, expected).await }).await
}
