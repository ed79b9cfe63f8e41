//! tokio's `copy_bidirectional`.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::pool;

pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    leasehold::io::copy_bidirectional(a, b, pool()).await
}

/// The sizes are those of two buffers. Here they are one limit for both directions.
pub async fn copy_bidirectional_with_sizes<A, B>(
    a: &mut A,
    b: &mut B,
    a_to_b: usize,
    b_to_a: usize,
) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    leasehold::io::Relay::with_limit(a, b, pool(), a_to_b.max(b_to_a)).await
}
