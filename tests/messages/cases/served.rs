//! What is right compiles: without it, the other cases could fail for any reason.
//!
//! compiles

use std::{convert::Infallible, net::SocketAddr};

use axum::{Router, body::Body, extract::connect_info::Connected, http::Response, routing::post};
use hyper::{Request, body::Incoming, service::service_fn};
use leasehold::{
    Chain, Pool,
    codec::{Framed, LinesCodec},
    http::serve::{IncomingStream, Listener, RequestBody, from_axum, from_hyper, from_incoming, serve},
    layer::BudgetLayer,
};
use tokio::net::{TcpListener, TcpStream};
use tower::Layer;

#[derive(Clone)]
pub struct Client(pub SocketAddr);

impl<L: Listener<Addr = SocketAddr>> Connected<IncomingStream<'_, L>> for Client {
    fn connect_info(stream: IncomingStream<'_, L>) -> Self {
        Self(*stream.remote_addr())
    }
}

async fn leased(_: Request<RequestBody>) -> Result<Response<Body>, Infallible> {
    Ok(Response::default())
}

async fn hypers(_: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    Ok(Response::default())
}

fn stream<S: futures_core::Stream>(_: S) {}
fn sink<S: futures_sink::Sink<String>>(_: S) {}

pub async fn run(listeners: [TcpListener; 6], streams: [TcpStream; 2], pool: Pool) {
    let app = Router::new().route("/", post(async |body: Chain| body));
    let [one, two, three, four, five, six] = listeners;
    let _ = serve(one, app.clone().into_make_service_with_connect_info::<Client>()).await;
    let _ = serve(two, from_hyper(service_fn(leased))).await;
    let _ = serve(three, from_incoming(service_fn(hypers))).await;
    let _ = serve(four, tower::service_fn(leased)).await;
    let _ = serve(five, BudgetLayer::new(&pool).layer(tower::service_fn(leased))).await;
    let _ = serve(from_axum(axum::serve::ListenerExt::tap_io(six, |_| {})), app).await;
    let [one, two] = streams;
    stream(Framed::new(one, LinesCodec::new(), &pool));
    sink(Framed::new(two, LinesCodec::new(), &pool));
}
