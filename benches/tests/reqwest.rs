//! Chains as bodies of reqwest, and its responses as chains.
//!
//! It is here because reqwest brings thirty packages with it. The section "Clients and proxies" of
//! the crate's guide shows the same lines.

use std::{error::Error, time::Duration};

use bytes::{Buf, BufMut};
use leasehold::{
    Pool,
    http::{BytesBody, LeasedBody, collect},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

type Failure = Box<dyn Error>;

/// A server for one request, which answers with the head that it got and the length of the body.
async fn serve_one(len: usize) -> Result<(String, JoinHandle<Vec<u8>>), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let uri = format!("http://{}/", listener.local_addr()?);
    let serving = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let mut bytes = Vec::new();
        let head = loop {
            socket.read_buf(&mut bytes).await.expect("the client sends");
            if let Some(at) = bytes.windows(4).position(|end| end == b"\r\n\r\n") {
                break at + 4;
            }
        };
        while bytes.len() < head + len {
            assert_ne!(socket.read_buf(&mut bytes).await.expect("the client sends"), 0);
        }
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {head}\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.expect("the client reads");
        socket.write_all(&bytes[..head]).await.expect("the client reads");
        bytes.split_off(head)
    });
    Ok((uri, serving))
}

#[tokio::test]
async fn a_chain_is_sent_with_its_length_and_a_response_is_read_into_chains() -> Result<(), Failure>
{
    let pool = Pool::new(16 << 20)?;
    let sent: Vec<u8> = (0..1_000_000u32).map(|at| (at % 251) as u8).collect();
    let mut upload = pool.try_chain(sent.len())?;
    upload.put_slice(&sent);
    let (uri, serving) = serve_one(sent.len()).await?;

    let body = reqwest::Body::wrap(BytesBody::new(upload.freeze()));
    let response = reqwest::Client::new().put(&uri).body(body).send().await?;
    let mut body = LeasedBody::new(reqwest::Body::from(response), &pool);
    let mut head = String::new();
    while let Some(chain) = body.next_chain().await {
        std::io::Read::read_to_string(&mut chain?.reader(), &mut head)?;
    }

    assert!(head.contains("content-length: 1000000\r\n"), "{head}");
    assert!(serving.await? == sent);
    assert_eq!(pool.leased(), 0);
    Ok(())
}

/// What arrives is sent on in the same blocks, a bounded part at a time.
#[tokio::test]
async fn a_body_is_relayed_to_reqwest() -> Result<(), Failure> {
    let pool = Pool::builder().budget(1 << 20).max_wait(Duration::from_millis(50)).build()?;
    let sent: Vec<u8> = (0..8_000_000u32).map(|at| (at % 251) as u8).collect();
    let incoming = http_body_util::Full::new(bytes::Bytes::from(sent.clone()));
    let (uri, serving) = serve_one(sent.len()).await?;

    let body = LeasedBody::new(incoming, &pool).max_ahead(64 << 10).into_bytes_body();
    let response = reqwest::Client::new().put(&uri).body(reqwest::Body::wrap(body)).send().await?;
    let head = collect(reqwest::Body::from(response), &pool, 64 << 10).await?;

    assert!(String::from_utf8(head.to_vec())?.contains("content-length: 8000000\r\n"));
    assert!(serving.await? == sent);
    assert!(pool.stats().peak <= 64 << 10);
    drop(head);
    assert_eq!(pool.leased(), 0);
    Ok(())
}
