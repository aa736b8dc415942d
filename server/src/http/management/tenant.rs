//! `/api/v2/tenants/settings`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::{Body, Query};
use crate::App;
use crate::flows::administer;

/// `GET /tenants/settings`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:tenant_settings"])?;
    let fields = query.fields()?;
    let settings = administer::read_settings(&app, administrator.tenant()).await?;
    Ok(answer(StatusCode::OK, &Value::Object(fields.of(&settings))))
}

/// `PATCH /tenants/settings`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:tenant_settings"])?;
    let settings = administer::change_settings(&app, administrator.tenant(), &body).await?;
    Ok(answer(StatusCode::OK, &Value::Object(settings)))
}
