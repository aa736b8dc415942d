//! `/api/v2/resource-servers` (W271, W272).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use store::resource_servers;

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::page::Page;
use super::request::{Body, Named, Query};
use crate::App;
use crate::failure::Broken;
use crate::flows::administer;

fn parsed(document: &str) -> Result<Value, Broken> {
    serde_json::from_str(document).map_err(Broken::because)
}

/// `GET /resource-servers`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:resource_servers"])?;
    let page = Page::of(&query)?;
    let (database, tenant) = (&app.database, administrator.tenant());
    let rows = resource_servers::list(database, tenant, page.skipped(), page.most).await?;
    let total = if page.has_totals { resource_servers::count(database, tenant).await? } else { 0 };
    let views = rows.iter().map(|row| parsed(&row.document)).collect::<Result<Vec<_>, _>>()?;
    Ok(page.answer("resource_servers", views, total))
}

/// `GET /resource-servers/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(name): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:resource_servers"])?;
    let row = administer::find_api(&app, administrator.tenant(), &name).await?;
    Ok(answer(StatusCode::OK, &parsed(&row.document)?))
}

/// `POST /resource-servers`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["create:resource_servers"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let document = administer::create_api(&app, tenant, &body, now).await?;
    Ok(answer(StatusCode::CREATED, &document))
}

/// `PATCH /resource-servers/{id}`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(name): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:resource_servers"])?;
    let which = (&administrator.context, name.as_str());
    let document = administer::change_api(&app, which, &body, administrator.now).await?;
    Ok(answer(StatusCode::OK, &document))
}

/// `DELETE /resource-servers/{id}`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(name): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:resource_servers"])?;
    administer::delete_api(&app, &administrator.context, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
