//! Transactions: one row for each, and every step one guarded UPDATE (architecture 2).
//!
//! A step that finds the row, the person, the client or the device changed is `Overtaken`: what
//! was read before never decides.

use std::array::TryFromSliceError;

use domain::ciba::challenge::{self, Challenge};
use domain::ciba::pacing::Pacing;
use domain::ciba::request::Asked;
use domain::ciba::transaction::{
    Approved, Begun, Denied, Facts, Failed, ProgressColumns, Redeemed, Stored, Withdrawn,
};
use domain::{
    ClientId, ConsentId, DeviceId, Fingerprint, TenantId, Timestamp, TransactionId, UserId,
};

use crate::{Database, Error, Row, Write, inbox};

/// Rows that one page of [`open_page`] and one call of [`with_due_pushes`] give at most.
pub const PAGE_LIMIT: i64 = 500;

const COLUMNS: usize = 20;

/// Writes a new transaction. `Overtaken`: the person is gone, blocked or has reported the client,
/// the client was changed since it was read, or a name is taken.
pub fn begin(
    tenant: &TenantId,
    begun: &Begun,
    client_updated_at: Timestamp,
    push_due_at: Option<Timestamp>,
) -> Write {
    insert(tenant, begun, (BEGIN, Some(client_updated_at)), push_due_at)
}

/// Writes a new transaction that nobody is asked about, whoever it names (A16). `Overtaken`: the
/// client was changed since it was read, or a name is taken.
pub fn begin_unasked(tenant: &TenantId, begun: &Begun, client_updated_at: Timestamp) -> Write {
    insert(tenant, begun, (BEGIN_UNASKED, Some(client_updated_at)), None)
}

/// Writes a new transaction that no client asked for and none can collect: the enrollment page
/// asks the person (G127). `Overtaken`: the person is gone or blocked, or a name is taken.
pub fn begin_without_client(
    tenant: &TenantId,
    begun: &Begun,
    push_due_at: Option<Timestamp>,
) -> Write {
    insert(tenant, begun, (BEGIN, None), push_due_at)
}

macro_rules! begin {
    ($condition:literal) => {
        concat!(
            "
        INSERT INTO transactions
            (tenant_id, auth_req_hash, txn, name_version, consent_id, txtkn_hash, client_id,
             user_id, request, challenges, state, created_at, expires_at, interval_s, push_due_at,
             push_attempts)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', $11, $12, $13, $14, 0
        WHERE {guard}",
            $condition
        )
    };
}

const BEGIN: &str = begin!(
    "
            AND EXISTS (SELECT 1 FROM users
                WHERE tenant_id = $1 AND user_id = $8 AND blocked = 0
                    AND (refused_clients IS NULL
                        OR replace(refused_clients, ' ' || $7 || ' ', '') = refused_clients))
            AND (CAST($15 AS BIGINT) IS NULL OR EXISTS (SELECT 1 FROM clients
                WHERE tenant_id = $1 AND client_id = $7 AND updated_at = CAST($15 AS BIGINT)))"
);

const BEGIN_UNASKED: &str = begin!(
    "
            AND EXISTS (SELECT 1 FROM clients
                WHERE tenant_id = $1 AND client_id = $7 AND updated_at = CAST($15 AS BIGINT))"
);

fn insert(
    tenant: &TenantId,
    begun: &Begun,
    (sql, client_updated_at): (&'static str, Option<Timestamp>),
    push_due_at: Option<Timestamp>,
) -> Write {
    const FURTHER: &str = "
        INSERT INTO further_txtkns (tenant_id, txtkn_hash, auth_req_hash, expires_at)
        SELECT $1, $2, $3, $4 WHERE {guard}";
    const KNOWN: &str = "
        SELECT 1 FROM transactions WHERE tenant_id = $1 AND auth_req_hash = $2";
    let facts = begun.facts();
    let params = [
        tenant.into(),
        facts.auth_req_hash.into(),
        facts.txn.into(),
        facts.name_version.into(),
        (&facts.consent_id).into(),
        facts.challenges.first().map(|first| first.txtkn).into(),
        (&facts.client_id).into(),
        facts.user_id().into(),
        facts.asked.to_document().into(),
        challenge::to_document(&facts.challenges).into(),
        facts.created_at.into(),
        facts.expires_at.into(),
        begun.interval_s().into(),
        push_due_at.into(),
        client_updated_at.into(),
    ];
    let first = Write::new()
        .exactly(1, sql, params)
        .recognised_by(KNOWN, [tenant.into(), facts.auth_req_hash.into()]);
    let write = facts.challenges.iter().skip(1).fold(first, |write, further| {
        let params = [
            tenant.into(),
            further.txtkn.into(),
            facts.auth_req_hash.into(),
            facts.expires_at.into(),
        ];
        write.exactly(1, FURTHER, params)
    });
    inbox::shown_to(write, tenant, facts)
}

/// The transaction of this `auth_req_id`.
pub async fn find(
    database: &Database,
    tenant: &TenantId,
    auth_req_hash: &Fingerprint,
) -> Result<Option<Stored>, Error> {
    const FIND: &str = "
        SELECT auth_req_hash, txn, name_version, consent_id, client_id, request, challenges, state,
            created_at, expires_at, interval_s, last_poll_at, slowed_at, consent_read_at,
            decided_at, decided_by, reason, redeemed_at, logged_refusal, tenant_id
        FROM transactions WHERE tenant_id = $1 AND auth_req_hash = $2";
    let row = database.one(FIND, &[tenant.into(), auth_req_hash.into()]).await?;
    row.as_ref().map(read).transpose()
}

/// The transaction that this transaction token was issued for.
pub async fn find_by_txtkn(
    database: &Database,
    tenant: &TenantId,
    txtkn: &Fingerprint,
) -> Result<Option<Stored>, Error> {
    const FIRST: &str = "
        SELECT auth_req_hash, txn, name_version, consent_id, client_id, request, challenges, state,
            created_at, expires_at, interval_s, last_poll_at, slowed_at, consent_read_at,
            decided_at, decided_by, reason, redeemed_at, logged_refusal, tenant_id
        FROM transactions WHERE tenant_id = $1 AND txtkn_hash = $2";
    const FURTHER: &str = "
        SELECT auth_req_hash FROM further_txtkns WHERE tenant_id = $1 AND txtkn_hash = $2";
    if let Some(row) = database.one(FIRST, &[tenant.into(), txtkn.into()]).await? {
        return read(&row).map(Some);
    }
    match database.one(FURTHER, &[tenant.into(), txtkn.into()]).await? {
        Some(row) => find(database, tenant, &row.fingerprint(0)?).await,
        None => Ok(None),
    }
}

/// Stores how fast an undecided request may be polled. `Overtaken`: it is decided.
pub fn record_pacing(tenant: &TenantId, auth_req_hash: &Fingerprint, pacing: &Pacing) -> Write {
    const RECORD: &str = "
        UPDATE transactions SET interval_s = $3, last_poll_at = $4, slowed_at = $5
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND state = 'pending' AND interval_s <= $3";
    let params = [
        tenant.into(),
        auth_req_hash.into(),
        pacing.interval_s().into(),
        pacing.last_poll_at().into(),
        pacing.slowed_at().into(),
    ];
    Write::new().exactly(1, RECORD, params)
}

/// Stores a yes. `Overtaken`: it was decided or is late, the person is blocked or gone, or the
/// device is no longer enrolled.
pub fn approve(tenant: &TenantId, approved: &Approved) -> Write {
    let decision = approved.decision();
    decide(tenant, approved.facts(), ("approved", None), (&decision.device, decision.at))
}

/// Stores a no. `Overtaken`: as for [`approve`].
pub fn deny(tenant: &TenantId, denied: &Denied) -> Write {
    let decision = denied.decision();
    decide(tenant, denied.facts(), ("denied", denied.reason()), (&decision.device, decision.at))
}

fn decide(
    tenant: &TenantId,
    facts: &Facts,
    (state, reason): (&str, Option<&str>),
    (device, at): (&DeviceId, Timestamp),
) -> Write {
    const DECIDE: &str = "
        UPDATE transactions
        SET state = $3, decided_at = $4, decided_by = $5, reason = $6, push_due_at = NULL
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND state = 'pending' AND expires_at > $4
            AND EXISTS (SELECT 1 FROM users
                WHERE users.tenant_id = $1 AND users.user_id = transactions.user_id AND blocked = 0)
            AND EXISTS (SELECT 1 FROM enrollments e
                WHERE e.tenant_id = $1 AND e.id = $5 AND e.user_id = transactions.user_id)";
    const SEEN: &str = "
        UPDATE enrollments SET last_auth_at = $3 WHERE tenant_id = $1 AND id = $2 AND {guard}";
    const KNOWN: &str = "
        SELECT 1 FROM transactions
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND state = $3 AND decided_at = $4
            AND decided_by = $5";
    let (hash, known) = (facts.auth_req_hash, [state.into(), at.into(), device.into()]);
    let params =
        [tenant.into(), hash.into(), state.into(), at.into(), device.into(), reason.into()];
    let write = Write::new()
        .exactly(1, DECIDE, params)
        .also(SEEN, [tenant.into(), device.into(), at.into()]);
    noticed(write, tenant, facts, at)
        .recognised_by(KNOWN, [tenant.into(), hash.into()].into_iter().chain(known))
}

/// The same write, which makes the client's notice due if it is to get one (P1).
fn noticed(write: Write, tenant: &TenantId, facts: &Facts, at: Timestamp) -> Write {
    const NOTICE: &str = "
        UPDATE notices SET due_at = $3 WHERE tenant_id = $1 AND txn = $2 AND {guard}";
    if !facts.asked.delivery.notifies() {
        return write;
    }
    write.also(NOTICE, [tenant.into(), facts.txn.to_string().into(), at.into()])
}

/// Spends an approval; `redemption` is random and recognises this very redemption. `Overtaken`:
/// it was spent, it is late, the person is blocked or gone, the device that approved was
/// unenrolled, or the client was changed since it was read (decision 5).
pub fn redeem(
    tenant: &TenantId,
    redeemed: &Redeemed,
    client_updated_at: Timestamp,
    redemption: &[u8; 16],
) -> Write {
    const SPEND: &str = "
        UPDATE transactions SET state = 'redeemed', redeemed_at = $3, redemption = $4
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND state = 'approved' AND expires_at > $3
            AND EXISTS (SELECT 1 FROM users
                WHERE users.tenant_id = $1 AND users.user_id = transactions.user_id AND blocked = 0)
            AND EXISTS (SELECT 1 FROM enrollments e
                WHERE e.tenant_id = $1 AND e.id = transactions.decided_by)
            AND EXISTS (SELECT 1 FROM clients c
                WHERE c.tenant_id = $1 AND c.client_id = transactions.client_id
                    AND c.updated_at = $5)";
    const KNOWN: &str = "
        SELECT 1 FROM transactions
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND redemption = $3";
    let hash = redeemed.facts().auth_req_hash;
    let params = [
        tenant.into(),
        hash.into(),
        redeemed.at().into(),
        redemption.as_slice().into(),
        client_updated_at.into(),
    ];
    Write::new()
        .exactly(1, SPEND, params)
        .recognised_by(KNOWN, [tenant.into(), hash.into(), redemption.as_slice().into()])
}

/// Stores that an approval cannot be completed. `Overtaken`: it was spent, or failed before.
pub fn fail(tenant: &TenantId, failed: &Failed) -> Write {
    const FAIL: &str = "
        UPDATE transactions SET state = 'failed', reason = $3
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND state = 'approved'";
    let params = [tenant.into(), failed.facts().auth_req_hash.into(), failed.reason().into()];
    Write::new().exactly(1, FAIL, params)
}

/// Stores that the client took its request back. `Overtaken`: it was decided before.
pub fn withdraw(tenant: &TenantId, withdrawn: &Withdrawn) -> Write {
    const WITHDRAW: &str = "
        UPDATE transactions SET state = 'withdrawn', decided_at = $3, push_due_at = NULL
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND state = 'pending' AND expires_at > $3";
    let facts = withdrawn.facts();
    let params = [tenant.into(), facts.auth_req_hash.into(), withdrawn.at().into()];
    noticed(Write::new().exactly(1, WITHDRAW, params), tenant, facts, withdrawn.at())
}

/// Ends what is asked of a person, by one client or by anybody, and not exchanged yet, because access
/// to them was revoked (R8). Any number of rows.
pub fn end_of_user(
    tenant: &TenantId,
    (user, client): (&UserId, Option<&ClientId>),
    now: Timestamp,
) -> Write {
    const END: &str = "
        UPDATE transactions
        SET state = 'failed', decided_at = COALESCE(decided_at, $3), reason = 'access_revoked',
            push_due_at = NULL
        WHERE tenant_id = $1 AND user_id = $2 AND state IN ('pending', 'approved')
            AND expires_at > $3 AND ($4 = '' OR client_id = $4)";
    const NOTICES: &str = "
        UPDATE notices SET due_at = $3
        WHERE tenant_id = $1 AND user_id = $2 AND due_at IS NULL AND expires_at > $3
            AND ($4 = '' OR auth_req_hash IN (SELECT auth_req_hash FROM transactions
                WHERE tenant_id = $1 AND user_id = $2 AND client_id = $4))";
    let client = client.map_or("", ClientId::as_str);
    let params = [tenant.into(), user.into(), now.into(), client.into()];
    Write::new().also(END, params.clone()).also(NOTICES, params)
}

/// Counts a wrong number. `Overtaken`: there was one before, or it is decided.
pub fn note_wrong_match(tenant: &TenantId, auth_req_hash: &Fingerprint) -> Write {
    const NOTE: &str = "
        UPDATE transactions SET wrong_matches = wrong_matches + 1
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND state = 'pending' AND wrong_matches = 0";
    Write::new().exactly(1, NOTE, [tenant.into(), auth_req_hash.into()])
}

/// Takes back whatever else the client has waiting for the person (D16): behind the step that
/// stores the no, only with it.
pub fn withdraw_others(tenant: &TenantId, denied: &Denied) -> Write {
    const TELL: &str = "
        UPDATE notices SET due_at = $4
        WHERE tenant_id = $1 AND user_id = $2 AND {guard} AND auth_req_hash IN
            (SELECT auth_req_hash FROM transactions
            WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 AND state = 'pending'
                AND expires_at > $4 AND auth_req_hash <> $5)";
    const WITHDRAW: &str = "
        UPDATE transactions SET state = 'withdrawn', decided_at = $4, push_due_at = NULL
        WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 AND state = 'pending'
            AND expires_at > $4 AND auth_req_hash <> $5 AND {guard}";
    let facts = denied.facts();
    let params = [
        tenant.into(),
        facts.user_id().into(),
        (&facts.client_id).into(),
        denied.decision().at.into(),
        facts.auth_req_hash.into(),
    ];
    Write::new().also(TELL, params.clone()).also(WITHDRAW, params)
}

/// What was taken back by a no at this moment; at most [`PAGE_LIMIT`].
pub async fn withdrawn_at(
    database: &Database,
    tenant: &TenantId,
    (user, client): (&UserId, &ClientId),
    at: Timestamp,
) -> Result<Vec<Stored>, Error> {
    const READ: &str = "
        SELECT auth_req_hash, txn, name_version, consent_id, client_id, request, challenges, state,
            created_at, expires_at, interval_s, last_poll_at, slowed_at, consent_read_at,
            decided_at, decided_by, reason, redeemed_at, logged_refusal, tenant_id
        FROM transactions
        WHERE tenant_id = $1 AND user_id = $2 AND client_id = $3 AND state = 'withdrawn'
            AND decided_at = $4
        LIMIT $5";
    let params = [tenant.into(), user.into(), client.into(), at.into(), PAGE_LIMIT.into()];
    database.all(READ, &params).await?.iter().map(read).collect()
}

/// Notes that a device read what it is about; the first reading counts.
pub fn note_consent_read(tenant: &TenantId, auth_req_hash: &Fingerprint, now: Timestamp) -> Write {
    const NOTE: &str = "
        UPDATE transactions SET consent_read_at = $3
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND consent_read_at IS NULL";
    Write::new().also(NOTE, [tenant.into(), auth_req_hash.into(), now.into()])
}

/// Notes that a refusal of an exchange was logged. `Overtaken`: it was before, or there is no row.
pub fn note_refusal(tenant: &TenantId, auth_req_hash: &Fingerprint, error: &str) -> Write {
    const NOTE: &str = "
        UPDATE transactions SET logged_refusal = COALESCE(logged_refusal, ' ') || $3
        WHERE tenant_id = $1 AND auth_req_hash = $2
            AND COALESCE(logged_refusal, '') NOT LIKE '% ' || $3 || '%'";
    let word = format!("{error} ");
    Write::new().exactly(1, NOTE, [tenant.into(), auth_req_hash.into(), word.into()])
}

/// Stores what became of the pushes after `attempts` earlier tries; `due_at` is when to try the
/// rest again. `Overtaken`: another node tried in between, and its receipts stand.
pub fn record_pushes(
    tenant: &TenantId,
    auth_req_hash: &Fingerprint,
    (attempts, challenges): (i64, &[Challenge]),
    due_at: Option<Timestamp>,
) -> Write {
    const RECORD: &str = "
        UPDATE transactions
        SET challenges = $3, push_attempts = push_attempts + 1,
            push_due_at = CASE WHEN state = 'pending' THEN $4 END
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND push_attempts = $5";
    let params = [
        tenant.into(),
        auth_req_hash.into(),
        challenge::to_document(challenges).into(),
        due_at.into(),
        attempts.into(),
    ];
    Write::new().exactly(1, RECORD, params)
}

/// Has the pushes of an undecided request sent once more, from the first try on. `Overtaken`: it
/// is decided.
pub fn push_again(
    tenant: &TenantId,
    auth_req_hash: &Fingerprint,
    challenges: &[Challenge],
    due_at: Timestamp,
) -> Write {
    const AGAIN: &str = "
        UPDATE transactions SET challenges = $3, push_attempts = 0, push_due_at = $4
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND state = 'pending' AND {guard}";
    let challenges = challenge::to_document(challenges);
    let params = [tenant.into(), auth_req_hash.into(), challenges.into(), due_at.into()];
    Write::new().exactly(1, AGAIN, params)
}

/// A transaction whose pushes are due.
#[derive(Clone, Debug)]
pub struct DuePush {
    /// Whose it is.
    pub tenant: TenantId,
    /// The transaction.
    pub stored: Stored,
    /// When they became due: what a lease must find unchanged.
    pub due_at: Timestamp,
    /// How often they were tried.
    pub attempts: i64,
}

/// The undecided transactions whose pushes are due, most overdue first. Those whose time is up are
/// left to the sweep, so that they stand in nobody's way.
pub async fn with_due_pushes(database: &Database, now: Timestamp) -> Result<Vec<DuePush>, Error> {
    const DUE: &str = "
        SELECT auth_req_hash, txn, name_version, consent_id, client_id, request, challenges, state,
            created_at, expires_at, interval_s, last_poll_at, slowed_at, consent_read_at,
            decided_at, decided_by, reason, redeemed_at, logged_refusal, tenant_id,
            push_due_at, push_attempts
        FROM transactions
        WHERE push_due_at IS NOT NULL AND push_due_at <= $1 AND expires_at > $1
        ORDER BY push_due_at LIMIT $2";
    let rows = database.all(DUE, &[now.into(), PAGE_LIMIT.into()]).await?;
    rows.iter()
        .map(|row| {
            Ok(DuePush {
                tenant: TenantId::new(row.text(COLUMNS - 1)?),
                stored: read(row)?,
                due_at: row.time(COLUMNS)?,
                attempts: row.int(COLUMNS + 1)?,
            })
        })
        .collect()
}

/// Takes the pushes of a transaction until `until`. `Overtaken`: another node took them.
pub fn lease_pushes(
    tenant: &TenantId,
    auth_req_hash: &Fingerprint,
    due_at: Timestamp,
    until: Timestamp,
) -> Write {
    const LEASE: &str = "
        UPDATE transactions SET push_due_at = $4
        WHERE tenant_id = $1 AND auth_req_hash = $2 AND push_due_at = $3";
    let params = [tenant.into(), auth_req_hash.into(), due_at.into(), until.into()];
    Write::new().exactly(1, LEASE, params)
}

/// What the index of undecided requests keeps of one.
#[derive(Clone, Debug)]
pub struct OpenRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its key.
    pub auth_req_hash: Fingerprint,
    /// Who may poll it.
    pub client: ClientId,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How fast it may be polled.
    pub pacing: Pacing,
}

impl OpenRow {
    /// Where the next page begins.
    pub const fn position(&self) -> (Timestamp, Fingerprint) {
        (self.expires_at, self.auth_req_hash)
    }
}

/// The transactions of one tenant that are neither over nor exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOnes {
    /// How many there are.
    pub count: u64,
    /// When the first of them ends.
    pub first_end: Option<Timestamp>,
}

/// Counts what clients asked for and may still get (W118).
pub async fn open_of_tenant(
    database: &Database,
    tenant: &TenantId,
    now: Timestamp,
) -> Result<OpenOnes, Error> {
    const COUNT: &str = "
        SELECT count(*), min(expires_at) FROM transactions
        WHERE tenant_id = $1 AND expires_at > $2 AND client_id <> ''
            AND (state = 'pending' OR state = 'approved')";
    let row = database.one(COUNT, &[tenant.into(), now.into()]).await?;
    let first_end = row.as_ref().map(|row| row.optional_time(1)).transpose()?.flatten();
    Ok(OpenOnes { count: crate::counted(row.as_ref())?, first_end })
}

/// A page of the undecided transactions, in the order in which they end.
pub async fn open_page(
    database: &Database,
    now: Timestamp,
    after: Option<(Timestamp, Fingerprint)>,
) -> Result<Vec<OpenRow>, Error> {
    const OPEN: &str = "
        SELECT tenant_id, auth_req_hash, client_id, expires_at, interval_s, last_poll_at, slowed_at
        FROM transactions
        WHERE state = 'pending' AND expires_at > $1
            AND (expires_at > $2 OR (expires_at = $2 AND auth_req_hash > $3))
        ORDER BY expires_at, auth_req_hash LIMIT $4";
    let (from, hash) = after.unwrap_or((now, Fingerprint::new([0; 32])));
    let params = [now.into(), from.into(), hash.into(), PAGE_LIMIT.into()];
    let rows = database.all(OPEN, &params).await?;
    rows.iter()
        .map(|row| {
            Ok(OpenRow {
                tenant: TenantId::new(row.text(0)?),
                auth_req_hash: row.fingerprint(1)?,
                client: ClientId::new(row.text(2)?),
                expires_at: row.time(3)?,
                pacing: Pacing::resumed(row.int(4)?, row.optional_time(5)?, row.optional_time(6)?),
            })
        })
        .collect()
}

/// How many undecided transactions a user has; at most [`PAGE_LIMIT`] are counted.
pub async fn count_open_of_user(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
    now: Timestamp,
) -> Result<i64, Error> {
    const COUNT: &str = "
        SELECT count(*) FROM (SELECT 1 FROM transactions
            WHERE tenant_id = $1 AND user_id = $2 AND state = 'pending' AND expires_at > $3
            LIMIT $4) AS open";
    let params = [tenant.into(), user.into(), now.into(), PAGE_LIMIT.into()];
    database.one(COUNT, &params).await?.map_or(Ok(0), |row| row.int(0))
}

/// The only place where columns become a transaction.
pub(crate) fn read(row: &Row) -> Result<Stored, Error> {
    let auth_req_hash = row.fingerprint(0)?;
    let consent_id = ConsentId::new(row.text(3)?);
    let id = consent_id.to_string();
    let inconsistent = move || Error::Inconsistent { table: "transactions", id: id.clone() };
    let txn = row.blob(1)?.try_into().map_err(|_length: TryFromSliceError| inconsistent())?;
    let facts = Facts {
        auth_req_hash,
        txn: TransactionId::new(txn),
        name_version: row.int(2)?,
        consent_id,
        client_id: ClientId::new(row.text(4)?),
        asked: Asked::from_document(row.text(5)?).map_err(|_no_request| inconsistent())?,
        challenges: challenge::from_document(row.text(6)?)
            .map_err(|_no_challenges| inconsistent())?,
        created_at: row.time(8)?,
        expires_at: row.time(9)?,
        consent_read_at: row.optional_time(13)?,
        logged_refusal: row.optional_text(18)?.map(str::to_owned),
    };
    let columns = ProgressColumns {
        state: row.text(7)?,
        pacing: Pacing::resumed(row.int(10)?, row.optional_time(11)?, row.optional_time(12)?),
        decided_at: row.optional_time(14)?,
        decided_by: row.optional_text(15)?.map(DeviceId::new),
        reason: row.optional_text(16)?.map(str::to_owned),
        redeemed_at: row.optional_time(17)?,
    };
    Stored::from_columns(facts, columns).map_err(|_impossible| inconsistent())
}
