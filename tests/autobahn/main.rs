//! The cases of the Autobahn test suite, for server and client.
//!
//! They are played by kosoku, a port of the suite, if it is there: by the path in `KOSOKU`, or as a
//! command. `tests/autobahn/install DIR` gets it. Without it these tests say so and pass. What each
//! case must come to is in `expected.txt`.

mod client;
mod echo;
mod server;
mod suite;
mod verdicts;
