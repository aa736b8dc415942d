//! What clients of ping and push mode are told: a row from the start of their request until the
//! notice is delivered or given up. The decision makes it due, in its own commit.

use domain::{Fingerprint, TenantId, Timestamp, TransactionId, UserId};

use crate::{Database, Error, Write};

/// Rows that one call of [`due`] gives at most.
pub const PAGE_LIMIT: i64 = 500;

/// A notice that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewNotice<'a> {
    /// The public name of the request.
    pub txn: TransactionId,
    /// The request.
    pub auth_req_hash: Fingerprint,
    /// Who is asked.
    pub user: &'a UserId,
    /// What the client wants to be shown, sealed.
    pub sealed_token: Vec<u8>,
    /// What its tokens will be bound to: the claim `cnf`.
    pub confirmation: Option<String>,
    /// When the request ends.
    pub expires_at: Timestamp,
}

/// A notice that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whose it is.
    pub tenant: TenantId,
    /// The public name of the request, as text.
    pub txn: String,
    /// The request.
    pub auth_req_hash: Fingerprint,
    /// What the client wants to be shown, sealed.
    pub sealed_token: Vec<u8>,
    /// What its tokens will be bound to: the claim `cnf`.
    pub confirmation: Option<String>,
    /// What is sent, once it is made, sealed.
    pub sealed_body: Option<Vec<u8>>,
    /// When it became due: what a lease must find unchanged.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
}

/// Adds the notice of a request; behind the step that begins it, only with it.
pub fn insert(tenant: &TenantId, notice: NewNotice<'_>) -> Write {
    const INSERT: &str = "
        INSERT INTO notices
            (tenant_id, txn, auth_req_hash, user_id, sealed_token, confirmation, attempts,
             expires_at)
        SELECT $1, $2, $3, $4, $5, $6, 0, $7 WHERE {guard}";
    let params = [
        tenant.into(),
        notice.txn.to_string().into(),
        notice.auth_req_hash.into(),
        notice.user.into(),
        notice.sealed_token.into(),
        notice.confirmation.as_deref().into(),
        notice.expires_at.into(),
    ];
    Write::new().exactly(1, INSERT, params)
}

/// The notices that are due, most overdue first.
pub async fn due(database: &Database, now: Timestamp) -> Result<Vec<Notice>, Error> {
    const DUE: &str = "
        SELECT tenant_id, txn, auth_req_hash, sealed_token, sealed_body, due_at, attempts,
            confirmation
        FROM notices WHERE due_at IS NOT NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";
    let rows = database.all(DUE, &[now.into(), PAGE_LIMIT.into()]).await?;
    let read = rows.iter().map(|row| {
        Ok(Notice {
            tenant: TenantId::new(row.text(0)?),
            txn: row.text(1)?.to_owned(),
            auth_req_hash: row.fingerprint(2)?,
            sealed_token: row.blob(3)?.to_vec(),
            sealed_body: row.optional_blob(4)?.map(<[u8]>::to_vec),
            due_at: row.time(5)?,
            attempts: row.int(6)?,
            confirmation: row.optional_text(7)?.map(String::from),
        })
    });
    read.collect()
}

/// Takes a notice until `until`. `Overtaken`: another node took it.
pub fn lease(notice: &Notice, until: Timestamp) -> Write {
    const LEASE: &str = "
        UPDATE notices SET due_at = $4 WHERE tenant_id = $1 AND txn = $2 AND due_at = $3";
    let params =
        [(&notice.tenant).into(), (&notice.txn).into(), notice.due_at.into(), until.into()];
    Write::new().exactly(1, LEASE, params)
}

/// Keeps what is sent, with the step that made it: every try sends the same.
pub fn keep_body(notice: &Notice, sealed_body: Vec<u8>) -> Write {
    const KEEP: &str = "
        UPDATE notices SET sealed_body = $3
        WHERE tenant_id = $1 AND txn = $2 AND sealed_body IS NULL AND {guard}";
    let params = [(&notice.tenant).into(), (&notice.txn).into(), sealed_body.into()];
    Write::new().exactly(1, KEEP, params)
}

/// Has a notice tried again. `Overtaken`: another node tried in between.
pub fn again(notice: &Notice, due_at: Timestamp) -> Write {
    const AGAIN: &str = "
        UPDATE notices SET due_at = $4, attempts = attempts + 1
        WHERE tenant_id = $1 AND txn = $2 AND attempts = $3";
    let params =
        [(&notice.tenant).into(), (&notice.txn).into(), notice.attempts.into(), due_at.into()];
    Write::new().exactly(1, AGAIN, params)
}

/// Forgets a notice: it was delivered or given up. `Overtaken`: it was before.
pub fn remove(notice: &Notice) -> Write {
    const REMOVE: &str = "DELETE FROM notices WHERE tenant_id = $1 AND txn = $2";
    Write::new().exactly(1, REMOVE, [(&notice.tenant).into(), (&notice.txn).into()])
}

/// What is sent, sealed, as it is stored now.
pub async fn body(database: &Database, notice: &Notice) -> Result<Option<Vec<u8>>, Error> {
    const BODY: &str = "SELECT sealed_body FROM notices WHERE tenant_id = $1 AND txn = $2";
    let params = [(&notice.tenant).into(), (&notice.txn).into()];
    let Some(row) = database.one(BODY, &params).await? else { return Ok(None) };
    Ok(row.optional_blob(0)?.map(<[u8]>::to_vec))
}
