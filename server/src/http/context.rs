//! What is known before a handler starts: the tenant and the present moment.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use http::request::Parts;
use http::{StatusCode, header};

use crate::App;
use crate::failure::Failure;
use crate::http::pages;
use crate::http::prefix::Prefix;
use crate::meta;
use crate::tenancy::Context;

/// The moment the request is judged at, read once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now(pub(crate) Timestamp);

impl FromRequestParts<Arc<App>> for Now {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self(app.clock.now()))
    }
}

impl FromRequestParts<Arc<App>> for Context {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        match resolve(parts, app).await {
            Ok(Some(context)) => Ok(context),
            Ok(None) => Err(pages::not_found().await),
            Err(failure) => {
                tracing::error!(cause = %failure, "the tenant of a request cannot be read");
                Err(unavailable())
            }
        }
    }
}

fn unavailable() -> Response {
    let headers = [(header::RETRY_AFTER, "5"), (header::CONTENT_TYPE, "application/json")];
    let body = r#"{"error":"temporarily_unavailable","error_description":"The server cannot answer at the moment, try again later"}"#;
    (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
}

/// Finds the tenant by prefix, then by host; `None` for a prefix that names no tenant.
pub(crate) async fn resolve(parts: &Parts, app: &App) -> Result<Option<Context>, Failure> {
    let now = app.clock.now();
    let host = meta::host(parts);
    match parts.extensions.get::<Prefix>() {
        Some(Prefix(tenant)) => app.context_by_prefix(tenant, host, now).await,
        None => app.context_by_host(host, now).await.map(Some),
    }
}
