//! `/api/v2/refresh-tokens`, those of a user, and `revoke-access` (W199, W230, W231, W293).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::people::Fields;
use domain::shape::{Kind, checked, is_set, member, text};
use domain::{ClientId, UserId};
use http::StatusCode;
use serde_json::Value;
use store::refresh_tokens::{self, TokenFilter};
use store::users;

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::page::Checkpoint;
use super::request::{Body, Named, OptionalBody, Query};
use crate::App;
use crate::denied::{Denied, Inexistent};
use crate::flows::administer;

/// `GET /refresh-tokens?user_id=`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:refresh_tokens"])?;
    let user = query
        .text("user_id")
        .ok_or_else(|| Denied::InvalidQuery(String::from("The parameter user_id is missing")))?;
    let client = query.text("client_id").map(ClientId::new);
    let user = UserId::new(user);
    let filter = TokenFilter { user: &user, client: client.as_ref() };
    page(&app, &administrator, ("refresh_tokens", filter), &query).await
}

/// `GET /users/{id}/refresh-tokens`.
pub(super) async fn of_user(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:refresh_tokens"])?;
    let user = UserId::new(id);
    users::one(&app.database, administrator.tenant(), &user).await?.ok_or(Denied::NoUser)?;
    let filter = TokenFilter { user: &user, client: None };
    page(&app, &administrator, ("tokens", filter), &query).await
}

async fn page(
    app: &App,
    administrator: &Administrator,
    (key, filter): (&str, TokenFilter<'_>),
    query: &Query,
) -> Result<Response, Error> {
    let (checkpoint, fields) = (Checkpoint::of(query)?, query.fields()?);
    let (database, now) = (&app.database, administrator.now);
    let asked = (checkpoint.from.as_str(), checkpoint.one_more());
    let rows = refresh_tokens::page(database, administrator.tenant(), filter, asked, now).await?;
    let (rows, next) = checkpoint.cut(rows, |row| row.id.clone());
    let mut views = Vec::with_capacity(rows.len());
    for row in &rows {
        let view = administer::refresh_token_view(app, &administrator.context, row, now).await?;
        views.push(Value::Object(fields.of(&view)));
    }
    Ok(Checkpoint::answer(key, views, next))
}

/// `GET /refresh-tokens/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:refresh_tokens"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let row = refresh_tokens::by_id(&app.database, tenant, &id, now).await?;
    let row = row.ok_or(Inexistent::RefreshToken)?;
    let view = administer::refresh_token_view(&app, &administrator.context, &row, now).await?;
    Ok(answer(StatusCode::OK, &Value::Object(Fields::All.of(&view))))
}

/// `PATCH /refresh-tokens/{id}`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:refresh_tokens"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let row = administer::change_refresh_token(&app, tenant, (&id, &body), now).await?;
    let view = administer::refresh_token_view(&app, &administrator.context, &row, now).await?;
    Ok(answer(StatusCode::OK, &Value::Object(view)))
}

/// `DELETE /refresh-tokens/{id}`: 204 also for one that is gone.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:refresh_tokens"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    administer::revoke_refresh_token(&app, tenant, &id, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /refresh-tokens/revoke`.
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:refresh_tokens"])?;
    let (context, now) = (&administrator.context, administrator.now);
    administer::revoke_refresh_tokens(&app, context, &body, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /users/{id}/refresh-tokens`.
pub(super) async fn delete_of_user(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:refresh_tokens"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    administer::revoke_access(&app, tenant, &UserId::new(id), now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /users/{id}/revoke-access`: this server has no sessions, so it is the tokens that end, and
/// what is asked at this moment.
pub(super) async fn revoke_access(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    OptionalBody(body): OptionalBody,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:sessions"])?;
    administrator.needs(&["delete:refresh_tokens"])?;
    let members =
        [member("session_id", Kind::Text(1, 255)), member("preserve_refresh_tokens", Kind::Flag)];
    let body = checked(&members, &body)?;
    let (tenant, user) = (administrator.tenant(), UserId::new(id));
    users::one(&app.database, tenant, &user).await?.ok_or(Denied::NoUser)?;
    if text(&body, "session_id").is_some() {
        return Err(Inexistent::Session.into());
    }
    if !is_set(&body, "preserve_refresh_tokens") {
        administer::end_requests(&app, tenant, &user, administrator.now).await?;
        administer::revoke_access(&app, tenant, &user, administrator.now).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /grants`: consents that people gave in a browser. CIBA never makes one (W77, W275).
pub(super) async fn grants(administrator: Administrator, query: Query) -> Result<Response, Error> {
    administrator.needs(&["read:grants"])?;
    let page = super::page::Page::of(&query)?;
    Ok(page.answer("grants", Vec::new(), 0))
}

/// `DELETE /grants/{id}`: 204 also for one that is gone.
pub(super) async fn delete_grant(
    administrator: Administrator,
    Named(_id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:grants"])?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /grants?user_id=`.
pub(super) async fn delete_grants(
    administrator: Administrator,
    query: Query,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:grants"])?;
    if query.text("user_id").is_none() {
        let message = String::from("The parameter user_id is missing");
        return Err(Denied::InvalidQuery(message).into());
    }
    Ok(StatusCode::NO_CONTENT)
}
