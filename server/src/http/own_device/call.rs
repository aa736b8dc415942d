//! What every call of a device is made of, before anything of it is believed.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use bytes::Bytes;
use device_protocol::aizuchi::errors::{Code, Refusal};
use device_protocol::aizuchi::proof;
use domain::Timestamp;
use domain::jose::json;
use http::{Method, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

use super::error;
use crate::App;
use crate::flows::own_device as flows;
use crate::http::body;
use crate::meta::Meta;
use crate::tenancy::Context;

/// One call.
pub(crate) struct Call {
    pub(super) app: Arc<App>,
    pub(super) context: Context,
    pub(super) now: Timestamp,
    pub(super) meta: Meta,
    proof: Option<String>,
    method: Method,
    path: String,
    query: String,
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
                error::refusal(Code::NotFound, "There is no such tenant")
            }
        })?;
        let meta = Meta::of(&parts);
        let body = body::read(body)
            .await
            .map_err(|error| error::refusal(Code::InvalidBody, error.description()))?;
        let proof = parts.headers.get(proof::HEADER).and_then(|proof| proof.to_str().ok());
        Ok(Self {
            now: app.clock.now(),
            app: Arc::clone(app),
            context,
            meta,
            proof: proof.map(str::to_owned),
            path: parts.uri.path().trim_start_matches('/').to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            method: parts.method,
            body,
        })
    }
}

impl Call {
    /// What the device has to have signed.
    pub(super) fn signed(&self) -> flows::Call<'_> {
        flows::Call {
            proof: self.proof.as_deref(),
            method: self.method.as_str(),
            path: &self.path,
            body: &self.body,
            meta: &self.meta,
        }
    }

    /// The body as JSON, whatever content type was declared.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        json::parse(&self.body)
            .map_err(|error| Refusal::new(Code::InvalidBody, format!("The body is {error}")))
    }

    /// A parameter of the query, the first of its name.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        let found = pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        found.map(|value| value.replace('\0', " "))
    }
}
