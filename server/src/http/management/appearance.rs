//! `/clients/{id}/appearance`: what people are shown of a client beside its name. Ours, not Auth0's.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::ClientId;
use http::StatusCode;

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::Named;
use crate::App;
use crate::flows::administer;

/// `GET /clients/{id}/appearance`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:clients"])?;
    let (context, client) = (&administrator.context, ClientId::new(id));
    let view = administer::read_appearance(&app, context, &client, administrator.now).await?;
    Ok(answer(StatusCode::OK, &view))
}
