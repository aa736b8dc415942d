//! `/api/v2/stats` (W292): what the log and the users tell, day by day in UTC.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::Timestamp;
use http::StatusCode;
use serde_json::{Value, json};
use store::{log_search, users};

use super::administrator::Administrator;
use super::error::{Error, answer};
use super::page::in_time;
use super::request::Query;
use crate::App;
use crate::denied::Denied;

/// The type of the entries that count as logins: tokens were issued to a person's client.
const LOGIN: &str = "ciba_exchange_succeeded";
const DAY_MS: i64 = 86_400_000;
/// Who logged in within so many days is active.
const ACTIVE_DAYS: i64 = 30;
/// Most days of one answer.
const DAY_LIMIT: i64 = 366;

/// `GET /stats/active-users`.
pub(super) async fn active_users(
    State(app): State<Arc<App>>,
    administrator: Administrator,
) -> Result<Response, Error> {
    administrator.needs(&["read:stats"])?;
    let since = administrator.now.plus_ms(-ACTIVE_DAYS * DAY_MS);
    let count = in_time(async {
        let people = log_search::people(&app.database, administrator.tenant(), LOGIN, since);
        Ok(people.await?)
    });
    Ok(answer(StatusCode::OK, &Value::from(count.await?)))
}

/// `GET /stats/daily?from=YYYYMMDD&to=YYYYMMDD`: both days belong to the answer.
pub(super) async fn daily(
    State(app): State<Arc<App>>,
    administrator: Administrator,
    query: Query,
) -> Result<Response, Error> {
    administrator.needs(&["read:stats"])?;
    let today = administrator.now.ms().div_euclid(DAY_MS);
    let last = day(&query, "to")?.unwrap_or(today);
    let first = day(&query, "from")?.unwrap_or(last - ACTIVE_DAYS);
    if first > last || last - first >= DAY_LIMIT {
        let message = format!("The days must be in order and at most {DAY_LIMIT}");
        return Err(Denied::InvalidQuery(message).into());
    }
    let span = (Timestamp::from_ms(first * DAY_MS), Timestamp::from_ms((last + 1) * DAY_MS));
    let (database, tenant) = (&app.database, administrator.tenant());
    let (logins, signups) = in_time(async {
        let logins = log_search::per_day(database, tenant, LOGIN, span).await?;
        let signups = users::created_per_day(database, tenant, span).await?;
        Ok((logins.into_iter().collect(), signups.into_iter().collect()))
    })
    .await?;
    let views = (first..=last).map(|day| shown(day, &logins, &signups)).collect();
    Ok(answer(StatusCode::OK, &Value::Array(views)))
}

fn shown(day: i64, logins: &BTreeMap<i64, u64>, signups: &BTreeMap<i64, u64>) -> Value {
    let count = |counts: &BTreeMap<i64, u64>| counts.get(&day).copied().unwrap_or_default();
    let date = Timestamp::from_ms(day * DAY_MS).to_iso();
    json!({
        "date": date,
        "logins": count(logins),
        "signups": count(signups),
        "leaked_passwords": 0,
        "created_at": date,
        "updated_at": date,
    })
}

/// The day that a parameter names, counted from 1970.
fn day(query: &Query, name: &str) -> Result<Option<i64>, Denied> {
    let Some(text) = query.text(name) else { return Ok(None) };
    let wrong =
        || Denied::InvalidQuery(format!("The parameter {name} must be a day, such as 20260131"));
    let is_whole = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (year, rest) = text.split_at_checked(4).filter(|_| is_whole).ok_or_else(wrong)?;
    let (month, date) = rest.split_at_checked(2).ok_or_else(wrong)?;
    let at = Timestamp::from_iso(&format!("{year}-{month}-{date}T00:00:00Z")).ok_or_else(wrong)?;
    Ok(Some(at.ms().div_euclid(DAY_MS)))
}
