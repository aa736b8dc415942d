//! What every device call is made of, before anything of it is believed.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use device_protocol::guardian::enroll::ticket_of;
use device_protocol::guardian::errors::Code;
use domain::Timestamp;
use domain::guardian::Refused;
use domain::jose::json;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::error::{self, Error};
use crate::App;
use crate::http::body;
use crate::meta::Meta;
use crate::tenancy::Context;

/// One call of a device or of the enrollment page's program.
pub(crate) struct Call {
    pub(super) app: Arc<App>,
    pub(super) context: Context,
    pub(super) now: Timestamp,
    pub(super) meta: Meta,
    headers: HeaderMap,
    body: Bytes,
}

impl FromRequest<Arc<App>> for Call {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let context = Context::from_request_parts(&mut parts, app).await.map_err(|rejected| {
            if rejected.status() == StatusCode::SERVICE_UNAVAILABLE {
                error::unavailable()
            } else {
                let sentence = "There is no such tenant. Check the base URL in the app's settings";
                error::envelope(Code::NotFound, sentence)
            }
        })?;
        let meta = Meta::of(&parts);
        let body = body::read(body).await.map_err(|error| {
            Error::refused(Code::InvalidBody, error.description()).into_response()
        })?;
        Ok(Self {
            now: app.clock.now(),
            app: Arc::clone(app),
            context,
            meta,
            headers: parts.headers,
            body,
        })
    }
}

impl Call {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn authorization(&self) -> Option<&str> {
        self.header(header::AUTHORIZATION.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// The body as JSON, whatever content type was declared (G11).
    pub(super) fn json(&self) -> Result<Value, Refused> {
        json::parse(&self.body)
            .map_err(|error| Refused::because(Code::InvalidBody, format!("The body is {error}")))
    }

    /// The ticket of `Authorization: Ticket id="…"` (G37, G38).
    pub(super) fn ticket(&self) -> Result<&str, Refused> {
        let authorization = self.authorization().ok_or_else(|| {
            Refused::because(Code::InvalidToken, "The Authorization header is missing")
        })?;
        ticket_of(authorization)
            .map_err(|error| Refused::because(Code::InvalidBearerFormat, error.to_string()))
    }

    /// The credential of `Authorization: Bearer`; empty if there is none, which no flow takes.
    pub(super) fn bearer(&self) -> &str {
        self.credential("bearer")
    }

    /// The transaction token of `Authorization: MFA-DPoP`; empty if there is none.
    pub(super) fn consent_token(&self) -> &str {
        self.credential("mfa-dpop")
    }

    /// The proof in the header `MFA-DPoP`.
    pub(super) fn proof(&self) -> Option<&str> {
        self.header("mfa-dpop")
    }

    /// `Accept-Language`; empty if there is none.
    pub(super) fn languages(&self) -> &str {
        self.header(header::ACCEPT_LANGUAGE.as_str()).unwrap_or_default()
    }

    fn credential(&self, scheme: &str) -> &str {
        self.authorization()
            .and_then(|authorization| authorization.trim().split_once(' '))
            .filter(|(given, _)| given.eq_ignore_ascii_case(scheme))
            .map_or("", |(_, credential)| credential.trim())
    }

    /// Whether another kind of credential than a ticket was sent (GD21).
    pub(super) fn has_bearer(&self) -> bool {
        !self.bearer().is_empty()
    }
}
