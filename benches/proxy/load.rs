//! `Load`: the clients of a proxy.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    runtime::{Builder, Runtime},
    task::JoinHandle,
    time::{interval, sleep, timeout},
};

/// What the kernel may hold for a slow client, which is less than it likes: the memory of the proxy
/// is measured here, and not that of loopback.
const RECEIVE_BUFFER: u32 = 64 << 10;

/// No download by a fast client takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) clients: usize,
    /// What each client asks for, in bytes.
    pub(crate) len: usize,
    /// How long the clients read before memory is looked at.
    pub(crate) reading: Duration,
}

/// Clients that read on for as long as these are held.
pub(crate) struct Clients {
    runtime: Runtime,
    reading: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts the clients, and lets them read for a while.
    pub(crate) fn start(self, proxy: SocketAddr) -> Clients {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let reading = runtime.block_on(async {
            let mut reading = Vec::new();
            for index in 0..self.clients {
                let socket = TcpSocket::new_v4().expect("a socket");
                socket.set_recv_buffer_size(RECEIVE_BUFFER).expect("a size");
                let mut client = socket.connect(proxy).await.expect("the proxy listens");
                request(&mut client).await;
                reading.push(tokio::spawn(read_slowly(client)));
                if index % 50 == 49 {
                    sleep(Duration::from_millis(20)).await;
                }
            }
            sleep(self.reading).await;
            reading
        });
        Clients { runtime, reading }
    }

    /// How long a client takes that reads as fast as it can.
    pub(crate) fn one_more(self, proxy: SocketAddr) -> Duration {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let since = Instant::now();
            let mut client = TcpStream::connect(proxy).await.expect("the proxy listens");
            request(&mut client).await;
            let mut count = 0;
            let mut bytes = vec![0; 64 << 10];
            let reading = async {
                while count < self.len {
                    match client.read(&mut bytes).await.expect("the proxy is there") {
                        0 => panic!("the proxy cut a client off after {count} bytes"),
                        read => count += read,
                    }
                }
            };
            timeout(PATIENCE, reading).await.expect("fast clients do not wait for slow ones");
            since.elapsed()
        })
    }
}

impl Clients {
    /// All go away, and none was cut off before.
    pub(crate) fn end(self) {
        let cut = self.reading.iter().filter(|reading| reading.is_finished()).count();
        assert_eq!(cut, 0, "clients were cut off");
        self.runtime.shutdown_background();
    }
}

async fn request(client: &mut TcpStream) {
    client.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.expect("the proxy is there");
}

/// Reads 1 KiB a second, until the proxy ends the connection.
async fn read_slowly(mut client: TcpStream) {
    let mut bytes = [0; 1024];
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        if !client.read(&mut bytes).await.is_ok_and(|count| count > 0) {
            return;
        }
    }
}
