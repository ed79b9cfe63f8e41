//! `Builders`: hyper's builders of connections, as the server and its user have set them.

use std::{fmt, sync::Arc};

use hyper::server::conn::{http1, http2};
use hyper_util::rt::TokioTimer;

use super::{connection_state::ConnectionState, spawner::Spawner, stream_executor::StreamExecutor};

/// A change of the user's to the builder of an HTTP/2 connection.
type Configure = Arc<dyn Fn(&mut http2::Builder<StreamExecutor>) + Send + Sync>;

/// RFC 9113 §6.5.2: "It is recommended that this value be no smaller than 100". nginx has 128.
const MAX_STREAMS: u32 = 100;

/// What h2 takes of a stream ahead of the transport before it asks for no more. Responses are
/// bounded apart from this (UNSENT); it is for tunnels.
const MAX_SEND_BUF: usize = 16 << 10;

#[derive(Clone)]
pub(super) struct Builders {
    http1: http1::Builder,
    /// A builder belongs to one connection, because its executor does. So the changes are kept.
    http2: Vec<Configure>,
    pub(super) spawner: Spawner,
}

impl Builders {
    pub(super) fn http1(&self) -> &http1::Builder {
        &self.http1
    }

    pub(super) fn http1_mut(&mut self) -> &mut http1::Builder {
        &mut self.http1
    }

    pub(super) fn configure_http2(
        &mut self,
        configure: impl Fn(&mut http2::Builder<StreamExecutor>) + Send + Sync + 'static,
    ) {
        self.http2.push(Arc::new(configure));
    }

    /// The builder of one HTTP/2 connection, with a window that is reserved (UNREAD).
    pub(super) fn http2(&self, state: Arc<ConnectionState>) -> http2::Builder<StreamExecutor> {
        let window = state.http2_room().map(|room| room.window());
        let executor = StreamExecutor::new(state, self.spawner.clone());
        let mut http2 = http2::Builder::new(executor);
        // RFC 8441 §3: SETTINGS_ENABLE_CONNECT_PROTOCOL, without which no client asks.
        http2.timer(TokioTimer::new()).enable_connect_protocol();
        if let Some(window) = window {
            http2
                .initial_connection_window_size(window)
                .initial_stream_window_size(window)
                .max_concurrent_streams(MAX_STREAMS)
                .max_send_buf_size(MAX_SEND_BUF);
        }
        self.http2.iter().for_each(|configure| configure(&mut http2));
        http2
    }
}

impl Default for Builders {
    fn default() -> Self {
        Self { http1: http1::Builder::new(), http2: Vec::new(), spawner: Spawner::default() }
    }
}

impl fmt::Debug for Builders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builders")
            .field("http1", &self.http1)
            .field("http2", &self.http2.len())
            .field("spawner", &self.spawner)
            .finish()
    }
}
