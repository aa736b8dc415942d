//! Client grants: which client may have which scopes of which API.

use domain::oauth::api::Api;
use domain::oauth::client::{Authentication, Client};
use domain::oauth::grant;
use domain::shape::{InvalidBody, Object, text, texts};
use domain::{ClientId, TenantId, Timestamp};
use serde_json::Value;
use store::client_grants::{self, ClientGrantRow};
use store::{Written, clients, resource_servers};

use super::{ATTEMPTS, sized};
use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::Broken;

/// Grants a client scopes of an API.
pub async fn create_grant(
    app: &App,
    tenant: &TenantId,
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    let id = format!("cgr_{}", app.entropy.alphanumerics(16));
    let document = grant::created(&Value::Object(body.clone()), &id)?;
    let members = document.as_object().ok_or_else(|| Broken::because("a grant is no object"))?;
    let word = |name: &str| text(members, name).unwrap_or_default().to_owned();
    let (client_id, audience) = (ClientId::new(word("client_id")), word("audience"));
    let subject_type = word("subject_type");
    check_client(app, tenant, &client_id, &subject_type).await?;
    check_scopes(app, tenant, &audience, members).await?;
    let row = ClientGrantRow {
        id,
        client_id,
        audience,
        subject_type,
        document: sized(&document)?,
        created_at: now,
    };
    match app.database.run(client_grants::insert(tenant, &row)).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, grant.id = row.id, "client grant created");
            Ok(document)
        }
        Written::Overtaken => Err(Denied::GrantExists.into()),
    }
}

/// A client that proves nothing can have no tokens of its own (W274).
async fn check_client(
    app: &App,
    tenant: &TenantId,
    client: &ClientId,
    subject_type: &str,
) -> Result<(), Denial> {
    let row = clients::one(&app.database, tenant, client).await?.ok_or(Denied::NoClient)?;
    let document: Value = serde_json::from_str(&row.document).map_err(Broken::because)?;
    let client = Client::from_document(&document)
        .map_err(|_no_client| Broken::because(format!("client {client} cannot be read")))?;
    if subject_type == "client" && client.authentication == Authentication::Public {
        let message = "A client whose token_endpoint_auth_method is none cannot be used";
        return Err(Denied::WrongKindOfClient(message.to_owned()).into());
    }
    Ok(())
}

/// Only what the API defines can be granted.
async fn check_scopes(
    app: &App,
    tenant: &TenantId,
    audience: &str,
    grant: &Object,
) -> Result<(), Denial> {
    let row = resource_servers::by_identifier(&app.database, tenant, audience).await?;
    let row = row.ok_or(Denied::NoApi)?;
    let document: Value = serde_json::from_str(&row.document).map_err(Broken::because)?;
    let api = Api::from_document(&document)
        .map_err(|_no_api| Broken::because(format!("API {} cannot be read", row.id)))?;
    match texts(grant, "scope").into_iter().find(|scope| !api.has_scope(scope)) {
        None => Ok(()),
        Some(scope) => {
            let what = format!("The API does not define the scope {scope}");
            Err(InvalidBody::on("scope", what).into())
        }
    }
}

/// Changes a client grant.
pub async fn change_grant(
    app: &App,
    tenant: &TenantId,
    id: &str,
    body: &Object,
) -> Result<Value, Denial> {
    for _ in 0..ATTEMPTS {
        let was = client_grants::one(&app.database, tenant, id).await?.ok_or(Denied::NoGrant)?;
        let existing: Value = serde_json::from_str(&was.document).map_err(Broken::because)?;
        let document = grant::patched(&existing, &Value::Object(body.clone()))?;
        if let Some(members) = document.as_object().filter(|_| body.contains_key("scope")) {
            check_scopes(app, tenant, &was.audience, members).await?;
        }
        let write = client_grants::replace(tenant, &was, &sized(&document)?);
        match app.database.run(write).await? {
            Written::Done => {
                tracing::info!(tenant.id = %tenant, grant.id = id, "client grant changed");
                return Ok(document);
            }
            Written::Overtaken => {}
        }
    }
    Err(Denied::Contended.into())
}
