//! A feed through an outbox, and guests that read it at their own pace.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::BufMut;
use leasehold::{
    LeaseError,
    io::{Outbox, Policy},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::{dice::Dice, guest::Guest, house::House, piece::Piece, tally::Fault};

const POLICIES: [Policy; 4] = [Policy::Wait, Policy::Refuse, Policy::DropOldest, Policy::Close];

/// What an outbox holds.
const HIGH_MARK: usize = 128 << 10;

/// The length of an item at most.
const ITEM_MAX: usize = 60 << 10;

/// The number, place and length of an item stand before its bytes.
const HEAD_LEN: usize = 12;

/// What a guest wants of the feed.
struct Wish {
    policy: Policy,
    count: u32,
}

impl Wish {
    fn to_bytes(&self) -> [u8; 5] {
        let policy =
            POLICIES.iter().position(|policy| *policy == self.policy).expect("one of them");
        let mut bytes = [policy as u8; 5];
        bytes[1..].copy_from_slice(&self.count.to_be_bytes());
        bytes
    }

    async fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let policy = POLICIES[usize::from(stream.read_u8().await?)];
        Ok(Self { policy, count: stream.read_u32().await? })
    }
}

pub(crate) async fn serve(mut stream: TcpStream, guest: SocketAddr, house: Arc<House>) {
    // Who goes before that has seen enough.
    let Ok(wish) = Wish::read(&mut stream).await else { return };
    let (outbox, mut writer) =
        Outbox::builder().max_queued(HIGH_MARK).policy(wish.policy).channel();
    // Here, so that a guest which is cut off can find it.
    let excuse = |error: LeaseError| house.excuses.put(guest, &error);
    let feeding = async {
        if let Err(error) = feed(&house, guest, &outbox, &wish).await {
            excuse(error);
        }
        outbox.close();
    };
    let (_, ended) = tokio::join!(feeding, writer.run(&mut stream));
    if let Err(error) = ended {
        house.excuses.put(guest, &error);
    }
}

async fn feed(
    house: &House,
    guest: SocketAddr,
    outbox: &Outbox,
    wish: &Wish,
) -> Result<(), LeaseError> {
    let account = house.accounts.feed.account(guest.to_string(), 1 << 20);
    let mut dice = Dice::new(guest.port().into(), wish.count.into());
    for number in 0..wish.count {
        let piece = {
            let len = dice.len().min(ITEM_MAX);
            Piece::of(&mut dice, len)
        };
        let mut item = account.chain(HEAD_LEN + piece.len()).await?;
        item.put_u32(number);
        item.put_u32(piece.at as u32);
        item.put_u32(piece.len() as u32);
        item.put_slice(piece.as_bytes());
        match outbox.send(item).await {
            Ok(()) => {}
            Err(error) if error.is_full() => tokio::task::yield_now().await,
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

pub(crate) async fn visit(guest: &mut Guest) -> io::Result<()> {
    let mut stream = guest.connect(guest.house.addresses.feed).await?;
    let wish = Wish { policy: guest.dice.pick(POLICIES), count: guest.dice.within(0..200) as u32 };
    stream.write_all(&wish.to_bytes()).await?;
    let (mut next, mut item) = (0, Vec::new());
    let stalls_at = guest.dice.one_in(4).then(|| guest.dice.within(0..100) as u32);
    loop {
        if stalls_at.is_some_and(|at| at == next) && !stall(guest, wish.policy).await {
            guest.vanish(stream);
            return Ok(());
        }
        let Some(number) = read_number(&mut stream).await.or_else(|error| cut_off(&wish, error))?
        else {
            break;
        };
        assert!(number >= next && number < wish.count, "item {number} comes where {next} is due");
        if wish.policy == Policy::Wait {
            assert_eq!(number, next, "items are lost");
        }
        let (at, len) = (stream.read_u32().await?, stream.read_u32().await?);
        let mut piece = Piece::found_at(at as usize, len as usize);
        item.resize(piece.len(), 0);
        match stream.read_exact(&mut item).await {
            Ok(_) => piece.take(&item),
            Err(error) => return cut_off(&wish, error).map(drop),
        }
        guest.house.tally.message(item.len());
        next = number + 1;
    }
    if wish.policy == Policy::Wait && next < wish.count {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{next} of {} items", wish.count),
        ));
    }
    Ok(())
}

/// Reads nothing for a while; whether it goes on afterwards.
async fn stall(guest: &mut Guest, policy: Policy) -> bool {
    sleep(guest.dice.millis(50..1000)).await;
    if policy == Policy::Close {
        guest.fault(Fault::Stalled);
        return true;
    }
    guest.house.tally.fault(Fault::Paused);
    guest.dice.one_in(2)
}

/// None at the end.
async fn read_number(stream: &mut TcpStream) -> io::Result<Option<u32>> {
    let mut bytes = [0; 4];
    if stream.read(&mut bytes[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut bytes[1..]).await?;
    Ok(Some(u32::from_be_bytes(bytes)))
}

/// Whom an outbox cuts off has only been too slow.
fn cut_off(wish: &Wish, error: io::Error) -> io::Result<Option<u32>> {
    if wish.policy == Policy::Close { Ok(None) } else { Err(error) }
}
