//! Writing chains and cutting frames off them, against `BytesMut` on the system's allocator.

mod ratios;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::{Buf, BufMut, BytesMut};
use leasehold::{Chain, Pool};

use crate::ratios::{Case, Run, measure};

const PIECE_LEN: usize = 1 << 10;
const FRAME_LEN: usize = 4 << 10;
const BLOCK_LEN: usize = 64 << 10;
const MIB: usize = 1 << 20;

fn main() {
    measure(&cases());
}

fn cases() -> Vec<Case> {
    let pool = Pool::new(256 * MIB).expect("256 MiB can be reserved");
    let of_64k = Pool::builder()
        .budget(256 * MIB)
        .classes([BLOCK_LEN])
        .build()
        .expect("256 MiB can be reserved");
    let block = {
        let pool = pool.clone();
        move || filled(pool.try_lease(BLOCK_LEN).expect("the budget is ample"))
    };
    let chain = {
        let pool = pool.clone();
        move || filled(pool.try_chain(BLOCK_LEN).expect("the budget is ample"))
    };
    let bytes = || filled(BytesMut::with_capacity(BLOCK_LEN));
    let (block_kept, chain_kept) = (block.clone(), chain.clone());
    let long = pool.clone();
    vec![
        Case {
            group: "write_1MiB_in_1KiB_pieces",
            runs: vec![
                Run::new("ChainMut_1MiB_block", move |rounds| {
                    written(rounds, || long.try_chain(MIB).expect("the budget is ample"))
                }),
                Run::new("ChainMut_64KiB_blocks", move |rounds| {
                    written(rounds, || of_64k.try_chain(MIB).expect("the budget is ample"))
                }),
                Run::new("BytesMut", |rounds| written(rounds, || BytesMut::with_capacity(MIB))),
            ],
        },
        Case {
            group: "freeze_4KiB_frames/dropped",
            runs: vec![
                Run::new("BlockMut", move |rounds| {
                    framed(rounds, &block, |from| from.split_to(FRAME_LEN).freeze(), drop)
                }),
                Run::new("ChainMut", move |rounds| {
                    framed(rounds, &chain, |from| from.split_to(FRAME_LEN).freeze(), drop)
                }),
                Run::new("BytesMut", move |rounds| {
                    framed(rounds, bytes, |from| from.split_to(FRAME_LEN).freeze(), drop)
                }),
            ],
        },
        Case {
            group: "freeze_4KiB_frames/kept",
            runs: vec![
                Run::new("BlockMut", move |rounds| {
                    kept(rounds, &block_kept, |from| from.split_to(FRAME_LEN).freeze())
                }),
                Run::new("ChainMut", move |rounds| {
                    kept(rounds, &chain_kept, |from| from.split_to(FRAME_LEN).freeze())
                }),
                Run::new("BytesMut", move |rounds| {
                    kept(rounds, bytes, |from| from.split_to(FRAME_LEN).freeze())
                }),
            ],
        },
        Case {
            group: "read_1MiB_in_4KiB_pieces",
            runs: vec![
                Run::new("Chain_of_64KiB_blocks", {
                    let source: Chain = (0..16)
                        .map(|_| filled(pool.try_lease(BLOCK_LEN).expect("ample")))
                        .collect();
                    move |rounds| read(rounds, || source.clone())
                }),
                Run::new("Bytes", {
                    let source = filled(BytesMut::with_capacity(MIB)).freeze();
                    move |rounds| read(rounds, || source.clone())
                }),
            ],
        },
    ]
}

/// Fills all room, so that measuring begins with written memory.
fn filled<B: BufMut>(mut buf: B) -> B {
    let room = match buf.remaining_mut() {
        room if room > MIB => buf.chunk_mut().len(),
        room => room,
    };
    buf.put_bytes(7, room);
    buf
}

/// Leases and writes 1 MiB in small pieces.
fn written<B: BufMut>(rounds: u64, lease: impl Fn() -> B) -> Duration {
    let piece = [7; PIECE_LEN];
    let start = Instant::now();
    for _ in 0..rounds {
        let mut buf = lease();
        for _ in 0..MIB / PIECE_LEN {
            buf.put_slice(black_box(&piece));
        }
        black_box(&mut buf);
    }
    start.elapsed()
}

/// Cuts 64 KiB into frames; the filling is not measured.
fn framed<B: Buf, F>(
    rounds: u64,
    lease: impl Fn() -> B,
    cut: impl Fn(&mut B) -> F,
    sink: impl Fn(F),
) -> Duration {
    let mut cutting = Duration::ZERO;
    for _ in 0..rounds {
        let mut buf = lease();
        let start = Instant::now();
        while buf.has_remaining() {
            sink(black_box(cut(&mut buf)));
        }
        cutting += start.elapsed();
    }
    cutting
}

/// The same, and all frames are kept until the last is cut.
fn kept<B: Buf, F>(rounds: u64, lease: impl Fn() -> B, cut: impl Fn(&mut B) -> F) -> Duration {
    let mut cutting = Duration::ZERO;
    let mut frames = Vec::with_capacity(BLOCK_LEN / FRAME_LEN);
    for _ in 0..rounds {
        let mut buf = lease();
        let start = Instant::now();
        while buf.has_remaining() {
            frames.push(cut(&mut buf));
        }
        frames.clear();
        cutting += start.elapsed();
    }
    cutting
}

/// Reads 1 MiB through `Buf`, a piece at a time.
fn read<B: Buf>(rounds: u64, source: impl Fn() -> B) -> Duration {
    let mut piece = [0; FRAME_LEN];
    let start = Instant::now();
    for _ in 0..rounds {
        let mut buf = source();
        while buf.remaining() >= FRAME_LEN {
            buf.copy_to_slice(&mut piece);
            black_box(&mut piece);
        }
    }
    start.elapsed()
}
