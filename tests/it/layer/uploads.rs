//! Uploads at once: 60 of a mebibyte against 40 MiB.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use leasehold::{Pool, layer::BudgetLayer};
use tokio::{sync::Barrier, task::JoinSet, time::sleep};

use crate::layer::{
    FLOOR,
    bodies::pattern,
    client::{Answer, Client, head},
    site::{SERVERS, Server, routes, until, until_home},
};

const CLIENTS: usize = 60;
const LEN: usize = 1 << 20;
const BUDGET: usize = 40 << 20;

/// A server, its pool, and how many requests it has judged.
async fn start(server: Server) -> (Pool, SocketAddr, Arc<AtomicUsize>) {
    let pool = Pool::new(BUDGET).expect("a pool");
    let judged = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&judged);
    let layer = BudgetLayer::new(&pool).name_with(move |_, _, _| {
        count.fetch_add(1, Relaxed);
        "upload".into()
    });
    (pool.clone(), server.start(routes(&pool).layer(layer)).await, judged)
}

/// Whether it was admitted; nothing else may have become of it.
fn is_admitted(answer: &Answer, body: &[u8]) -> bool {
    match answer.status {
        200 => assert!(answer.body == body, "an echo of other bytes"),
        503 => assert_eq!(answer.header("retry-after"), Some("1")),
        _ => panic!("{}", answer.head),
    }
    answer.status == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_uploads_that_come_at_once_those_are_admitted_for_which_there_is_room() {
    for server in SERVERS {
        let (pool, address, judged) = start(server).await;
        let body: Arc<[u8]> = pattern(LEN).into();
        let heads = Arc::new(Barrier::new(CLIENTS + 1));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (body, heads) = (Arc::clone(&body), Arc::clone(&heads));
            clients.spawn(async move {
                let mut client = Client::connect(address).await;
                client.send(head("/echo", LEN)).await;
                heads.wait().await;
                let since = Instant::now();
                let answer = client.exchange(&body).await.expect("an answer");
                (is_admitted(&answer, &body), since.elapsed())
            });
        }
        until(|| judged.load(Relaxed) == CLIENTS).await;
        heads.wait().await;
        let (answers, slowest) = outcome(clients).await;
        let admitted = answers.iter().filter(|&&is_admitted| is_admitted).count();
        until_home(&pool).await;
        let peak = pool.peak();
        println!(
            "{server:?}: {admitted} of {CLIENTS} uploads admitted, {} refused, the slowest after {slowest:?}, peak {peak} of {BUDGET}",
            CLIENTS - admitted
        );
        assert_eq!(admitted, BUDGET / (LEN + FLOOR));
        assert!(peak <= BUDGET);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_again_after_a_refusal_is_served_at_last() {
    for server in SERVERS {
        let (pool, address, _) = start(server).await;
        let body: Arc<[u8]> = pattern(LEN).into();
        for round in 0..5 {
            let mut clients = JoinSet::new();
            for _ in 0..CLIENTS {
                let body = Arc::clone(&body);
                clients.spawn(async move {
                    let since = Instant::now();
                    let mut refused = 0;
                    while !upload(address, &body).await {
                        refused += 1;
                        sleep(Duration::from_millis(20)).await;
                    }
                    (refused, since.elapsed())
                });
            }
            let (refused, slowest) = outcome(clients).await;
            until_home(&pool).await;
            let (refused, peak): (usize, _) = (refused.iter().sum(), pool.peak());
            println!(
                "{server:?}, round {round}: {CLIENTS} uploads served after {refused} refusals, the slowest after {slowest:?}, peak {peak} of {BUDGET}"
            );
            assert!(peak <= BUDGET);
        }
    }
}

/// Sends an upload as fast as it can; whether it was admitted.
async fn upload(address: SocketAddr, body: &[u8]) -> bool {
    let mut client = Client::connect(address).await;
    let request = [head("/echo", LEN).as_bytes(), body].concat();
    is_admitted(&client.exchange(&request).await.expect("an answer"), body)
}

/// What all clients say, and how long the slowest one took.
async fn outcome<T: Send + 'static>(mut clients: JoinSet<(T, Duration)>) -> (Vec<T>, Duration) {
    let (mut said, mut slowest) = (Vec::new(), Duration::ZERO);
    while let Some(client) = clients.join_next().await {
        let (one, took) = client.expect("no client fails");
        said.push(one);
        slowest = slowest.max(took);
    }
    (said, slowest)
}
