//! The settings of a server that are about its protocols and its system.

use std::{future::Future, pin::Pin};

use hyper::{
    rt::Executor,
    server::conn::{http1, http2},
};

use super::{Serve, StreamExecutor, spawner::Spawner};

impl<L, A, Via> Serve<L, A, Via> {
    /// Sets whether a connection serves more than one request; it does by default.
    pub fn keep_alive(mut self, keep_alive: bool) -> Self {
        self.settings.keep_alive = keep_alive;
        self.settings.builders.http1_mut().keep_alive(keep_alive);
        self
    }

    /// Whether clients may begin with HTTP/2; they may by default. Such connections keep hyper's
    /// buffers. Clients may open tunnels on them, such as WebSockets (RFC 8441).
    pub fn http2(mut self, http2: bool) -> Self {
        self.settings.http2 = http2;
        self
    }

    /// Sets how many bytes of request bodies a client of HTTP/2 may send ahead of the services that
    /// read them, for all streams of a connection together; with a pool alone
    /// ([`pool`](Self::pool)). Four times as many bytes of responses may wait with hyper for the
    /// client. When they do, no stream of the connection sends more, until the client takes some:
    /// raise this for clients that leave many large responses half read.
    ///
    /// It is from 64 KiB to 1 MiB. By default it is a 256th of the pool, at most 128 KiB. An upload
    /// gets no further in a round trip than this: 128 KiB in 20 ms are 50 Mbit/s.
    pub fn http2_window(mut self, bytes: u32) -> Self {
        self.settings.http2_window = Some(bytes);
        self
    }

    /// Sets the longest head of a request, in bytes; hyper's limit by default.
    pub fn max_header_size(mut self, bytes: usize) -> Self {
        self.settings.max_header_size = Some(bytes);
        self.settings.builders.http1_mut().max_header_size(bytes);
        self
    }

    /// Changes hyper's builder of HTTP/1 connections: pipelined flushes, the case of headers, their
    /// number, half-closed connections, and whatever else hyper lets one choose.
    ///
    /// [`keep_alive`](Self::keep_alive), [`max_header_size`](Self::max_header_size) and
    /// [`header_timeout`](Self::header_timeout) are this server's: set them there. hyper's own
    /// timeout of a head has no effect unless a timer is set too.
    ///
    /// # Examples
    /// ```no_run
    /// use axum::Router;
    /// use leasehold::http::serve;
    ///
    /// # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// serve(listener, Router::new())
    ///     .configure_http1(|http1| {
    ///         // The responses to requests that came together leave together.
    ///         http1.pipeline_flush(true).title_case_headers(true);
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn configure_http1(mut self, configure: impl FnOnce(&mut http1::Builder)) -> Self {
        configure(self.settings.builders.http1_mut());
        self
    }

    /// Changes hyper's builder of HTTP/2 connections: pings, windows, the number of streams, and
    /// whatever else hyper lets one choose. It has a timer already, and takes Extended CONNECT (RFC
    /// 8441).
    ///
    /// With a pool, windows, streams and send buffers have values that the pool covers
    /// ([`pool`](Self::pool)). What is set here beyond them is covered by nothing.
    ///
    /// `configure` is called for each connection. Several such functions are called in the order in
    /// which they were set.
    ///
    /// # Examples
    /// A client that does not answer a ping is gone:
    /// ```no_run
    /// use std::time::Duration;
    /// use axum::Router;
    /// use leasehold::http::serve;
    ///
    /// # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// serve(listener, Router::new())
    ///     .configure_http2(|http2| {
    ///         http2
    ///             .keep_alive_interval(Duration::from_secs(20))
    ///             .keep_alive_timeout(Duration::from_secs(10))
    ///             .max_concurrent_streams(100)
    ///             .initial_stream_window_size(256 << 10);
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn configure_http2(
        mut self,
        configure: impl Fn(&mut http2::Builder<StreamExecutor>) + Send + Sync + 'static,
    ) -> Self {
        self.settings.builders.configure_http2(configure);
        self
    }

    /// Sets TCP_NODELAY of each connection, on TCP. By default the listener decides; tokio's
    /// `TcpListener` sets it.
    pub fn tcp_nodelay(mut self, is_on: bool) -> Self {
        self.settings.tcp_nodelay = Some(is_on);
        self
    }

    /// Runs the tasks of the server on `executor`: those of connections, those of hyper's HTTP/2
    /// streams, and its timer. By default `tokio::spawn` runs them. They need a runtime of tokio
    /// with its I/O and its time.
    ///
    /// # Examples
    /// Tasks of another runtime than the one that accepts:
    /// ```no_run
    /// use std::pin::Pin;
    /// use axum::Router;
    /// use hyper::rt::Executor;
    /// use leasehold::http::serve;
    ///
    /// type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
    ///
    /// struct OnRuntime(tokio::runtime::Handle);
    ///
    /// impl Executor<Task> for OnRuntime {
    ///     fn execute(&self, task: Task) {
    ///         self.0.spawn(task);
    ///     }
    /// }
    ///
    /// # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// let executor = OnRuntime(tokio::runtime::Handle::current());
    /// serve(listener, Router::new()).with_executor(executor).await?;
    /// # Ok(()) }
    /// ```
    pub fn with_executor<E>(mut self, executor: E) -> Self
    where
        E: Executor<Pin<Box<dyn Future<Output = ()> + Send>>> + Send + Sync + 'static,
    {
        self.settings.builders.spawner = Spawner::new(executor);
        self
    }
}
