//! How the HTTP server treats its connections: parking, deadlines, limits, shutdown, and transports
//! of all kinds.

mod connections;
mod deadlines;
mod evicted;
mod limits;
mod parking;
mod shutdown;
mod site;
mod transports;
mod upgrades;

use crate::support::http_client as client;
