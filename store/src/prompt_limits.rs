//! How often and how many people a client may ask: rows that the write of a start changes, so that
//! a limit holds exactly on any number of nodes. Where nobody set a limit there is no row.
//!
//! What waits is counted by a budget: starts spend it without looking further, and where it is used
//! up, whoever comes next counts what really waits and fills it again. A start that happens between
//! counting and filling is seen by `turn`.

use domain::{ClientId, TenantId, Timestamp, UserId};

use crate::transactions::OpenOnes;
use crate::{Database, Error, Row, Write};

/// Rows that nothing used for so long are forgotten.
const KEPT_MS: i64 = 86_400_000;

/// So many starts in so many milliseconds, from the first of them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartsLimit {
    /// How many.
    pub starts: u32,
    /// In how long.
    pub window_ms: i64,
}

/// Counts a start under `name`. `Overtaken`: the limit is reached.
pub fn count_start(tenant: &TenantId, name: &str, limit: StartsLimit, now: Timestamp) -> Write {
    const COUNT: &str = "
        INSERT INTO prompt_starts (tenant_id, name, starts, starts_from, expires_at)
        SELECT $1, $2, 1, $3, $4 WHERE {guard}
        ON CONFLICT (tenant_id, name) DO UPDATE
        SET starts = CASE WHEN prompt_starts.starts_from <= $5
                THEN 1 ELSE prompt_starts.starts + 1 END,
            starts_from = CASE WHEN prompt_starts.starts_from <= $5
                THEN excluded.starts_from ELSE prompt_starts.starts_from END,
            expires_at = excluded.expires_at
        WHERE prompt_starts.starts_from <= $5 OR prompt_starts.starts < $6";
    let params = [
        tenant.into(),
        name.into(),
        now.into(),
        now.plus_ms(KEPT_MS).into(),
        now.plus_ms(limit.window_ms.saturating_neg()).into(),
        i64::from(limit.starts).into(),
    ];
    Write::new().exactly(1, COUNT, params)
}

/// When the next start of that name would be admitted, if not now.
pub async fn next_start_at(
    database: &Database,
    tenant: &TenantId,
    (name, limit): (&str, StartsLimit),
    now: Timestamp,
) -> Result<Option<Timestamp>, Error> {
    const READ: &str = "
        SELECT starts_from FROM prompt_starts
        WHERE tenant_id = $1 AND name = $2 AND starts >= $3";
    let params = [tenant.into(), name.into(), i64::from(limit.starts).into()];
    let row = database.one(READ, &params).await?;
    let from = row.as_ref().map(|row: &Row| row.time(0)).transpose()?;
    Ok(from.map(|from| from.plus_ms(limit.window_ms)).filter(|next| *next > now))
}

/// How many may still wait under a name before they are counted anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The limit it was counted for.
    pub most: u32,
    /// What is left of it.
    pub left: i64,
    /// Changes with each start and each counting.
    pub turn: i64,
}

/// The budget of that name, if there is one.
pub async fn budget(
    database: &Database,
    tenant: &TenantId,
    name: &str,
) -> Result<Option<Budget>, Error> {
    const READ: &str = "
        SELECT most, budget, turn FROM prompt_budgets WHERE tenant_id = $1 AND name = $2";
    let Some(row) = database.one(READ, &[tenant.into(), name.into()]).await? else {
        return Ok(None);
    };
    let most = u32::try_from(row.int(0)?).unwrap_or(u32::MAX);
    Ok(Some(Budget { most, left: row.int(1)?, turn: row.int(2)? }))
}

/// Spends one of a budget. `Overtaken`: there is none left, none at all, or one for another limit.
pub fn spend(tenant: &TenantId, name: &str, most: u32, now: Timestamp) -> Write {
    const SPEND: &str = "
        UPDATE prompt_budgets SET budget = budget - 1, turn = turn + 1, expires_at = $4
        WHERE tenant_id = $1 AND name = $2 AND most = $3 AND budget > 0 AND {guard}";
    let params = [tenant.into(), name.into(), i64::from(most).into(), now.plus_ms(KEPT_MS).into()];
    Write::new().exactly(1, SPEND, params)
}

/// Fills a budget after a count; `before` is what was there when counting began. `Overtaken`:
/// something began or was counted meanwhile.
pub fn fill(
    tenant: &TenantId,
    (name, before): (&str, Option<Budget>),
    (most, left): (u32, i64),
    now: Timestamp,
) -> Write {
    const FILL: &str = "
        INSERT INTO prompt_budgets (tenant_id, name, most, budget, turn, expires_at)
        VALUES ($1, $2, $3, $4, 0, $5)
        ON CONFLICT (tenant_id, name) DO UPDATE
        SET most = excluded.most, budget = excluded.budget, turn = prompt_budgets.turn + 1,
            expires_at = excluded.expires_at
        WHERE prompt_budgets.turn = $6";
    let params = [
        tenant.into(),
        name.into(),
        i64::from(most).into(),
        left.into(),
        now.plus_ms(KEPT_MS).into(),
        before.map_or(-1, |before| before.turn).into(),
    ];
    Write::new().exactly(1, FILL, params)
}

/// Whose requests are meant: of a client, about a person, both, or all of the tenant.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The client, or any.
    pub client: Option<&'a ClientId>,
    /// The person, or any.
    pub user: Option<&'a UserId>,
}

/// Counts the requests that wait for an answer.
pub async fn pending(
    database: &Database,
    tenant: &TenantId,
    whose: Whose<'_>,
    now: Timestamp,
) -> Result<OpenOnes, Error> {
    const COUNT: &str = "
        SELECT count(*), min(expires_at) FROM transactions
        WHERE tenant_id = $1 AND state = 'pending' AND expires_at > $2 AND client_id <> ''
            AND (CAST($3 AS TEXT) IS NULL OR client_id = CAST($3 AS TEXT))
            AND (CAST($4 AS TEXT) IS NULL OR user_id = CAST($4 AS TEXT))";
    let params = [
        tenant.into(),
        now.into(),
        whose.client.map(ClientId::as_str).into(),
        whose.user.map(UserId::as_str).into(),
    ];
    let row = database.one(COUNT, &params).await?;
    let first_end = row.as_ref().map(|row| row.optional_time(1)).transpose()?.flatten();
    Ok(OpenOnes { count: crate::counted(row.as_ref())?, first_end })
}

/// When this person last refused a request of this client, or let one run out, since `since`.
pub async fn last_refusal(
    database: &Database,
    tenant: &TenantId,
    (client, user): (&ClientId, &UserId),
    (since, now): (Timestamp, Timestamp),
) -> Result<Option<Timestamp>, Error> {
    const LAST: &str = "
        SELECT max(CASE WHEN state = 'denied' THEN decided_at ELSE expires_at END)
        FROM transactions
        WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 AND expires_at > $4
            AND (state = 'denied' OR (state = 'pending' AND expires_at <= $5))";
    let params = [tenant.into(), user.into(), client.into(), since.into(), now.into()];
    let row = database.one(LAST, &params).await?;
    Ok(row.as_ref().map(|row| row.optional_time(0)).transpose()?.flatten())
}
