//! `/api/v2/users` and `/api/v2/users-by-email` (W216 to W222, W232 to W244).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::UserId;
use domain::people::search;
use http::StatusCode;
use serde_json::Value;
use store::users;
use store::users_search::{self, Search, SortField};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::page::{Page, REACH, in_time};
use super::request::{Body, Named, Query};
use crate::App;
use crate::denied::Denied;
use crate::flows::administer;

/// `GET /users`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:users"])?;
    let page = Page::of(&query)?;
    let fields = query.fields()?;
    let search = search_of(&query)?;
    let (users, total) = in_time(find(&app, &administrator, &search, page)).await?;
    let users = users.iter().map(|user| user.to_json(&fields)).collect();
    Ok(page.answer("users", users, total))
}

async fn find(
    app: &App,
    administrator: &Administrator,
    search: &Search,
    page: Page,
) -> Result<(Vec<domain::people::User>, u64), Error> {
    let (database, tenant) = (&app.database, administrator.tenant());
    let mut total = 0;
    if page.has_totals || page.skipped() >= REACH {
        total = users_search::count(database, tenant, search).await?;
    }
    if page.skipped() >= REACH {
        if total > u64::from(REACH) {
            return Err(Denied::InvalidPaging.into());
        }
        return Ok((Vec::new(), total));
    }
    let users = users_search::find(database, tenant, search, page.skipped(), page.most).await?;
    Ok((users, total))
}

/// `primary_order` is ignored, every `search_engine` is the newest (WD36).
fn search_of(query: &Query) -> Result<Search, Error> {
    if !matches!(query.text("search_engine"), None | Some("v1" | "v2" | "v3")) {
        let message = String::from("The parameter search_engine must be v1, v2 or v3");
        return Err(Denied::InvalidQuery(message).into());
    }
    let mut search = Search {
        query: query.text("q").map(search::parse).transpose().map_err(Error::from)?,
        connection: query.text("connection").map(String::from),
        ..Search::default()
    };
    if let Some((field, is_descending)) = query.sort(SortField::named)? {
        search.sort = field;
        search.is_descending = is_descending;
    }
    Ok(search)
}

/// `GET /users-by-email`.
pub(super) async fn by_email(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:users"])?;
    let fields = query.fields()?;
    let email = query
        .text("email")
        .ok_or_else(|| Denied::InvalidQuery(String::from("The parameter email is missing")))?;
    let users =
        users::by_email(&app.database, administrator.tenant(), &email.to_lowercase()).await?;
    let users = users.iter().map(|user| user.to_json(&fields)).collect();
    Ok(answer(StatusCode::OK, &Value::Array(users)))
}

/// `GET /users/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:users"])?;
    let fields = query.fields()?;
    let user = users::one(&app.database, administrator.tenant(), &UserId::new(id)).await?;
    let user = user.ok_or(Denied::NoUser)?;
    Ok(answer(StatusCode::OK, &user.to_json(&fields)))
}

/// `POST /users`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["create:users"])?;
    let user =
        administer::create_user(&app, administrator.tenant(), &body, administrator.now).await?;
    Ok(answer(StatusCode::CREATED, &user))
}

/// `PATCH /users/{id}`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    if body.keys().all(|name| name == "app_metadata") {
        administrator.needs(&["update:users", "update:users_app_metadata"])?;
    } else {
        administrator.needs(&["update:users"])?;
    }
    let (tenant, id) = (administrator.tenant(), UserId::new(id));
    let user = administer::change_user(&app, (tenant, &id), &body, administrator.now).await?;
    Ok(answer(StatusCode::OK, &user))
}

/// `DELETE /users/{id}`: 204 also for one that is gone (W208).
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:users"])?;
    let id = UserId::new(id);
    administer::delete_user(&app, administrator.tenant(), &id, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /users/{id}/user-code` (ours): what the person tells clients with each request (C31).
pub(super) async fn set_code(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    Body(body): Body,
) -> Result<StatusCode, Error> {
    administrator.needs(&["update:users"])?;
    let whose = (administrator.tenant(), &UserId::new(id));
    administer::set_user_code(&app, whose, &body, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /users/{id}/user-code` (ours): 204 also where there is none.
pub(super) async fn remove_code(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["update:users"])?;
    administer::remove_user_code(&app, (administrator.tenant(), &UserId::new(id))).await?;
    Ok(StatusCode::NO_CONTENT)
}
