//! Opaque access tokens: those without an API, good for `/userinfo` (WD21).

use domain::{ClientId, Fingerprint, TenantId, Timestamp, UserId};

use crate::{Database, Error, Write};

/// An access token as stored; the token itself never is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenRow {
    /// SHA-256 of the token.
    pub hash: Fingerprint,
    /// Whose token it is.
    pub client_id: ClientId,
    /// In whose name.
    pub user_id: UserId,
    /// What was granted, separated by spaces.
    pub scope: String,
    /// The family of the refresh token that came with it.
    pub family: Option<String>,
    /// What it is bound to: the claim `cnf`.
    pub confirmation: Option<String>,
    /// The names of claims that `/userinfo` is to tell, between spaces.
    pub claims: Option<String>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// From when on it is dead.
    pub expires_at: Timestamp,
}

/// The token of this hash, if it is alive.
pub async fn by_hash(
    database: &Database,
    tenant: &TenantId,
    hash: &Fingerprint,
    now: Timestamp,
) -> Result<Option<AccessTokenRow>, Error> {
    const READ: &str = "
        SELECT hash, client_id, user_id, scope, family, confirmation, claims, created_at,
            expires_at
        FROM access_tokens WHERE tenant_id = $1 AND hash = $2 AND expires_at > $3";
    let Some(row) = database.one(READ, &[tenant.into(), hash.into(), now.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(AccessTokenRow {
        hash: row.fingerprint(0)?,
        client_id: ClientId::new(row.text(1)?),
        user_id: UserId::new(row.text(2)?),
        scope: row.text(3)?.to_owned(),
        family: row.optional_text(4)?.map(String::from),
        confirmation: row.optional_text(5)?.map(String::from),
        claims: row.optional_text(6)?.map(String::from),
        created_at: row.time(7)?,
        expires_at: row.time(8)?,
    }))
}

/// Adds a token; behind the step that spends an approval, only with it.
pub fn insert(tenant: &TenantId, token: &AccessTokenRow) -> Write {
    const INSERT: &str = "
        INSERT INTO access_tokens
            (tenant_id, hash, client_id, user_id, scope, family, confirmation, claims, created_at,
             expires_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 WHERE {guard}";
    let params = [
        tenant.into(),
        token.hash.into(),
        (&token.client_id).into(),
        (&token.user_id).into(),
        (&token.scope).into(),
        token.family.as_deref().into(),
        token.confirmation.as_deref().into(),
        token.claims.as_deref().into(),
        token.created_at.into(),
        token.expires_at.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

/// Forgets a client's token. `Overtaken`: it had none of this hash.
pub fn delete(tenant: &TenantId, client: &ClientId, hash: &Fingerprint) -> Write {
    const DELETE: &str = "
        DELETE FROM access_tokens WHERE tenant_id = $1 AND client_id = $2 AND hash = $3";
    Write::new().exactly(1, DELETE, [tenant.into(), client.into(), hash.into()])
}
