//! `ResponseData`: a part of a response that hyper has.

use std::{io::IoSlice, sync::Arc};

use bytes::{Buf, Bytes};

use super::stream_room::StreamRoom;

/// What the service has sent, counted until the transport has taken it (UNSENT) or as it is.
pub(super) enum ResponseData<D> {
    Sent(D),
    Counted(Counted<D>),
}

/// Data, and how much of it is counted.
pub(super) struct Counted<D> {
    data: D,
    len: usize,
    stream: Arc<StreamRoom>,
}

impl<D: Buf> Counted<D> {
    pub(super) fn new(data: D, stream: &Arc<StreamRoom>) -> Self {
        let len = data.remaining();
        stream.add(len);
        Self { data, len, stream: Arc::clone(stream) }
    }

    fn sent(&mut self, count: usize) {
        self.len -= count;
        self.stream.remove(count);
    }
}

impl<D> Drop for Counted<D> {
    fn drop(&mut self) {
        if self.len > 0 {
            self.stream.remove(self.len);
        }
    }
}

impl<D: Buf> Buf for ResponseData<D> {
    #[inline]
    fn remaining(&self) -> usize {
        match self {
            Self::Sent(data) => data.remaining(),
            Self::Counted(counted) => counted.data.remaining(),
        }
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        match self {
            Self::Sent(data) => data.chunk(),
            Self::Counted(counted) => counted.data.chunk(),
        }
    }

    #[inline]
    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        match self {
            Self::Sent(data) => data.chunks_vectored(dst),
            Self::Counted(counted) => counted.data.chunks_vectored(dst),
        }
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        match self {
            Self::Sent(data) => data.advance(count),
            Self::Counted(counted) => {
                counted.data.advance(count);
                counted.sent(count);
            }
        }
    }

    #[inline]
    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        match self {
            Self::Sent(data) => data.copy_to_bytes(len),
            Self::Counted(counted) => {
                let bytes = counted.data.copy_to_bytes(len);
                counted.sent(len);
                bytes
            }
        }
    }
}
