//! Guests of the HTTP server, by hyper: HTTP/1.1 with pauses in which connections are parked, and
//! HTTP/2.

use std::{convert::Infallible, io, sync::Arc, sync::atomic::Ordering::Relaxed};

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::time::{sleep, timeout};

use crate::{dice::Dice, guest::Guest, house::House, piece::Piece, tally::Fault};

type Outgoing = BoxBody<Bytes, Infallible>;

/// What is asked for, and what is to come.
struct Errand {
    request: Request<Outgoing>,
    answer: Answer,
}

enum Answer {
    Piece(Piece),
    Text(String),
}

impl Errand {
    fn new(dice: &mut Dice) -> Self {
        let len = dice.len();
        let piece = Piece::of(dice, len);
        let (at, len) = (piece.at, piece.len());
        match dice.within(0..4) {
            0 => Self::post("/echo", body(dice, piece), Answer::Piece(piece)),
            1 => {
                Self::post(&format!("/read/{at}"), body(dice, piece), Answer::Text(len.to_string()))
            }
            2 => Self::get(&format!("/chain/{at}/{len}"), piece),
            _ => Self::get(&format!("/reader/{at}/{len}"), piece),
        }
    }

    /// One that takes time to read.
    fn long(dice: &mut Dice) -> Self {
        let piece = Piece::of_long(dice);
        let path = dice.pick(["chain", "reader"]);
        Self::get(&format!("/{path}/{}/{}", piece.at, piece.len()), piece)
    }

    fn get(path: &str, piece: Piece) -> Self {
        let request = Request::get(uri(path)).header("host", "house").body(Full::default().boxed());
        Self { request: request.expect("valid"), answer: Answer::Piece(piece) }
    }

    fn post(path: &str, body: Outgoing, answer: Answer) -> Self {
        let request = Request::post(uri(path)).header("host", "house").body(body);
        Self { request: request.expect("valid"), answer }
    }
}

/// HTTP/2 wants the whole.
fn uri(path: &str) -> String {
    format!("http://house{path}")
}

/// With its length, or in chunks.
fn body(dice: &mut Dice, piece: Piece) -> Outgoing {
    if dice.one_in(2) {
        return Full::new(piece.to_bytes()).boxed();
    }
    let chunks = piece.as_bytes().chunks(dice.within(1..64) << 10);
    let frames = chunks.map(|chunk| Ok(Frame::data(Bytes::from_static(chunk))));
    BodyExt::boxed(StreamBody::new(futures_util::stream::iter(frames)))
}

/// Requests on one connection, one after the other.
pub(crate) async fn visit(guest: &mut Guest) -> io::Result<()> {
    guest.trust_the_pool();
    let stream = guest.connect(guest.house.addresses.http).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    // A connection may end with a refusal, whose request was not read to its end.
    let mut was_refused = false;
    for _ in 0..guest.dice.within(1..24) {
        guest.pause().await;
        if !was_refused {
            guest.trust_the_pool();
        }
        sender.ready().await.map_err(io::Error::other)?;
        if guest.dice.one_in(24) {
            return misbehave(guest, sender).await;
        }
        let errand = Errand::new(&mut guest.dice);
        let response = sender.send_request(errand.request).await.map_err(io::Error::other)?;
        was_refused = check(&guest.house, response, errand.answer).await?;
    }
    Ok(())
}

async fn misbehave(guest: &mut Guest, mut sender: http1::SendRequest<Outgoing>) -> io::Result<()> {
    let piece = Piece::of_long(&mut guest.dice);
    match guest.dice.within(0..3) {
        0 => {
            guest.house.tally.fault(Fault::Paused);
            let errand = Errand::long(&mut guest.dice);
            let response = sender.send_request(errand.request).await.map_err(io::Error::other)?;
            sleep(guest.dice.millis(50..1000)).await;
            check(&guest.house, response, errand.answer).await?;
        }
        1 => {
            let panic = Errand::post("/panic", body(&mut guest.dice, piece), Answer::Piece(piece));
            guest.fault(Fault::HandlerPanicked);
            if let Ok(response) = sender.send_request(panic.request).await {
                // There may be no memory to read it, and nobody to panic.
                assert!(
                    is_refusal(response.status()),
                    "a panic is answered by {}",
                    response.status()
                );
            }
        }
        _ => {
            let hang = Errand::post("/hang", body(&mut guest.dice, piece), Answer::Piece(piece));
            guest.fault(Fault::HandlerAborted);
            let slow_member_timeout = guest.dice.millis(10..300);
            if let Ok(Ok(response)) =
                timeout(slow_member_timeout, sender.send_request(hang.request)).await
            {
                assert!(
                    is_refusal(response.status()),
                    "nothing is answered by {}",
                    response.status()
                );
            }
        }
    }
    Ok(())
}

/// Several at once.
pub(crate) async fn visit_http2(guest: &mut Guest) -> io::Result<()> {
    guest.trust_the_pool();
    let stream = guest.connect(guest.house.addresses.http).await?;
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let mut was_refused = false;
    for _ in 0..guest.dice.within(1..8) {
        guest.pause().await;
        if !was_refused {
            guest.trust_the_pool();
        }
        let errands: Vec<Errand> =
            (0..guest.dice.within(1..6)).map(|_| Errand::new(&mut guest.dice)).collect();
        let house = Arc::clone(&guest.house);
        let refused = try_join_all(errands.into_iter().map(|errand| {
            let (mut sender, house) = (sender.clone(), &house);
            async move {
                let response =
                    sender.send_request(errand.request).await.map_err(io::Error::other)?;
                check(house, response, errand.answer).await
            }
        }))
        .await?;
        was_refused = refused.contains(&true);
    }
    Ok(())
}

/// A response is right to the last byte, or a refusal; whether it is one.
async fn check(house: &House, response: Response<Incoming>, answer: Answer) -> io::Result<bool> {
    let status = response.status();
    if is_refusal(status) {
        house.tally.refusals.fetch_add(1, Relaxed);
        return response.into_body().collect().await.map(|_| true).map_err(io::Error::other);
    }
    assert_eq!(status, StatusCode::OK);
    let mut body = response.into_body();
    let mut text = Vec::new();
    let (mut piece, wanted) = match answer {
        Answer::Piece(piece) => (Some(piece), String::new()),
        Answer::Text(wanted) => (None, wanted),
    };
    let len = piece.map_or(0, Piece::len);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else { continue };
        match &mut piece {
            Some(piece) => piece.take(&data),
            None => text.extend_from_slice(&data),
        }
    }
    assert_eq!(String::from_utf8_lossy(&text), wanted);
    assert_eq!(piece.map_or(0, Piece::len), 0, "so many bytes of a response are lost");
    house.tally.message(len);
    Ok(false)
}

/// No memory in time; or an account's limit was lowered below what a request is at least.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::PAYLOAD_TOO_LARGE)
}
