//! The face of refusals and faults on `/device/v1`: `{code, message}` (D15).

use axum::response::{IntoResponse, Response};
use device_protocol::aizuchi::errors::{Code, Refusal};
use domain::Timestamp;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::failure::{Broken, OwnFailure, RETRY_AFTER_S};

/// What a device is answered instead of what it asked for.
#[derive(Debug)]
pub(crate) struct Error {
    failure: OwnFailure,
    now: Option<Timestamp>,
}

impl<T: Into<OwnFailure>> From<T> for Error {
    fn from(failure: T) -> Self {
        Self { failure: failure.into(), now: None }
    }
}

impl Error {
    /// A failure of a call that was judged at `now`, which a device with another clock is told.
    pub(super) fn at(failure: impl Into<OwnFailure>, now: Timestamp) -> Self {
        Self { failure: failure.into(), now: Some(now) }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self.failure {
            OwnFailure::Refused(code, sentence) => {
                tracing::info!(
                    status = code.status(),
                    error = code.as_str(),
                    reason = sentence,
                    "device refused"
                );
                let mut response = refusal(code, sentence);
                let date = self.now.filter(|_| code == Code::ClockOff);
                let date = date.and_then(|now| HeaderValue::from_str(&now.to_http()).ok());
                if let Some(date) = date {
                    response.headers_mut().insert(header::DATE, date);
                }
                response
            }
            OwnFailure::Broken(broken) => apologise(&broken),
        }
    }
}

fn apologise(broken: &Broken) -> Response {
    if broken.passes() {
        tracing::warn!(cause = %broken, "unavailable to a device");
        unavailable()
    } else {
        let fault = broken.number();
        tracing::error!(fault, cause = %broken, "a device call is broken");
        refusal(Code::InternalError, format!("The server could not answer (fault {fault})"))
    }
}

/// The database is away: 503 and when to try again.
pub(super) fn unavailable() -> Response {
    refusal(Code::Unavailable, "The server cannot answer at the moment. Try again in a few seconds")
}

/// Too many calls from one address.
pub(crate) fn too_many_requests() -> Response {
    refusal(Code::TooManyRequests, "Too many calls. Try again in a moment")
}

/// The body of `code`.
pub(super) fn refusal(code: Code, sentence: impl Into<String>) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = json(status, &Refusal::new(code, sentence).to_json());
    if code == Code::Unavailable {
        let retry = HeaderValue::from(RETRY_AFTER_S);
        response.headers_mut().insert(header::RETRY_AFTER, retry);
    }
    response
}

/// A JSON answer that nobody may keep.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}
