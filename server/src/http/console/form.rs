//! What a page sends back: a form, or from the passkey program one JSON object.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use domain::{Fingerprint, json};
use http::request::Parts;
use serde_json::Value;
use url::form_urlencoded;

use super::error::Error;
use super::visitor::{SignedIn, Visitor};
use crate::App;
use crate::http::body;
use crate::http::same_origin::is_from_our_page;

/// Most fields of a form.
const FIELD_LIMIT: usize = 50;
/// The field, and for JSON the header, that holds the session's token for forms.
const FORM_TOKEN: &str = "form_token";
const FORM_TOKEN_HEADER: &str = "x-form-token";

/// The fields of a form or a query; of several of one name the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads the encoding that both have.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text).take(FIELD_LIMIT) {
            // PostgreSQL's text cannot hold this one character.
            let value = value.replace('\0', "");
            fields.entry(name.into_owned()).or_insert(value);
        }
        Self(fields)
    }

    /// A field; empty if it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl FromRequestParts<Arc<App>> for Fields {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<App>,
    ) -> Result<Self, std::convert::Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default().as_bytes()))
    }
}

/// A form of somebody who need not be signed in.
pub(crate) struct Submitted {
    /// Who.
    pub(crate) visitor: Visitor,
    /// What.
    pub(crate) fields: Fields,
}

impl FromRequest<Arc<App>> for Submitted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let bytes = read(&parts, &visitor, body).await?;
        Ok(Self { visitor, fields: Fields::parse(&bytes) })
    }
}

/// A form of an operator, with the session's token in it.
pub(crate) struct Change {
    /// Who.
    pub(crate) who: SignedIn,
}

impl FromRequest<Arc<App>> for Change {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let who = SignedIn::from_request_parts(&mut parts, app).await?;
        let bytes = read(&parts, &who.visitor, body).await?;
        let fields = Fields::parse(&bytes);
        forged(&who, fields.text(FORM_TOKEN)).map_or(Ok(Self { who }), Err)
    }
}

/// What the passkey program sends for somebody who is about to sign in.
pub(crate) struct Answer {
    /// Who.
    pub(crate) visitor: Visitor,
    /// What.
    pub(crate) body: Value,
}

impl FromRequest<Arc<App>> for Answer {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let bytes = read(&parts, &visitor, body).await?;
        let body = json::parse(&bytes).unwrap_or_default();
        Ok(Self { visitor, body })
    }
}

/// What the passkey program sends for an operator.
pub(crate) struct SignedAnswer {
    /// Who.
    pub(crate) who: SignedIn,
    /// What.
    pub(crate) body: Value,
}

impl FromRequest<Arc<App>> for SignedAnswer {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let who = SignedIn::from_request_parts(&mut parts, app).await?;
        let bytes = read(&parts, &who.visitor, body).await?;
        let token = parts.headers.get(FORM_TOKEN_HEADER).and_then(|value| value.to_str().ok());
        let body = json::parse(&bytes).unwrap_or_default();
        forged(&who, token.unwrap_or_default()).map_or(Ok(Self { who, body }), Err)
    }
}

async fn read(
    parts: &Parts,
    visitor: &Visitor,
    body: axum::body::Body,
) -> Result<bytes::Bytes, Response> {
    if !is_from_our_page(parts, &visitor.context.base, &visitor.host) {
        return Err(Error::foreign(visitor).into_response());
    }
    body::read(body).await.map_err(|_too_long| Error::too_long(visitor).into_response())
}

/// What is answered to a form without the session's token; `None` if it has it.
fn forged(who: &SignedIn, token: &str) -> Option<Response> {
    let has_token = Fingerprint::of(who.form_token.as_bytes()).matches(token.as_bytes());
    (!has_token).then(|| Error::foreign(&who.visitor).into_response())
}
