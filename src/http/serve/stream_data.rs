//! `StreamData`: a part of a response that hyper has.

use std::{io::IoSlice, sync::Arc};

use bytes::{Buf, Bytes};

use super::stream_room::StreamRoom;

/// Counts the bytes of `data` until the transport has taken them, or they are dropped (UNSENT).
pub(super) struct StreamData<D> {
    data: D,
    counted: Option<Counted>,
}

struct Counted {
    room: Arc<StreamRoom>,
    len: usize,
}

impl<D: Buf> StreamData<D> {
    /// Counts `data`, if there is a room to count it in.
    pub(super) fn new(data: D, room: Option<&Arc<StreamRoom>>) -> Self {
        let counted = room.map(|room| {
            let len = data.remaining();
            room.add(len);
            Counted { room: Arc::clone(room), len }
        });
        Self { data, counted }
    }
}

impl<D: Buf> Buf for StreamData<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(dst)
    }

    fn advance(&mut self, count: usize) {
        self.data.advance(count);
        self.counted.iter_mut().for_each(|counted| counted.sent(count));
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        let bytes = self.data.copy_to_bytes(len);
        self.counted.iter_mut().for_each(|counted| counted.sent(len));
        bytes
    }
}

impl Counted {
    fn sent(&mut self, count: usize) {
        self.len -= count;
        self.room.remove(count);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.len > 0 {
            self.room.remove(self.len);
        }
    }
}
