//! The service: from a request to a response.

use std::io::{self, SeekFrom};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Method, Request, StatusCode,
    header::{self, HeaderValue},
};
use leasehold::{Pool, http::ReaderBody};
use tokio::io::AsyncSeekExt;

use crate::{
    body::{FileBody, of_chain},
    files::{Found, OpenFile, Root},
    listing,
    path::SitePath,
    ranges::{Part, http_date},
    reply::{self, Reply, number, with},
    status,
};

/// Where the pool's figures are.
const STATUS_PATH: &str = "/-/pool";

pub struct Service {
    root: Root,
    /// The account that those of all connections are in.
    clients: Pool,
}

impl Service {
    pub fn new(root: Root, clients: Pool) -> Self {
        Self { root, clients }
    }

    /// Answers a request with memory of this account. Its own body, if it has one, is not read.
    pub async fn answer<B>(&self, request: &Request<B>, account: &Pool) -> Reply {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return reply::method_not_allowed();
        }
        if request.uri().path() == STATUS_PATH {
            let json = of_chain(Bytes::from(status::json(&self.clients)));
            let reply = reply::of_body(StatusCode::OK, "application/json", json);
            return with(reply, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        let Some(path) = SitePath::parse(request.uri().path()) else {
            return reply::not_found();
        };
        let answered = self.answer_path(&path, request.method(), request.headers(), account).await;
        answered.unwrap_or_else(|error| reply::of_error(&error))
    }

    async fn answer_path(
        &self,
        path: &SitePath,
        method: &Method,
        headers: &HeaderMap,
        account: &Pool,
    ) -> io::Result<Reply> {
        match self.root.find(path).await? {
            Found::DirectoryWithoutSlash => Ok(reply::redirect(&path.with_slash())),
            Found::Directory(names) => {
                let page = listing::page(path, &names, account).await?;
                Ok(reply::of_body(StatusCode::OK, "text/html; charset=utf-8", of_chain(page)))
            }
            Found::File(file) => answer_file(file, content_type(path), method, headers, account).await,
        }
    }
}

async fn answer_file(
    file: OpenFile,
    content_type: &'static str,
    method: &Method,
    headers: &HeaderMap,
    account: &Pool,
) -> io::Result<Reply> {
    let OpenFile { mut file, len, modified } = file;
    let modified = modified.and_then(http_date);
    let (status, start, part_len) = match Part::wanted(method, headers, len, modified) {
        Part::NotModified => return Ok(reply::not_modified()),
        Part::Unsatisfiable => return Ok(reply::unsatisfiable(len)),
        Part::Whole => (StatusCode::OK, 0, len),
        Part::Range { start, len } => (StatusCode::PARTIAL_CONTENT, start, len),
    };
    if start > 0 {
        file.seek(SeekFrom::Start(start)).await?;
    }
    let body = ReaderBody::sized(file, part_len, account);
    // For HEAD hyper takes the length from the body and drops it unread.
    let body = if method == Method::HEAD { body.boxed_unsync() } else { FileBody::begin(body).await? };

    let reply = reply::of_body(status, content_type, body);
    let mut reply = with(reply, header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = start + part_len - 1;
        reply = with(reply, header::CONTENT_RANGE, number(format!("bytes {start}-{last}/{len}")));
    }
    if let Some(modified) = modified {
        reply = with(reply, header::LAST_MODIFIED, number(modified.to_string()));
    }
    Ok(reply)
}

/// By the name alone; the file is not looked into.
fn content_type(path: &SitePath) -> &'static str {
    mime_guess::from_path(path.file_name()).first_raw().unwrap_or("application/octet-stream")
}
