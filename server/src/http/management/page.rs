//! Lists: by page number, plain or with totals (W210 to W213).

use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

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

/// Entries that `take` gives if it is absent, and at most.
const TAKE: (u32, u32) = (50, 100);

/// A list that goes on behind an entry: `from`, `take` and `next` (W214).
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    /// The name of the entry before the first; empty at the beginning.
    pub(crate) from: String,
    take: u32,
}

impl Checkpoint {
    /// From `from` and `take`.
    pub(crate) fn of(query: &Query) -> Result<Self, Denied> {
        let from = query.text("from").unwrap_or_default().to_owned();
        Ok(Self { from, take: query.number("take", TAKE.0, TAKE.1)?.max(1) })
    }

    /// How many entries to read, to know whether there is a next page.
    pub(crate) const fn one_more(&self) -> u32 {
        self.take.saturating_add(1)
    }

    /// The entries of this page, and the name of its last one if there are more.
    pub(crate) fn cut<T>(
        &self,
        mut entries: Vec<T>,
        name: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        let has_more = entries.len() > self.take as usize;
        entries.truncate(self.take as usize);
        let next = entries.last().filter(|_| has_more).map(name);
        (entries, next)
    }

    /// The page as the caller gets it; `key` names the array.
    pub(crate) fn answer(key: &str, entries: Vec<Value>, next: Option<String>) -> Response {
        let mut body = Map::new();
        body.insert(key.to_owned(), Value::Array(entries));
        if let Some(next) = next {
            body.insert(String::from("next"), next.into());
        }
        answer(StatusCode::OK, &Value::Object(body))
    }
}
