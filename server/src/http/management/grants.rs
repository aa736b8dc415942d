//! `/api/v2/client-grants` (W273, W274).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use store::client_grants::{self, ClientGrantRow, Filter};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::page::{Checkpoint, Page};
use super::request::{Body, Named, Query};
use crate::App;
use crate::denied::Denied;
use crate::failure::Broken;
use crate::flows::administer;

fn shown(rows: &[ClientGrantRow]) -> Result<Vec<Value>, Broken> {
    rows.iter().map(|row| serde_json::from_str(&row.document).map_err(Broken::because)).collect()
}

/// `GET /client-grants`: by page number, or behind `from` (W214).
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:client_grants"])?;
    let word = |name: &str| query.text(name).unwrap_or_default().to_owned();
    let filter = Filter {
        client_id: word("client_id"),
        audience: word("audience"),
        subject_type: word("subject_type"),
    };
    let (database, tenant) = (&app.database, administrator.tenant());
    if query.text("take").is_none() && query.text("from").is_none() {
        let page = Page::of(&query)?;
        let (skipped, most) = (page.skipped(), page.most);
        let rows = client_grants::page(database, tenant, &filter, skipped, most).await?;
        let mut total = 0;
        if page.has_totals {
            total = client_grants::count(database, tenant, &filter).await?;
        }
        return Ok(page.answer("client_grants", shown(&rows)?, total));
    }
    let checkpoint = Checkpoint::of(&query)?;
    let most = checkpoint.one_more();
    let rows = client_grants::list(database, tenant, &filter, &checkpoint.from, most).await?;
    let (rows, next) = checkpoint.cut(rows, |row| row.id.clone());
    Ok(Checkpoint::answer("client_grants", shown(&rows)?, next))
}

/// `GET /client-grants/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:client_grants"])?;
    let row = client_grants::one(&app.database, administrator.tenant(), &id).await?;
    let row = row.ok_or(Denied::NoGrant)?;
    let document: Value = serde_json::from_str(&row.document).map_err(Broken::because)?;
    Ok(answer(StatusCode::OK, &document))
}

/// `POST /client-grants`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["create:client_grants"])?;
    let (tenant, now) = (administrator.tenant(), administrator.now);
    let document = administer::create_grant(&app, tenant, &body, now).await?;
    Ok(answer(StatusCode::CREATED, &document))
}

/// `PATCH /client-grants/{id}`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:client_grants"])?;
    let document = administer::change_grant(&app, administrator.tenant(), &id, &body).await?;
    Ok(answer(StatusCode::OK, &document))
}

/// `DELETE /client-grants/{id}`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:client_grants"])?;
    match app.database.run(client_grants::delete(administrator.tenant(), &id)).await? {
        store::Written::Done => Ok(StatusCode::NO_CONTENT),
        store::Written::Overtaken => Err(Denied::NoGrant.into()),
    }
}
