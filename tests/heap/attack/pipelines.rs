//! Requests one behind the other, by peers that read no answer.

use crate::attack::{
    KIB,
    assault::{Assault, amount},
    http::{self, AWAKE, Deadlines},
    neighbour::NEED,
    peer::{Peer, flood_until_cut},
    wire::GET,
};

/// What hyper holds of a connection at most, while it reads what it cannot answer yet.
const HYPER_MAX: usize = 440 * KIB;

#[test]
fn requests_that_are_pipelined_by_who_does_not_read_are_cut() {
    const PEERS: usize = 20;
    let assault =
        Assault::begin("http, pipelining without reading", http::site(Deadlines::default()));
    let mut peers = Peer::crowd(assault.site().address, PEERS);
    let mut heap = 0;
    let taken =
        flood_until_cut(&mut peers, &GET.repeat(1_000), || heap = heap.max(assault.heap() / PEERS));
    let requests = taken / GET.len() / PEERS;
    assert!(requests > 1_000, "it is an attack: {requests}");
    assert!(heap <= HYPER_MAX, "{heap} bytes of heap each");
    let figures = format!(
        "{PEERS} peers, {requests} requests of each, {} heap each, all cut within {:.1} s",
        amount(heap),
        assault.elapsed().as_secs_f32()
    );
    assault.end((PEERS + 2) * AWAKE + NEED, figures);
}
