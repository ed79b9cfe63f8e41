//! What the server knows of itself.

use std::sync::{Arc, OnceLock};

use leasehold::{Pool, http::serve::Connections};

use crate::{scrape::Scrape, sockets::Sockets, tally::Tally};

pub struct Figures {
    /// The account that those of all connections are in.
    clients: Pool,
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
    pub fn install(clients: &Pool) -> anyhow::Result<Self> {
        let scrape = Scrape::install(clients)?;
        // After the recorder that it counts for.
        let tally = Tally::new();
        let sockets = Arc::new(Sockets::new());
        Ok(Self { clients: clients.clone(), scrape, tally, connections: OnceLock::new(), sockets })
    }

    /// Before the first request: from here on the connections of the server are known.
    pub fn watch(&self, connections: Connections) {
        self.connections.set(connections).expect("there is one server");
    }

    pub fn clients(&self) -> &Pool {
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
