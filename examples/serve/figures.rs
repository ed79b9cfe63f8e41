//! What the server knows of itself.

use std::sync::{Arc, OnceLock};

use leasehold::{Account, Pool, http::serve::Connections};

use crate::{scrape::Scrape, sockets::Sockets, tally::Tally};

pub struct Figures {
    pool: Pool,
    /// The account that those of all connections are in.
    clients: Account,
    scrape: Scrape,
    tally: Tally,
    /// Those of a server that is made with an application that shows them.
    connections: OnceLock<Connections>,
    sockets: Arc<Sockets>,
}

impl Figures {
    /// Figures of the server whose connections have this account.
    ///
    /// # Errors
    /// This process has some already.
    pub fn install(pool: &Pool, clients: &Account) -> anyhow::Result<Self> {
        let scrape = Scrape::install(pool)?;
        // After the recorder that it counts for.
        let tally = Tally::new();
        let sockets = Arc::new(Sockets::new());
        Ok(Self {
            pool: pool.clone(),
            clients: clients.clone(),
            scrape,
            tally,
            connections: OnceLock::new(),
            sockets,
        })
    }

    /// Before the first request: from here on the connections of the server are known.
    pub fn watch(&self, connections: Connections) {
        self.connections.set(connections).expect("there is one server");
    }

    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    pub fn clients(&self) -> &Account {
        &self.clients
    }

    pub fn scrape(&self) -> &Scrape {
        &self.scrape
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn sockets(&self) -> &Arc<Sockets> {
        &self.sockets
    }

    /// # Panics
    /// Before `watch`.
    pub fn connections(&self) -> &Connections {
        self.connections.get().expect("whoever asks came by a connection")
    }
}
