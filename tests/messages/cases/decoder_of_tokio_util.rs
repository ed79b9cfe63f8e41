//! A codec of tokio-util decodes into chains.
//!
//! message: `…LinesCodec` does not decode chains
//! label: is not a `leasehold::codec::Decoder`
//! note: a codec of tokio-util's traits is framed by `leasehold::codec::compat::Framed`

use leasehold::codec::Framed;
use tokio::net::TcpStream;
use tokio_util::codec::{BytesCodec, LinesCodec};

fn stream<S: futures_core::Stream>(_: S) {}

pub fn run(lines: Framed<TcpStream, LinesCodec>, bytes: Framed<TcpStream, BytesCodec>) {
    stream(lines);
    stream(bytes);
}
