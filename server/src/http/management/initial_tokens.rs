//! `/api/v2/initial-access-tokens`: leave to register clients. Auth0 has nothing like it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use store::registrations;

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::{Named, OptionalBody};
use crate::App;
use crate::flows::administer;

/// `GET /initial-access-tokens`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
) -> Result<Response, Error> {
    administrator.needs(&["read:clients"])?;
    let tokens = registrations::initial_tokens(&app.database, administrator.tenant()).await?;
    let views: Vec<Value> = tokens.iter().map(administer::initial_token_view).collect();
    Ok(answer(StatusCode::OK, &views.into()))
}

/// `POST /initial-access-tokens`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Error> {
    administrator.needs(&["create:clients"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let told = administer::create_initial_token(&app, tenant, &body, now).await?;
    Ok(answer(StatusCode::CREATED, &told))
}

/// `DELETE /initial-access-tokens/{id}`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:clients"])?;
    administer::delete_initial_token(&app, administrator.tenant(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
