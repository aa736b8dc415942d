//! `/api/v2/clients/{id}/credentials` (W268, W269).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::ClientId;
use domain::shape::{Kind, checked, clearable};
use http::StatusCode;
use serde_json::Value;
use store::client_credentials::{self, CredentialRow};
use store::{Written, clients};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::request::{Body, Named};
use crate::App;
use crate::denied::Denied;
use crate::failure::Broken;
use crate::flows::administer;

fn shown(row: &CredentialRow) -> Result<Value, Broken> {
    administer::credential_document(row).map_err(Broken::because)
}

/// The credentials of a client that exists.
async fn of_client(
    app: &App,
    administrator: &Administrator,
    client: &ClientId,
) -> Result<Vec<CredentialRow>, Error> {
    let (database, tenant) = (&app.database, administrator.tenant());
    if clients::one(database, tenant, client).await?.is_none() {
        return Err(Denied::NoClient.into());
    }
    Ok(client_credentials::of_client(database, tenant, client).await?)
}

async fn one(
    app: &App,
    administrator: &Administrator,
    (client, id): (&ClientId, &str),
) -> Result<CredentialRow, Error> {
    let rows = of_client(app, administrator, client).await?;
    rows.into_iter().find(|row| row.id == id).ok_or_else(|| Denied::NoCredential.into())
}

/// `GET /clients/{id}/credentials`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(client): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:client_credentials"])?;
    let rows = of_client(&app, &administrator, &ClientId::new(client)).await?;
    let views = rows.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
    Ok(answer(StatusCode::OK, &Value::Array(views)))
}

/// `POST /clients/{id}/credentials`.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(client): Named<String>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["create:client_credentials"])?;
    let who = (administrator.tenant(), &ClientId::new(client));
    let row = administer::create_credential(&app, who, &body, administrator.now).await?;
    Ok(answer(StatusCode::CREATED, &shown(&row)?))
}

/// `GET /clients/{id}/credentials/{credential_id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named((client, id)): Named<(String, String)>,
) -> Result<Response, Error> {
    administrator.needs(&["read:client_credentials"])?;
    let row = one(&app, &administrator, (&ClientId::new(client), &id)).await?;
    Ok(answer(StatusCode::OK, &shown(&row)?))
}

/// `PATCH /clients/{id}/credentials/{credential_id}`: only its end can be changed.
pub(super) async fn change(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named((client, id)): Named<(String, String)>,
    Body(body): Body,
) -> Result<Response, Error> {
    administrator.needs(&["update:client_credentials"])?;
    let body = checked(&[clearable("expires_at", Kind::Text(1, 64))], &body)?;
    let mut row = one(&app, &administrator, (&ClientId::new(client), &id)).await?;
    if body.contains_key("expires_at") {
        let (tenant, now) = (administrator.tenant(), administrator.now);
        let expires_at = administer::expiry(&body)?;
        let write = client_credentials::change_expiry(tenant, &row, expires_at, now);
        match app.database.run(write).await? {
            Written::Done => (row.expires_at, row.updated_at) = (expires_at, now),
            Written::Overtaken => return Err(Denied::NoCredential.into()),
        }
    }
    Ok(answer(StatusCode::OK, &shown(&row)?))
}

/// `DELETE /clients/{id}/credentials/{credential_id}`.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named((client, id)): Named<(String, String)>,
) -> Result<StatusCode, Error> {
    administrator.needs(&["delete:client_credentials"])?;
    let write = client_credentials::delete(administrator.tenant(), &ClientId::new(client), &id);
    match app.database.run(write).await? {
        Written::Done => Ok(StatusCode::NO_CONTENT),
        Written::Overtaken => Err(Denied::NoCredential.into()),
    }
}
