//! `Guest`: a client on one visit.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::{TcpSocket, TcpStream},
};

use crate::{dice::Dice, excuses::is_lease, house::House, tally::Fault};

/// How long a handler may take to say why it has hung up.
const EXCUSE_WITHIN: Duration = Duration::from_secs(1);

pub(crate) struct Guest {
    pub(crate) house: Arc<House>,
    pub(crate) dice: Dice,
    /// Each has an address of its own, for each address has only so many ports.
    host: Ipv4Addr,
    address: SocketAddr,
    /// Whatever comes now, this guest has asked for it.
    is_faulty: bool,
    /// What the pool had refused when this guest last asked for something of a server that gives no
    /// excuses.
    refused_before: Option<u64>,
}

impl Guest {
    pub(crate) fn new(house: &Arc<House>, host: Ipv4Addr, dice: Dice) -> Self {
        let address = SocketAddr::from((host, 0));
        Self {
            house: Arc::clone(house),
            dice,
            host,
            address,
            is_faulty: false,
            refused_before: None,
        }
    }

    pub(crate) async fn connect(&mut self, to: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.host, 0).into())?;
        self.address = socket.local_addr()?;
        self.house.excuses.forget(self.address);
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        self.house.tally.connections.fetch_add(1, Relaxed);
        Ok(stream)
    }

    /// The address that servers know it by.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does something wrong, after which it may be hung up on.
    pub(crate) fn fault(&mut self, fault: Fault) {
        self.house.tally.fault(fault);
        self.is_faulty = true;
    }

    /// From here on a refusal by the pool, of anything to anybody, is excuse enough: the server is
    /// not ours to ask.
    pub(crate) fn trust_the_pool(&mut self) {
        self.refused_before = Some(self.house.refused_lately());
    }

    /// From here on it is not.
    pub(crate) fn trust_nobody(&mut self) {
        self.refused_before = None;
    }

    /// Whether a visit had to end with this error: the guest has given cause, or there was no
    /// memory, which is counted.
    pub(crate) async fn is_excused(&self, error: &io::Error) -> bool {
        if self.is_faulty {
            return true;
        }
        let is_cut_short = is_lease(error) || self.is_served_no_longer().await;
        self.house.tally.cut_short.fetch_add(is_cut_short.into(), Relaxed);
        is_cut_short
    }

    async fn is_served_no_longer(&self) -> bool {
        // Now, and not in a moment: others are refused all the time.
        if self.refused_before.is_some_and(|before| self.house.pool.stats().refused > before) {
            return true;
        }
        let deadline = Instant::now() + EXCUSE_WITHIN;
        while !self.house.excuses.has(self.address) {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        true
    }

    /// Most go on at once; some take long enough for a server to let go of what it has for them.
    pub(crate) async fn pause(&mut self) {
        let pause = match self.dice.within(0..40) {
            0 => self.dice.millis(300..1500),
            1..8 => self.dice.millis(1..50),
            _ => return,
        };
        tokio::time::sleep(pause).await;
    }

    /// Goes away without a word, one way or the other.
    pub(crate) fn vanish(&mut self, stream: TcpStream) {
        if self.dice.one_in(2) {
            self.fault(Fault::Vanished);
        } else {
            self.fault(Fault::Reset);
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket of TCP");
        }
        drop(stream);
    }
}

/// Nothing more comes, and then the end.
pub(crate) async fn expect_end<T: AsyncRead + Unpin>(stream: &mut T) -> io::Result<()> {
    let mut rest = [0; 64];
    match stream.read(&mut rest).await? {
        0 => Ok(()),
        count => panic!("after all that was to come there are {:?}", &rest[..count]),
    }
}
