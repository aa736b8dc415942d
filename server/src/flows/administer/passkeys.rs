//! Passkeys of people as administrators see them: listed, removed (D14).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Fingerprint, TenantId, Timestamp, UserId};
use serde_json::{Value, json};
use store::passkeys::{self, Passkey};
use store::{Write, Written, log_events};

use crate::App;
use crate::denied::{Denial, Denied};
use crate::flows::log::{self, Entry};
use crate::meta::Meta;

/// In front of a passkey's id where it is an authentication method.
const METHOD_PREFIX: &str = "passkey|";

/// The passkeys of a person, oldest first.
pub async fn list_passkeys(
    app: &App,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Vec<Passkey>, Denial> {
    Ok(passkeys::of_user(&app.database, tenant, user).await?)
}

/// A passkey as an authentication method.
pub fn passkey_method(passkey: &Passkey) -> Value {
    json!({
        "id": format!("{METHOD_PREFIX}{}", passkey_name(passkey)),
        "type": "passkey",
        "confirmed": true,
        "name": passkey.name,
        "created_at": passkey.created_at.to_iso(),
        "last_auth_at": passkey.last_used_at.map(Timestamp::to_iso),
        "relying_party_identifier": passkey.rp_id,
    })
}

/// What a passkey is called in paths.
pub fn passkey_name(passkey: &Passkey) -> String {
    URL_SAFE_NO_PAD.encode(passkey.id.as_bytes())
}

/// Which passkey the id of an authentication method means, if it means one.
pub fn passkey_of_method(method: &str) -> Option<Fingerprint> {
    named_passkey(method.strip_prefix(METHOD_PREFIX)?)
}

/// The passkey of this name.
pub fn named_passkey(name: &str) -> Option<Fingerprint> {
    let bytes = URL_SAFE_NO_PAD.decode(name).ok()?;
    <[u8; 32]>::try_from(bytes).ok().map(Fingerprint::new)
}

/// Removes one passkey of a person: it confirms nothing from then on.
pub async fn remove_passkey(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    (user, id): (&UserId, &Fingerprint),
    now: Timestamp,
) -> Result<(), Denial> {
    let write = removed(app, (tenant, meta), (user, passkeys::delete(tenant, user, id)), now);
    match app.database.run(write).await? {
        Written::Done => {
            tracing::info!(tenant.id = %tenant, user.id = %user, "passkey removed");
            Ok(())
        }
        Written::Overtaken => Err(Denied::NoEnrollment.into()),
    }
}

/// Removes all passkeys of a person; none is no error.
pub async fn remove_passkeys(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    user: &UserId,
    now: Timestamp,
) -> Result<(), Denial> {
    if passkeys::of_user(&app.database, tenant, user).await?.is_empty() {
        return Ok(());
    }
    let write = removed(app, (tenant, meta), (user, passkeys::delete_of_user(tenant, user)), now);
    match app.database.run(write).await? {
        Written::Done | Written::Overtaken => Ok(()),
    }
}

fn removed(
    app: &App,
    (tenant, meta): (&TenantId, &Meta),
    (user, write): (&UserId, Write),
    now: Timestamp,
) -> Write {
    let entry = Entry::new("passkey_removed", "An administrator removed a passkey", json!({}));
    let event = log::event(app, meta, entry.of_user(user), now);
    log_events::append(write, tenant, &event)
}
