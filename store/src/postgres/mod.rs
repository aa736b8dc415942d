//! The engine of many nodes: each write is one statement, pipelined on a few connections.
//!
//! What is safe to run again is run again, a bounded number of times: what PostgreSQL says it did
//! not do, reads, and writes that can tell whether they have happened.

mod compose;
mod connect;
mod failure;
mod link;
mod migrate;
mod values;

use std::time::Duration;

use domain::Timestamp;

use crate::migrate::Migrated;
use crate::options::Tls;
use crate::write::Query;
use crate::{DatabaseOptions, Error, Row, Value, Write, Written};
use compose::Texts;
use connect::Connector;
use failure::{Failure, Outcome};
use link::Links;

/// How often one read or write is tried.
const ATTEMPT_LIMIT: u32 = 4;

/// The first pause between two attempts; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Whether a statement will come again.
#[derive(Clone, Copy)]
enum Manner {
    Prepared,
    Once,
}

#[derive(Debug)]
pub(crate) struct Postgres {
    links: Links,
    texts: Texts,
}

impl Postgres {
    /// Connects once, so that a wrong address or password is told at the start.
    pub(crate) async fn open(
        config: &tokio_postgres::Config,
        tls: &Tls,
        options: &DatabaseOptions,
    ) -> Result<Self, Error> {
        let connector = Connector::new(config.clone(), tls, options)?;
        let links = Links::new(connector, options.connections);
        links.open().await?;
        Ok(Self { links, texts: Texts::default() })
    }

    pub(crate) async fn migrate(&self, now: Timestamp) -> Result<Migrated, Error> {
        migrate::run(self.links.connector(), now).await
    }

    pub(crate) async fn run(&self, write: &Write) -> Result<Written, Error> {
        write.check()?;
        let text = self.texts.of(write);
        let params: Vec<&Value> = write.steps().iter().flat_map(|step| &step.params).collect();
        let (mut attempt, mut may_have_happened) = (1, false);
        loop {
            let failure = match self.links.query(&text, &params).await {
                Ok(rows) => match written(&rows)? {
                    Written::Done => return Ok(Written::Done),
                    Written::Overtaken if may_have_happened => {
                        return self.what_happened(write.recognition()).await;
                    }
                    Written::Overtaken => return Ok(Written::Overtaken),
                },
                Err(failure) => failure,
            };
            match failure.outcome {
                Outcome::Overtaken if may_have_happened => {
                    return self.what_happened(write.recognition()).await;
                }
                Outcome::Overtaken => return Ok(Written::Overtaken),
                Outcome::Refused => return Err(failure.error),
                Outcome::NotDone => {}
                Outcome::Unknown => {
                    // The engine may still be at it: if so, the second try waits for the first.
                    may_have_happened = true;
                    match write.recognition() {
                        None => return Err(failure.error),
                        Some(query) if self.is_there(query).await? => return Ok(Written::Done),
                        Some(_) => {}
                    }
                }
            }
            if attempt == ATTEMPT_LIMIT {
                return Err(failure.error);
            }
            pause(attempt, &failure).await;
            attempt += 1;
        }
    }

    pub(crate) async fn one(
        &self,
        sql: &'static str,
        params: &[Value],
    ) -> Result<Option<Row>, Error> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    pub(crate) async fn all(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.read(Manner::Prepared, sql, params).await
    }

    pub(crate) async fn search(&self, sql: String, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.read(Manner::Once, &sql, params).await
    }

    /// Reading changes nothing, so an unknown outcome is no reason to stop.
    async fn read(&self, manner: Manner, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let params: Vec<&Value> = params.iter().collect();
        let mut attempt = 1;
        loop {
            let answer = match manner {
                Manner::Prepared => self.links.query(sql, &params).await,
                Manner::Once => self.links.query_once(sql, &params).await,
            };
            let failure = match answer {
                Ok(rows) => return Ok(rows),
                Err(failure) => failure,
            };
            match failure.outcome {
                Outcome::NotDone | Outcome::Unknown if attempt < ATTEMPT_LIMIT => {}
                Outcome::NotDone | Outcome::Unknown | Outcome::Refused | Outcome::Overtaken => {
                    return Err(failure.error);
                }
            }
            pause(attempt, &failure).await;
            attempt += 1;
        }
    }

    /// A write that was run again and found its place taken: by itself, or by another?
    async fn what_happened(&self, recognition: Option<&Query>) -> Result<Written, Error> {
        match recognition {
            Some(query) if self.is_there(query).await? => Ok(Written::Done),
            Some(_) | None => Ok(Written::Overtaken),
        }
    }

    async fn is_there(&self, query: &Query) -> Result<bool, Error> {
        Ok(self.one(query.sql, &query.params).await?.is_some())
    }
}

/// A composed write answers with one number: 1 if it happened, 0 if its first step did not.
fn written(rows: &[Row]) -> Result<Written, Error> {
    match rows.first().map(|row| row.int(0)).transpose()? {
        Some(1) => Ok(Written::Done),
        Some(_) | None => Ok(Written::Overtaken),
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause between two attempts of one request")]
async fn pause(attempt: u32, failure: &Failure) {
    tracing::debug!(attempt, error = %failure.error, "PostgreSQL is asked again");
    tokio::time::sleep(FIRST_PAUSE * 2_u32.saturating_pow(attempt.saturating_sub(1))).await;
}
