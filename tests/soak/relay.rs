//! A relay in front of the server of frames.

use std::{net::SocketAddr, sync::Arc};

use leasehold::io::Relay;
use tokio::net::TcpStream;

use crate::house::House;

pub(crate) async fn serve(mut inbound: TcpStream, guest: SocketAddr, house: Arc<House>) {
    let mut outbound =
        TcpStream::connect(house.addresses.frames).await.expect("it listens as long as this");
    outbound.set_nodelay(true).expect("a socket of TCP");
    house.excuses.stand_for(outbound.local_addr().expect("it is connected"), guest);
    if let Err(error) = Relay::new(&mut inbound, &mut outbound, &house.accounts.relay).await {
        house.excuses.put(guest, &error);
    }
}
