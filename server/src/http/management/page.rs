//! Lists: by page number, plain or with totals (W210 to W213).

use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::error::{Error, answer};
use super::request::Query;
use crate::denied::Denied;

/// Entries of a page if the caller does not say.
const PER_PAGE: u32 = 50;
/// Most entries of a page.
const PER_PAGE_LIMIT: u32 = 100;
/// How far a search can be paged (W242, W280).
pub(super) const REACH: u32 = 1_000;
/// How long a search may take (W243).
const SEARCH_TIME: Duration = Duration::from_secs(2);
/// Last page that is looked for.
const PAGE_LIMIT: u32 = 1_000_000;

/// What a search finds, if it finds it in time (W243).
pub(super) async fn in_time<T>(search: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(SEARCH_TIME, search).await.map_err(|_elapsed| Denied::TooSlow)?
}

/// Which page, and in which shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    page: u32,
    /// Most entries.
    pub(crate) most: u32,
    /// Whether the answer is an object with totals.
    pub(crate) has_totals: bool,
}

impl Page {
    /// From `page`, `per_page` and `include_totals`.
    pub(crate) fn of(query: &Query) -> Result<Self, Denied> {
        Ok(Self {
            page: query.number("page", 0, PAGE_LIMIT)?,
            most: query.number("per_page", PER_PAGE, PER_PAGE_LIMIT)?,
            has_totals: query.flag("include_totals")?.unwrap_or(false),
        })
    }

    /// How many entries stand before the page.
    pub(crate) const fn skipped(&self) -> u32 {
        self.page.saturating_mul(self.most)
    }

    /// The part of `all` that the page shows.
    pub(crate) fn cut<T>(&self, all: Vec<T>) -> Vec<T> {
        let (skipped, most) = (self.skipped() as usize, self.most as usize);
        all.into_iter().skip(skipped).take(most).collect()
    }

    /// The list as the caller wants it; `key` names the array beside the totals.
    pub(crate) fn answer(&self, key: &str, entries: Vec<Value>, total: u64) -> Response {
        if !self.has_totals {
            return answer(StatusCode::OK, &Value::Array(entries));
        }
        let mut body = json!({
            "start": self.skipped(),
            "limit": self.most,
            "length": entries.len(),
            "total": total,
        });
        if let Some(members) = body.as_object_mut() {
            members.insert(key.to_owned(), Value::Array(entries));
        }
        answer(StatusCode::OK, &body)
    }
}
