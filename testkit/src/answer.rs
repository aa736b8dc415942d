//! What the server answered.

use http::{HeaderMap, Response};
use serde_json::{Value, json};

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(response: Response<axum::body::Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = http_body_util::BodyExt::collect(body).await.expect("a body").to_bytes();
        Self { status: parts.status.as_u16(), headers: parts.headers, body: body.to_vec() }
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// A header's number.
    #[track_caller]
    pub fn number(&self, name: &str) -> i64 {
        let text = self.header(name);
        text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, no integer"))
    }

    /// Status and, for a refusal, its code: `200`, `400 access_denied`.
    pub fn summary(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        match body.get("errorCode").or_else(|| body.get("error")).and_then(Value::as_str) {
            Some(error) => format!("{} {error}", self.status),
            None => self.status.to_string(),
        }
    }

    /// The member of a JSON body, as text.
    #[track_caller]
    pub fn member(&self, name: &str) -> String {
        let body = self.json();
        let text = body.get(name).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no text {name} in {} {body}", self.status)).to_owned()
    }
}

/// That `answer` is the refusal `E(status, error, text)`, with no other member.
#[track_caller]
pub fn assert_refused(answer: &Answer, status: u16, error: &str, text: &str) {
    let expected = json!({"error": error, "error_description": text});
    assert_eq!((answer.status, answer.json()), (status, expected));
    let content_type = answer.header("content-type");
    assert!(content_type.starts_with("application/json"), "{content_type}");
    assert_eq!(answer.header("www-authenticate"), "");
}
