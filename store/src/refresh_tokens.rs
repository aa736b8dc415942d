//! Refresh tokens. Those that came out of one approval, each from the one before it, are a family;
//! a family with one revoked member is dead as a whole, so that a rotation that races with a
//! revocation leaves nothing alive.

use domain::{ClientId, Fingerprint, TenantId, Timestamp, UserId};

use crate::{Database, Error, Row, Write};

/// Most tokens that a list gives.
pub const TOKEN_LIMIT: i64 = 100;

/// A refresh token as stored; the token itself never is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshTokenRow {
    /// SHA-256 of the token.
    pub hash: Fingerprint,
    /// Its public name.
    pub id: String,
    /// The name of its family.
    pub family: String,
    /// Whose token it is.
    pub client_id: ClientId,
    /// In whose name.
    pub user_id: UserId,
    /// What was granted, as JSON text.
    pub grant: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was last exchanged.
    pub last_used_at: Option<Timestamp>,
    /// From when on it is dead unless it is used before.
    pub idle_expires_at: Option<Timestamp>,
    /// From when on it is dead.
    pub expires_at: Option<Timestamp>,
    /// When another took its place.
    pub rotated_at: Option<Timestamp>,
    /// Whether it or another of its family was revoked.
    pub is_revoked: bool,
    /// What administrators keep beside it, as JSON text.
    pub metadata: Option<String>,
}

/// Whose tokens a list is about.
#[derive(Clone, Copy, Debug)]
pub struct TokenFilter<'a> {
    /// The person they are about.
    pub user: &'a UserId,
    /// The client they belong to; none means any.
    pub client: Option<&'a ClientId>,
}

/// Reads the living tokens of tenant `$1` at the moment `$2` for which more holds: neither rotated
/// nor late, and of a family that nobody revoked.
macro_rules! living {
    ($more:literal) => {
        concat!(
            "
        SELECT t.hash, t.id, t.family, t.client_id, t.user_id, t.grant_document, t.created_at,
            t.last_used_at, t.idle_expires_at, t.expires_at, t.rotated_at, 0, t.metadata
        FROM refresh_tokens t
        WHERE t.tenant_id = $1 AND t.rotated_at IS NULL
            AND (t.expires_at IS NULL OR t.expires_at > $2)
            AND (t.idle_expires_at IS NULL OR t.idle_expires_at > $2)
            AND NOT EXISTS (SELECT 1 FROM refresh_tokens f
                WHERE f.tenant_id = t.tenant_id AND f.family = t.family
                    AND f.revoked_at IS NOT NULL)
            AND ",
            $more
        )
    };
}

/// The token of this hash, whatever its state.
pub async fn by_hash(
    database: &Database,
    tenant: &TenantId,
    hash: &Fingerprint,
) -> Result<Option<RefreshTokenRow>, Error> {
    const READ: &str = "
        SELECT t.hash, t.id, t.family, t.client_id, t.user_id, t.grant_document, t.created_at,
            t.last_used_at, t.idle_expires_at, t.expires_at, t.rotated_at,
            (SELECT count(*) FROM refresh_tokens f
             WHERE f.tenant_id = t.tenant_id AND f.family = t.family AND f.revoked_at IS NOT NULL),
            t.metadata
        FROM refresh_tokens t WHERE t.tenant_id = $1 AND t.hash = $2";
    database.one(READ, &[tenant.into(), hash.into()]).await?.as_ref().map(read).transpose()
}

/// The living tokens of a user, newest first.
pub async fn of_user(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<Vec<RefreshTokenRow>, Error> {
    const READ: &str = living!("t.user_id = $3 ORDER BY t.created_at DESC, t.id LIMIT $4");
    let params = [tenant.into(), now.into(), user.into(), TOKEN_LIMIT.into()];
    database.all(READ, &params).await?.iter().map(read).collect()
}

/// The living token of this public name, which stays the same when the token rotates.
pub async fn by_id(
    database: &Database,
    tenant: &TenantId,
    id: &str,
    now: Timestamp,
) -> Result<Option<RefreshTokenRow>, Error> {
    const READ: &str = living!("t.id = $3");
    let params = [tenant.into(), now.into(), id.into()];
    database.one(READ, &params).await?.as_ref().map(read).transpose()
}

/// The living tokens behind the one called `after`, in the order of their public names.
pub async fn page(
    database: &Database,
    tenant: &TenantId,
    filter: TokenFilter<'_>,
    (after, most): (&str, u32),
    now: Timestamp,
) -> Result<Vec<RefreshTokenRow>, Error> {
    const READ: &str = living!(
        "
        t.user_id = $3 AND ($4 = '' OR t.client_id = $4) AND t.id > $5 ORDER BY t.id LIMIT $6"
    );
    let client = filter.client.map_or("", ClientId::as_str);
    let params =
        [tenant.into(), now.into(), filter.user.into(), client.into(), after.into(), most.into()];
    database.all(READ, &params).await?.iter().map(read).collect()
}

/// Changes what administrators keep beside a token. `Overtaken`: it is gone.
pub fn change_metadata(tenant: &TenantId, id: &str, metadata: Option<&str>) -> Write {
    const CHANGE: &str = "
        UPDATE refresh_tokens SET metadata = $3
        WHERE tenant_id = $1 AND id = $2 AND rotated_at IS NULL AND revoked_at IS NULL";
    Write::new().exactly(1, CHANGE, [tenant.into(), id.into(), metadata.into()])
}

/// Adds a token; behind the step that spends an approval, only with it.
pub fn insert(tenant: &TenantId, token: &RefreshTokenRow) -> Write {
    const INSERT: &str = "
        INSERT INTO refresh_tokens
            (tenant_id, hash, id, family, client_id, user_id, grant_document, created_at,
            last_used_at, idle_expires_at, expires_at, metadata)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 WHERE {guard}";
    let params = [
        tenant.into(),
        token.hash.into(),
        (&token.id).into(),
        (&token.family).into(),
        (&token.client_id).into(),
        (&token.user_id).into(),
        (&token.grant).into(),
        token.created_at.into(),
        token.last_used_at.into(),
        token.idle_expires_at.into(),
        token.expires_at.into(),
        token.metadata.as_deref().into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

/// Puts `next` in the place of the token of this hash. `Overtaken`: it was rotated, revoked or ran
/// out.
pub fn rotate(
    tenant: &TenantId,
    hash: &Fingerprint,
    next: &RefreshTokenRow,
    now: Timestamp,
) -> Write {
    const ROTATE: &str = "
        UPDATE refresh_tokens SET rotated_at = $3, last_used_at = $3
        WHERE tenant_id = $1 AND hash = $2 AND rotated_at IS NULL
            AND (expires_at IS NULL OR expires_at > $3)
            AND (idle_expires_at IS NULL OR idle_expires_at > $3)
            AND NOT EXISTS (SELECT 1 FROM refresh_tokens f
                WHERE f.tenant_id = refresh_tokens.tenant_id
                    AND f.family = refresh_tokens.family AND f.revoked_at IS NOT NULL)";
    Write::new()
        .exactly(1, ROTATE, [tenant.into(), hash.into(), now.into()])
        .and(insert(tenant, next))
}

/// Notes that a token that does not rotate was exchanged. `Overtaken`: it was revoked or ran out.
pub fn used(
    tenant: &TenantId,
    hash: &Fingerprint,
    idle_expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Write {
    const NOTE: &str = "
        UPDATE refresh_tokens SET last_used_at = $3, idle_expires_at = $4
        WHERE tenant_id = $1 AND hash = $2 AND rotated_at IS NULL
            AND (expires_at IS NULL OR expires_at > $3)
            AND (idle_expires_at IS NULL OR idle_expires_at > $3)
            AND NOT EXISTS (SELECT 1 FROM refresh_tokens f
                WHERE f.tenant_id = refresh_tokens.tenant_id
                    AND f.family = refresh_tokens.family AND f.revoked_at IS NOT NULL)";
    let params = [tenant.into(), hash.into(), now.into(), idle_expires_at.into()];
    Write::new().exactly(1, NOTE, params)
}

/// Revokes a family with its opaque access tokens.
pub fn revoke_family(tenant: &TenantId, family: &str, now: Timestamp) -> Write {
    const REVOKE: &str = "
        UPDATE refresh_tokens SET revoked_at = $3
        WHERE tenant_id = $1 AND family = $2 AND revoked_at IS NULL";
    Write::new()
        .also(REVOKE, [tenant.into(), family.into(), now.into()])
        .also(FORGET_ACCESS_OF_FAMILY, [tenant.into(), family.into()])
}

const FORGET_ACCESS_OF_FAMILY: &str = "
    DELETE FROM access_tokens WHERE tenant_id = $1 AND family = $2";

/// Most families that one write revokes.
pub const FAMILY_LIMIT: usize = 30;

/// Revokes several families at once, at most [`FAMILY_LIMIT`]: those of one grant (W192).
pub fn revoke_families(tenant: &TenantId, families: &[&str], now: Timestamp) -> Write {
    let each = families.iter().map(|family| revoke_family(tenant, family, now));
    each.fold(Write::new(), Write::and)
}

/// Revokes everything a client has from a user.
pub fn revoke_of_user_and_client(
    tenant: &TenantId,
    user: &UserId,
    client: &ClientId,
    now: Timestamp,
) -> Write {
    const REVOKE: &str = "
        UPDATE refresh_tokens SET revoked_at = $4
        WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 AND revoked_at IS NULL";
    const FORGET: &str = "
        DELETE FROM access_tokens WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3";
    Write::new()
        .also(REVOKE, [tenant.into(), user.into(), client.into(), now.into()])
        .also(FORGET, [tenant.into(), user.into(), client.into()])
}

/// Revokes everything that anybody has from a user.
pub fn revoke_of_user(tenant: &TenantId, user: &UserId, now: Timestamp) -> Write {
    const REVOKE: &str = "
        UPDATE refresh_tokens SET revoked_at = $3
        WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL";
    const FORGET: &str = "DELETE FROM access_tokens WHERE tenant_id = $1 AND user_id = $2";
    Write::new()
        .also(REVOKE, [tenant.into(), user.into(), now.into()])
        .also(FORGET, [tenant.into(), user.into()])
}

fn read(row: &Row) -> Result<RefreshTokenRow, Error> {
    Ok(RefreshTokenRow {
        hash: row.fingerprint(0)?,
        id: row.text(1)?.to_owned(),
        family: row.text(2)?.to_owned(),
        client_id: ClientId::new(row.text(3)?),
        user_id: UserId::new(row.text(4)?),
        grant: row.text(5)?.to_owned(),
        created_at: row.time(6)?,
        last_used_at: row.optional_time(7)?,
        idle_expires_at: row.optional_time(8)?,
        expires_at: row.optional_time(9)?,
        rotated_at: row.optional_time(10)?,
        is_revoked: row.int(11)? > 0,
        metadata: row.optional_text(12)?.map(String::from),
    })
}
