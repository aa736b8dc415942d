//! `/api/v2/prompts/mfa-push`: the app that people enroll with (W261).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::Body;
use crate::App;
use crate::flows::administer;

/// `GET /prompts/mfa-push`.
pub(super) async fn app(administrator: Administrator) -> Result<Response, Error> {
    administrator.needs(&["read:prompts"])?;
    let app = administrator.context.tenant.settings.custom_app.shown();
    Ok(answer(StatusCode::OK, &Value::Object(app)))
}

/// `PATCH /prompts/mfa-push`.
pub(super) async fn change_app(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:prompts"])?;
    let changed = administer::change_custom_app(&app, administrator.tenant(), &body).await?;
    Ok(answer(StatusCode::OK, &Value::Object(changed)))
}
