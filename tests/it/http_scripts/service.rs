//! The service that every server runs: what it does with a request's body, and when, is chosen by
//! the path.

// With a path, so that it is found from `tests/corpus` too, which includes this file.
#[path = "service/own_heads.rs"]
mod own_heads;

use std::{error::Error, future::pending, io, panic, sync::LazyLock, time::Duration};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body, Frame},
    http::{HeaderValue, request::Parts},
    upgrade::OnUpgrade,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncWriteExt,
    time::{sleep, timeout},
};

use self::own_heads::own_head;

/// Long enough for a server to take its connection apart, if it does that too early.
const PAUSE: Duration = Duration::from_millis(8);

/// How long a handler waits for the next frame before it gives its client up.
const GIVE_UP: Duration = Duration::from_millis(10);

/// Lines that tell where they belong, 4 MiB of them.
static LARGE: LazyLock<Bytes> =
    LazyLock::new(|| (0..1 << 16).map(|line| format!("{line:062} \n")).collect::<String>().into());

/// The body of every answer.
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

type Answer = Response<AnswerBody>;

/// Answers one request.
///
/// | path | what it does |
/// |---|---|
/// | `/echo`, `/echo-slowly`, `/echo-trailers` | reads the body to its end, and sends it back |
/// | `/echo-streaming` | sends each frame of the body back as it comes |
/// | `/ignore`, `/refuse` | answers 200 or 417, and never touches the body |
/// | `/give-up`, `/give-up-later` | reads a frame, or until none comes for a while, and drops the body |
/// | `/spawned` | answers at once; a task reads the body slowly to its end |
/// | `/spawned-dropped` | answers at once; a task reads a frame, waits, and drops the body |
/// | `/late` | answers after a pause |
/// | `/stream`, `/stream-empty`, `/stream-trailers`, `/stream-large` | a body of unknown length |
/// | `/never`, `/stream-stuck` | no answer, or one that stops within its body |
/// | `/stream-many` | a hundred pieces of a thousand bytes |
/// | `/stream-fails`, `/stream-fails-at-once` | a body of unknown length that fails after a piece, or before it |
/// | `/large`, `/204`, `/304`, `/close` | what their names say |
/// | `/upgrade`, `/upgrade-later` and CONNECT | echoes what comes on the upgraded connection |
/// | `/fail`, `/panic` | no answer |
/// | `/own-…` | a head that the service sets itself: see [`own_head`] |
/// | others | a description of the request |
///
/// # Errors
/// The body failed, or the path asks for an error.
pub(crate) async fn answer<B>(request: Request<B>) -> io::Result<Response<AnswerBody>>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Error + Send + Sync + 'static,
{
    let (mut head, mut body) = request.into_parts();
    if head.method == Method::CONNECT {
        echo_upgraded(&mut head, Duration::ZERO);
        return Ok(text(String::new()));
    }
    let path = head.uri.path().to_owned();
    match path.as_str() {
        "/echo" => Ok(whole(body.collect().await.map_err(io::Error::other)?.to_bytes())),
        "/echo-slowly" => Ok(whole(read_slowly(&mut body).await?.into())),
        "/echo-trailers" => echo_trailers(body).await,
        "/echo-streaming" => Ok(Response::new(StreamBody::new(frames_of(body)).boxed_unsync())),
        "/ignore" => {
            drop(body);
            Ok(text("ignored\n"))
        }
        "/refuse" => Ok(status(StatusCode::EXPECTATION_FAILED)),
        "/give-up" => {
            let frame = body.frame().await;
            drop(body);
            Ok(text(format!("given up after {}\n", data_len(frame))))
        }
        "/give-up-later" => {
            let mut len = 0;
            while let Ok(Some(frame)) = timeout(GIVE_UP, body.frame()).await {
                len += data_len(Some(frame));
            }
            drop(body);
            Ok(text(format!("given up after {len}\n")))
        }
        "/spawned" => {
            tokio::spawn(async move { read_slowly(&mut body).await });
            Ok(text("spawned\n"))
        }
        "/spawned-dropped" => {
            tokio::spawn(async move {
                let _ = body.frame().await;
                sleep(PAUSE).await;
            });
            Ok(text("spawned\n"))
        }
        "/late" => {
            sleep(4 * PAUSE).await;
            Ok(text(describe(&head)))
        }
        "/stream" => {
            Ok(streamed(vec![piece("one "), piece("two "), piece("three "), piece("end\n")]))
        }
        "/stream-empty" => Ok(streamed(vec![piece("")])),
        "/stream-trailers" => {
            let trailers = HeaderMap::from_iter([(
                "x-sum".try_into().expect("a name"),
                HeaderValue::from_static("7"),
            )]);
            let mut answer =
                streamed(vec![piece("one "), piece("end\n"), Frame::trailers(trailers)]);
            answer.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
            Ok(answer)
        }
        "/stream-many" => {
            let pieces = std::iter::repeat_with(|| Ok(Frame::data(LARGE.slice(..1_000))));
            Ok(Response::new(StreamBody::new(stream::iter(pieces.take(100))).boxed_unsync()))
        }
        "/stream-fails" => Ok(failing([piece("one ")])),
        "/stream-fails-at-once" => Ok(failing([])),
        "/never" => pending().await,
        "/stream-stuck" => {
            let frames = stream::iter([Ok(piece("one "))]).chain(stream::pending());
            Ok(Response::new(StreamBody::new(frames).boxed_unsync()))
        }
        "/stream-large" => {
            Ok(streamed((0..4).map(|quarter| Frame::data(large_quarter(quarter))).collect()))
        }
        "/large" => Ok(whole(LARGE.clone())),
        "/204" => Ok(status(StatusCode::NO_CONTENT)),
        "/304" => Ok(status(StatusCode::NOT_MODIFIED)),
        "/close" => {
            let mut answer = text(describe(&head));
            answer.headers_mut().insert("connection", HeaderValue::from_static("close"));
            Ok(answer)
        }
        "/upgrade" => Ok(upgrade(&mut head, Duration::ZERO)),
        "/upgrade-later" => Ok(upgrade(&mut head, PAUSE)),
        "/fail" => Err(fault()),
        // Not `panic!`: the hook would write about it into the tests' output.
        "/panic" => panic::resume_unwind(Box::new("the path asks for it")),
        _ => Ok(own_head(&path).unwrap_or_else(|| text(describe(&head)))),
    }
}

/// The request as it arrived: nothing of it may be lost, doubled or taken from another.
fn describe(head: &Parts) -> String {
    let mut text = format!("{} {} {:?}", head.method, head.uri, head.version);
    for (name, value) in &head.headers {
        let value = value.as_bytes();
        let shown = &value[..value.len().min(60)];
        text += &format!(" [{name}: {} {}]", value.len(), shown.escape_ascii());
    }
    text + &format!(" end of {}\n", head.uri.path())
}

async fn read_slowly<B>(body: &mut B) -> io::Result<Vec<u8>>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + Send + Sync + 'static,
{
    let mut bytes = Vec::new();
    loop {
        sleep(PAUSE).await;
        match body.frame().await.transpose().map_err(io::Error::other)? {
            Some(frame) => bytes.extend(frame.into_data().unwrap_or_default()),
            None => return Ok(bytes),
        }
    }
}

async fn echo_trailers<B>(body: B) -> io::Result<Answer>
where
    B: Body<Data = Bytes>,
    B::Error: Error + Send + Sync + 'static,
{
    let body = body.collect().await.map_err(io::Error::other)?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    let mut answer = streamed(vec![data(&body.to_bytes()), Frame::trailers(trailers)]);
    answer.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
    Ok(answer)
}

/// The frames of a request's body as those of a response's, up to its end or its failure.
fn frames_of<B>(body: B) -> impl stream::Stream<Item = io::Result<Frame<Bytes>>> + Send
where
    B: Body<Data = Bytes> + Send + Unpin,
{
    stream::unfold(body, |mut body| async {
        let frame = body.frame().await?.ok()?;
        Some((Ok(frame), body))
    })
}

fn data_len<E>(frame: Option<Result<Frame<Bytes>, E>>) -> usize {
    frame.and_then(Result::ok).and_then(|frame| frame.into_data().ok()).map_or(0, |data| data.len())
}

fn upgrade(head: &mut Parts, wait: Duration) -> Answer {
    echo_upgraded(head, wait);
    let mut answer = status(StatusCode::SWITCHING_PROTOCOLS);
    answer.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    answer.headers_mut().insert("upgrade", HeaderValue::from_static("echo"));
    answer
}

fn echo_upgraded(head: &mut Parts, wait: Duration) {
    let Some(upgrading) = head.extensions.remove::<OnUpgrade>() else { return };
    tokio::spawn(async move {
        let Ok(upgraded) = upgrading.await else { return };
        sleep(wait).await;
        let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
        if tokio::io::copy(&mut from, &mut to).await.is_ok() {
            let _ = to.shutdown().await;
        }
    });
}

fn text(text: impl Into<Bytes>) -> Answer {
    whole(text.into())
}

fn whole(bytes: Bytes) -> Answer {
    Response::new(Full::new(bytes).map_err(|never| match never {}).boxed_unsync())
}

fn status(status: StatusCode) -> Answer {
    let mut answer = text(Bytes::new());
    *answer.status_mut() = status;
    answer
}

/// These frames, and then an error, with a pause before each.
fn failing<const N: usize>(frames: [Frame<Bytes>; N]) -> Answer {
    let frames = stream::iter(frames).map(Ok).chain(stream::iter([Err(fault())]));
    let frames = frames.then(async |frame| {
        sleep(PAUSE).await;
        frame
    });
    Response::new(StreamBody::new(Box::pin(frames)).boxed_unsync())
}

fn fault() -> io::Error {
    io::Error::other("the path asks for it")
}

/// These frames, with a pause before each.
fn streamed(frames: Vec<Frame<Bytes>>) -> Answer {
    let frames = stream::unfold(frames.into_iter(), |mut frames| async {
        sleep(PAUSE).await;
        Some((Ok(frames.next()?), frames))
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}

fn piece(text: &'static str) -> Frame<Bytes> {
    Frame::data(text.into())
}

fn data(bytes: &[u8]) -> Frame<Bytes> {
    Frame::data(Bytes::copy_from_slice(bytes))
}

fn large_quarter(index: usize) -> Bytes {
    let len = LARGE.len() / 4;
    LARGE.slice(index * len..(index + 1) * len)
}
