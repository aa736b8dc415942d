//! The search for log entries (W280): what the fields of an entry are in the table; `asked` builds
//! the rest.

use domain::people::search::{LogField, Query, Test};
use domain::{LogEvent, TenantId, Timestamp, UserId};

use crate::asked::{Asked, Place};
use crate::{Database, Engine, Error, Value};

/// Which entries, in which order.
#[derive(Clone, Debug)]
pub struct LogSearch {
    /// The question; none means every entry.
    pub query: Option<Query<LogField>>,
    /// Only entries about this person.
    pub user: Option<UserId>,
    /// What to order by; the id decides between equals.
    pub sort: LogField,
    /// Largest first.
    pub is_descending: bool,
}

impl Default for LogSearch {
    /// Every entry, the newest first.
    fn default() -> Self {
        Self { query: None, user: None, sort: LogField::Date, is_descending: true }
    }
}

/// A page of the entries that match.
pub async fn find(
    database: &Database,
    tenant: &TenantId,
    search: &LogSearch,
    skipped: u32,
    most: u32,
) -> Result<Vec<LogEvent>, Error> {
    const SELECT: &str = "SELECT id, at, type, client_id, user_id, document";
    let mut asked = Asked::new(database.engine(), SELECT, "log_events", tenant);
    matching(&mut asked, search);
    order(&mut asked, search);
    asked.push(" LIMIT ");
    asked.bind(most);
    asked.push(" OFFSET ");
    asked.bind(skipped);
    let rows = database.search(asked.sql, &asked.params).await?;
    rows.into_iter().map(TryFrom::try_from).collect()
}

/// How many entries match, counted no further than `reach`.
pub async fn count(
    database: &Database,
    tenant: &TenantId,
    search: &LogSearch,
    reach: u32,
) -> Result<u64, Error> {
    let mut asked = Asked::new(database.engine(), "SELECT 1 AS one", "log_events", tenant);
    matching(&mut asked, search);
    asked.push(" LIMIT ");
    asked.bind(reach);
    let sql = format!("SELECT count(*) FROM ({}) AS matching", asked.sql);
    let rows = database.search(sql, &asked.params).await?;
    crate::counted(rows.first())
}

/// How many entries of a type happened on each day of a span, as days since 1970.
pub async fn per_day(
    database: &Database,
    tenant: &TenantId,
    kind: &str,
    (from, before): (Timestamp, Timestamp),
) -> Result<Vec<(i64, u64)>, Error> {
    const READ: &str = "
        SELECT at / 86400000, count(*) FROM log_events
        WHERE tenant_id = $1 AND type = $2 AND at >= $3 AND at < $4
        GROUP BY at / 86400000 ORDER BY 1 LIMIT 1000";
    let params = [tenant.into(), kind.into(), from.into(), before.into()];
    crate::daily(&database.all(READ, &params).await?)
}

/// How many people entries of a type are about, since a moment.
pub async fn people(
    database: &Database,
    tenant: &TenantId,
    kind: &str,
    since: Timestamp,
) -> Result<u64, Error> {
    const READ: &str = "
        SELECT count(DISTINCT user_id) FROM log_events
        WHERE tenant_id = $1 AND type = $2 AND at >= $3";
    let row = database.one(READ, &[tenant.into(), kind.into(), since.into()]).await?;
    crate::counted(row.as_ref())
}

fn matching(asked: &mut Asked, search: &LogSearch) {
    if let Some(user) = &search.user {
        asked.push(" AND user_id = ");
        asked.bind(user);
    }
    if let Some(query) = &search.query {
        asked.push(" AND ");
        asked.query(query, condition);
    }
}

fn order(asked: &mut Asked, search: &LogSearch) {
    let direction = if search.is_descending { "DESC" } else { "ASC" };
    let (look, collation) = match asked.engine {
        Engine::Sqlite => ("document", ""),
        Engine::Postgres => ("document::jsonb", " COLLATE \"C\""),
    };
    let by = match search.sort {
        // Ids grow with time, and the primary key is in their order.
        LogField::Id | LogField::Date => String::new(),
        LogField::Kind => format!("type{collation}"),
        LogField::ClientId => format!("client_id{collation}"),
        LogField::UserId => format!("user_id{collation}"),
        LogField::Member(name) => format!("({look} ->> '{name}'){collation}"),
    };
    asked.push(" ORDER BY ");
    if !by.is_empty() {
        asked.push(&format!("{by} {direction} NULLS LAST, "));
    }
    asked.push(&format!("id {direction}"));
}

fn condition(asked: &mut Asked, field: &LogField, test: &Test) {
    match field {
        LogField::Id => id(asked, test),
        LogField::Date => asked.moment("at", test),
        LogField::Kind => asked.column("type", test),
        LogField::ClientId => asked.column("client_id", test),
        LogField::UserId => asked.column("user_id", test),
        LogField::Member(name) => asked.values(&Place::Path(vec![(*name).to_owned()]), test),
    }
}

/// One entry is found by its key; patterns and ranges look at its digits.
fn id(asked: &mut Asked, test: &Test) {
    let Test::Equals(written) = test else { return asked.column("CAST(id AS TEXT)", test) };
    match written.parse::<i64>() {
        Ok(id) if id.to_string() == *written => {
            asked.push("(id = ");
            asked.bind(Value::from(id));
            asked.push(")");
        }
        Ok(_) | Err(_) => asked.push("FALSE"),
    }
}
