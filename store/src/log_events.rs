//! The tenant's log: appended in the commit of the fact it tells, never changed.

use domain::{ClientId, LogEvent, TenantId, Timestamp, UserId};

use crate::{Database, Error, Row, Value, Write};

/// The most entries of one answer.
pub const PAGE_LIMIT: u32 = 100;

/// How far paging by offset reaches (W280); from there on by checkpoint.
pub const OFFSET_LIMIT: u32 = 1_000;

/// A page by offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// How many entries to pass over.
    pub offset: u32,
    /// How many to give, at most [`PAGE_LIMIT`].
    pub limit: u32,
    /// Whether the newest comes first.
    pub newest_first: bool,
}

/// Adds the entry to a write: it is told if the write happens, and only then.
#[must_use]
pub fn append(write: Write, tenant: &TenantId, event: &LogEvent) -> Write {
    const APPEND: &str = "
        INSERT INTO log_events (tenant_id, id, at, type, client_id, user_id, document)
        SELECT $1, $2, $3, $4, $5, $6, $7 WHERE {guard}";
    let params = [
        tenant.into(),
        event.id.into(),
        event.at.into(),
        (&event.kind).into(),
        event.client_id.as_ref().into(),
        event.user_id.as_ref().into(),
        (&event.document).into(),
    ];
    write.also(APPEND, params)
}

/// The entry of this id.
pub async fn find(
    database: &Database,
    tenant: &TenantId,
    id: i64,
) -> Result<Option<LogEvent>, Error> {
    const READ: &str = "
        SELECT id, at, type, client_id, user_id, document FROM log_events
        WHERE tenant_id = $1 AND id = $2";
    database.one(READ, &[tenant.into(), id.into()]).await?.map(TryFrom::try_from).transpose()
}

/// A page of the tenant's entries.
pub async fn list(
    database: &Database,
    tenant: &TenantId,
    page: LogPage,
) -> Result<Vec<LogEvent>, Error> {
    const NEWEST: &str = "
        SELECT id, at, type, client_id, user_id, document FROM log_events
        WHERE tenant_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3";
    const OLDEST: &str = "
        SELECT id, at, type, client_id, user_id, document FROM log_events
        WHERE tenant_id = $1 ORDER BY id LIMIT $2 OFFSET $3";
    let sql = if page.newest_first { NEWEST } else { OLDEST };
    let Some((limit, offset)) = bounded(page) else { return Ok(Vec::new()) };
    events(database, sql, &[tenant.into(), limit, offset]).await
}

/// A page of the entries about one user.
pub async fn list_of_user(
    database: &Database,
    tenant: &TenantId,
    user: &UserId,
    page: LogPage,
) -> Result<Vec<LogEvent>, Error> {
    const NEWEST: &str = "
        SELECT id, at, type, client_id, user_id, document FROM log_events
        WHERE tenant_id = $1 AND user_id = $4 ORDER BY id DESC LIMIT $2 OFFSET $3";
    const OLDEST: &str = "
        SELECT id, at, type, client_id, user_id, document FROM log_events
        WHERE tenant_id = $1 AND user_id = $4 ORDER BY id LIMIT $2 OFFSET $3";
    let sql = if page.newest_first { NEWEST } else { OLDEST };
    let Some((limit, offset)) = bounded(page) else { return Ok(Vec::new()) };
    events(database, sql, &[tenant.into(), limit, offset, user.into()]).await
}

/// The entries between two ids, without these, oldest first (W281).
pub async fn between(
    database: &Database,
    tenant: &TenantId,
    (after, before): (i64, i64),
    take: u32,
) -> Result<Vec<LogEvent>, Error> {
    const BETWEEN: &str = "
        SELECT id, at, type, client_id, user_id, document FROM log_events
        WHERE tenant_id = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4";
    let params = [tenant.into(), after.into(), before.into(), take.min(PAGE_LIMIT).into()];
    events(database, BETWEEN, &params).await
}

/// How many entries paging by offset can reach, of one user or of all.
pub async fn count(
    database: &Database,
    tenant: &TenantId,
    user: Option<&UserId>,
) -> Result<u32, Error> {
    const ALL: &str = "
        SELECT count(*) FROM (SELECT 1 FROM log_events WHERE tenant_id = $1 LIMIT $2) AS reach";
    const OF_USER: &str = "
        SELECT count(*) FROM
            (SELECT 1 FROM log_events WHERE tenant_id = $1 AND user_id = $3 LIMIT $2) AS reach";
    let mut params = vec![Value::from(tenant), OFFSET_LIMIT.into()];
    let sql = user.map_or(ALL, |user| {
        params.push(user.into());
        OF_USER
    });
    let row = database.one(sql, &params).await?;
    let count = row.map_or(Ok(0), |row| row.int(0))?;
    Ok(u32::try_from(count).unwrap_or(OFFSET_LIMIT))
}

/// Limit and offset, or nothing if the page lies beyond what paging reaches.
fn bounded(page: LogPage) -> Option<(Value, Value)> {
    let left = OFFSET_LIMIT.checked_sub(page.offset).filter(|left| *left > 0)?;
    Some((page.limit.min(PAGE_LIMIT).min(left).into(), page.offset.into()))
}

async fn events(
    database: &Database,
    sql: &'static str,
    params: &[Value],
) -> Result<Vec<LogEvent>, Error> {
    database.all(sql, params).await?.into_iter().map(TryFrom::try_from).collect()
}

impl TryFrom<Row> for LogEvent {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let id = row.int(0)?;
        let inconsistent = |_error| Error::Inconsistent { table: "log_events", id: id.to_string() };
        Ok(Self {
            id,
            at: Timestamp::from_ms(row.int(1)?),
            kind: row.text(2)?.to_owned(),
            client_id: row.optional_text(3)?.map(ClientId::new),
            user_id: row.optional_text(4)?.map(UserId::new),
            document: row.document(5).map_err(inconsistent)?,
        })
    }
}
