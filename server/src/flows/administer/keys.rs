//! A tenant's signing keys: rotated, revoked.

use domain::jose::SigningKey;
use domain::oauth::api::LONGEST_TOKEN_LIFETIME_S;
use domain::{TenantId, Timestamp};
use store::signing_keys::{SigningKeyRow, Stage};
use store::{Written, signing_keys};

use crate::App;
use crate::denied::{Denial, Denied, Inexistent};
use crate::failure::Broken;
use crate::keyring::{self, KEY_TYPES};

/// For each kind a fresh key takes the place of the current one, which stays published. Gives the
/// fresh ones.
pub async fn rotate_keys(
    app: &App,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<Vec<SigningKeyRow>, Denial> {
    // What a key signed is good for so long at most, and an ID token as a hint for longer (C50).
    let hints_s = i64::from(app.config.ciba.id_token_hint_age_s);
    let forgotten = now.plus_seconds(-LONGEST_TOKEN_LIFETIME_S - hints_s);
    let _written = app.database.run(signing_keys::forget_retired(tenant, forgotten)).await?;
    let rows = signing_keys::list(&app.database, tenant).await?;
    let mut fresh = Vec::with_capacity(KEY_TYPES.len());
    for key_type in KEY_TYPES {
        let made = tokio::task::spawn_blocking(move || SigningKey::generate(key_type)).await;
        let key = made.map_err(Broken::because)?.map_err(Broken::because)?;
        let row = keyring::new_row(tenant, &key, &app.secrets.sealing, &app.entropy, now)?;
        let next = SigningKeyRow { stage: Stage::Next, ..row };
        let current = rows.iter().find(|row| row.stage == Stage::Current && row.alg == next.alg);
        let mut writes = vec![signing_keys::add(tenant, &next)];
        if let Some(current) = current {
            writes.push(signing_keys::rotate(tenant, &current.kid, &next.kid, now));
        }
        for write in writes {
            if app.database.run(write).await? == Written::Overtaken {
                return Err(Denied::Contended.into());
            }
        }
        fresh.push(SigningKeyRow { stage: Stage::Current, ..next });
    }
    tracing::info!(tenant.id = %tenant, "signing keys rotated");
    Ok(fresh)
}

/// Stops publishing a key that no longer signs: what it signed is good no more.
pub async fn revoke_key(
    app: &App,
    tenant: &TenantId,
    kid: &str,
    now: Timestamp,
) -> Result<SigningKeyRow, Denial> {
    let rows = signing_keys::list(&app.database, tenant).await?;
    let row = rows.into_iter().find(|row| row.kid == kid).ok_or(Inexistent::Key)?;
    match row.stage {
        Stage::Next | Stage::Current => return Err(Denied::KeyInUse.into()),
        Stage::Retired => {}
    }
    // Overtaken: it was revoked before, which is what was asked for.
    let _written = app.database.run(signing_keys::revoke(tenant, kid, now)).await?;
    tracing::info!(tenant.id = %tenant, kid, "signing key revoked");
    Ok(row)
}
