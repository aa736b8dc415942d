//! What each device of our own dialect is asked (D8). A request that asks no such device has no
//! row here, so that it costs nothing.

use domain::ciba::transaction::{Facts, Stored};
use domain::people::PushService;
use domain::{ConsentId, DeviceId, TenantId, Timestamp};

use crate::{Database, Error, Write, transactions};

/// The most requests that one page gives.
pub const PAGE_LIMIT: i64 = 100;

/// Where a page begins: behind the request of this moment and name.
pub type Position<'a> = (Timestamp, &'a str);

/// The same write, which shows the new request to the devices that look into their inbox.
pub(crate) fn shown_to(write: Write, tenant: &TenantId, facts: &Facts) -> Write {
    const SHOW: &str = "
        INSERT INTO inbox
            (tenant_id, device_id, consent_id, auth_req_hash, created_at, expires_at)
        SELECT $1, $2, $3, $4, $5, $6 WHERE {guard}";
    let asked = facts.challenges.iter().filter(|asked| asked.service == PushService::Inbox);
    asked.fold(write, |write, asked| {
        let params = [
            tenant.into(),
            (&asked.device).into(),
            (&facts.consent_id).into(),
            facts.auth_req_hash.into(),
            facts.created_at.into(),
            facts.expires_at.into(),
        ];
        write.exactly(1, SHOW, params)
    })
}

/// The undecided requests of a device behind a position, newest first.
pub async fn waiting(
    database: &Database,
    (tenant, device): (&TenantId, &DeviceId),
    (behind, most): (Option<Position<'_>>, i64),
    now: Timestamp,
) -> Result<Vec<Stored>, Error> {
    const LIST: &str = "
        SELECT t.auth_req_hash, t.txn, t.name_version, t.consent_id, t.client_id, t.request,
            t.challenges, t.state, t.created_at, t.expires_at, t.interval_s, t.last_poll_at,
            t.slowed_at, t.consent_read_at, t.decided_at, t.decided_by, t.reason, t.redeemed_at,
            t.logged_refusal, t.tenant_id
        FROM inbox i
        JOIN transactions t ON t.tenant_id = i.tenant_id AND t.auth_req_hash = i.auth_req_hash
        WHERE i.tenant_id = $1 AND i.device_id = $2 AND i.expires_at > $3 AND t.state = 'pending'
            AND (i.created_at < $4 OR (i.created_at = $4 AND i.consent_id < $5))
        ORDER BY i.created_at DESC, i.consent_id DESC LIMIT $6";
    let (at, name) = behind.unwrap_or((Timestamp::from_ms(i64::MAX), ""));
    let params = [
        tenant.into(),
        device.into(),
        now.into(),
        at.into(),
        name.into(),
        most.clamp(1, PAGE_LIMIT).into(),
    ];
    let rows = database.few(LIST, &params).await?;
    rows.iter().map(transactions::read).collect()
}

/// A request that the device was asked, whatever became of it.
pub async fn one(
    database: &Database,
    (tenant, device): (&TenantId, &DeviceId),
    consent: &ConsentId,
) -> Result<Option<Stored>, Error> {
    const FIND: &str = "
        SELECT auth_req_hash FROM inbox
        WHERE tenant_id = $1 AND device_id = $2 AND consent_id = $3";
    match database.one(FIND, &[tenant.into(), device.into(), consent.into()]).await? {
        Some(row) => transactions::find(database, tenant, &row.fingerprint(0)?).await,
        None => Ok(None),
    }
}

/// When the device fetched the words of what it was asked; `None` if it has not, or was not asked.
pub async fn opened_at(
    database: &Database,
    (tenant, device): (&TenantId, &DeviceId),
    consent: &ConsentId,
) -> Result<Option<Timestamp>, Error> {
    const READ: &str = "
        SELECT opened_at FROM inbox
        WHERE tenant_id = $1 AND device_id = $2 AND consent_id = $3";
    let row = database.one(READ, &[tenant.into(), device.into(), consent.into()]).await?;
    row.map_or(Ok(None), |row| row.optional_time(0))
}

/// Notes that the device fetched the words; the first time counts.
pub fn note_opened(
    (tenant, device): (&TenantId, &DeviceId),
    consent: &ConsentId,
    now: Timestamp,
) -> Write {
    const NOTE: &str = "
        UPDATE inbox SET opened_at = $4
        WHERE tenant_id = $1 AND device_id = $2 AND consent_id = $3 AND opened_at IS NULL
            AND {guard}";
    Write::new().also(NOTE, [tenant.into(), device.into(), consent.into(), now.into()])
}
