//! An answer that goes on: server-sent events, read one by one, so that a test does the next thing when
//! the one before was told.

use axum::body::Body;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::World;

/// A stream of events that is read as far as the test wants.
#[derive(Debug)]
pub struct Events {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    body: Body,
    read: String,
}

impl Events {
    /// The next event, its name and its data, when it comes; none if the stream has ended. Comments are passed over.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.read.find("\n\n") {
                let block: String = self.read.drain(..end + 2).collect();
                let Some(event) = block.trim_end().strip_prefix("event: ") else { continue };
                let (name, data) = event.split_once("\ndata: ").expect("a name and data");
                return Some((name.to_owned(), serde_json::from_str(data).expect("data in JSON")));
            }
            let frame = self.body.frame().await?.expect("a stream that does not break");
            let data = frame.into_data().expect("no trailers");
            self.read.push_str(std::str::from_utf8(&data).expect("text"));
        }
    }
}

impl World {
    /// `GET` of a stream below the tenant's address.
    pub async fn listens(&self, path: &str, headers: &[(&str, &str)]) -> Events {
        let mut request = Request::builder().method(Method::GET).uri(self.path(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, body) = self.response(request.body(Body::empty()).unwrap()).await.into_parts();
        Events { status: parts.status.as_u16(), headers: parts.headers, body, read: String::new() }
    }
}
