//! Bodies that are streamed to a file, printed on their way, or looked at before the handler.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{DefaultBodyLimit, FromRequest, Path, Request, State},
    http::StatusCode,
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use futures_util::TryStreamExt;
use tokio::fs::File;
use tokio_util::io::StreamReader;

use super::site::everywhere;

/// A folder that is gone with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("leasehold-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn save(
    State(folder): State<Arc<Folder>>,
    Path(name): Path<String>,
    body: Body,
) -> Result<String, (StatusCode, String)> {
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return Err((StatusCode::BAD_REQUEST, "no such name".to_owned()));
    }
    let mut body = StreamReader::new(body.into_data_stream().map_err(io::Error::other));
    let copied = async {
        let mut file = File::create(folder.0.join(name)).await?;
        let copied = tokio::io::copy(&mut body, &mut file).await?;
        file.sync_all().await.map(|()| copied)
    };
    let copied = copied.await;
    copied
        .map(|len| len.to_string())
        .map_err(|e| (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))
}

async fn load(State(folder): State<Arc<Folder>>, Path(name): Path<String>) -> Response {
    match tokio::fs::read(folder.0.join(name)).await {
        Ok(file) => file.into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test]
async fn a_body_is_streamed_to_a_file() {
    let app = || {
        Router::new()
            .route("/{name}", put(save).get(load))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::new(Folder::new()))
    };
    let large = "0123456789abcdef".repeat(40_000);
    let seen = everywhere(app, async |site| {
        let mut visitor = site.visitor().await;
        let mut seen = Vec::new();
        for (method, path, body) in [
            ("PUT", "/large", &*large),
            ("GET", "/large", ""),
            ("PUT", "/empty", ""),
            ("GET", "/empty", ""),
            ("GET", "/none", ""),
        ] {
            seen.push(visitor.ask(method, path, body).await);
            site.rest().await;
        }
        // The handler does not read this body, so the connection is parked after the next request.
        seen.push(visitor.ask("PUT", "/..%2Fout", "x").await);
        seen.push(visitor.get("/empty").await);
        site.rest().await;
        seen
    })
    .await;
    assert!(seen[1].body == large, "the file has all that was sent");
    let seen = [0, 2, 3, 4, 5, 6].map(|place| (seen[place].status.as_u16(), &*seen[place].body));
    let len = large.len().to_string();
    assert_eq!(
        seen,
        [(200, &*len), (200, "0"), (200, ""), (404, ""), (400, "no such name"), (200, "")]
    );
}

/// What went by, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// Reads the body of a request and that of its response, notes both, and passes them on.
async fn note(State(log): State<Log>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 1 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    log.lock().expect("no panic").push(format!("> {body:?}"));
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body of this server");
    log.lock().expect("no panic").push(format!("< {body:?}"));
    Response::from_parts(head, Body::from(body))
}

#[tokio::test]
async fn requests_and_responses_are_noted_on_their_way() {
    let app = || {
        let log = Log::default();
        let noted = Router::new()
            .route("/echo", post(async |body: String| body.to_uppercase()))
            .layer(from_fn_with_state(log.clone(), note));
        let told = async |State(log): State<Log>| log.lock().expect("no panic").join(" ");
        noted.route("/log", get(told)).with_state(log)
    };
    let seen = everywhere(app, async |site| {
        let mut visitor = site.visitor().await;
        let mut seen = Vec::new();
        for body in ["one", "", "two"] {
            seen.push(visitor.ask("POST", "/echo", body).await);
            site.rest().await;
        }
        seen.push(visitor.get("/log").await);
        seen
    })
    .await;
    let seen: Vec<_> = seen.iter().map(|answer| &*answer.body).collect();
    let log = r#"> b"one" < b"ONE" > b"" < b"" > b"two" < b"TWO""#;
    assert_eq!(seen, ["ONE", "", "TWO", log]);
}

/// A body that was looked at before the handler got it.
struct Checked(Bytes);

impl<S: Send + Sync> FromRequest<S> for Checked {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let body =
            Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        match body.starts_with(b"ok") {
            true => Ok(Self(body)),
            false => Err((StatusCode::UNPROCESSABLE_ENTITY, "it is not ok").into_response()),
        }
    }
}

/// Reads the body before the extractor reads it again.
async fn reads_first(request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 16).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    head.headers.insert("x-len", body.len().into());
    next.run(Request::from_parts(head, Body::from(body))).await
}

#[tokio::test]
async fn a_body_is_read_by_a_middleware_and_by_an_extractor() {
    let app = || {
        let answer = async |headers: axum::http::HeaderMap, Checked(body): Checked| {
            format!("{} {:?}", headers["x-len"].to_str().expect("a number"), body)
        };
        Router::new().route("/", post(answer)).layer(from_fn(reads_first))
    };
    let seen = everywhere(app, async |site| {
        let mut visitor = site.visitor().await;
        let mut seen = Vec::new();
        for body in ["ok then", "no", "ok", "much more than is read"] {
            seen.push(visitor.ask("POST", "/", body).await);
            site.rest().await;
        }
        seen
    })
    .await;
    let seen: Vec<_> = seen.iter().map(|seen| (seen.status.as_u16(), &*seen.body)).collect();
    let not_ok = (422, "it is not ok");
    assert_eq!(seen, [(200, "7 b\"ok then\""), not_ok, (200, "2 b\"ok\""), (413, "")]);
}
