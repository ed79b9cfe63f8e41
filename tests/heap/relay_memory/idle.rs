//! What idle relays hold of the heap: their tasks, what these own, and what tokio keeps for their
//! sockets.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream as StdStream},
    thread,
    time::Duration,
};

use tokio::{
    net::{TcpSocket, TcpStream},
    runtime::Runtime,
    task::JoinHandle,
};

use super::heap;

/// What each relay moves before it is left alone: a MiB there, and an answer back.
const MOVED_LEN: usize = 1 << 20;
const ANSWER_LEN: usize = 1 << 10;

/// A relay that runs, and its two peers: plain sockets, which hold nothing of the heap.
struct Relayed {
    client: StdStream,
    server: StdStream,
    task: JoinHandle<io::Result<(u64, u64)>>,
}

/// Bytes of heap per idle relay, `count` of them at once. Each has moved a MiB before; `while_idle`
/// is called when all are idle.
pub(crate) fn heap_per_relay<F>(
    count: usize,
    join: impl Fn(TcpStream, TcpStream) -> F,
    while_idle: impl FnOnce(),
) -> io::Result<f64>
where
    F: Future<Output = io::Result<(u64, u64)>> + Send + 'static,
{
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let pairs = Pairs::listen(&runtime)?;
    // One goes first: what only the first needs is not counted.
    let mut relays = Vec::with_capacity(count + 1);
    relays.push(Relayed::start(&runtime, &pairs, &join)?);
    let before = heap::live();
    for _ in 0..count {
        relays.push(Relayed::start(&runtime, &pairs, &join)?);
    }
    thread::sleep(Duration::from_millis(200)); // the last ones go to sleep
    let bytes = (heap::live() - before) as f64 / count as f64;
    while_idle();
    for relay in relays {
        let Relayed { client, server, task } = relay;
        drop((client, server));
        let moved = runtime.block_on(task).map_err(io::Error::other)??;
        assert_eq!(moved, (MOVED_LEN as u64, ANSWER_LEN as u64));
    }
    Ok(bytes)
}

impl Relayed {
    fn start<F>(
        runtime: &Runtime,
        pairs: &Pairs,
        join: impl Fn(TcpStream, TcpStream) -> F,
    ) -> io::Result<Self>
    where
        F: Future<Output = io::Result<(u64, u64)>> + Send + 'static,
    {
        let (mut client, inbound) = pairs.pair()?;
        let (mut server, outbound) = pairs.pair()?;
        let _guard = runtime.enter();
        let task = runtime.spawn(join(relayed(inbound)?, relayed(outbound)?));
        send(MOVED_LEN, &mut client, &mut server)?;
        send(ANSWER_LEN, &mut server, &mut client)?;
        Ok(Self { client, server, task })
    }
}

/// Sends so many bytes, and receives them at the other end.
fn send(len: usize, from: &mut StdStream, to: &mut StdStream) -> io::Result<()> {
    thread::scope(|scope| {
        let sent = scope.spawn(|| from.write_all(&vec![7; len]));
        to.read_exact(&mut vec![0; len])?;
        sent.join().expect("the sender does not panic")
    })
}

/// A listener that plain sockets are connected by.
pub(crate) struct Pairs {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Pairs {
    pub(crate) fn listen(runtime: &Runtime) -> io::Result<Self> {
        let _guard = runtime.enter();
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(4096)?.into_std()?;
        listener.set_nonblocking(false)?;
        Ok(Self { address: listener.local_addr()?, listener })
    }

    /// Two ends of a connection: the one that connects, and the one that was accepted.
    pub(crate) fn pair(&self) -> io::Result<(StdStream, StdStream)> {
        let connecting = StdStream::connect(self.address)?;
        let (accepted, _) = self.listener.accept()?;
        Ok((connecting, accepted))
    }
}

/// A plain socket as one of tokio's.
pub(crate) fn relayed(socket: StdStream) -> io::Result<TcpStream> {
    socket.set_nonblocking(true)?;
    TcpStream::from_std(socket)
}
