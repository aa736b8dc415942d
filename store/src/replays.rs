//! What may be seen only once: `jti` of client assertions and of proofs, as SHA-256.

use domain::{Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Write};

/// Remembers `seen` until `expires_at`. `Overtaken`: it was seen before.
pub fn first_use(tenant: &TenantId, seen: &Fingerprint, expires_at: Timestamp) -> Write {
    const REMEMBER: &str = "
        INSERT INTO replays (tenant_id, hash, expires_at) SELECT $1, $2, $3 WHERE {guard}";
    Write::new().exactly(1, REMEMBER, [tenant.into(), seen.into(), expires_at.into()])
}

/// Whether `seen` is remembered. A look only: what decides is [`first_use`].
pub async fn is_known(
    database: &Database,
    tenant: &TenantId,
    seen: &Fingerprint,
) -> Result<bool, Error> {
    const READ: &str = "SELECT 1 FROM replays WHERE tenant_id = $1 AND hash = $2";
    Ok(database.one(READ, &[tenant.into(), seen.into()]).await?.is_some())
}
