//! The figures of the server.

use std::sync::{Arc, OnceLock};

use leasehold::{Account, Pool, http::serve::Connections};

use crate::{scrape::Scrape, sockets::Sockets, tally::Tally};

pub struct Figures {
    pool: Pool,
    /// The account around the accounts of all connections.
    clients: Account,
    scrape: Scrape,
    tally: Tally,
    /// The connections of the server; it is made after the application that shows them.
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
        // The recorder must be installed before.
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

    /// Sets the connections of the server; called before the first request.
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
        self.connections.get().expect("the server has connections before it has requests")
    }
}
