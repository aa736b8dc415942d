//! The face of refusals and faults on the device paths: always the Guardian envelope (G13), since
//! an app learns nothing from any other body.

use axum::response::{IntoResponse, Response};
use device_protocol::guardian::errors::{Code, Envelope};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::failure::{Broken, DeviceFailure, RETRY_AFTER_S};

/// What a device path answers instead of what was asked for.
#[derive(Debug)]
pub(crate) struct Error(DeviceFailure);

impl<T: Into<DeviceFailure>> From<T> for Error {
    fn from(failure: T) -> Self {
        Self(failure.into())
    }
}

impl Error {
    pub(super) fn refused(code: Code, sentence: impl Into<String>) -> Self {
        DeviceFailure::refused(code, sentence).into()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self.0 {
            DeviceFailure::Refused(code, sentence) => {
                tracing::info!(
                    status = code.status(),
                    error = code.as_str(),
                    reason = sentence,
                    "device refused"
                );
                envelope(code, sentence)
            }
            DeviceFailure::Broken(broken) => apologise(&broken),
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
        let sentence = format!("The server could not answer (fault {fault})");
        envelope(Code::InternalError, sentence)
    }
}

/// The database is away: 503 and when to try again.
pub(super) fn unavailable() -> Response {
    let sentence = "The server cannot answer at the moment. Try again in a few seconds";
    let mut response = envelope(Code::ServiceUnavailable, sentence);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    response
}

/// The envelope of `code`.
pub(super) fn envelope(code: Code, sentence: impl Into<String>) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
    json(status, &Envelope::new(code, sentence))
}

/// A JSON answer that nobody may keep; its mime type is what iOS insists on (G9).
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    match serde_json::to_string(body) {
        Ok(body) => (status, headers, body).into_response(),
        Err(error) => {
            tracing::error!(cause = %error, "an answer to a device cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
