//! What is known before a handler starts: the tenant and the present moment.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use domain::{TenantId, Timestamp};
use http::request::Parts;

use crate::App;
use crate::failure::Failure;
use crate::http::meta;
use crate::http::prefix::Prefix;
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

/// Finds the tenant by prefix, then by host; `None` for a prefix that names no tenant.
pub(crate) async fn resolve(parts: &Parts, app: &App) -> Result<Option<Context>, Failure> {
    let now = app.clock.now();
    let host = meta::host(parts);
    match parts.extensions.get::<Prefix>() {
        Some(Prefix(tenant)) => app.context_by_prefix(tenant, host, now).await,
        None => app.context_by_host(host, now).await.map(Some),
    }
}

/// The name a request gave for a tenant that does not exist.
pub(crate) fn unknown_tenant(parts: &Parts) -> Option<&TenantId> {
    parts.extensions.get::<Prefix>().map(|Prefix(tenant)| tenant)
}
