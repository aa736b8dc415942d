//! The face of failures on the Management API: Auth0's envelope (W203).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::denied::{Denial, Denied};
use crate::failure::{Broken, RETRY_AFTER_S};

/// What a call answers instead of what was asked for.
#[derive(Debug)]
pub(crate) struct Error(Denial);

impl<T: Into<Denial>> From<T> for Error {
    fn from(denial: T) -> Self {
        Self(denial.into())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self.0 {
            Denial::Denied(denied) => refusal(&denied),
            Denial::Broken(broken) => apology(&broken),
        }
    }
}

fn refusal(denied: &Denied) -> Response {
    let (status, message, code) = denied.wire();
    tracing::info!(status, error.code = code.unwrap_or_default(), "administrator refused");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    envelope(status, &message, code)
}

fn apology(broken: &Broken) -> Response {
    if broken.passes() {
        tracing::warn!(cause = %broken, "unavailable to an administrator");
        let message = "The server cannot answer at the moment, try again later";
        return envelope(StatusCode::SERVICE_UNAVAILABLE, message, None);
    }
    let fault = broken.number();
    tracing::error!(fault, cause = %broken, "broken for an administrator");
    let message = format!("The server could not answer this (fault {fault})");
    envelope(StatusCode::INTERNAL_SERVER_ERROR, &message, None)
}

fn envelope(status: StatusCode, message: &str, code: Option<&str>) -> Response {
    let mut body = json!({
        "statusCode": status.as_u16(),
        "error": status.canonical_reason().unwrap_or("Error"),
        "message": message,
    });
    if let (Some(code), Some(members)) = (code, body.as_object_mut()) {
        members.insert(String::from("errorCode"), code.into());
    }
    let mut response = answer(status, &body);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    response
}

/// A JSON answer that nobody may keep.
pub(crate) fn answer(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}
