//! A server's process, from inside.

use std::{future::Future, net::SocketAddr, pin::Pin, thread};

use anyhow::Context;
use leasehold::Pool;
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Builder,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use crate::{figures::Figures, scenario};

/// The order that is obeyed here, whatever the service does.
pub(crate) const FIGURES: &str = "figures";

/// What a service is given.
pub(crate) struct Post {
    pub(crate) listener: TcpListener,
    /// Each is to be answered, by one line on stdout.
    pub(crate) orders: UnboundedReceiver<String>,
}

/// What a variant of a scenario runs.
pub(crate) struct Service {
    run: Pin<Box<dyn Future<Output = ()>>>,
    pool: Option<Pool>,
}

impl Service {
    pub(crate) fn stock<R: 'static>(run: impl Future<Output = R> + 'static) -> Self {
        Self { run: Box::pin(async { drop(run.await) }), pool: None }
    }

    /// One out of a pool, which is maintained.
    pub(crate) fn ours<R: 'static>(pool: &Pool, run: impl Future<Output = R> + 'static) -> Self {
        tokio::spawn(pool.maintain());
        Self { run: Box::pin(async { drop(run.await) }), pool: Some(pool.clone()) }
    }
}

/// Serves a variant, by its scenario's name and its own, until stdin ends.
pub(crate) fn run(name: &str) -> anyhow::Result<()> {
    let (scenario, variant) = name.split_once('/').context("a scenario and a variant")?;
    let scenario = scenario::find(scenario).context("a scenario")?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = listen()?;
        println!("{}", listener.local_addr()?);
        let (sender, orders) = unbounded_channel();
        let service = (scenario.serve)(variant, Post { listener, orders });
        let pool = service.pool;
        thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if line == FIGURES {
                    println!("{}", Figures::here(pool.as_ref()));
                } else if sender.send(line).is_err() {
                    break;
                }
            }
            std::process::exit(0);
        });
        service.run.await;
        Ok(())
    })
}

fn listen() -> anyhow::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    // tokio's own `bind` listens with a backlog of 128, and many come at once.
    Ok(socket.listen(4096)?)
}
