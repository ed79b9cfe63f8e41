//! A site whose connections become WebSockets, and a client of plain bytes.

pub(crate) mod client;
pub(crate) mod site;
