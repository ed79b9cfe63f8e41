//! The suite as the server of our client.

use std::{net::TcpListener, sync::Arc, time::Duration};

use http::Request;
use leasehold::{
    Pool,
    ws::{Config, Connect, Deflate, Message},
};
use tokio::time::{sleep, timeout};

use crate::{
    echo::echo,
    suite::{CASES, LONGEST, Reports, Running, command},
    verdicts::assert_expected,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_passes_the_suite() {
    let Some(mut suite) = command() else { return };
    let pool = Pool::new(256 << 20).expect("a budget");
    let deflate = Deflate::new(&pool).expect("room for compressors");
    let reserved = pool.leased();
    let config = Arc::new(Config::new().deflate(&deflate));
    let connect = |path: String| {
        let request = Request::get(path).body(()).expect("an address");
        Connect::new(request).config(Arc::clone(&config)).connect(&pool)
    };

    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a free port")
        .port();
    let reports = Reports::new("client");
    let server = format!("127.0.0.1:{port}");
    suite.args(["-m", "fuzzingserver", "-o"]).arg(reports.path()).arg(&server);
    let running = Running::start(&mut suite);

    let play = async {
        let count = loop {
            match connect(format!("ws://{server}/getCaseCount")).await {
                Ok((mut socket, _)) => match socket.recv().await {
                    Some(Ok(Message::Text(count))) => {
                        break count.to_str().parse::<usize>().expect("a number");
                    }
                    other => panic!("the suite says how many cases it has, not {other:?}"),
                },
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        };
        for case in 1..=count {
            let (socket, _) = connect(format!("ws://{server}/runCase?case={case}&agent=leasehold"))
                .await
                .expect("a case");
            // Many cases end with an error: that is what they are for.
            let _ = echo(socket).await;
        }
        let (mut socket, _) = connect(format!("ws://{server}/updateReports?agent=leasehold"))
            .await
            .expect("the reports");
        let _ = socket.close(None).await;
        while socket.recv().await.is_some() {}
    };
    timeout(LONGEST, play).await.expect("the suite ends");
    running.wait();
    assert_expected(reports.path(), CASES);
    assert_eq!(pool.leased(), reserved);
}
