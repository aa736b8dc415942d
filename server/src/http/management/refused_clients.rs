//! `/users/{id}/refused-clients`: whom a person reported, and taking that back (D16). Ours, not
//! Auth0's.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::{ClientId, UserId};
use http::StatusCode;
use serde_json::{Value, json};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::Named;
use crate::App;
use crate::flows::administer;

/// `GET /users/{id}/refused-clients`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:users"])?;
    let user = UserId::new(id);
    let list = administer::refused_clients(&app, administrator.tenant(), &user).await?;
    let shown = |client: &ClientId| json!({ "client_id": client.as_str() });
    Ok(answer(StatusCode::OK, &list.iter().map(shown).collect::<Value>()))
}

/// `DELETE /users/{id}/refused-clients/{client_id}`.
pub(super) async fn lift(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named((id, client)): Named<(String, String)>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["update:users"])?;
    let pair = (&UserId::new(id), &ClientId::new(client));
    let who = (administrator.tenant(), &administrator.meta);
    administer::lift_refusal(&app, who, pair, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}
