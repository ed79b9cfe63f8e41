//! `Client`: calls of the service, with the same codec.

use std::net::SocketAddr;

use axum::http::uri::PathAndQuery;
use leasehold::{Account, Chain};
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    transport::{Channel, Endpoint},
};

use crate::chain_codec::ChainCodec;

pub(crate) struct Client {
    grpc: Grpc<Channel>,
    codec: ChainCodec,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, account: &Account) -> anyhow::Result<Self> {
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
        Ok(Self { grpc: Grpc::new(channel), codec: ChainCodec::new(account) })
    }

    /// Uploads `blob` as one message, and returns the answer.
    pub(crate) async fn put(&mut self, blob: Chain) -> Result<String, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/Shelf/Put");
        let answer = self.grpc.unary(Request::new(blob), path, self.codec.clone()).await?;
        Ok(String::from_utf8_lossy(&answer.into_inner().to_vec()).into_owned())
    }

    /// Downloads what is there, as a stream of messages.
    pub(crate) async fn get(&mut self) -> Result<Streaming<Chain>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/Shelf/Get");
        let nothing = Request::new(Chain::new());
        Ok(self.grpc.server_streaming(nothing, path, self.codec.clone()).await?.into_inner())
    }

    async fn ready(&mut self) -> Result<(), Status> {
        self.grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))
    }
}
