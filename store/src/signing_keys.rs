//! The keys a tenant signs with: next, current, retired but still published (architecture 6).

use domain::{TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// Most keys that a tenant's list gives.
pub const KEY_LIMIT: i64 = 100;

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Published, so that verifiers know it before it signs.
    Next,
    /// Signs.
    Current,
    /// Published while what it signed may still be good.
    Retired,
}

impl Stage {
    /// Its name in rows and lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
}

/// A key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// Its public name.
    pub kid: String,
    /// The algorithm it signs with.
    pub alg: String,
    /// Where it is in its life.
    pub stage: Stage,
    /// The public key as JSON text.
    pub public_jwk: String,
    /// The private key, sealed.
    pub sealed_private: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stopped signing.
    pub retired_at: Option<Timestamp>,
    /// When it stopped being published.
    pub revoked_at: Option<Timestamp>,
}

/// All keys of a tenant, oldest first.
pub async fn list(database: &Database, tenant: &TenantId) -> Result<Vec<SigningKeyRow>, Error> {
    const READ: &str = "
        SELECT kid, alg, stage, public_jwk, sealed_private, created_at, retired_at, revoked_at
        FROM signing_keys WHERE tenant_id = $1 ORDER BY created_at, kid LIMIT $2";
    let rows = database.few(READ, &[tenant.into(), KEY_LIMIT.into()]).await?;
    rows.iter().map(read).collect()
}

/// Whether a client or an API of the tenant names this algorithm.
pub async fn is_wanted(
    database: &Database,
    tenant: &TenantId,
    algorithm: &str,
) -> Result<bool, Error> {
    const WANTED: &str = "
        SELECT 1 FROM clients WHERE tenant_id = $1 AND document LIKE $2
        UNION SELECT 1 FROM resource_servers WHERE tenant_id = $1 AND document LIKE $2";
    let named = format!("%\"{algorithm}\"%");
    Ok(!database.all(WANTED, &[tenant.into(), named.into()]).await?.is_empty())
}

/// Adds a key that is not retired. `Overtaken`: the algorithm has a key at that stage already, so
/// of two nodes that start at once one adds.
pub fn add(tenant: &TenantId, key: &SigningKeyRow) -> Write {
    const ADD: &str = "
        INSERT INTO signing_keys
            (tenant_id, kid, alg, stage, public_jwk, sealed_private, created_at, retired_at)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE {guard}";
    let params = [
        tenant.into(),
        (&key.kid).into(),
        (&key.alg).into(),
        key.stage.name().into(),
        (&key.public_jwk).into(),
        (&key.sealed_private).into(),
        key.created_at.into(),
        key.retired_at.into(),
    ];
    Write::new().exactly(1, ADD, params).changes_configuration()
}

/// Lets the next key sign and retires the current one. `Overtaken`: they are no longer that.
pub fn rotate(tenant: &TenantId, current: &str, next: &str, now: Timestamp) -> Write {
    const RETIRE: &str = "
        UPDATE signing_keys SET stage = 'retired', retired_at = $3
        WHERE tenant_id = $1 AND kid = $2 AND stage = 'current'";
    const PROMOTE: &str = "
        UPDATE signing_keys SET stage = 'current'
        WHERE tenant_id = $1 AND kid = $2 AND stage = 'next' AND {guard}";
    Write::new()
        .exactly(1, RETIRE, [tenant.into(), current.into(), now.into()])
        .exactly(1, PROMOTE, [tenant.into(), next.into()])
        .changes_configuration()
}

/// Stops publishing a retired key. `Overtaken`: it is not retired, or revoked already.
pub fn revoke(tenant: &TenantId, kid: &str, now: Timestamp) -> Write {
    const REVOKE: &str = "
        UPDATE signing_keys SET revoked_at = $3
        WHERE tenant_id = $1 AND kid = $2 AND stage = 'retired' AND revoked_at IS NULL";
    Write::new().exactly(1, REVOKE, [tenant.into(), kid.into(), now.into()]).changes_configuration()
}

/// Forgets the keys that were retired before `moment`.
pub fn forget_retired(tenant: &TenantId, moment: Timestamp) -> Write {
    const FORGET: &str = "
        DELETE FROM signing_keys
        WHERE tenant_id = $1 AND stage = 'retired' AND retired_at < $2";
    Write::new().also(FORGET, [tenant.into(), moment.into()]).changes_configuration()
}

fn read(row: &Row) -> Result<SigningKeyRow, Error> {
    let kid = row.text(0)?.to_owned();
    let stage = match row.text(2)? {
        "next" => Stage::Next,
        "current" => Stage::Current,
        "retired" => Stage::Retired,
        _ => return Err(Error::Inconsistent { table: "signing_keys", id: kid }),
    };
    Ok(SigningKeyRow {
        kid,
        alg: row.text(1)?.to_owned(),
        stage,
        public_jwk: row.text(3)?.to_owned(),
        sealed_private: row.blob(4)?.to_vec(),
        created_at: row.time(5)?,
        retired_at: row.optional_time(6)?,
        revoked_at: row.optional_time(7)?,
    })
}
