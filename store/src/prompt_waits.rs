//! How long a client waits before it may ask a person again who did not say yes: each wait is twice
//! the one before, until the person approves (A1). A row for a client and a person, and only where
//! an administrator lets waits grow.

use domain::{ClientId, TenantId, Timestamp, UserId};

use crate::{Database, Error, Write};

/// So long after its wait a row is forgotten, and waits begin with the first again.
const FORGOTTEN_AFTER_MS: i64 = 86_400_000;

/// How long waits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The first one, in milliseconds.
    pub first_ms: i64,
    /// The longest.
    pub most_ms: i64,
}

/// Counts a request that ends at `ends_at`. `Overtaken`: the wait is not over.
pub fn begin(
    tenant: &TenantId,
    (client, user): (&ClientId, &UserId),
    growth: Growth,
    (ends_at, now): (Timestamp, Timestamp),
) -> Write {
    const BEGIN: &str = "
        INSERT INTO prompt_waits (tenant_id, client_id, user_id, wait_ms, ends_at, expires_at)
        SELECT $1, $2, $3, $4, $5, $6 WHERE {guard}
        ON CONFLICT (tenant_id, client_id, user_id) DO UPDATE
        SET wait_ms = CASE
                WHEN prompt_waits.ends_at > $7 THEN prompt_waits.wait_ms
                WHEN prompt_waits.expires_at <= $7 THEN excluded.wait_ms
                WHEN prompt_waits.wait_ms * 2 > $8 THEN $8
                ELSE prompt_waits.wait_ms * 2 END,
            ends_at = CASE WHEN prompt_waits.ends_at > excluded.ends_at
                THEN prompt_waits.ends_at ELSE excluded.ends_at END,
            expires_at = excluded.expires_at
        WHERE prompt_waits.ends_at > $7 OR prompt_waits.ends_at + prompt_waits.wait_ms <= $7";
    let forgotten_at = ends_at.plus_ms(growth.most_ms.saturating_add(FORGOTTEN_AFTER_MS));
    let params = [
        tenant.into(),
        client.into(),
        user.into(),
        growth.first_ms.into(),
        ends_at.into(),
        forgotten_at.into(),
        now.into(),
        growth.most_ms.into(),
    ];
    Write::new().exactly(1, BEGIN, params)
}

/// The wait begins: the person refused, or the client took the request back. Behind the step that
/// stores it, only with it.
pub fn ended(tenant: &TenantId, (client, user): (&ClientId, &UserId), now: Timestamp) -> Write {
    const END: &str = "
        UPDATE prompt_waits SET ends_at = $4
        WHERE tenant_id = $1 AND client_id = $2 AND user_id = $3 AND ends_at > $4 AND {guard}";
    Write::new().also(END, [tenant.into(), client.into(), user.into(), now.into()])
}

/// No wait any more: the person approved. Behind the step that stores it, only with it.
pub fn forget(tenant: &TenantId, (client, user): (&ClientId, &UserId)) -> Write {
    const FORGET: &str = "
        DELETE FROM prompt_waits
        WHERE tenant_id = $1 AND client_id = $2 AND user_id = $3 AND {guard}";
    Write::new().also(FORGET, [tenant.into(), client.into(), user.into()])
}

/// When the client may ask this person again, if not now.
pub async fn over_at(
    database: &Database,
    tenant: &TenantId,
    (client, user): (&ClientId, &UserId),
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    const READ: &str = "
        SELECT ends_at + wait_ms FROM prompt_waits
        WHERE tenant_id = $1 AND client_id = $2 AND user_id = $3
            AND ends_at <= $4 AND ends_at + wait_ms > $4";
    let params = [tenant.into(), client.into(), user.into(), now.into()];
    let row = database.one(READ, &params).await?;
    row.as_ref().map(|row| row.time(0)).transpose()
}
