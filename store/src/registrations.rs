//! Clients that register themselves: the initial access tokens that let them, and the tokens by
//! which they look after themselves. Only hashes of either are kept.

use domain::{ClientId, Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// Most initial access tokens of a tenant.
pub const INITIAL_TOKEN_LIMIT: i64 = 1_000;
/// Most clients of a tenant that registered themselves.
pub const REGISTRATION_LIMIT: i64 = 10_000;

/// An initial access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialToken {
    /// SHA-256 of the token.
    pub hash: Fingerprint,
    /// What administrators call it.
    pub id: String,
    /// What is laid over the metadata of whoever uses it, as JSON text.
    pub metadata: String,
    /// How many clients it still registers.
    pub uses_left: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is no longer good.
    pub expires_at: Timestamp,
}

/// Keeps a new initial access token. `Overtaken`: the tenant has as many as it may.
pub fn insert_initial_token(tenant: &TenantId, token: &InitialToken) -> Write {
    const INSERT: &str = "
        INSERT INTO initial_tokens
            (tenant_id, hash, id, metadata, uses_left, created_at, expires_at)
        SELECT $1, $2, $3, $4, $5, $6, $7
        WHERE $8 > (SELECT count(*) FROM initial_tokens WHERE tenant_id = $1)";
    let params = [
        tenant.into(),
        token.hash.into(),
        (&token.id).into(),
        (&token.metadata).into(),
        token.uses_left.into(),
        token.created_at.into(),
        token.expires_at.into(),
        INITIAL_TOKEN_LIMIT.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

/// The initial access token of this hash, also one that is spent or too old.
pub async fn initial_token(
    database: &Database,
    tenant: &TenantId,
    hash: &Fingerprint,
) -> Result<Option<InitialToken>, Error> {
    const READ: &str = "
        SELECT hash, id, metadata, uses_left, created_at, expires_at
        FROM initial_tokens WHERE tenant_id = $1 AND hash = $2";
    let row = database.one(READ, &[tenant.into(), hash.into()]).await?;
    row.as_ref().map(read).transpose()
}

/// The initial access tokens of a tenant, oldest first.
pub async fn initial_tokens(
    database: &Database,
    tenant: &TenantId,
) -> Result<Vec<InitialToken>, Error> {
    const LIST: &str = "
        SELECT hash, id, metadata, uses_left, created_at, expires_at
        FROM initial_tokens WHERE tenant_id = $1 ORDER BY created_at, id LIMIT $2";
    let rows = database.all(LIST, &[tenant.into(), INITIAL_TOKEN_LIMIT.into()]).await?;
    rows.iter().map(read).collect()
}

/// Takes one use of an initial access token. `Overtaken`: none is left, or its time is over.
pub fn spend_initial_token(tenant: &TenantId, hash: &Fingerprint, now: Timestamp) -> Write {
    const SPEND: &str = "
        UPDATE initial_tokens SET uses_left = uses_left - 1
        WHERE tenant_id = $1 AND hash = $2 AND uses_left > 0 AND expires_at > $3";
    Write::new().exactly(1, SPEND, [tenant.into(), hash.into(), now.into()])
}

/// Takes an initial access token back. `Overtaken`: there is none.
pub fn delete_initial_token(tenant: &TenantId, id: &str) -> Write {
    const DELETE: &str = "DELETE FROM initial_tokens WHERE tenant_id = $1 AND id = $2";
    Write::new().exactly(1, DELETE, [tenant.into(), id.into()])
}

/// Notes that a client registered itself, and by what it will show that it is this client; a step
/// behind others. `Overtaken`: the tenant has as many such clients as it may.
pub fn insert(tenant: &TenantId, client: &ClientId, hash: Fingerprint, now: Timestamp) -> Write {
    const INSERT: &str = "
        INSERT INTO registrations (tenant_id, client_id, hash, created_at)
        SELECT $1, $2, $3, $4
        WHERE {guard} AND $5 > (SELECT count(*) FROM registrations WHERE tenant_id = $1)";
    let params = [tenant.into(), client.into(), hash.into(), now.into(), REGISTRATION_LIMIT.into()];
    Write::new().exactly(1, INSERT, params)
}

/// The hash of the token of a client that registered itself.
pub async fn token_of(
    database: &Database,
    tenant: &TenantId,
    client: &ClientId,
) -> Result<Option<Fingerprint>, Error> {
    const READ: &str = "
        SELECT hash FROM registrations WHERE tenant_id = $1 AND client_id = $2";
    let row = database.one(READ, &[tenant.into(), client.into()]).await?;
    row.map(|row| row.fingerprint(0)).transpose()
}

/// Whether the tenant takes further registrations.
pub async fn has_room(database: &Database, tenant: &TenantId) -> Result<bool, Error> {
    const COUNT: &str = "SELECT count(*) FROM registrations WHERE tenant_id = $1";
    let count = crate::counted(database.one(COUNT, &[tenant.into()]).await?.as_ref())?;
    Ok(i64::try_from(count).unwrap_or(i64::MAX) < REGISTRATION_LIMIT)
}

fn read(row: &Row) -> Result<InitialToken, Error> {
    Ok(InitialToken {
        hash: row.fingerprint(0)?,
        id: row.text(1)?.to_owned(),
        metadata: row.text(2)?.to_owned(),
        uses_left: row.int(3)?,
        created_at: row.time(4)?,
        expires_at: row.time(5)?,
    })
}
