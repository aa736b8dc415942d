//! APIs: found, made, changed, deleted.

use domain::oauth::api;
use domain::shape::Object;
use domain::{TenantId, Timestamp};
use serde_json::Value;
use store::Written;
use store::resource_servers::{self, ResourceServerRow};

use super::{ATTEMPTS, sized};
use crate::App;
use crate::denied::{Denial, Denied};
use crate::failure::Broken;
use crate::tenancy::Context;

/// The API of this id or identifier (W271).
pub async fn find_api(
    app: &App,
    tenant: &TenantId,
    name: &str,
) -> Result<ResourceServerRow, Denial> {
    let is_id = name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id && let Some(row) = resource_servers::one(&app.database, tenant, name).await? {
        return Ok(row);
    }
    let row = resource_servers::by_identifier(&app.database, tenant, name).await?;
    row.ok_or_else(|| Denied::NoApi.into())
}

/// Makes an API.
pub async fn create_api(
    app: &App,
    tenant: &TenantId,
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    let id = app.entropy.hex::<12>();
    let document = api::created(&Value::Object(body.clone()), &id)?;
    let identifier = document.get("identifier").and_then(Value::as_str).unwrap_or_default();
    let row = ResourceServerRow {
        id,
        identifier: identifier.to_owned(),
        document: sized(&document)?,
        created_at: now,
        updated_at: now,
    };
    match app.database.run(resource_servers::insert(tenant, &row)).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, api.id = row.id, "API created");
            Ok(document)
        }
        Written::Overtaken => Err(Denied::ApiExists.into()),
    }
}

/// Changes an API, but not the one that this call itself is made to.
pub async fn change_api(
    app: &App,
    (context, name): (&Context, &str),
    body: &Object,
    now: Timestamp,
) -> Result<Value, Denial> {
    let tenant = &context.tenant.id;
    for _ in 0..ATTEMPTS {
        let was = find_api(app, tenant, name).await?;
        refuse_system(context, &was)?;
        let existing: Value = serde_json::from_str(&was.document).map_err(Broken::because)?;
        let document = api::patched(&existing, &Value::Object(body.clone()))?;
        let write = resource_servers::replace(tenant, &was, &sized(&document)?, now);
        match app.database.run(write).await? {
            Written::Done => {
                tracing::info!(tenant.id = %tenant, api.id = was.id, "API changed");
                return Ok(document);
            }
            Written::Overtaken => {}
        }
    }
    Err(Denied::Contended.into())
}

/// Deletes an API with the client grants for it; one that is gone is no error (W208).
pub async fn delete_api(app: &App, context: &Context, name: &str) -> Result<(), Denial> {
    let tenant = &context.tenant.id;
    let row = find_api(app, tenant, name).await?;
    refuse_system(context, &row)?;
    match app.database.run(resource_servers::delete(tenant, &row)).await? {
        Written::Done => tracing::info!(tenant.id = %tenant, api.id = row.id, "API deleted"),
        Written::Overtaken => {}
    }
    Ok(())
}

/// Whoever deleted the Management API could never make it again.
fn refuse_system(context: &Context, row: &ResourceServerRow) -> Result<(), Denied> {
    let mut addresses = context.base.all.iter();
    if addresses.any(|address| row.identifier == format!("{address}api/v2/")) {
        return Err(Denied::SystemApi);
    }
    Ok(())
}
