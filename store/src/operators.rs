//! People who may use the console, and the one-time links that let them in.

use domain::{Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// Most operators of a tenant that are listed.
pub const OPERATOR_LIMIT: i64 = 200;

/// A person who may use the console of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The user handle of their passkeys.
    pub id: String,
    /// What the others see.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// The operator of this id.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    id: &str,
) -> Result<Option<Operator>, Error> {
    const READ: &str =
        "SELECT id, name, created_at FROM operators WHERE tenant_id = $1 AND id = $2";
    database.one(READ, &[tenant.into(), id.into()]).await?.as_ref().map(read).transpose()
}

/// The operator of this name.
pub async fn by_name(
    database: &Database,
    tenant: &TenantId,
    name: &str,
) -> Result<Option<Operator>, Error> {
    const READ: &str =
        "SELECT id, name, created_at FROM operators WHERE tenant_id = $1 AND name = $2";
    database.one(READ, &[tenant.into(), name.into()]).await?.as_ref().map(read).transpose()
}

/// The operators of a tenant by name, each with the number of their passkeys.
pub async fn list(database: &Database, tenant: &TenantId) -> Result<Vec<(Operator, i64)>, Error> {
    const READ: &str = "
        SELECT id, name, created_at,
            (SELECT count(*) FROM operator_passkeys p
            WHERE p.tenant_id = $1 AND p.operator_id = operators.id)
        FROM operators WHERE tenant_id = $1 ORDER BY name LIMIT $2";
    let rows = database.all(READ, &[tenant.into(), OPERATOR_LIMIT.into()]).await?;
    rows.iter().map(|row| Ok((read(row)?, row.int(3)?))).collect()
}

/// Adds an operator. `Overtaken`: the name is taken.
pub fn insert(tenant: &TenantId, operator: &Operator) -> Write {
    const INSERT: &str = "
        INSERT INTO operators (tenant_id, id, name, created_at)
        SELECT $1, $2, $3, $4 WHERE {guard}";
    let params =
        [tenant.into(), (&operator.id).into(), (&operator.name).into(), operator.created_at.into()];
    Write::new().exactly(1, INSERT, params)
}

/// Removes an operator with links, passkeys and sessions. `Overtaken`: there was none.
pub fn delete(tenant: &TenantId, id: &str) -> Write {
    const DELETE: &str = "DELETE FROM operators WHERE tenant_id = $1 AND id = $2";
    const PARTS: [&str; 4] = [
        "DELETE FROM operator_links WHERE tenant_id = $1 AND operator_id = $2 AND {guard}",
        "DELETE FROM operator_sessions WHERE tenant_id = $1 AND operator_id = $2 AND {guard}",
        "DELETE FROM operator_passkeys WHERE tenant_id = $1 AND operator_id = $2 AND {guard}",
        "DELETE FROM operator_ceremonies WHERE tenant_id = $1 AND operator_id = $2 AND {guard}",
    ];
    let first = Write::new().exactly(1, DELETE, [tenant.into(), id.into()]);
    PARTS.iter().fold(first, |write, part| write.also(part, [tenant.into(), id.into()]))
}

/// A one-time link: its text is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// SHA-256 of its text.
    pub fingerprint: Fingerprint,
    /// Whom it lets in.
    pub operator: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first moment at which it is good no more.
    pub expires_at: Timestamp,
}

/// Keeps a new link.
pub fn insert_link(tenant: &TenantId, link: &Link) -> Write {
    const INSERT: &str = "
        INSERT INTO operator_links (tenant_id, hash, operator_id, created_at, expires_at)
        SELECT $1, $2, $3, $4, $5 WHERE {guard}";
    let params = [
        tenant.into(),
        link.fingerprint.into(),
        (&link.operator).into(),
        link.created_at.into(),
        link.expires_at.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

/// Whom the link of this fingerprint lets in, if it is unused and in time.
pub async fn by_link(
    database: &Database,
    tenant: &TenantId,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Result<Option<Operator>, Error> {
    const READ: &str = "
        SELECT o.id, o.name, o.created_at FROM operator_links l
        JOIN operators o ON o.tenant_id = l.tenant_id AND o.id = l.operator_id
        WHERE l.tenant_id = $1 AND l.hash = $2 AND l.used_at IS NULL AND l.expires_at > $3";
    let params = [tenant.into(), fingerprint.into(), now.into()];
    database.one(READ, &params).await?.as_ref().map(read).transpose()
}

/// Spends a link; the step that begins the session comes behind. `Overtaken`: it was used, or its
/// time is over.
pub fn spend_link(tenant: &TenantId, fingerprint: &Fingerprint, now: Timestamp) -> Write {
    const SPEND: &str = "
        UPDATE operator_links SET used_at = $3
        WHERE tenant_id = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3";
    Write::new().exactly(1, SPEND, [tenant.into(), fingerprint.into(), now.into()])
}

fn read(row: &Row) -> Result<Operator, Error> {
    Ok(Operator {
        id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        created_at: row.time(2)?,
    })
}
