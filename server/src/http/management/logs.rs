//! `/api/v2/logs` and `/api/v2/users/{id}/logs` (W229, W280 to W282).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::people::Fields;
use domain::people::search::{self, LogField};
use domain::{LogEvent, UserId};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use store::log_events;
use store::log_search::{self, LogSearch};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::page::{Page, REACH, in_time};
use super::request::{Named, Query};
use crate::App;
use crate::denied::{Denied, Inexistent};
use crate::log_ids;

/// Entries that `take` gives if it is absent, and at most.
const TAKE: (u32, u32) = (50, log_events::PAGE_LIMIT);

/// An entry gets its id before it is written: by checkpoint it is shown when those with smaller ids,
/// of other nodes too, have been written (docs/decisions/0013).
const SETTLES_MS: i64 = 5_000;

/// `GET /logs`: by page, or by checkpoint if `from` or `take` is there.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:logs"])?;
    if query.text("from").is_some() || query.text("take").is_some() {
        return after(&app, &administrator, &query).await;
    }
    let asked = [query.text("q"), query.text("search")];
    if asked.iter().flatten().count() > 1 {
        let message = String::from("Only one of the parameters q and search may be there");
        return Err(Denied::InvalidQuery(message).into());
    }
    let question = asked.into_iter().flatten().next();
    let search =
        LogSearch { query: question.map(search::parse_logs).transpose()?, ..ordered(&query)? };
    page(&app, &administrator, &search, &query).await
}

/// `GET /users/{id}/logs`: also of a user who is gone.
pub(super) async fn of_user(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:logs", "read:logs_users"])?;
    let search = LogSearch { user: Some(UserId::new(id)), ..ordered(&query)? };
    page(&app, &administrator, &search, &query).await
}

/// `GET /logs/{id}`.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    Named(id): Named<String>,
) -> Result<Response, Error> {
    administrator.needs(&["read:logs"])?;
    let id: i64 = id.parse().map_err(|_not_ours| Inexistent::Log)?;
    let found = log_events::find(&app.database, administrator.tenant(), id).await?;
    let event = found.ok_or(Inexistent::Log)?;
    Ok(answer(StatusCode::OK, &Value::Object(event.to_json())))
}

fn ordered(query: &Query) -> Result<LogSearch, Denied> {
    Ok(match query.sort(LogField::sortable)? {
        Some((sort, is_descending)) => LogSearch { sort, is_descending, ..LogSearch::default() },
        None => LogSearch::default(),
    })
}

async fn page(
    app: &App,
    administrator: &Administrator,
    search: &LogSearch,
    query: &Query,
) -> Result<Response, Error> {
    let page = Page::of(query)?;
    let fields = query.fields()?;
    let (events, total) = in_time(find(app, administrator, search, page)).await?;
    Ok(page.answer("logs", shown(&events, &fields), total))
}

async fn find(
    app: &App,
    administrator: &Administrator,
    search: &LogSearch,
    page: Page,
) -> Result<(Vec<LogEvent>, u64), Error> {
    let (database, tenant, reach) = (&app.database, administrator.tenant(), u64::from(REACH));
    let is_beyond = page.skipped() >= REACH;
    let mut total = 0;
    if page.has_totals || is_beyond {
        total = log_search::count(database, tenant, search, REACH.saturating_add(1)).await?;
    }
    if is_beyond {
        if total > reach {
            return Err(Denied::InvalidPaging.into());
        }
        return Ok((Vec::new(), total));
    }
    let most = page.most.min(REACH.saturating_sub(page.skipped()));
    let events = log_search::find(database, tenant, search, page.skipped(), most).await?;
    Ok((events, total.min(reach)))
}

/// The entries after `from`, oldest first; the header `Link` names the next call (W281).
async fn after(app: &App, administrator: &Administrator, query: &Query) -> Result<Response, Error> {
    let take = query.number("take", TAKE.0, TAKE.1)?.max(1);
    let from = query.text("from").map(str::parse::<i64>).transpose().map_err(|_not_ours| {
        Denied::InvalidQuery(String::from("The parameter from must be the log_id of an entry"))
    })?;
    let from = from.unwrap_or_default();
    let settled = log_ids::first_of(administrator.now.plus_ms(-SETTLES_MS));
    let (database, tenant) = (&app.database, administrator.tenant());
    let events = log_events::between(database, tenant, (from, settled), take).await?;
    let next = events.last().map_or(from, |event| event.id);
    let path = format!("api/v2/logs?from={next}&take={take}");
    let link = format!("<{}>; rel=\"next\"", administrator.context.base.url(&path));
    let mut response = answer(StatusCode::OK, &Value::Array(shown(&events, &Fields::All)));
    if let Ok(link) = HeaderValue::from_str(&link) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

fn shown(events: &[LogEvent], fields: &Fields) -> Vec<Value> {
    events.iter().map(|event| Value::Object(fields.of(&event.to_json()))).collect()
}
