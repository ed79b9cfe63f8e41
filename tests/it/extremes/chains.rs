//! Chains, which may link more bytes than there are.

use bytes::{Buf, BufMut, Bytes};
use leasehold::{Chain, ChainMut};

use super::*;

fn written(pool: &Pool) -> ChainMut {
    let mut chain = pool.try_chain(100).expect("room");
    chain.put_slice(b"hello");
    chain.push(Bytes::from(vec![b' '; KIB]));
    chain.put_slice(b"world");
    chain
}

const LEN: usize = KIB + 10;

#[tokio::test]
async fn room_is_had_or_refused() {
    let pool = pool();
    for len in LENS {
        let mut chain = written(&pool);
        assert_eq!(chain.try_reserve(len).is_ok(), len <= MIB, "{len}");
        assert_eq!(written(&pool).reserve(len).await.is_ok(), len <= MIB, "{len}");
        assert_eq!(chain.len(), LEN);
    }
    assert_eq!(pool.leased(), 0);
}

#[test]
fn chains_are_cut_within_their_length() {
    type Cut<T> = fn(&mut T, usize);
    let pool = pool();
    for at in LENS {
        let cuts: [(Cut<ChainMut>, usize); 6] = [
            (|chain, at| drop(chain.split_to(at)), LEN),
            (|chain, at| drop(chain.split_frame(at)), LEN),
            (|chain, at| chain.advance(at), LEN),
            (|chain, at| drop(chain.copy_to_bytes(at)), LEN),
            (|chain, at| chain.peek_slice(at, &mut [0; 2]), LEN - 2),
            (
                |chain, at| {
                    assert_eq!(
                        chain.find(at.., |piece| piece.iter().position(|&byte| byte == 0)),
                        None
                    )
                },
                LEN,
            ),
        ];
        for (which, (cut, most)) in cuts.into_iter().enumerate() {
            let mut chain = written(&pool);
            assert_eq!(panics(|| cut(&mut chain, at)), at > most, "cut {which} at {at}");
            assert!(at <= most || chain.len() == LEN, "cut {which} at {at}");
        }
        let cuts: [(Cut<Chain>, usize); 8] = [
            (|chain, at| drop(chain.split_to(at)), LEN),
            (|chain, at| drop(chain.split_off(at)), LEN),
            (|chain, at| drop(std::mem::take(chain).take(at)), usize::MAX),
            (|chain, at| chain.truncate(at), usize::MAX),
            (|chain, at| chain.advance(at), LEN),
            (|chain, at| drop(chain.copy_to_bytes(at)), LEN),
            (|chain, at| drop(chain.slice(at..)), LEN),
            (|chain, at| drop(chain.slice(..=at)), LEN - 1),
        ];
        for (which, (cut, most)) in cuts.into_iter().enumerate() {
            let mut chain = written(&pool).freeze();
            assert_eq!(panics(|| cut(&mut chain, at)), at > most, "cut {which} at {at}");
            assert!(at <= most || chain.len() == LEN, "cut {which} at {at}");
        }
    }
    assert_eq!(pool.leased(), 0);
}

/// On 32 bits half a MiB that is linked 4,096 times is more than a chain may be; on 64 nobody has
/// so much to link.
#[cfg(target_pointer_width = "32")]
#[test]
fn a_chain_ends_before_its_length_wraps() {
    let mut half = Chain::from(Bytes::from(vec![0; 512 * KIB]));
    (0..11).for_each(|_| half.append(half.clone()));
    assert_eq!(half.len(), 1 << 30);
    let mut chain = half.clone();
    assert!(panics(|| chain.append(half.clone())));
    assert_eq!(chain.len(), 1 << 30);
    let mut chain = ChainMut::new(&pool());
    chain.append(half.clone());
    assert!(panics(|| chain.append(half.clone())));
    assert!(chain.len() <= isize::MAX as usize);
    let (outbox, _writer) = leasehold::io::Outbox::builder().max_queued(usize::MAX).channel();
    let sent = (0..8).take_while(|_| outbox.try_send(half.clone()).is_ok()).count();
    assert!((1..8).contains(&sent) && outbox.queued() >= sent << 30, "{sent}");
}
