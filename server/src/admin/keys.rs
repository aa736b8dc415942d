//! The signing keys of a tenant, as an administrator sees and rotates them.

use domain::jose::SigningKey;
use domain::{TenantId, Timestamp};
use serde_json::{Value, json};
use store::signing_keys::{SigningKeyRow, Stage};
use store::{Written, signing_keys};

use super::Refused;
use crate::App;
use crate::keyring::{self, KEY_TYPES};

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
            })
        })
        .collect())
}

/// For each kind a fresh key takes the place of the current one, which stays published.
pub(super) async fn rotate(app: &App, tenant: &TenantId, now: Timestamp) -> Result<Value, Refused> {
    let rows = signing_keys::list(&app.database, tenant).await?;
    for key_type in KEY_TYPES {
        let made = tokio::task::spawn_blocking(move || SigningKey::generate(key_type)).await;
        let key = made
            .map_err(|error| Refused(error.to_string()))?
            .map_err(|error| Refused(error.to_string()))?;
        let row = keyring::new_row(tenant, &key, &app.secrets.sealing, &app.entropy, now)
            .map_err(|broken| Refused(broken.to_string()))?;
        let next = SigningKeyRow { stage: Stage::Next, ..row };
        let current = rows.iter().find(|row| row.stage == Stage::Current && row.alg == next.alg);
        let mut writes = vec![signing_keys::add(tenant, &next)];
        if let Some(current) = current {
            writes.push(signing_keys::rotate(tenant, &current.kid, &next.kid, now));
        }
        for write in writes {
            if app.database.run(write).await? == Written::Overtaken {
                return Err(Refused(String::from(
                    "the keys were rotated at the same time; look with `aizuchi key list`",
                )));
            }
        }
    }
    tracing::info!(tenant.id = %tenant, "signing keys rotated");
    list(app, tenant).await
}
