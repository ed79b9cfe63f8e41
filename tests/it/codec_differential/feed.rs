//! `Feed`: how the bytes of a read come to lie in a chain.

use bytes::{BufMut, Bytes};
use leasehold::{ChainMut, Pool};

/// The ways of one test, and the pools they lease from.
pub(crate) struct Feeds {
    tiny: Pool,
    usual: Pool,
}

/// A way to add bytes to a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Feed {
    /// Into the room of blocks of 4, 16 and 64 bytes.
    Tiny,
    /// Into the room of one block of 64 KiB, as a socket is read.
    Usual,
    /// Linked, three bytes at a time.
    Linked,
    /// By turns a byte into a block of its own, and two linked.
    Mixed,
}

impl Feeds {
    pub(crate) const ALL: [Feed; 4] = [Feed::Tiny, Feed::Usual, Feed::Linked, Feed::Mixed];

    pub(crate) fn new() -> Self {
        let tiny = Pool::builder()
            .budget(1 << 20)
            .classes([4, 16, 64])
            .build()
            .expect("a pool of tiny blocks");
        Self { tiny, usual: Pool::new(4 << 20).expect("a pool of the usual blocks") }
    }

    pub(crate) fn chain(&self, feed: Feed) -> ChainMut {
        match feed {
            Feed::Tiny | Feed::Mixed => ChainMut::new(&self.tiny),
            Feed::Usual | Feed::Linked => ChainMut::new(&self.usual),
        }
    }

    pub(crate) fn assert_all_home(&self) {
        assert_eq!(self.tiny.leased(), 0);
        assert_eq!(self.usual.leased(), 0);
    }
}

impl Feed {
    pub(crate) fn add(self, chain: &mut ChainMut, bytes: &[u8]) {
        match self {
            Self::Tiny => put(chain, bytes.len(), bytes),
            Self::Usual => put(chain, 60_000, bytes),
            Self::Linked => bytes.chunks(3).for_each(|piece| link(chain, piece)),
            Self::Mixed => {
                for piece in bytes.chunks(3) {
                    put(chain, 1, &piece[..1]);
                    link(chain, &piece[1..]);
                }
            }
        }
    }
}

fn put(chain: &mut ChainMut, room: usize, bytes: &[u8]) {
    chain.try_reserve(room.max(bytes.len())).expect("room");
    chain.put_slice(bytes);
}

/// Without room a short piece is linked as well.
fn link(chain: &mut ChainMut, bytes: &[u8]) {
    chain.release_room();
    chain.push(Bytes::copy_from_slice(bytes));
}
