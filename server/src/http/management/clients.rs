//! `/api/v2/clients` (W262 to W267, W270).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::people::Fields;
use domain::{ClientId, Timestamp};
use http::StatusCode;
use serde_json::Value;
use store::clients::{self, ClientRow};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::page::Page;
use super::request::{Body, Named, Query};
use crate::App;
use crate::denied::Denied;
use crate::failure::Broken;
use crate::flows::administer::{self, NewClient};

/// Most clients that are looked through for a filter.
const FILTER_REACH: u32 = 1_000;

/// The client as the Management API shows it: credentials only to those who may read them.
fn shown(administrator: &Administrator, document: Value, fields: &Fields) -> Value {
    let Value::Object(mut members) = document else { return document };
    if !administrator.has("read:client_credentials") {
        members.remove("client_authentication_methods");
    }
    members.insert(String::from("tenant"), administrator.tenant().as_str().into());
    members.insert(String::from("global"), false.into());
    Value::Object(fields.of(&members))
}

/// The client with the secret that is shown this once (WD39).
fn with_secret(administrator: &Administrator, client: NewClient) -> Value {
    let mut view = shown(administrator, client.document, &Fields::All);
    if let (Some(secret), Some(members)) = (client.client_secret, view.as_object_mut()) {
        members.insert(String::from("client_secret"), secret.into());
    }
    view
}

fn document(row: &ClientRow) -> Result<Value, Broken> {
    serde_json::from_str(&row.document).map_err(Broken::because)
}

/// `GET /clients`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:clients"])?;
    let page = Page::of(&query)?;
    let fields = query.fields()?;
    let (database, tenant) = (&app.database, administrator.tenant());
    let first_party = query.flag("is_first_party")?;
    let app_types: Option<Vec<&str>> = query.text("app_type").map(|list| list.split(',').collect());
    let is_filtered = first_party.is_some() || app_types.is_some();
    let (rows, total) = if query.flag("is_global")? == Some(true) {
        (Vec::new(), 0)
    } else if is_filtered {
        let mut found = Vec::new();
        for row in clients::list(database, tenant, 0, FILTER_REACH).await? {
            let document = document(&row)?;
            let is_first = document.get("is_first_party").and_then(Value::as_bool) != Some(false);
            let kind = document.get("app_type").and_then(Value::as_str).unwrap_or_default();
            if first_party.is_none_or(|wanted| wanted == is_first)
                && app_types.as_ref().is_none_or(|types| types.contains(&kind))
            {
                found.push(row);
            }
        }
        let total = found.len() as u64;
        (page.cut(found), total)
    } else {
        let rows = clients::list(database, tenant, page.skipped(), page.most).await?;
        let total = if page.has_totals { clients::count(database, tenant).await? } else { 0 };
        (rows, total)
    };
    let mut views = Vec::with_capacity(rows.len());
    for row in &rows {
        views.push(shown(&administrator, document(row)?, &fields));
    }
    Ok(page.answer("clients", views, total))
}

/// `GET /clients/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:clients"])?;
    let fields = query.fields()?;
    let row = clients::one(&app.database, administrator.tenant(), &ClientId::new(id)).await?;
    let document = document(&row.ok_or(Denied::NoClient)?)?;
    Ok(answer(StatusCode::OK, &shown(&administrator, document, &fields)))
}

/// `POST /clients`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["create:clients"])?;
    let (context, now): (_, Timestamp) = (&administrator.context, administrator.now);
    let client = administer::create_client(&app, context, &body, now).await?;
    Ok(answer(StatusCode::CREATED, &with_secret(&administrator, client)))
}

/// `PATCH /clients/{id}`.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:clients", "update:client_keys", "update:client_credentials"])?;
    if body.contains_key("client_secret") {
        administrator.needs(&["update:client_keys"])?;
    }
    if body.contains_key("client_authentication_methods") {
        administrator.needs(&["update:client_credentials"])?;
    }
    let special = ["client_secret", "client_authentication_methods"];
    if body.keys().any(|name| !special.contains(&name.as_str())) {
        administrator.needs(&["update:clients"])?;
    }
    let who = (&administrator.context, &ClientId::new(id));
    let document = administer::change_client(&app, who, &body, administrator.now).await?;
    Ok(answer(StatusCode::OK, &shown(&administrator, document, &Fields::All)))
}

/// `DELETE /clients/{id}`: 204 also for one that is gone.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:clients"])?;
    let (tenant, id) = (administrator.tenant(), ClientId::new(id));
    administer::delete_client(&app, tenant, &id, administrator.now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /clients/{id}/rotate-secret`.
pub(super) async fn rotate_secret(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["update:client_keys"])?;
    let (tenant, id) = (administrator.tenant(), ClientId::new(id));
    let client = administer::rotate_secret(&app, tenant, &id, administrator.now).await?;
    Ok(answer(StatusCode::OK, &with_secret(&administrator, client)))
}
