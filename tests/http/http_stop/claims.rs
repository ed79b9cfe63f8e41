//! Every request whose first byte came before the signal is answered.

use std::time::Duration;

use axum::{Router, routing::any};
use tokio::{net::TcpListener, sync::oneshot, time::sleep};

use crate::http_stop::{
    client::{Client, count},
    site::{start, start_plain},
};

const GET: &str = "GET /300 HTTP/1.1\r\nHost: here\r\n\r\n";

async fn answers(clients: Vec<Client>) -> Vec<String> {
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|mut client| tokio::spawn(async move { client.answer().await }))
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.expect("no panic"));
    }
    answers
}

fn closes(answers: &[String]) -> usize {
    answers.iter().filter(|answer| answer.contains("connection: close")).count()
}

async fn forty(address: std::net::SocketAddr) -> Vec<Client> {
    let mut clients: Vec<_> = (0..40).map(|_| Client::connect(address)).collect();
    clients.iter_mut().for_each(|client| client.send(GET));
    sleep(Duration::from_millis(150)).await;
    clients
}

/// 28 of them are awake; the others wait for room.
#[tokio::test]
async fn forty_requests_of_which_twelve_wait_for_room_are_answered() {
    let mut site = start_plain().await;
    let clients = forty(site.address).await;
    site.stop();
    let answers = answers(clients).await;
    assert_eq!((count(&answers, "heard "), closes(&answers)), (40, 40), "{answers:?}");
    assert_eq!(site.end().await, 0);
}

#[tokio::test]
async fn axum_answers_as_many() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let app = Router::new().fallback(any(async || {
        sleep(Duration::from_millis(300)).await;
        "heard "
    }));
    let server = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());
    let clients = forty(address).await;
    stop.send(()).expect("the server waits");
    assert_eq!(count(&answers(clients).await, "heard "), 40);
    server.await.expect("no panic").expect("no error");
}

/// No task of the server has run since the bytes were sent.
#[tokio::test]
async fn bytes_that_are_still_in_the_kernel_are_answered() {
    let mut site = start_plain().await;
    let mut clients: Vec<_> = (0..20).map(|_| site.connect()).collect();
    for client in &mut clients[..10] {
        // These linger in hyper's hands, the others are parked.
        client.send("GET /0 HTTP/1.1\r\nHost: here\r\n\r\n");
        assert!(client.answer().await.ends_with("heard "));
    }
    sleep(Duration::from_millis(100)).await;
    clients.iter_mut().for_each(|client| client.send(GET));
    site.stop();
    let answers = answers(clients).await;
    assert_eq!((count(&answers, "heard "), closes(&answers)), (20, 20), "{answers:?}");
    assert_eq!(site.end().await, 0);
}

#[tokio::test]
async fn connections_that_were_not_accepted_yet_are_answered() {
    let mut site = start_plain().await;
    sleep(Duration::from_millis(50)).await;
    let mut clients: Vec<_> = (0..20).map(|_| site.connect()).collect();
    clients.iter_mut().for_each(|client| client.send(GET));
    site.stop();
    let answers = answers(clients).await;
    assert_eq!((count(&answers, "heard "), closes(&answers)), (20, 20), "{answers:?}");
    assert_eq!(site.end().await, 0);
}

#[tokio::test]
async fn half_a_head_is_answered_once_it_is_whole() {
    for linger in [Duration::ZERO, Duration::from_secs(60)] {
        for is_fresh in [true, false] {
            for cut in [1, 5, GET.len() - 1] {
                let mut site =
                    start(|server, pool| server.pool(pool, 100_000).linger(linger)).await;
                let mut client = site.connect();
                if !is_fresh {
                    client.send("GET /0 HTTP/1.1\r\nHost: here\r\n\r\n");
                    assert!(client.answer().await.ends_with("heard "));
                }
                client.send(&GET[..cut]);
                sleep(Duration::from_millis(50)).await;
                site.stop();
                sleep(Duration::from_millis(100)).await;
                client.send(&GET[cut..]);
                let answer = client.answer().await;
                assert_eq!(
                    count(std::slice::from_ref(&answer), "heard "),
                    1,
                    "{linger:?}, {is_fresh}, {cut}: {answer}"
                );
                assert!(
                    answer.contains("connection: close"),
                    "{linger:?}, {is_fresh}, {cut}: {answer}"
                );
                client.end().await;
                assert_eq!(site.end().await, 0);
            }
        }
    }
}

#[tokio::test]
async fn half_a_head_that_is_never_whole_is_cut_by_its_deadline() {
    let set = Duration::from_millis(500);
    let mut site = start(|server, pool| server.pool(pool, 100_000).header_timeout(set)).await;
    let mut client = site.connect();
    client.send("GET / HT");
    sleep(Duration::from_millis(50)).await;
    site.stop();
    let ended = client.end().await;
    assert!(Duration::from_millis(300) < ended && ended < Duration::from_millis(1500), "{ended:?}");
    assert_eq!(site.end().await, 0);
}

#[tokio::test]
async fn requests_behind_the_one_in_flight_are_answered() {
    // The rest comes while the first is in flight, and when hyper has nothing left but half a head.
    for (rest, pause) in [(0, 50), (7, 50), (7, 900)] {
        let mut site = start_plain().await;
        let mut client = site.connect();
        let three = [GET; 3].concat();
        client.send(&three[..three.len() - rest]);
        sleep(Duration::from_millis(100)).await;
        site.stop();
        sleep(Duration::from_millis(pause)).await;
        client.send(&three[three.len() - rest..]);
        let answers = [client.answer().await, client.answer().await, client.answer().await];
        assert_eq!(count(&answers, "heard "), 3, "{answers:?}");
        assert_eq!(closes(&answers), 1, "{answers:?}");
        assert!(answers[2].contains("connection: close"));
        assert!(client.end().await < Duration::from_millis(500));
        assert_eq!(site.end().await, 0);
    }
}

/// More than hyper reads at once: most of them are still in the kernel.
#[tokio::test]
async fn many_requests_behind_the_one_in_flight_are_answered() {
    const COUNT: usize = 1000;
    let mut site = start_plain().await;
    let mut client = site.connect();
    client.send(GET);
    client.send("GET /0 HTTP/1.1\r\nHost: here\r\n\r\n".repeat(COUNT));
    sleep(Duration::from_millis(100)).await;
    site.stop();
    let mut heard = 0;
    let mut last = String::new();
    while heard <= COUNT {
        last = client.answer().await;
        assert_eq!(count(std::slice::from_ref(&last), "heard "), 1, "after {heard}: {last}");
        heard += 1;
    }
    assert!(client.end().await < Duration::from_millis(500), "{last}");
    assert_eq!(site.end().await, 0);
}

#[tokio::test]
async fn a_body_of_which_half_has_come_is_heard_to_its_end() {
    for head in
        ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"]
    {
        let mut site = start_plain().await;
        let mut client = site.connect();
        client.send(format!("POST /100 HTTP/1.1\r\nHost: here\r\n{head}"));
        sleep(Duration::from_millis(100)).await;
        site.stop();
        sleep(Duration::from_millis(100)).await;
        client.send(if head.ends_with("\r\n") { "5\r\nworld\r\n0\r\n\r\n" } else { "world" });
        let answer = client.answer().await;
        assert!(
            answer.ends_with("heard helloworld") && answer.contains("connection: close"),
            "{answer}"
        );
        assert_eq!(site.end().await, 0);
    }
}

#[tokio::test]
async fn a_connection_that_is_idle_is_closed_at_once() {
    for linger in [Duration::ZERO, Duration::from_secs(60)] {
        let mut site = start(|server, pool| server.pool(pool, 100_000).linger(linger)).await;
        let (mut fresh, mut idle) = (site.connect(), site.connect());
        idle.send("GET /0 HTTP/1.1\r\nHost: here\r\n\r\n");
        idle.answer().await;
        sleep(Duration::from_millis(100)).await;
        site.stop();
        assert!(fresh.end().await < Duration::from_millis(200));
        assert!(idle.end().await < Duration::from_millis(200));
        assert_eq!(site.end().await, 0);
    }
}

/// Each answer is followed by half of the next request, and each half by the rest.
#[tokio::test]
async fn a_client_that_keeps_sending_keeps_no_server() {
    let mut site = start_plain().await;
    let mut client = site.connect();
    const QUICK: &str = "GET /20 HTTP/1.1\r\nHost: here\r\n\r\n";
    client.send(QUICK);
    client.send(&QUICK[..9]);
    sleep(Duration::from_millis(10)).await;
    site.stop();
    let mut heard = 0;
    let sending = async {
        loop {
            let answer = client.answer().await;
            if !answer.starts_with("HTTP/1.1 200 OK") || answer.contains('|') {
                return;
            }
            heard += 1;
            if client.try_send(&QUICK[9..]).is_err()
                || client.try_send(QUICK).is_err()
                || client.try_send(&QUICK[..9]).is_err()
            {
                return;
            }
        }
    };
    sending.await;
    assert!((1..=3).contains(&heard), "{heard} answers");
    assert_eq!(site.end().await, 0);
}
