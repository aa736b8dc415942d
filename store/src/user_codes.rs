//! The secret a person tells a client with each request (C31), as an argon2id hash, and how often
//! it was tried. Nothing else of the person waits where tries run out.

use domain::{TenantId, Timestamp, UserId};

use crate::{Database, Error, Write};

/// A code as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode {
    /// The hash, in the text form of PHC.
    pub hash: String,
    /// Since when tries are counted.
    pub tries_from: Timestamp,
}

impl std::fmt::Debug for UserCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserCode").field("tries_from", &self.tries_from).finish_non_exhaustive()
    }
}

/// So many tries in so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryLimit {
    /// How many.
    pub tries: u32,
    /// In how long, from the first of them on.
    pub window_ms: i64,
}

/// The code of this user.
pub async fn one(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
) -> Result<Option<UserCode>, Error> {
    const READ: &str = "
        SELECT hash, tries_from FROM user_codes WHERE tenant_id = $1 AND user_id = $2";
    let Some(row) = database.one(READ, &[tenant.into(), user.into()]).await? else {
        return Ok(None);
    };
    Ok(Some(UserCode { hash: row.text(0)?.to_owned(), tries_from: row.time(1)? }))
}

/// Sets or changes a code; earlier tries are forgotten. `Overtaken`: there is no such user.
pub fn set(tenant: &TenantId, user: &UserId, hash: &str, now: Timestamp) -> Write {
    const SET: &str = "
        INSERT INTO user_codes (tenant_id, user_id, hash, tries, tries_from, updated_at)
        SELECT $1, $2, $3, 0, 0, $4
        WHERE EXISTS (SELECT 1 FROM users WHERE tenant_id = $1 AND user_id = $2)
        ON CONFLICT (tenant_id, user_id) DO UPDATE
        SET hash = excluded.hash, tries = 0, tries_from = 0, updated_at = excluded.updated_at";
    Write::new().exactly(1, SET, [tenant.into(), user.into(), hash.into(), now.into()])
}

/// Removes a code. `Overtaken`: there is none.
pub fn remove(tenant: &TenantId, user: &UserId) -> Write {
    const REMOVE: &str = "DELETE FROM user_codes WHERE tenant_id = $1 AND user_id = $2";
    Write::new().exactly(1, REMOVE, [tenant.into(), user.into()])
}

/// Counts a try, before it is looked at: so the limit holds on any number of nodes. `Overtaken`:
/// there are none left, or the code was changed.
pub fn take_try(
    tenant: &TenantId,
    (user, code): (&UserId, &UserCode),
    limit: TryLimit,
    now: Timestamp,
) -> Write {
    const TAKE: &str = "
        UPDATE user_codes
        SET tries = CASE WHEN tries_from <= $5 THEN 1 ELSE tries + 1 END,
            tries_from = CASE WHEN tries_from <= $5 THEN $6 ELSE tries_from END
        WHERE tenant_id = $1 AND user_id = $2 AND hash = $3 AND (tries < $4 OR tries_from <= $5)";
    let since = now.plus_ms(limit.window_ms.saturating_neg());
    let params = [
        tenant.into(),
        user.into(),
        code.hash.as_str().into(),
        i64::from(limit.tries).into(),
        since.into(),
        now.into(),
    ];
    Write::new().exactly(1, TAKE, params)
}

/// Forgets the tries, after a right one.
pub fn forget_tries(tenant: &TenantId, user: &UserId) -> Write {
    const FORGET: &str = "
        UPDATE user_codes SET tries = 0, tries_from = 0 WHERE tenant_id = $1 AND user_id = $2";
    Write::new().also(FORGET, [tenant.into(), user.into()])
}
