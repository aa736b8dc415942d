//! Reading bodies: bounded, and with an error that says the limit.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

/// No body that we read is longer than this.
pub(crate) const BODY_BYTES: usize = 64 * 1024;

/// Why a body could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than [`BODY_BYTES`].
    TooLong,
    /// The connection broke before it was all there.
    Broken,
}

impl BodyError {
    /// What the caller is told.
    pub(crate) fn description(self) -> String {
        match self {
            Self::TooLong => format!("The body must not exceed {BODY_BYTES} bytes"),
            Self::Broken => String::from("The body ended before it was complete"),
        }
    }
}

/// The whole body.
pub(crate) async fn read(body: axum::body::Body) -> Result<Bytes, BodyError> {
    match Limited::new(body, BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
        Err(_) => Err(BodyError::Broken),
    }
}

/// PostgreSQL's text and JSON cannot hold this one character.
pub(crate) fn has_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(has_nul),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
    }
}
