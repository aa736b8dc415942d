//! How often a person may be asked: one row holds the newest starts, and the write that starts a
//! transaction changes it, so the limit holds exactly on any number of nodes.

use domain::{TenantId, Timestamp, UserId};

use crate::{Database, Error, Row, Write};

/// Digits of a moment in Unix milliseconds, from 2001 to 2286.
const DIGITS: i64 = 13;

/// The most starts that a limit can count, so that the row stays small.
pub const STARTS_LIMIT: u32 = 100;

/// So many starts in any window of so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartLimit {
    /// How many, from 1 to [`STARTS_LIMIT`].
    pub starts: u32,
    /// In how long.
    pub window_ms: i64,
}

impl StartLimit {
    /// Characters of the moments that are kept.
    fn kept(self) -> i64 {
        DIGITS * i64::from(self.starts.clamp(1, STARTS_LIMIT))
    }

    /// Where the oldest of them begins; SQL counts from 1.
    fn oldest(self) -> i64 {
        self.kept() - DIGITS + 1
    }
}

/// Counts a start for this user; the first step of its write. `Overtaken`: the limit is reached.
///
/// `starts` holds moments of 13 digits each, newest first.
pub fn admit(tenant: &TenantId, user: &UserId, limit: StartLimit, now: Timestamp) -> Write {
    const ADMIT: &str = "
        INSERT INTO user_limits (tenant_id, user_id, starts, newest_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (tenant_id, user_id) DO UPDATE
        SET starts = substr(excluded.starts || user_limits.starts, 1, CAST($5 AS INTEGER)),
            newest_at = excluded.newest_at
        WHERE length(user_limits.starts) < CAST($5 AS INTEGER)
            OR CAST(substr(user_limits.starts, CAST($6 AS INTEGER), 13) AS BIGINT) <= $7";
    let digits = format!("{:013}", now.ms());
    let params = [
        tenant.into(),
        user.into(),
        digits.into(),
        now.into(),
        limit.kept().into(),
        limit.oldest().into(),
        now.plus_ms(limit.window_ms.saturating_neg()).into(),
    ];
    Write::new().exactly(1, ADMIT, params)
}

/// When the next start would be admitted, if not now: for `Retry-After`.
pub async fn next_start_at(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
    limit: StartLimit,
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    const READ: &str = "
        SELECT CAST(substr(starts, CAST($3 AS INTEGER), 13) AS BIGINT) FROM user_limits
        WHERE tenant_id = $1 AND user_id = $2 AND length(starts) >= CAST($4 AS INTEGER)";
    let params = [tenant.into(), user.into(), limit.oldest().into(), limit.kept().into()];
    let row = database.one(READ, &params).await?;
    let oldest = row.as_ref().map(|row: &Row| row.time(0)).transpose()?;
    Ok(oldest.map(|oldest| oldest.plus_ms(limit.window_ms)).filter(|next| *next > now))
}

/// Forgets a user's starts, with the user.
pub fn forget(tenant: &TenantId, user: &UserId) -> Write {
    const FORGET: &str = "
        DELETE FROM user_limits WHERE tenant_id = $1 AND user_id = $2 AND {guard}";
    Write::new().also(FORGET, [tenant.into(), user.into()])
}
