//! Polls of undecided requests where many nodes share the database: one statement answers many,
//! and exchanges when each was last polled, so that of two nodes asked at once one is told that
//! the client polls too fast.
//!
//! Times of polls are no facts: after a crash of PostgreSQL they begin anew. A grown interval is
//! one, and stands in the transaction's row ([`crate::transactions::record_pacing`]).

use std::collections::HashMap;

use domain::ciba::pacing::{Pacing, TOLERANCE_MS};
use domain::{ClientId, Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Write};

/// The most requests of one call of [`over`].
pub const WAITING_BATCH: usize = 5_000;

/// The most polls of one statement.
pub const BATCH_LIMIT: usize = 300;

/// An undecided request that was polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polled {
    /// Its pacing before the poll.
    pub pacing: Pacing,
    /// Whether the poll was in time and is now the last one that counts.
    pub is_noted: bool,
}

/// Takes one poll by `client` of each of these requests, at most [`BATCH_LIMIT`] different ones.
/// What is not in the answer is decided, over, or not this client's. PostgreSQL only.
pub async fn exchange(
    database: &Database,
    (tenant, client): (&TenantId, &ClientId),
    auth_req_hashes: &[Fingerprint],
    now: Timestamp,
) -> Result<HashMap<Fingerprint, Polled>, Error> {
    const EXCHANGE: &str = "
        WITH asked AS (
            SELECT substring($3 FROM 32 * number::INTEGER + 1 FOR 32) AS auth_req_hash
            FROM generate_series(0, length($3) / 32 - 1) AS number),
        undecided AS (
            SELECT t.auth_req_hash, t.expires_at, t.interval_s, t.slowed_at,
                greatest(t.last_poll_at, p.last_poll_at) AS last_poll_at
            FROM asked
            JOIN transactions t ON t.tenant_id = $1 AND t.auth_req_hash = asked.auth_req_hash
            LEFT JOIN polls p ON p.tenant_id = $1 AND p.auth_req_hash = asked.auth_req_hash
            WHERE t.client_id = $2 AND t.state = 'pending' AND t.expires_at > $4),
        noted AS (
            INSERT INTO polls (tenant_id, auth_req_hash, last_poll_at, interval_s, expires_at)
            SELECT $1, auth_req_hash, $4, interval_s, expires_at FROM undecided
            WHERE last_poll_at IS NULL OR abs($4 - last_poll_at) >= 1000 * interval_s - $5
            ORDER BY auth_req_hash
            ON CONFLICT (tenant_id, auth_req_hash) DO UPDATE
            SET last_poll_at = excluded.last_poll_at, interval_s = excluded.interval_s
            WHERE abs($4 - polls.last_poll_at) >= 1000 * excluded.interval_s - $5
            RETURNING auth_req_hash)
        SELECT u.auth_req_hash, u.interval_s, u.last_poll_at, u.slowed_at,
            CASE WHEN n.auth_req_hash IS NULL THEN 0 ELSE 1 END::BIGINT
        FROM undecided u LEFT JOIN noted n ON n.auth_req_hash = u.auth_req_hash";
    let together: Vec<u8> = auth_req_hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    let params = [tenant.into(), client.into(), together.into(), now.into(), TOLERANCE_MS.into()];
    // Run again after a lost connection, it may call a poll too fast; nothing worse.
    let rows = database.all(EXCHANGE, &params).await?;
    let polled = rows.iter().map(|row| {
        let pacing = Pacing::resumed(row.int(1)?, row.optional_time(2)?, row.optional_time(3)?);
        Ok((row.fingerprint(0)?, Polled { pacing, is_noted: row.flag(4)? }))
    });
    polled.collect()
}

/// Those of these requests, at most [`WAITING_BATCH`], that are decided or over at `now`.
/// PostgreSQL only.
pub async fn over(
    database: &Database,
    tenant: &TenantId,
    auth_req_hashes: &[Fingerprint],
    now: Timestamp,
) -> Result<Vec<Fingerprint>, Error> {
    const OVER: &str = "
        WITH asked AS (
            SELECT substring($2 FROM 32 * number::INTEGER + 1 FOR 32) AS auth_req_hash
            FROM generate_series(0, length($2) / 32 - 1) AS number)
        SELECT asked.auth_req_hash FROM asked
        LEFT JOIN transactions t ON t.tenant_id = $1 AND t.auth_req_hash = asked.auth_req_hash
        WHERE t.state IS NULL OR t.state <> 'pending' OR t.expires_at <= $3";
    let together: Vec<u8> = auth_req_hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    let rows = database.all(OVER, &[tenant.into(), together.into(), now.into()]).await?;
    rows.iter().map(|row| row.fingerprint(0)).collect()
}

/// Lets the next poll of an undecided request come at once, if its interval has grown beyond
/// `waited_s`. `Overtaken`: it has not. PostgreSQL only.
pub fn forgive(tenant: &TenantId, auth_req_hash: &Fingerprint, waited_s: i64) -> Write {
    const FORGIVE: &str = "
        UPDATE transactions SET last_poll_at = NULL
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND state = 'pending' AND interval_s > $3";
    const FORGET: &str =
        "DELETE FROM polls WHERE tenant_id = $1 AND auth_req_hash = $2 AND {guard}";
    Write::new()
        .exactly(1, FORGIVE, [tenant.into(), auth_req_hash.into(), waited_s.into()])
        .also(FORGET, [tenant.into(), auth_req_hash.into()])
}
