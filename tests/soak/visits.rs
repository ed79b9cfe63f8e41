//! Guests, one after the other.

use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};

use tokio::time::timeout;

use crate::{
    bad_requests, dice::Dice, echo, feed, guest::Guest, house::House, hub, requests, sockets,
    tally::Fault, wire::Wire,
};

/// No visit takes so long, if nothing hangs: what a guest waits for waits at most some seconds for
/// memory.
const VISIT_MAX: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Frames,
    Lines,
    Counted,
    Relay,
    Feed,
    Requests,
    Http2,
    BadRequests,
    Sockets,
    Hub,
}

impl Kind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Frames,
        Self::Lines,
        Self::Counted,
        Self::Relay,
        Self::Feed,
        Self::Requests,
        Self::Http2,
        Self::BadRequests,
        Self::Sockets,
        Self::Hub,
    ];

    async fn visit(self, guest: &mut Guest) -> io::Result<()> {
        let to = guest.house.addresses;
        match self {
            Self::Frames => echo::visit(guest, to.frames, Wire::Frames).await,
            Self::Lines => echo::visit(guest, to.lines, Wire::Lines).await,
            Self::Counted => echo::visit(guest, to.counted, Wire::Counted).await,
            Self::Relay => echo::visit(guest, to.relay, Wire::Frames).await,
            Self::Feed => feed::visit(guest).await,
            Self::Requests => requests::visit(guest).await,
            Self::Http2 => requests::visit_http2(guest).await,
            Self::BadRequests => bad_requests::visit(guest).await,
            Self::Sockets => sockets::visit(guest).await,
            Self::Hub => hub::visit(guest).await,
        }
    }
}

/// Guests of one address, until the house is closed. Some are aborted, wherever they are.
pub(crate) async fn come_and_go(house: Arc<House>, number: u8, seed: u64) {
    let host = Ipv4Addr::new(127, 0, 1, number);
    for visit in 0.. {
        if house.is_closing() {
            return;
        }
        let mut dice = Dice::new(seed, u64::from(number) << 32 | visit);
        let kind = dice.pick(Kind::ALL);
        let lives = dice.one_in(25).then(|| dice.millis(0..100));
        let guest = Guest::new(&house, host, dice);
        let mut visiting = tokio::spawn(see_through(guest, kind, seed));
        match lives {
            Some(lives) if timeout(lives, &mut visiting).await.is_err() => {
                house.tally.fault(Fault::GuestAborted);
                visiting.abort();
            }
            Some(_) => continue,
            None => {}
        }
        // Aborted, or well; a panic was printed, and is counted.
        let _ = visiting.await;
    }
}

/// A visit that ends early must have a reason.
async fn see_through(mut guest: Guest, kind: Kind, seed: u64) {
    let ended = timeout(VISIT_MAX, kind.visit(&mut guest)).await;
    let ended = ended.unwrap_or_else(|_| panic!("{kind:?} hangs; the seed is {seed}"));
    match ended {
        Ok(()) => guest.house.tally.ended_well(kind),
        Err(error) if guest.is_excused(&error).await => {}
        Err(error) => {
            panic!("{kind:?} ends early, and nobody says why: {error:?}; the seed is {seed}")
        }
    }
}
