//! Passkeys of people, and the challenges that wait for a new one (D14).

use domain::{Fingerprint, TenantId, Timestamp, UserId};

use crate::{Database, Error, Row, Write};

/// Most passkeys of one person.
pub const PASSKEY_LIMIT: i64 = 20;

/// A passkey as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// SHA-256 of the credential's id.
    pub id: Fingerprint,
    /// Whose it is.
    pub user: UserId,
    /// The relying party that it was made for: a host of the tenant.
    pub rp_id: String,
    /// What its owner calls it.
    pub name: String,
    /// The credential's id, its public key and counter.
    pub document: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last confirmed something.
    pub last_used_at: Option<Timestamp>,
}

/// The passkeys of a person, oldest first.
pub async fn of_user(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Vec<Passkey>, Error> {
    const READ: &str = "
        SELECT id_hash, user_id, rp_id, name, document, created_at, last_used_at
        FROM passkeys WHERE tenant_id = $1 AND user_id = $2
        ORDER BY created_at, id_hash LIMIT $3";
    let params = [tenant.into(), user.into(), PASSKEY_LIMIT.into()];
    database.few(READ, &params).await?.iter().map(read).collect()
}

/// Adds a passkey, behind the step that takes its challenge, only with it. `Overtaken`: it is
/// registered, the person has as many as may be, or is gone.
pub fn insert(tenant: &TenantId, passkey: &Passkey) -> Write {
    const INSERT: &str = "
        INSERT INTO passkeys
            (tenant_id, id_hash, user_id, rp_id, name, document, created_at, last_used_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8
        WHERE {guard} AND EXISTS (SELECT 1 FROM users WHERE tenant_id = $1 AND user_id = $3)
            AND (SELECT count(*) FROM passkeys p
                WHERE p.tenant_id = $1 AND p.user_id = $3) < $9";
    let params = [
        tenant.into(),
        passkey.id.into(),
        (&passkey.user).into(),
        (&passkey.rp_id).into(),
        (&passkey.name).into(),
        (&passkey.document).into(),
        passkey.created_at.into(),
        passkey.last_used_at.into(),
        PASSKEY_LIMIT.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

/// Notes that a passkey confirmed something, with its new counter; behind the step that it
/// confirms, only with it. `Overtaken`: it is gone, or confirmed something else in this very moment.
pub fn used(tenant: &TenantId, was: &Passkey, document: &str, now: Timestamp) -> Write {
    const USED: &str = "
        UPDATE passkeys SET document = $4, last_used_at = $5
        WHERE tenant_id = $1 AND id_hash = $2 AND document = $3 AND {guard}";
    let params =
        [tenant.into(), was.id.into(), (&was.document).into(), document.into(), now.into()];
    Write::new().exactly(1, USED, params)
}

/// Removes a passkey of this person. `Overtaken`: there is none.
pub fn delete(tenant: &TenantId, user: &UserId, id: &Fingerprint) -> Write {
    const DELETE: &str = "
        DELETE FROM passkeys WHERE tenant_id = $1 AND user_id = $2 AND id_hash = $3";
    Write::new().exactly(1, DELETE, [tenant.into(), user.into(), id.into()])
}

/// Removes all passkeys of a person.
pub fn delete_of_user(tenant: &TenantId, user: &UserId) -> Write {
    const DELETE: &str = "DELETE FROM passkeys WHERE tenant_id = $1 AND user_id = $2 AND {guard}";
    Write::new().also(DELETE, [tenant.into(), user.into()])
}

/// A challenge that waits for a new passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// SHA-256 of its name.
    pub fingerprint: Fingerprint,
    /// Whose passkey it will be.
    pub user: UserId,
    /// The ticket under which it was begun; none: by a device.
    pub ticket: Option<Fingerprint>,
    /// What the answer is checked against.
    pub document: String,
    /// The first moment at which it is too late.
    pub expires_at: Timestamp,
}

/// Keeps a challenge.
pub fn begin_ceremony(tenant: &TenantId, ceremony: &Ceremony) -> Write {
    const BEGIN: &str = "
        INSERT INTO passkey_ceremonies
            (tenant_id, hash, user_id, ticket_hash, document, expires_at)
        SELECT $1, $2, $3, $4, $5, $6 WHERE {guard}";
    let params = [
        tenant.into(),
        ceremony.fingerprint.into(),
        (&ceremony.user).into(),
        ceremony.ticket.as_ref().into(),
        (&ceremony.document).into(),
        ceremony.expires_at.into(),
    ];
    Write::new().exactly(1, BEGIN, params)
}

/// The challenge of this fingerprint, if it is in time.
pub async fn ceremony(
    database: &Database,
    tenant: &TenantId,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Result<Option<Ceremony>, Error> {
    const READ: &str = "
        SELECT user_id, ticket_hash, document, expires_at FROM passkey_ceremonies
        WHERE tenant_id = $1 AND hash = $2 AND expires_at > $3";
    let params = [tenant.into(), fingerprint.into(), now.into()];
    let Some(row) = database.one(READ, &params).await? else { return Ok(None) };
    Ok(Some(Ceremony {
        fingerprint: *fingerprint,
        user: UserId::new(row.text(0)?),
        ticket: row.optional_fingerprint(1)?,
        document: row.text(2)?.to_owned(),
        expires_at: row.time(3)?,
    }))
}

/// Takes a challenge: of two answers to it, one counts. `Overtaken`: it was taken.
pub fn take_ceremony(tenant: &TenantId, fingerprint: &Fingerprint) -> Write {
    const TAKE: &str = "
        DELETE FROM passkey_ceremonies WHERE tenant_id = $1 AND hash = $2 AND {guard}";
    Write::new().exactly(1, TAKE, [tenant.into(), fingerprint.into()])
}

fn read(row: &Row) -> Result<Passkey, Error> {
    Ok(Passkey {
        id: row.fingerprint(0)?,
        user: UserId::new(row.text(1)?),
        rp_id: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        document: row.text(4)?.to_owned(),
        created_at: row.time(5)?,
        last_used_at: row.optional_time(6)?,
    })
}
