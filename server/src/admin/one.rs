//! Commands about one thing: showing a user, and removing what is no longer wanted. The rules are
//! the Management API's own.

use domain::people::Fields;
use domain::{ClientId, TenantId, Timestamp, UserId};
use serde_json::{Value, json};
use store::{clients, users};

use super::Refused;
use super::execute::context;
use crate::App;
use crate::flows::administer;

/// A user, with everything that is known of it.
pub(super) async fn show_user(app: &App, tenant: &TenantId, id: &UserId) -> Result<Value, Refused> {
    let stored = users::stored(&app.database, tenant, id).await?;
    let stored = stored.ok_or_else(|| no("user", id.as_str()))?;
    Ok(stored.user.to_json(&Fields::All))
}

/// Removes a user with devices, tokens and open requests.
pub(super) async fn delete_user(
    app: &App,
    tenant: &TenantId,
    id: &UserId,
    now: Timestamp,
) -> Result<Value, Refused> {
    show_user(app, tenant, id).await?;
    administer::delete_user(app, tenant, id, now).await?;
    Ok(json!({ "deleted": id.as_str() }))
}

/// A new code for a user, told once, or none any more.
pub(super) async fn user_code(
    app: &App,
    (tenant, id): (&TenantId, &UserId),
    is_removed: bool,
    now: Timestamp,
) -> Result<Value, Refused> {
    if is_removed {
        administer::remove_user_code(app, (tenant, id)).await?;
        return Ok(json!({ "removed": id.as_str() }));
    }
    let code = administer::make_user_code(app, (tenant, id), now).await?;
    Ok(json!({ "user_code": code }))
}

/// Gives a client a new secret.
pub(super) async fn rotate_secret(
    app: &App,
    tenant: &TenantId,
    id: &ClientId,
    now: Timestamp,
) -> Result<Value, Refused> {
    let made = administer::rotate_secret(app, tenant, id, now).await?;
    Ok(json!({ "client_id": id.as_str(), "client_secret": made.client_secret }))
}

/// Removes a client with its tokens and open requests.
pub(super) async fn delete_client(
    app: &App,
    tenant: &TenantId,
    id: &ClientId,
    now: Timestamp,
) -> Result<Value, Refused> {
    if clients::one(&app.database, tenant, id).await?.is_none() {
        return Err(no("client", id.as_str()));
    }
    administer::delete_client(app, tenant, id, now).await?;
    Ok(json!({ "deleted": id.as_str() }))
}

/// Removes an API; the Management API stays.
pub(super) async fn delete_api(
    app: &App,
    tenant: &TenantId,
    identifier: &str,
    now: Timestamp,
) -> Result<Value, Refused> {
    let context = context(app, tenant, now).await?;
    administer::delete_api(app, &context, identifier).await?;
    Ok(json!({ "deleted": identifier }))
}

fn no(what: &str, id: &str) -> Refused {
    Refused(format!("there is no {what} {id}; `aizuchi {what} list` shows those there are"))
}
