//! `Idempotency-Key`: which request a client's key began (decision 4).

use domain::{ClientId, Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Write};

/// A key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// SHA-256 of the key.
    pub key_hash: Fingerprint,
    /// SHA-256 of the body it came with.
    pub body_hash: Fingerprint,
    /// SHA-256 of the `auth_req_id` it began.
    pub auth_req_hash: Fingerprint,
    /// From when on it may begin another.
    pub expires_at: Timestamp,
}

/// What this client's key began, if that is still remembered.
pub async fn by_key(
    database: &Database,
    tenant: &TenantId,
    client: &ClientId,
    key_hash: &Fingerprint,
    now: Timestamp,
) -> Result<Option<IdempotencyRow>, Error> {
    const READ: &str = "
        SELECT key_hash, body_hash, auth_req_hash, expires_at FROM idempotency_keys
        WHERE tenant_id = $1 AND client_id = $2 AND key_hash = $3 AND expires_at > $4";
    let params = [tenant.into(), client.into(), key_hash.into(), now.into()];
    let Some(row) = database.one(READ, &params).await? else { return Ok(None) };
    Ok(Some(IdempotencyRow {
        key_hash: row.fingerprint(0)?,
        body_hash: row.fingerprint(1)?,
        auth_req_hash: row.fingerprint(2)?,
        expires_at: row.time(3)?,
    }))
}

/// Remembers a key, or takes the place of one that ran out; behind the step that begins the
/// request, only with it. `Overtaken`: the key has begun one already.
pub fn remember(
    tenant: &TenantId,
    client: &ClientId,
    key: &IdempotencyRow,
    now: Timestamp,
) -> Write {
    const REMEMBER: &str = "
        INSERT INTO idempotency_keys
            (tenant_id, client_id, key_hash, body_hash, auth_req_hash, expires_at)
        SELECT $1, $2, $3, $4, $5, $6 WHERE {guard}
        ON CONFLICT (tenant_id, client_id, key_hash) DO UPDATE
        SET body_hash = $4, auth_req_hash = $5, expires_at = $6
        WHERE idempotency_keys.expires_at <= $7";
    let params = [
        tenant.into(),
        client.into(),
        key.key_hash.into(),
        key.body_hash.into(),
        key.auth_req_hash.into(),
        key.expires_at.into(),
        now.into(),
    ];
    Write::new().exactly(1, REMEMBER, params)
}
