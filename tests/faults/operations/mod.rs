//! Every operation of the crate that waits, once.

mod bodies;
mod buffered;
mod codecs;
mod deaf;
mod handshakes;
mod hubs;
mod layers;
mod outboxes;
mod pools;
mod relays;
mod servers;
mod sockets;
mod streams;

use crate::operation::{Operation, alone, wired};

pub(crate) const OPERATIONS: &[Operation] = &[
    alone!("Pool::lease", pools::lease, Again),
    alone!("Pool::lease, waiting", pools::lease_waiting, Again),
    alone!("Pool::poll_lease", pools::poll_lease, Again),
    alone!("Pool::chain", pools::chain, Again),
    alone!("Pool::reserve", pools::reserve, Again),
    alone!("Pool::poll_reserve", pools::poll_reserve, Again),
    alone!("Pool::wait_for_pressure", pools::wait_for_pressure, Again),
    alone!("Pool::maintain", pools::maintain, Again),
    alone!("Exporter::export_every", pools::export, Again),
    alone!("ChainMut::reserve and poll_reserve", pools::chain_reserve, Again),
    wired!("ChainReader::read", streams::read, Again, Caller),
    wired!("ChainReader::read, of little memory", streams::read_short, Again, Caller),
    wired!("write_all_buf", streams::write, Again, Caller),
    wired!("poll_write_buf", streams::poll_write, Again, Caller),
    wired!("AnyStream", streams::any_stream, Again, Caller),
    wired!("BufStream, reading", buffered::read, Again, Caller),
    wired!("BufStream, lines", buffered::lines, Again, Caller),
    wired!("BufStream, writing", buffered::write, Again, Caller),
    wired!("Relay", relays::relay, Fails, Caller),
    wired!("copy_bidirectional", relays::copy, Fails, Caller),
    wired!("Outbox::send and its writer", outboxes::send, Again, Caller),
    wired!("Outbox, full", outboxes::full, Again, Caller),
    wired!("Outbox::flush and closed", outboxes::flush, Again, Caller),
    wired!("Framed, length-delimited", codecs::length_delimited, Again, Caller),
    wired!("Framed, of little memory", codecs::short, Again, Caller),
    wired!("Framed, lines", codecs::lines, Again, Caller),
    wired!("Framed, any delimiter", codecs::any_delimiter, Again, Caller),
    wired!("Framed, chains", codecs::chains, Again, Caller),
    wired!("FramedRead and FramedWrite", codecs::halves, Again, Caller),
    wired!("compat::Framed", codecs::compat, Again, Caller),
    alone!("collect", bodies::collected, Fails),
    alone!("LeasedBody::next_chain", bodies::leased, Again),
    alone!("ReaderBody", bodies::reader, Fails),
    wired!("ChainBody and BytesBody, on hyper", bodies::sent, Fails, Peer),
    alone!("BudgetLayer", layers::budget, Fails),
    wired!("serve: requests with and without bodies", servers::requests, Fails, Peer),
    wired!("serve: an upgrade", servers::upgrade, Fails, Peer),
    wired!("serve: axum's extractors", servers::extractors, Fails, Peer),
    wired!("WebSocket::recv and send, of a server", sockets::server, Fails, CallerUntilClosed),
    wired!("WebSocket::recv and send, of a client", sockets::client, Fails, CallerUntilClosed),
    wired!("WebSocket, compressed", sockets::deflated, Fails, CallerUntilClosed),
    wired!("WebSocket, split", sockets::split, Fails, CallerUntilClosed),
    wired!("WebSocket::close", sockets::close, Fails, CallerUntilClosed),
    wired!("Hub::send and Member::recv", hubs::broadcast, Fails, CallerUntilClosed),
    wired!("Member::send", hubs::echo, Fails, CallerUntilClosed),
    wired!("ws::connect_on", handshakes::connect, Fails, CallerUntilClosed),
    wired!("ws::Upgrade::accept", handshakes::accept, Fails, Peer),
    wired!("ws::axum::WebSocketUpgrade", handshakes::extractor, Fails, Peer),
];

/// Stories of both directions at once, of which one fails: see [`deaf`](crate::deaf).
pub(crate) const DEAF: &[Operation] = &[
    wired!("WebSocket of a server", deaf::server, Fails, Caller),
    wired!("WebSocket of a client", deaf::client, Fails, Caller),
    wired!("WebSocket, compressed", deaf::deflated, Fails, Caller),
    wired!("WebSocket, split", deaf::split, Fails, Caller),
    wired!("Member", deaf::member, Fails, Caller),
    wired!("Framed, length-delimited", deaf::length_delimited, Fails, Caller),
    wired!("Framed, lines", deaf::lines, Fails, Caller),
    wired!("compat::Framed", deaf::compat, Fails, Caller),
    wired!("FramedRead and FramedWrite", deaf::halves, Fails, Caller),
    wired!("BufStream", deaf::buffered, Fails, Caller),
    wired!("Outbox and ChainReader", deaf::outbox, Fails, Caller),
    wired!("Relay", deaf::relay, Fails, Caller),
];
