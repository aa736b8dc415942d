//! The signing keys of a tenant, as an administrator sees and rotates them.

use domain::{TenantId, Timestamp};
use serde_json::{Value, json};
use store::signing_keys;

use super::Refused;
use crate::App;
use crate::flows::administer;

/// The keys with their stages.
pub(super) async fn list(app: &App, tenant: &TenantId) -> Result<Value, Refused> {
    let rows = signing_keys::list(&app.database, tenant).await?;
    Ok(rows
        .iter()
        .map(|row| {
            json!({
                "kid": row.kid,
                "alg": row.alg,
                "stage": row.stage.name(),
                "created_at": row.created_at.to_iso(),
                "retired_at": row.retired_at.map(Timestamp::to_iso),
                "revoked_at": row.revoked_at.map(Timestamp::to_iso),
            })
        })
        .collect())
}

/// For each kind a fresh key takes the place of the current one, which stays published.
pub(super) async fn rotate(app: &App, tenant: &TenantId, now: Timestamp) -> Result<Value, Refused> {
    administer::rotate_keys(app, tenant, now).await?;
    list(app, tenant).await
}
