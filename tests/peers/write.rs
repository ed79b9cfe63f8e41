//! tokio's `write_all_buf`.

use std::io;

use bytes::Buf;
use tokio::io::AsyncWrite;

/// Its method calls this crate's function of the same name.
pub trait WriteAllBuf: AsyncWrite + Unpin {
    #[allow(async_fn_in_trait)]
    async fn write_all_buf(&mut self, src: &mut impl Buf) -> io::Result<()> {
        leasehold::io::write_all_buf(self, src).await
    }
}

impl<T: AsyncWrite + Unpin + ?Sized> WriteAllBuf for T {}
