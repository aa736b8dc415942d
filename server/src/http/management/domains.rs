//! `/api/v2/custom-domains`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::{Body, Named, Query};
use crate::App;
use crate::flows::administer;

/// `GET /custom-domains`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:custom_domains"])?;
    let fields = query.fields()?;
    let views = administer::list_domains(&app, &administrator.context).await?;
    let views = views.iter().map(|view| Value::Object(fields.of(view))).collect();
    Ok(answer(StatusCode::OK, &Value::Array(views)))
}

/// `GET /custom-domains/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:custom_domains"])?;
    let view = administer::read_domain(&app, administrator.tenant(), &id).await?;
    Ok(answer(StatusCode::OK, &Value::Object(view)))
}

/// `POST /custom-domains`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["create:custom_domains"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let view = administer::create_domain(&app, tenant, &body, now).await?;
    Ok(answer(StatusCode::CREATED, &Value::Object(view)))
}

/// `PATCH /custom-domains/{id}`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:custom_domains"])?;
    let view = administer::change_domain(&app, administrator.tenant(), &id, &body).await?;
    Ok(answer(StatusCode::OK, &Value::Object(view)))
}

/// `DELETE /custom-domains/{id}`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:custom_domains"])?;
    administer::delete_domain(&app, administrator.tenant(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /custom-domains/{id}/verify`.
pub(super) async fn verify(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["create:custom_domains"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let view = administer::verify_domain(&app, tenant, &id, now).await?;
    Ok(answer(StatusCode::OK, &Value::Object(view)))
}

/// `POST /custom-domains/{id}/test`.
pub(super) async fn test(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["create:custom_domains"])?;
    let outcome = administer::test_domain(&app, administrator.tenant(), &id).await?;
    Ok(answer(StatusCode::OK, &Value::Object(outcome)))
}
