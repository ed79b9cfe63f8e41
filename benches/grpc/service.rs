//! One service, on tonic's own server with messages on the heap, and on ours with chains.

use std::{future::IntoFuture, iter, net::SocketAddr, sync::Arc};

use axum::{
    Extension, Router,
    extract::{Path, Request, State},
    http::Response,
    routing::post,
};
use bytes::Bytes;
use futures_util::stream;
use leasehold::{Account, Chain, ChainMut, Pool, http::serve, layer::BudgetLayer};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    sync::Semaphore,
};
use tonic::{
    Request as Call, Response as Answer, Status,
    body::Body,
    codec::Codec,
    server::Grpc,
    service::Routes,
    transport::{Server as TonicServer, server::TcpIncoming},
};
use tower::service_fn;

use super::{chain_codec::ChainCodec, raw::Raw};

pub(crate) const PIECE_LEN: usize = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stack {
    Tonic,
    Leasehold,
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) pool: Pool,
    /// A permit for each message that is not to be kept any longer.
    pub(crate) kept: Arc<Semaphore>,
    _runtime: Runtime,
}

impl Server {
    /// `budget` is that of all blocks, `call_len` is reserved for a call; of ours alone.
    pub(crate) fn start(stack: Stack, budget: usize, call_len: usize) -> Self {
        let pool = Pool::new(budget).expect("the default classes fit");
        let kept = Arc::new(Semaphore::new(0));
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("an address");
        match stack {
            Stack::Tonic => {
                let app = app::<Heap>(&kept).layer(Extension(Account::clone(&pool)));
                let server = TonicServer::builder().add_routes(Routes::from(app));
                runtime.spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
            }
            Stack::Leasehold => {
                let budget = BudgetLayer::new(&pool).base_len(call_len).max_body(0);
                let server = serve(listener, app::<Leased>(&kept).layer(budget));
                runtime.spawn(server.pool(&pool, usize::MAX).into_future());
            }
        }
        Self { address, pool, kept, _runtime: runtime }
    }
}

/// A message, and how tonic reads and writes it.
trait Kind: 'static {
    type Message: Send + 'static;
    type Codec: Codec<Encode = Self::Message, Decode = Self::Message> + Send;

    fn codec(account: &Account) -> Self::Codec;
    fn zeros(len: usize, account: &Account) -> Result<Self::Message, Status>;
}

struct Heap;

impl Kind for Heap {
    type Message = Bytes;
    type Codec = Raw;

    fn codec(_: &Account) -> Raw {
        Raw
    }

    fn zeros(len: usize, _: &Account) -> Result<Bytes, Status> {
        Ok(vec![0; len].into())
    }
}

struct Leased;

impl Kind for Leased {
    type Message = Chain;
    type Codec = ChainCodec;

    fn codec(account: &Account) -> ChainCodec {
        ChainCodec::new(account)
    }

    fn zeros(len: usize, account: &Account) -> Result<Chain, Status> {
        let mut chain = ChainMut::new(account);
        for at in (0..len).step_by(PIECE_LEN) {
            chain
                .try_extend_from_slice(&[0; PIECE_LEN][..PIECE_LEN.min(len - at)])
                .map_err(|error| Status::resource_exhausted(error.to_string()))?;
        }
        Ok(chain.freeze())
    }
}

fn app<K: Kind>(kept: &Arc<Semaphore>) -> Router {
    Router::new()
        .route("/Bench/Keep", post(keep::<K>))
        .route("/Bench/Whole/{len}", post(whole::<K>))
        .route("/Bench/Pieces/{len}", post(pieces::<K>))
        .with_state(Arc::clone(kept))
}

/// Keeps its message until there is a permit.
async fn keep<K: Kind>(
    State(kept): State<Arc<Semaphore>>,
    Extension(account): Extension<Account>,
    request: Request,
) -> Response<Body> {
    let its_own = account.clone();
    let keep = service_fn(move |call: Call<K::Message>| {
        let (kept, account) = (Arc::clone(&kept), its_own.clone());
        async move {
            kept.acquire().await.expect("it is never closed").forget();
            drop(call);
            K::zeros(0, &account).map(Answer::new)
        }
    });
    let codec = K::codec(&account);
    Grpc::new(codec).max_decoding_message_size(usize::MAX).unary(keep, request).await
}

/// Answers with one message.
async fn whole<K: Kind>(
    Path(len): Path<usize>,
    Extension(account): Extension<Account>,
    request: Request,
) -> Response<Body> {
    let codec = K::codec(&account);
    let whole = service_fn(move |_: Call<K::Message>| {
        let account = account.clone();
        async move { K::zeros(len, &account).map(Answer::new) }
    });
    Grpc::new(codec).unary(whole, request).await
}

/// Answers with a message for each 64 KiB, which is made when it is asked for.
async fn pieces<K: Kind>(
    Path(len): Path<usize>,
    Extension(account): Extension<Account>,
    request: Request,
) -> Response<Body> {
    let codec = K::codec(&account);
    let pieces = service_fn(move |_: Call<K::Message>| {
        let account = account.clone();
        let pieces = iter::repeat_with(move || K::zeros(PIECE_LEN, &account));
        async move { Ok(Answer::new(stream::iter(pieces.take(len / PIECE_LEN)))) }
    });
    Grpc::new(codec).server_streaming(pieces, request).await
}
