//! `/api/v2/emails/provider`: who carries the tenant's mail (W278, O451).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::Body;
use crate::App;
use crate::flows::administer;

/// `GET`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
) -> Result<Response, Error> {
    administrator.needs(&["read:email_provider"])?;
    let shown = administer::show_mail_provider(&app, administrator.tenant()).await?;
    Ok(answer(StatusCode::OK, &shown))
}

/// `POST`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["create:email_provider"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let shown = administer::create_mail_provider(&app, tenant, &body, now).await?;
    Ok(answer(StatusCode::CREATED, &shown))
}

/// `PATCH`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:email_provider"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let shown = administer::change_mail_provider(&app, tenant, &body, now).await?;
    Ok(answer(StatusCode::OK, &shown))
}

/// `DELETE`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:email_provider"])?;
    administer::delete_mail_provider(&app, administrator.tenant()).await?;
    Ok(StatusCode::NO_CONTENT)
}
