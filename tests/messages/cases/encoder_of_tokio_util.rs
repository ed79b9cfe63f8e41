//! A codec of tokio-util encodes into chains.
//!
//! message: `…LinesCodec` does not encode `…String` into chains
//! label: is not a `leasehold::codec::Encoder<…String>`
//! note: a codec of tokio-util's traits is framed by `leasehold::codec::compat::Framed`

use leasehold::codec::FramedWrite;
use tokio::net::TcpStream;
use tokio_util::codec::LinesCodec;

fn sink<S: futures_sink::Sink<String>>(_: S) {}

pub fn run(lines: FramedWrite<TcpStream, LinesCodec>) {
    sink(lines);
}
