//! The flags.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context;
use bytesize::ByteSize;
use clap::Parser;
use leasehold::{Account, Pool, ws::Deflate};

use crate::{gate::Gate, inbox::Inbox};

/// Serves a directory over HTTP out of leased blocks, under one hard budget.
#[derive(Debug, Parser)]
#[command(name = "serve")]
pub struct Options {
    /// The directory to serve.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The memory of all transfers together, such as 8MiB; at least 1MiB.
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size)]
    pub budget: ByteSize,
    /// Where uploads go, by PUT to /up/NAME; without it none are taken. A file that exists is never
    /// replaced.
    #[arg(long, value_name = "DIR")]
    pub uploads: Option<PathBuf>,
    /// The longest upload.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size)]
    #[arg(requires = "uploads")]
    pub upload_max: ByteSize,
    /// Compress messages of /ws for clients that offer it (permessage-deflate): takes 457KiB of the
    /// budget.
    #[arg(long)]
    pub deflate: bool,
    /// Show the page at /, /feed, /-/pool and /metrics to everybody: they reveal what all clients
    /// send and fetch, how many they are, and how much memory each has. Without it only this
    /// machine sees them, and no one if --listen is not a loopback address.
    #[arg(long)]
    pub public: bool,
}

impl Options {
    /// The gate of a server that listens on this address; none if it shows no figures.
    pub fn gate(&self, address: SocketAddr) -> Option<Gate> {
        if self.public { Some(Gate::Public) } else { Gate::at(address) }
    }

    /// Makes the pool.
    pub fn pool(&self) -> anyhow::Result<Pool> {
        Pool::builder().budget(self.budget()?).name("serve").build().map_err(|error| {
            let advice = if error.is_budget_too_small() { "; try --budget 8MiB" } else { "" };
            anyhow::Error::new(error).context(format!("{}{advice}", self.wrong_budget()))
        })
    }

    /// Makes the compressors, with `--deflate`.
    pub fn deflate(&self, account: &Account) -> anyhow::Result<Option<Deflate>> {
        let deflate = || {
            Deflate::builder()
                .max_compressors(1)
                .build(account)
                .context("--deflate needs a larger --budget")
        };
        self.deflate.then(deflate).transpose()
    }

    /// Opens the directory for uploads, with `--uploads`.
    pub fn inbox(&self) -> anyhow::Result<Option<Inbox>> {
        let budget = self.budget()?;
        self.uploads
            .as_deref()
            .map(|dir| Inbox::open(dir, self.upload_max.as_u64(), budget))
            .transpose()
    }

    fn budget(&self) -> anyhow::Result<usize> {
        usize::try_from(self.budget.as_u64()).with_context(|| self.wrong_budget())
    }

    fn wrong_budget(&self) -> String {
        format!("--budget {} cannot be used", self.budget)
    }
}

fn size(text: &str) -> Result<ByteSize, &'static str> {
    text.parse().map_err(|_| "write a number and a unit, such as 8MiB")
}
