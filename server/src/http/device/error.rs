//! The face of failures on device paths: the Guardian envelope (G13).

use axum::response::{IntoResponse, Response};
use device_protocol::guardian::errors::Envelope;
use domain::guardian::{Because, Refused};
use http::{HeaderValue, StatusCode, header};

use crate::failure::DeviceFailure;

/// What a device path answers instead of what was asked for.
#[derive(Debug)]
pub(crate) struct Error(DeviceFailure);

impl<T: Into<DeviceFailure>> From<T> for Error {
    fn from(failure: T) -> Self {
        Self(failure.into())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self.0 {
            DeviceFailure::Refused(refused) => refusal(&refused),
            DeviceFailure::Broken(broken) => {
                let (status, id) = broken.tell();
                let message = format!("The server could not answer. Quote this: {id}");
                let mut response = envelope(status, "server_error", &message);
                if status == StatusCode::SERVICE_UNAVAILABLE {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
                }
                response
            }
        }
    }
}

/// The answer to one refusal.
pub(crate) fn refusal(refused: &Refused) -> Response {
    let because: Because = refused.because();
    let status = StatusCode::from_u16(because.status()).unwrap_or(StatusCode::BAD_REQUEST);
    tracing::info!(error.code = because.code(), error.message = refused.message(), "device refused");
    envelope(status, because.code(), refused.message())
}

fn envelope(status: StatusCode, code: &str, message: &str) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let body = Envelope::new(status.as_u16(), code, reason, message).to_json();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body).into_response()
}
