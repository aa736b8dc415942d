//! Passkeys of operators, and the challenges that wait for an answer of one.

use domain::{Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// Most passkeys of one operator.
pub const PASSKEY_LIMIT: i64 = 20;

/// A passkey as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// SHA-256 of the credential's id.
    pub id: Fingerprint,
    /// Whose it is.
    pub operator: String,
    /// What its owner calls it.
    pub name: String,
    /// Public key and counter.
    pub document: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub last_used_at: Option<Timestamp>,
}

/// The passkeys of an operator, oldest first.
pub async fn of_operator(
    database: &Database,
    tenant: &TenantId,
    operator: &str,
) -> Result<Vec<Passkey>, Error> {
    const READ: &str = "
        SELECT id_hash, operator_id, name, document, created_at, last_used_at
        FROM operator_passkeys WHERE tenant_id = $1 AND operator_id = $2
        ORDER BY created_at, id_hash LIMIT $3";
    let params = [tenant.into(), operator.into(), PASSKEY_LIMIT.into()];
    database.all(READ, &params).await?.iter().map(read).collect()
}

/// Whether anybody of the tenant has a passkey.
pub async fn exist(database: &Database, tenant: &TenantId) -> Result<bool, Error> {
    const READ: &str = "SELECT 1 FROM operator_passkeys WHERE tenant_id = $1 LIMIT 1";
    Ok(database.one(READ, &[tenant.into()]).await?.is_some())
}

/// Adds a passkey, behind the step that takes its challenge. `Overtaken`: it is registered, the
/// operator has as many as may be, or is gone.
pub fn insert(tenant: &TenantId, passkey: &Passkey) -> Write {
    const INSERT: &str = "
        INSERT INTO operator_passkeys
            (tenant_id, id_hash, operator_id, name, document, created_at, last_used_at)
        SELECT $1, $2, $3, $4, $5, $6, $7
        WHERE {guard} AND EXISTS (SELECT 1 FROM operators WHERE tenant_id = $1 AND id = $3)
            AND (SELECT count(*) FROM operator_passkeys p
                WHERE p.tenant_id = $1 AND p.operator_id = $3) < $8";
    let params = [
        tenant.into(),
        passkey.id.into(),
        (&passkey.operator).into(),
        (&passkey.name).into(),
        (&passkey.document).into(),
        passkey.created_at.into(),
        passkey.last_used_at.into(),
        PASSKEY_LIMIT.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

/// Notes that a passkey signed in, with its new counter. `Overtaken`: it is gone, or signed in in
/// this very moment.
pub fn used(tenant: &TenantId, was: &Passkey, document: &str, now: Timestamp) -> Write {
    const USED: &str = "
        UPDATE operator_passkeys SET document = $4, last_used_at = $5
        WHERE tenant_id = $1 AND id_hash = $2 AND document = $3 AND {guard}";
    let params =
        [tenant.into(), was.id.into(), (&was.document).into(), document.into(), now.into()];
    Write::new().exactly(1, USED, params)
}

/// Removes a passkey of this operator. `Overtaken`: there is none.
pub fn delete(tenant: &TenantId, operator: &str, id: &Fingerprint) -> Write {
    const DELETE: &str = "
        DELETE FROM operator_passkeys
        WHERE tenant_id = $1 AND operator_id = $2 AND id_hash = $3";
    Write::new().exactly(1, DELETE, [tenant.into(), operator.into(), id.into()])
}

/// A challenge that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// SHA-256 of its name.
    pub fingerprint: Fingerprint,
    /// Who adds a passkey; `None` where somebody signs in.
    pub operator: Option<String>,
    /// What the answer is checked against.
    pub document: String,
    /// The first moment at which it is too late.
    pub expires_at: Timestamp,
}

/// Keeps a challenge.
pub fn begin_ceremony(tenant: &TenantId, ceremony: &Ceremony) -> Write {
    const BEGIN: &str = "
        INSERT INTO operator_ceremonies
            (tenant_id, hash, purpose, operator_id, document, expires_at)
        SELECT $1, $2, $3, $4, $5, $6 WHERE {guard}";
    let purpose = if ceremony.operator.is_some() { "add" } else { "sign_in" };
    let params = [
        tenant.into(),
        ceremony.fingerprint.into(),
        purpose.into(),
        ceremony.operator.as_deref().into(),
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
        SELECT operator_id, document, expires_at FROM operator_ceremonies
        WHERE tenant_id = $1 AND hash = $2 AND expires_at > $3";
    let params = [tenant.into(), fingerprint.into(), now.into()];
    let Some(row) = database.one(READ, &params).await? else { return Ok(None) };
    Ok(Some(Ceremony {
        fingerprint: *fingerprint,
        operator: row.optional_text(0)?.map(String::from),
        document: row.text(1)?.to_owned(),
        expires_at: row.time(2)?,
    }))
}

/// Takes a challenge: of two answers to it, one counts. `Overtaken`: it was taken.
pub fn take_ceremony(tenant: &TenantId, fingerprint: &Fingerprint) -> Write {
    const TAKE: &str = "DELETE FROM operator_ceremonies WHERE tenant_id = $1 AND hash = $2";
    Write::new().exactly(1, TAKE, [tenant.into(), fingerprint.into()])
}

fn read(row: &Row) -> Result<Passkey, Error> {
    Ok(Passkey {
        id: row.fingerprint(0)?,
        operator: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        document: row.text(3)?.to_owned(),
        created_at: row.time(4)?,
        last_used_at: row.optional_time(5)?,
    })
}
