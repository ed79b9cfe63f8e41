//! A client that stops reading its response, or sending a body that is waited for, is cut, and
//! nobody else is.

use crate::support::http_client as client;
mod http2;
mod reading;
mod sending;
mod site;
