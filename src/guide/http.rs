//! HTTP within a budget: the server, bodies in, bodies out, and admission.
//!
//! # The server
//! [`serve`](crate::http::serve()) runs a tower service, such as an axum `Router`, on stock hyper.
//! A connection that has nothing to do is taken apart to its bare socket, so an idle connection
//! costs some 545 bytes of heap. That needs the body of its last request to be read to its end. A
//! hyper service is served through
//! [`from_hyper`](crate::http::serve::from_hyper) or
//! [`from_incoming`](crate::http::serve::from_incoming).
//!
//! With [`Serve::pool`](crate::http::serve::Serve::pool) each request has an
//! [`Account`](crate::Account) as an extension, and the memory of hyper's connections is reserved.
//! A handler of axum takes it as `Extension(account): Extension<Account>`.
//!
//! The client's address is there as with `axum::serve`: serve
//! `app.into_make_service_with_connect_info::<SocketAddr>()`, and take
//! `ConnectInfo(client): ConnectInfo<SocketAddr>`. A hyper service calls
//! [`RequestBody::remote_addr`](crate::http::serve::RequestBody::remote_addr).
//!
//! ```
//! use std::future::IntoFuture;
//! use axum::{Router, routing::post};
//! use leasehold::{Chain, Pool, http::serve};
//! use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::{TcpListener, TcpStream}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(64 << 20)?;
//! // The body lands in leased blocks, and is sent out of them.
//! let app = Router::new().route("/echo", post(async |body: Chain| -> Chain { body }));
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! let server = serve(listener, app).pool(&pool, 4 << 20); // at most 4 MiB for a connection
//! tokio::spawn(server.into_future());
//!
//! let mut client = TcpStream::connect(address).await?;
//! client.write_all(b"POST /echo HTTP/1.1\r\nhost: localhost\r\n").await?;
//! client.write_all(b"connection: close\r\ncontent-length: 5\r\n\r\nhello").await?;
//! let mut response = String::new();
//! client.read_to_string(&mut response).await?;
//! assert!(response.starts_with("HTTP/1.1 200 OK") && response.ends_with("hello"));
//! # Ok(())
//! # }
//! ```
//!
//! An accept loop of one's own hands its connections to a
//! [`Server`](crate::http::serve::Server), which parks, times and stops them in the same way:
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use leasehold::{Pool, http::serve::Server};
//!
//! # async fn run(listener: tokio::net::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(64 << 20)?;
//! let app = Router::new().route("/", get(async || "hello")).with_state(());
//! let server = Server::builder().pool(&pool, 4 << 20).max_connections(10_000).build();
//! loop {
//!     server.ready().await; // fewer than 10,000 connections are open
//!     let (socket, client) = listener.accept().await?;
//!     tokio::spawn(server.serve_connection(socket, app.clone()).remote_addr(client));
//! }
//! # }
//! ```
//!
//! # From `axum::serve`
//! Only the line that serves changes, for a `Router`, a `MethodRouter` or a handler, and for what
//! `into_make_service`, `into_make_service_with_connect_info::<SocketAddr>` or
//! `tower::make::Shared` makes. Layers, extractors, server-sent events, WebSockets, CONNECT, HTTP/2
//! and `with_graceful_shutdown` work as they are. Three things need another line:
//!
//! | you have | write |
//! |---|---|
//! | a listener of `axum::serve::Listener`, or axum's `tap_io` | [`from_axum(listener)`](crate::http::serve::from_axum) |
//! | a type of your own for `ConnectInfo` | `Connected` for this crate's [`IncomingStream`](crate::http::serve::IncomingStream); that for axum's can stay |
//! | a function that returns what the server returns | `.await?; Ok(())`: the result tells of the [`Shutdown`](crate::http::serve::Shutdown) |
//!
//! # Bodies of requests
//! [`collect`](crate::http::collect) reads a whole body into one [`Chain`](crate::Chain), up to a
//! limit. [`LeasedBody`] yields it as chains that come one by one, for
//! uploads that are passed on. Both return errors; `is_lease()` says that memory was missing.
//!
//! With the feature `axum`, [`Chain`](crate::Chain) and `LeasedBody` are extractors. `Chain`
//! rejects a body that is too long with 413, and one for which there is no memory with 503.
//!
//! # Bodies of responses
//! | you have | use |
//! |---|---|
//! | a chain, on plain hyper | [`ChainBody`] |
//! | a chain, on axum or tonic | [`BytesBody`]; on axum return the `Chain` itself |
//! | a file, or another reader, on plain hyper | [`ReaderBody`]: a few blocks ahead of the client, and no more |
//! | the same, on axum or tonic | [`ReaderBody::into_bytes_body`], in axum's `Body::new` |
//!
//! ```
//! use http_body_util::BodyExt;
//! use leasehold::{Pool, http::{BytesBody, ReaderBody, collect}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(16 << 20)?;
//!
//! // In: at most 1 MiB of a body, as one chain.
//! let body = http_body_util::Full::new(&b"an upload"[..]);
//! let chain = collect(body, &pool, 1 << 20).await?;
//! assert_eq!(chain, *b"an upload");
//!
//! // Out: the same blocks, with a length that hyper writes into Content-Length.
//! let response = http::Response::new(BytesBody::from(chain));
//! assert_eq!(response.into_body().collect().await?.to_bytes(), "an upload");
//!
//! // Out: a file, block by block.
//! let file = std::io::Cursor::new(vec![7; 100_000]);
//! let body = ReaderBody::new(file, &pool);
//! assert_eq!(body.into_bytes_body().collect().await?.to_bytes().len(), 100_000);
//! assert_eq!(pool.leased(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! A handler of axum that sends a file, with its length:
//!
//! ```
//! use axum::{Extension, Router, body::Body, routing::get};
//! use leasehold::{Account, http::ReaderBody};
//! use tokio::fs::File;
//!
//! async fn file(Extension(account): Extension<Account>) -> Result<Body, String> {
//!     let file = File::open("Cargo.toml").await.map_err(|error| error.to_string())?;
//!     let len = file.metadata().await.map_err(|error| error.to_string())?.len();
//!     Ok(Body::new(ReaderBody::sized(file, len, &account).into_bytes_body()))
//! }
//!
//! let app: Router = Router::new().route("/file", get(file));
//! # drop(app);
//! ```
//!
//! # Admission
//! `layer::BudgetLayer` (feature `tower`) reserves the memory of a request before the handler
//! runs, or answers 503 with `Retry-After`. It works with any server.
//! [Short of memory](super::short_of_memory) says why that is better than to let handlers wait.
//!
//! ```
//! use axum::{Router, routing::post};
//! use leasehold::{Chain, Pool, layer::BudgetLayer};
//! use tower::{Service, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(1 << 20)?;
//! let mut app = Router::new()
//!     .route("/upload", post(async |body: Chain| body.len().to_string()))
//!     .layer(BudgetLayer::new(&pool).max_body(256 << 10));
//! let upload = || http::Request::post("/upload").body(axum::body::Body::from("hello")).unwrap();
//!
//! assert_eq!(app.as_service().ready().await?.call(upload()).await?.status(), 200);
//!
//! let _others = std::iter::from_fn(|| pool.try_lease(1).ok()).collect::<Vec<_>>();
//! let refused = app.as_service().ready().await?.call(upload()).await?;
//! assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str()?), (503, "1"));
//! # Ok(())
//! # }
//! ```
//!
//! For gRPC there is a page of its own: `guide::grpc` (feature `tower`).
//!
//! # Clients and proxies
//! hyper's clients take any body: [`ChainBody`] for a chain, and [`LeasedBody`] for a body that is
//! passed on. hyper-util's `Client` asks that a body is `Send`, `Unpin` and `'static`, and not
//! `Clone`: if a kept connection turns out to be closed, the body comes back unread and is sent
//! again. A request that was sent in part fails, and its blocks go home. If the upstream answers
//! early, the answer is delivered, and the rest of the body is home once the upstream has closed.
//!
//! A proxy reads both bodies through [`LeasedBody::max_ahead`], the request's and the response's.
//! Then a client that does not read holds that much, and not all of its account.
//!
//! ```
//! use bytes::BufMut;
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use leasehold::{Pool, http::{ChainBody, LeasedBody}};
//! # use hyper_util::rt::TokioIo;
//! # use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let uri = format!("http://{}/", listener.local_addr()?);
//! # tokio::spawn(async move {
//! #     let (socket, _) = listener.accept().await.unwrap();
//! #     let echo = async |request: Request<Incoming>| {
//! #         assert_eq!(request.headers()["content-length"], "9");
//! #         Ok::<_, std::convert::Infallible>(Response::new(request.into_body()))
//! #     };
//! #     http1::Builder::new().serve_connection(TokioIo::new(socket), service_fn(echo)).await
//! # });
//! let pool = Pool::new(16 << 20)?;
//! let mut upload = pool.chain(1000).await?;
//! upload.put_slice(b"an upload");
//!
//! let client = Client::builder(TokioExecutor::new())
//!     .http1_max_buf_size(16 << 10) // of a connection to an upstream, outside the budget
//!     .build_http();
//! let body = ChainBody::new(upload.freeze()); // hyper writes Content-Length
//! let response = client.request(http::Request::put(&uri).body(body)?).await?;
//!
//! let mut body = LeasedBody::new(response.into_body(), &pool).max_ahead(64 << 10);
//! while let Some(chain) = body.next_chain().await {
//!     assert_eq!(chain?, *b"an upload");
//! }
//! assert_eq!(pool.leased(), 0);
//! # Ok(())
//! # }
//! ```
//!
//! reqwest wants `Data = Bytes`:
//!
//! | you have | the body for reqwest |
//! |---|---|
//! | a chain | `reqwest::Body::wrap(BytesBody::new(chain))`, with its length |
//! | a reader | `reqwest::Body::wrap(ReaderBody::sized(file, len, &pool).into_bytes_body())` |
//! | a body to pass on | `reqwest::Body::wrap(LeasedBody::new(body, &account).max_ahead(64 << 10).into_bytes_body())` |
//!
//! Its response is a body too: `LeasedBody::new(reqwest::Body::from(response), &pool)`. A test of
//! the benches (`benches/tests/reqwest.rs`) runs these lines.
//!
//! The example `reverse_proxy` is a whole proxy.
//!
//! # Clients that are slow
//! | setting of [`Serve`](crate::http::serve::Serve) | bounds |
//! |---|---|
//! | `header_timeout` | a head, from its first byte |
//! | `idle_timeout` | the time between requests |
//! | `stall_timeout` | a client that stops reading its response, or sending its body |
//! | `max_unsent` | what the kernel takes of a response ahead of the network |
//! | `max_connections` | connections; the one that was idle for longest makes place for a new one |
//! | `shutdown_timeout` | a graceful stop, from its signal |
//!
//! [`BytesBody`]: crate::http::BytesBody
//! [`ChainBody`]: crate::http::ChainBody
//! [`LeasedBody`]: crate::http::LeasedBody
//! [`LeasedBody::max_ahead`]: crate::http::LeasedBody::max_ahead
//! [`ReaderBody`]: crate::http::ReaderBody
//! [`ReaderBody::into_bytes_body`]: crate::http::ReaderBody::into_bytes_body
