//! One-time links to the console, printed where the server runs.

use std::sync::Arc;

use domain::{TenantId, Timestamp};
use serde_json::{Value, json};

use super::Refused;
use crate::App;
use crate::flows::console::{self, FIRST_OPERATOR, LINK_LIFETIME_S};
use crate::tenancy::{FIRST_TENANT, Tenant};

/// How long the link in the card of `aizuchi dev` is good: as long as somebody may keep it running.
const DEV_LINK_S: i64 = 30 * 86_400;

/// A link for an operator.
pub(super) async fn make_link(
    app: &App,
    tenant: &TenantId,
    name: &str,
    now: Timestamp,
) -> Result<Value, Refused> {
    let tenant = known(app, tenant, now).await?;
    let link = console::make_link(app, &tenant, (name, LINK_LIFETIME_S), now).await?;
    let expires_at = now.plus_seconds(LINK_LIFETIME_S).to_iso();
    Ok(json!({ "link": link, "operator": name, "expires_at": expires_at }))
}

/// The link in the card of `aizuchi dev`: a new one at each start.
pub(crate) async fn make_dev_link(app: &App, now: Timestamp) -> Result<String, Refused> {
    let tenant = known(app, &TenantId::new(FIRST_TENANT), now).await?;
    Ok(console::make_link(app, &tenant, (FIRST_OPERATOR, DEV_LINK_S), now).await?)
}

/// The link that `aizuchi serve` prints, as long as nobody of the first tenant has a passkey.
pub async fn first_link(app: &App) -> Result<Option<String>, Refused> {
    let now = app.clock.now();
    let tenant = known(app, &TenantId::new(FIRST_TENANT), now).await?;
    Ok(console::first_link(app, &tenant, now).await?)
}

async fn known(app: &App, tenant: &TenantId, now: Timestamp) -> Result<Arc<Tenant>, Refused> {
    let found = app.tenant(tenant, now).await?;
    found.ok_or_else(|| Refused(format!("there is no tenant `{tenant}`")))
}

/// Removes an operator with passkeys, links and sessions.
pub(super) async fn remove(
    app: &App,
    tenant: &TenantId,
    name: &str,
    now: Timestamp,
) -> Result<Value, Refused> {
    console::remove_operator(app, tenant, name, now).await?;
    Ok(json!({ "removed": name }))
}
