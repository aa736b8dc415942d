//! Certificates that we fetch ourselves (RFC 8555): the account, what each host has, and what the
//! authority is shown while it looks. All nodes read the same rows; one at a time fetches.

use domain::Timestamp;

use crate::{Database, Error, Row, Write};

/// Most hosts that have certificates of ours.
pub const HOST_LIMIT: i64 = 1_000;

/// What a host has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRow {
    /// The host name.
    pub host: String,
    /// The chain as PEM, and its key, sealed.
    pub certificate: Option<(String, Vec<u8>)>,
    /// Until when the certificate is good.
    pub expires_at: Option<Timestamp>,
    /// When the next one is fetched.
    pub next_at: Timestamp,
    /// How many attempts failed since the last good one.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub problem: Option<String>,
}

/// What the authority is shown for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeRow {
    /// The host name.
    pub host: String,
    /// The certificate as PEM.
    pub certificate: String,
    /// Its key, sealed.
    pub sealed: Vec<u8>,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// The account at a directory, sealed.
pub async fn account(database: &Database, directory: &str) -> Result<Option<Vec<u8>>, Error> {
    const READ: &str = "SELECT sealed FROM acme_accounts WHERE directory = $1";
    let row = database.one(READ, &[directory.into()]).await?;
    row.map(|row| Ok(row.blob(0)?.to_vec())).transpose()
}

/// Keeps the account at a directory. `Overtaken`: there is one.
pub fn keep_account(directory: &str, sealed: &[u8], now: Timestamp) -> Write {
    const KEEP: &str = "
        INSERT INTO acme_accounts (directory, sealed, created_at)
        SELECT $1, $2, $3 WHERE {guard}";
    Write::new().exactly(1, KEEP, [directory.into(), sealed.to_vec().into(), now.into()])
}

/// Every host with what it has.
pub async fn hosts(database: &Database) -> Result<Vec<HostRow>, Error> {
    const READ: &str = "
        SELECT host, chain, sealed, expires_at, next_at, attempts, problem
        FROM acme_certificates ORDER BY host LIMIT $1";
    let rows = database.few(READ, &[HOST_LIMIT.into()]).await?;
    rows.iter().map(host).collect()
}

/// Lets a host want a certificate. `Overtaken`: it does already.
pub fn want(host: &str, now: Timestamp) -> Write {
    const WANT: &str = "
        INSERT INTO acme_certificates (host, next_at, attempts) SELECT $1, $2, 0
        WHERE {guard} AND NOT EXISTS (SELECT 1 FROM acme_certificates WHERE host = $1)";
    Write::new().exactly(1, WANT, [host.into(), now.into()])
}

/// Keeps a fresh certificate; the next one is fetched at `next_at`.
pub fn obtained(
    host: &str,
    (chain, sealed): (&str, &[u8]),
    expires_at: Timestamp,
    next_at: Timestamp,
) -> Write {
    const KEEP: &str = "
        UPDATE acme_certificates
        SET chain = $2, sealed = $3, expires_at = $4, next_at = $5, attempts = 0, problem = NULL
        WHERE host = $1";
    let params =
        [host.into(), chain.into(), sealed.to_vec().into(), expires_at.into(), next_at.into()];
    Write::new().exactly(1, KEEP, params)
}

/// Notes that an attempt failed; what the host has stays.
pub fn failed(host: &str, problem: &str, attempts: i64, next_at: Timestamp) -> Write {
    const NOTE: &str = "
        UPDATE acme_certificates SET problem = $2, attempts = $3, next_at = $4 WHERE host = $1";
    let params = [host.into(), problem.into(), attempts.into(), next_at.into()];
    Write::new().exactly(1, NOTE, params)
}

/// What the authority may be shown at `now`.
pub async fn challenges(database: &Database, now: Timestamp) -> Result<Vec<ChallengeRow>, Error> {
    const READ: &str = "
        SELECT host, certificate, sealed, expires_at FROM acme_challenges
        WHERE expires_at > $1 ORDER BY host LIMIT $2";
    let rows = database.few(READ, &[now.into(), HOST_LIMIT.into()]).await?;
    let read = |row: &Row| {
        Ok(ChallengeRow {
            host: row.text(0)?.to_owned(),
            certificate: row.text(1)?.to_owned(),
            sealed: row.blob(2)?.to_vec(),
            expires_at: row.time(3)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Shows the authority this for its host, in place of what was there.
pub fn show(challenge: &ChallengeRow) -> Write {
    const SHOW: &str = "
        INSERT INTO acme_challenges (host, certificate, sealed, expires_at)
        SELECT $1, $2, $3, $4 WHERE {guard}
        ON CONFLICT (host) DO UPDATE SET certificate = excluded.certificate,
            sealed = excluded.sealed, expires_at = excluded.expires_at";
    let params = [
        (&challenge.host).into(),
        (&challenge.certificate).into(),
        (&challenge.sealed).into(),
        challenge.expires_at.into(),
    ];
    Write::new().exactly(1, SHOW, params)
}

/// Shows nothing for a host any more.
pub fn hide(host: &str) -> Write {
    const HIDE: &str = "DELETE FROM acme_challenges WHERE host = $1 AND {guard}";
    Write::new().also(HIDE, [host.into()])
}

fn host(row: &Row) -> Result<HostRow, Error> {
    let chain = row.optional_text(1)?.map(str::to_owned);
    let sealed = row.optional_blob(2)?.map(<[u8]>::to_vec);
    Ok(HostRow {
        host: row.text(0)?.to_owned(),
        certificate: chain.zip(sealed),
        expires_at: row.optional_time(3)?,
        next_at: row.time(4)?,
        attempts: row.int(5)?,
        problem: row.optional_text(6)?.map(str::to_owned),
    })
}
