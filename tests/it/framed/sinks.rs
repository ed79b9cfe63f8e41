//! Sinks: the same items are the same bytes on the wire, once each, whatever the transport does.

use std::{io::ErrorKind, task::Poll};

use bytes::Bytes;
use leasehold::{Pool, codec as ours, codec::compat};
use tokio_util::codec as theirs;

use crate::framed::{
    fault::Fault,
    rivals::Sender,
    transport::{End, Faulty, seed},
};

type Item = Bytes;
type Transport<'a> = &'a dyn Fn() -> Faulty;

/// Lengths of payloads: none, short ones that are copied, long ones that are linked, around the
/// boundary.
const LENS: [usize; 9] = [0, 1, 300, 511, 512, 4_000, 8_188, 0, 9_000];

fn items() -> Vec<Item> {
    LENS.into_iter()
        .enumerate()
        .map(|(at, len)| (0..len).map(|index| (index + at) as u8).collect())
        .collect()
}

fn wire(items: &[Item]) -> Vec<u8> {
    items.iter().flat_map(|item| [&(item.len() as u32).to_be_bytes()[..], item].concat()).collect()
}

/// Every sink of both crates, with tokio-util's first: each sends by `run`, which says what came of
/// it.
fn each<R>(
    pool: &Pool,
    io: Transport<'_>,
    run: impl Fn(&mut dyn DynSender) -> R,
) -> Vec<(&'static str, R)> {
    let (theirs, ours) = (theirs::LengthDelimitedCodec::new, ours::LengthDelimitedCodec::new);
    let results = vec![
        ("tokio-util", run(&mut theirs::Framed::new(io(), theirs()))),
        ("tokio-util's FramedWrite", run(&mut theirs::FramedWrite::new(io(), theirs()))),
        ("compat", run(&mut compat::Framed::new(io(), theirs()))),
        ("compat, charged", run(&mut compat::Framed::new(io(), theirs()).charge_to(pool))),
        ("Framed", run(&mut ours::Framed::new(io(), ours(), pool))),
        ("FramedWrite", run(&mut ours::FramedWrite::new(io(), ours(), pool))),
    ];
    assert_eq!(pool.leased(), 0);
    results
}

/// [`Sender`] as an object.
trait DynSender {
    fn io(&mut self) -> &mut Faulty;
    fn bound_by(&mut self, boundary: usize);
    fn ready(&mut self) -> Poll<Result<(), Fault>>;
    fn start(&mut self, item: Item) -> Result<(), Fault>;
    fn flush_once(&mut self) -> Poll<Result<(), Fault>>;
    fn close_once(&mut self) -> Poll<Result<(), Fault>>;
}

impl<S: Sender<Item>> DynSender for S {
    fn io(&mut self) -> &mut Faulty {
        Sender::io(self)
    }

    fn bound_by(&mut self, boundary: usize) {
        Sender::bound_by(self, boundary);
    }

    fn ready(&mut self) -> Poll<Result<(), Fault>> {
        Sender::ready(self)
    }

    fn start(&mut self, item: Item) -> Result<(), Fault> {
        Sender::start(self, item)
    }

    fn flush_once(&mut self) -> Poll<Result<(), Fault>> {
        Sender::flush_once(self)
    }

    fn close_once(&mut self) -> Poll<Result<(), Fault>> {
        Sender::close_once(self)
    }
}

/// Polls until it is done; every error is noted, and what failed is tried again.
fn insist(faults: &mut Vec<Fault>, mut poll: impl FnMut() -> Poll<Result<(), Fault>>) {
    for _ in 0..200_000 {
        match poll() {
            Poll::Ready(Ok(())) => return,
            Poll::Ready(Err(fault)) => faults.push(fault),
            Poll::Pending => {}
        }
    }
    panic!("it does not end");
}

/// Sends all items, flushes after every `flush_every`th and at the end, and closes: what failed,
/// and what arrived.
fn send_all(
    sender: &mut dyn DynSender,
    items: &[Item],
    flush_every: usize,
) -> (Vec<Fault>, Vec<u8>) {
    let mut faults = Vec::new();
    for (at, item) in items.iter().enumerate() {
        insist(&mut faults, || sender.ready());
        sender.start(item.clone()).unwrap();
        if at % flush_every == 0 {
            insist(&mut faults, || sender.flush_once());
        }
    }
    insist(&mut faults, || sender.flush_once());
    assert_eq!(sender.io().end(), End::Flushed);
    // On a transport that always waits first this would flush and shut down by turns for ever, with
    // either crate.
    if sender.close_once().is_ready() {
        assert_eq!(sender.io().end(), End::Shutdown);
    }
    (faults, sender.io().sent().to_vec())
}

fn assert_all_sent(
    pool: &Pool,
    io: Transport<'_>,
    items: &[Item],
    flush_every: usize,
    fault_count: usize,
) {
    for (name, (faults, sent)) in each(pool, io, |sender| send_all(sender, items, flush_every)) {
        assert_eq!(faults.len(), fault_count, "{name} on {:?}: {faults:?}", io());
        assert!(sent == wire(items), "{name} on {:?}", io());
    }
}

#[test]
fn the_same_items_are_the_same_bytes() {
    let pool = Pool::new(8 << 20).unwrap();
    let items = items();
    for flush_every in [1, 3, usize::MAX] {
        for cut in [1, 2, 3, 7, 100, 511, 512, 513, 4_095, 8_192, 10_000, usize::MAX] {
            assert_all_sent(&pool, &|| Faulty::new([]).cut(cut), &items, flush_every, 0);
            assert_all_sent(&pool, &|| Faulty::new([]).cut(cut).vectored(), &items, flush_every, 0);
        }
        assert_all_sent(&pool, &|| Faulty::new([]).cut(1_000).pending(), &items, flush_every, 0);
        assert_all_sent(
            &pool,
            &|| Faulty::new([]).cut(1_000).vectored().pending(),
            &items,
            flush_every,
            0,
        );
    }
    let first = seed();
    for seed in first..first + 30 {
        assert_all_sent(&pool, &|| Faulty::random([], seed), &items, 4, 0);
    }
}

#[test]
fn short_items_are_cut_at_every_position() {
    let pool = Pool::new(8 << 20).unwrap();
    let items: Vec<Item> =
        [0, 1, 7, 0, 20].iter().map(|&len| Item::from(vec![b'x'; len])).collect();
    for cut in 1..=wire(&items).len() {
        assert_all_sent(&pool, &|| Faulty::new([]).cut(cut), &items, usize::MAX, 0);
        assert_all_sent(&pool, &|| Faulty::new([]).cut(cut).vectored(), &items, usize::MAX, 0);
    }
}

#[test]
fn whatever_call_fails_every_byte_is_sent_once() {
    let pool = Pool::new(8 << 20).unwrap();
    let items = items();
    for (is_vectored, cut, flush_every) in
        [(false, 3_000, 1), (true, 3_000, 1), (true, 999, 4), (true, usize::MAX, 9)]
    {
        let io = || if is_vectored { Faulty::new([]).vectored() } else { Faulty::new([]) }.cut(cut);
        // How many calls there are depends on who sends: none makes fewer than these.
        let calls = each(&pool, &io, |sender| {
            send_all(sender, &items, flush_every);
            sender.io().calls()
        });
        let fewest = calls.iter().map(|&(_, calls)| calls).min().unwrap();
        // All but the last two calls, of the close.
        for call in 0..fewest - 2 {
            assert_all_sent(&pool, &|| io().failing_at(call), &items, flush_every, 1);
        }
    }
}

#[test]
fn readiness_is_that_of_tokio_util() {
    let pool = Pool::new(8 << 20).unwrap();
    for boundary in [None, Some(0), Some(1), Some(5), Some(8_192), Some(100_000), Some(usize::MAX)]
    {
        for len in [0, 1, 2, 1_000, 4_092, 8_186, 8_187, 8_188, 8_189, 9_000, 100_000] {
            for io in [&(|| Faulty::new([]).vectored().pending()) as Transport<'_>, &|| {
                Faulty::new([]).vectored().failing_at(0)
            }] {
                let answers = each(&pool, io, |sender| {
                    if let Some(boundary) = boundary {
                        sender.bound_by(boundary);
                    }
                    let mut answers = Vec::new();
                    for _ in 0..12 {
                        let ready = sender.ready();
                        if ready == Poll::Ready(Ok(())) {
                            sender.start(Item::from(vec![b'x'; len])).unwrap();
                        }
                        answers.push(ready);
                    }
                    insist(&mut Vec::new(), || sender.flush_once());
                    (answers, sender.io().sent().len())
                });
                let expected = &answers[0].1;
                for (name, answer) in &answers[1..] {
                    assert_eq!(
                        answer, expected,
                        "{name}, boundary {boundary:?}, items of {len} bytes"
                    );
                }
            }
        }
    }
}

#[test]
fn a_transport_that_takes_no_more_is_an_error_and_loses_nothing() {
    let pool = Pool::new(8 << 20).unwrap();
    let items = items();
    let wire = wire(&items);
    for taken in [0, 1, 4, 300, 9_000, wire.len() - 1] {
        let io = || Faulty::new([]).vectored().taking(taken);
        let results = each(&pool, &io, |sender| {
            sender.bound_by(usize::MAX);
            for item in &items {
                assert_eq!(sender.ready(), Poll::Ready(Ok(())));
                sender.start(item.clone()).unwrap();
            }
            let kinds =
                [sender.flush_once(), sender.flush_once(), sender.close_once()].map(|polled| {
                    match polled {
                        Poll::Ready(Err(Fault::Other(kind, _))) => kind,
                        other => panic!("{other:?}"),
                    }
                });
            assert_eq!(kinds, [ErrorKind::WriteZero; 3]);
            let sent = sender.io().sent().to_vec();
            // Takes more again: the rest arrives, and no byte twice.
            let taken = std::mem::replace(sender.io(), Faulty::new([]).vectored());
            insist(&mut Vec::new(), || sender.close_once());
            assert_eq!(taken.sent().len(), sent.len());
            [sent, sender.io().sent().to_vec()]
        });
        for (name, [before, after]) in results {
            assert_eq!(before.len(), taken, "{name}");
            assert!([before, after].concat() == wire, "{name}");
        }
    }
}

#[test]
fn an_item_that_cannot_be_encoded_leaves_what_is_queued() {
    let pool = Pool::new(8 << 20).unwrap();
    let long = Item::from(vec![b'x'; (8 << 20) + 1]);
    let results = each(&pool, &|| Faulty::new([]), |sender| {
        for len in [3, 0] {
            assert_eq!(sender.ready(), Poll::Ready(Ok(())));
            sender.start(Item::from(vec![b'x'; len])).unwrap();
            assert_eq!(sender.ready(), Poll::Ready(Ok(())));
            assert_eq!(sender.start(long.clone()), Err(Fault::TooLarge(ErrorKind::InvalidInput)));
        }
        insist(&mut Vec::new(), || sender.flush_once());
        sender.io().sent().to_vec()
    });
    for (name, sent) in results {
        assert_eq!(sent, b"\0\0\0\x03xxx\0\0\0\0", "{name}");
    }
}
