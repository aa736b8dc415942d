//! What clients show of themselves from sites of their own: what they name, what we have seen there,
//! and when we look again.

use domain::oauth::client_site::SiteKind;
use domain::{ClientId, Fingerprint, TenantId, Timestamp};

use crate::{Database, Error, Row, Write};

/// Rows that one call of [`due`] gives at most.
pub const PAGE_LIMIT: i64 = 100;
/// A site is looked at no oftener, however often its client names it anew.
pub const PAUSE_MS: i64 = 60_000;

/// One thing that a client shows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSite {
    /// Whose client it is.
    pub tenant: TenantId,
    /// The client.
    pub client: ClientId,
    /// What it is.
    pub kind: SiteKind,
    /// What the client names: an address, or a domain.
    pub named: String,
    /// The picture that was seen.
    pub logo: Option<Fingerprint>,
    /// Until when what was seen is shown.
    pub good_until: Option<Timestamp>,
    /// Why the last look found nothing.
    pub problem: Option<String>,
    /// When the last look began.
    pub looked_at: Option<Timestamp>,
    /// When it is looked at next: what a look must find unchanged.
    pub due_at: Timestamp,
    /// How many looks in a row had no answer.
    pub attempts: i64,
}

impl ClientSite {
    /// Whether what was seen is shown at `now`.
    pub fn is_shown(&self, now: Timestamp) -> bool {
        self.good_until.is_some_and(|until| now < until)
    }
}

/// Has what a client names looked at, at once; what was seen stays if the client names the same.
/// Behind the step that changes the client, only with it.
pub fn want(
    tenant: &TenantId,
    client: &ClientId,
    (kind, named): (SiteKind, &str),
    now: Timestamp,
) -> Write {
    const WANT: &str = "
        INSERT INTO client_sites (tenant_id, client_id, kind, named, due_at, attempts)
        SELECT $1, $2, $3, $4, $5, 0 WHERE {guard}
        ON CONFLICT (tenant_id, client_id, kind) DO UPDATE SET
            logo_hash = CASE WHEN client_sites.named = excluded.named
                THEN client_sites.logo_hash END,
            good_until = CASE WHEN client_sites.named = excluded.named
                THEN client_sites.good_until END,
            problem = CASE WHEN client_sites.named = excluded.named
                THEN client_sites.problem END,
            due_at = CASE WHEN client_sites.looked_at > excluded.due_at - $6
                THEN client_sites.looked_at + $6 ELSE excluded.due_at END,
            named = excluded.named, attempts = 0";
    let params = [
        tenant.into(),
        client.into(),
        kind.as_str().into(),
        named.into(),
        now.into(),
        PAUSE_MS.into(),
    ];
    Write::new().also(WANT, params)
}

/// Forgets what a client no longer names, with the step that changes the client.
pub fn forget(tenant: &TenantId, client: &ClientId, kind: SiteKind) -> Write {
    const FORGET: &str = "
        DELETE FROM client_sites
        WHERE tenant_id = $1 AND client_id = $2 AND kind = $3 AND {guard}";
    Write::new().also(FORGET, [tenant.into(), client.into(), kind.as_str().into()])
}

/// What a client shows of itself.
pub async fn of_client(
    database: &Database,
    tenant: &TenantId,
    client: &ClientId,
) -> Result<Vec<ClientSite>, Error> {
    const READ: &str = "
        SELECT tenant_id, client_id, kind, named, logo_hash, good_until, problem, looked_at, due_at,
            attempts
        FROM client_sites WHERE tenant_id = $1 AND client_id = $2 ORDER BY kind";
    let rows = database.few(READ, &[tenant.into(), client.into()]).await?;
    rows.iter().map(read).collect()
}

/// What is to be looked at, most overdue first.
pub async fn due(database: &Database, now: Timestamp) -> Result<Vec<ClientSite>, Error> {
    const DUE: &str = "
        SELECT tenant_id, client_id, kind, named, logo_hash, good_until, problem, looked_at, due_at,
            attempts
        FROM client_sites WHERE due_at <= $1 ORDER BY due_at, tenant_id, client_id, kind LIMIT $2";
    let rows = database.all(DUE, &[now.into(), PAGE_LIMIT.into()]).await?;
    rows.iter().map(read).collect()
}

/// Begins a look, which has until `until`. `Overtaken`: another node looks, or the client changed.
pub fn lease(site: &ClientSite, now: Timestamp, until: Timestamp) -> Write {
    const LEASE: &str = "
        UPDATE client_sites SET due_at = $5, looked_at = $6
        WHERE tenant_id = $1 AND client_id = $2 AND kind = $3 AND due_at = $4";
    let params = [
        (&site.tenant).into(),
        (&site.client).into(),
        site.kind.as_str().into(),
        site.due_at.into(),
        until.into(),
        now.into(),
    ];
    Write::new().exactly(1, LEASE, params)
}

/// Notes what a look found, in place of `was`. `Overtaken`: the client changed meanwhile.
pub fn settle(was: &ClientSite, is: &ClientSite) -> Write {
    const SETTLE: &str = "
        UPDATE client_sites
        SET logo_hash = $6, good_until = $7, problem = $8, due_at = $9, attempts = $10
        WHERE tenant_id = $1 AND client_id = $2 AND kind = $3 AND named = $4 AND due_at = $5";
    let params = [
        (&was.tenant).into(),
        (&was.client).into(),
        was.kind.as_str().into(),
        (&was.named).into(),
        was.due_at.into(),
        is.logo.into(),
        is.good_until.into(),
        is.problem.as_deref().into(),
        is.due_at.into(),
        is.attempts.into(),
    ];
    Write::new().exactly(1, SETTLE, params)
}

fn read(row: &Row) -> Result<ClientSite, Error> {
    let client = row.text(1)?.to_owned();
    let kind = SiteKind::from_name(row.text(2)?);
    let Some(kind) = kind else {
        return Err(Error::Inconsistent { table: "client_sites", id: client });
    };
    Ok(ClientSite {
        tenant: TenantId::new(row.text(0)?),
        client: ClientId::new(client),
        kind,
        named: row.text(3)?.to_owned(),
        logo: row.optional_fingerprint(4)?,
        good_until: row.optional_time(5)?,
        problem: row.optional_text(6)?.map(str::to_owned),
        looked_at: row.optional_time(7)?,
        due_at: row.time(8)?,
        attempts: row.int(9)?,
    })
}
