//! The outbox: what it admits, who waits and who is woken, what is written, and how it ends.

mod ending;
mod model;
mod policies;
mod waiting;
mod wire;
mod writing;

use std::{io, pin::Pin};

use bytes::BufMut;
use leasehold::{
    Chain, Pool,
    io::{FlushError, Outbox, OutboxBuilder, OutboxWriter, SendError},
};
use tokio_test::task::{self, Spawn};

use wire::Wire;

/// What each item of one segment counts beside its bytes.
const SEGMENT: usize = 64;

fn pool() -> Pool {
    Pool::new(8 << 20).unwrap()
}

/// An item of one block, of so many equal bytes.
fn item(pool: &Pool, fill: u8, len: usize) -> Chain {
    let mut block = pool.try_lease(len).unwrap();
    block.put_bytes(fill, len);
    block.into()
}

/// A future that is polled by hand.
type Task<'a, R> = Spawn<Pin<Box<dyn Future<Output = R> + 'a>>>;

type Running = Task<'static, io::Result<()>>;

/// A writer that is run on a wire.
fn running(mut writer: OutboxWriter, wire: &Wire) -> Running {
    let mut wire = wire.clone();
    task::spawn(Box::pin(async move { writer.run(&mut wire).await }))
}

#[test]
fn senders_are_one_pointer_and_all_may_cross_threads() {
    fn is_send_and_sync<T: Send + Sync + Unpin + 'static>() {}
    fn is_send<T: Send>(_: T) {}
    is_send_and_sync::<Outbox>();
    is_send_and_sync::<OutboxWriter>();
    is_send_and_sync::<OutboxBuilder>();
    is_send_and_sync::<SendError>();
    is_send_and_sync::<FlushError>();
    assert_eq!(size_of::<Outbox>(), size_of::<usize>());
    let (outbox, mut writer) = Outbox::channel(1);
    is_send(outbox.send(Chain::new()));
    is_send(outbox.flush());
    is_send(outbox.closed());
    is_send(writer.run(&mut Wire::new()));
}
