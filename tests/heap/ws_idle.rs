//! A socket that was upgraded holds nothing of HTTP: counted on the heap over 500 of them, with all
//! that belongs to them.

use crate::support::heap;

use crate::support::handshake::client;
use crate::support::handshake::site;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use client::{LINES, frame, head};
use leasehold::Pool;
use site::{SERVERS, Site};

const TEXT: u8 = 1;

#[test]
fn an_idle_socket_holds_less_than_1300_bytes_and_no_block() {
    let _alone = heap::alone();
    const COUNT: usize = 500;
    heap::files::allow(2_100);
    for server in SERVERS {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let site = runtime.block_on(Site::start(server));
        // The first ones make what all share.
        let mut clients: Vec<_> = Vec::with_capacity(10 + COUNT);
        clients.extend((0..10).map(|_| visit(site.address)));
        settle(&site.pool);
        let before = heap::live();
        clients.extend((0..COUNT).map(|_| visit(site.address)));
        settle(&site.pool);
        let held = usize::try_from(heap::live() - before).expect("sockets hold something") / COUNT;
        println!("{server:?}: {held} bytes of heap a socket");
        assert!(held >= 256, "{server:?}: a task and a socket are not even counted");
        assert!(held <= 1300, "{server:?}: {held} bytes of heap a socket");
        assert_eq!(site.pool.leased(), 0, "{server:?}");
    }
}

/// Upgrades with a message behind the request, hears it, and stays.
fn visit(address: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(address).expect("the server listens");
    let request = [head(&LINES).into_bytes(), frame(TEXT, &[b'x'; 3000])].concat();
    client.write_all(&request).expect("the server reads");
    let mut heard = Vec::new();
    while !heard.ends_with(&[b'x'; 3000]) {
        let mut piece = [0; 4096];
        let count = client.read(&mut piece).expect("an echo");
        assert!(count > 0, "the server hung up");
        heard.extend_from_slice(&piece[..count]);
    }
    client
}

/// Until nothing has changed for a while.
fn settle(pool: &Pool) {
    let figures = || (heap::live(), pool.leased());
    let mut last = figures();
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = figures();
        if std::mem::replace(&mut last, now) == now {
            return;
        }
    }
}
