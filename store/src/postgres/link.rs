//! The few connections: prepared statements of each, reconnecting with growing pauses.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Statement};

use super::connect::Connector;
use super::failure::Failure;
use super::values::{our_rows, type_of};
use crate::{Error, Row, Value};

/// How long an answer may take; PostgreSQL itself stops a statement sooner.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The pause after a first failed attempt to connect; it doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// All connections of this process.
#[derive(Debug)]
pub(super) struct Links {
    connector: Connector,
    slots: Vec<Slot>,
    next: AtomicUsize,
}

/// The place of one connection.
#[derive(Debug, Default)]
struct Slot {
    current: Mutex<Option<Arc<Link>>>,
    /// Held by whoever connects; the others wait for the outcome.
    door: tokio::sync::Mutex<Door>,
}

#[derive(Debug, Default)]
struct Door {
    failures: u32,
    shut_until: Option<(Instant, Error)>,
}

struct Link {
    client: Client,
    statements: Mutex<HashMap<Box<str>, Statement>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Links {
    pub(super) fn new(connector: Connector, count: usize) -> Self {
        let slots = (0..count.max(1)).map(|_| Slot::default()).collect();
        Self { connector, slots, next: AtomicUsize::new(0) }
    }

    pub(super) const fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Makes the first connection.
    pub(super) async fn open(&self) -> Result<(), Error> {
        let first = self.slots.first().ok_or_else(no_slots)?;
        first.link(&self.connector).await.map(|_link| ())
    }

    /// Runs a statement that will come again, prepared.
    pub(super) async fn query(&self, sql: &str, params: &[&Value]) -> Result<Vec<Row>, Failure> {
        let (slot, link) = self.link().await?;
        slot.guarded(&link, async {
            let statement = link.prepared(sql, params).await?;
            let params: Vec<&(dyn ToSql + Sync)> =
                params.iter().map(|param| *param as &(dyn ToSql + Sync)).collect();
            let rows = link.client.query(&statement, &params).await;
            our_rows(&rows.map_err(|error| Failure::of(&error))?)
        })
        .await
    }

    /// Runs a statement of which there are too many to prepare.
    pub(super) async fn query_once(
        &self,
        sql: &str,
        params: &[&Value],
    ) -> Result<Vec<Row>, Failure> {
        let (slot, link) = self.link().await?;
        slot.guarded(&link, async {
            let params: Vec<(&(dyn ToSql + Sync), Type)> = params
                .iter()
                .map(|param| (*param as &(dyn ToSql + Sync), type_of(param)))
                .collect();
            let rows = link.client.query_typed(sql, &params).await;
            our_rows(&rows.map_err(|error| Failure::of(&error))?)
        })
        .await
    }

    /// The next connection in turn.
    async fn link(&self) -> Result<(&Slot, Arc<Link>), Failure> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len().max(1);
        let slot = self.slots.get(turn).ok_or_else(|| Failure::before_sending(no_slots()))?;
        let link = slot.link(&self.connector).await.map_err(Failure::before_sending)?;
        Ok((slot, link))
    }
}

impl Slot {
    /// The connection, made anew if it was lost.
    async fn link(&self, connector: &Connector) -> Result<Arc<Link>, Error> {
        if let Some(link) = self.usable() {
            return Ok(link);
        }
        let mut door = self.door.lock().await;
        if let Some(link) = self.usable() {
            return Ok(link);
        }
        if let Some((until, error)) = &door.shut_until
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        match connector.connect().await {
            Ok(client) => {
                *door = Door::default();
                let link = Arc::new(Link { client, statements: Mutex::default() });
                *self.place() = Some(Arc::clone(&link));
                Ok(link)
            }
            Err(error) => {
                let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(door.failures));
                door.failures = door.failures.saturating_add(1);
                let until = Instant::now() + wait.min(LONGEST_WAIT);
                door.shut_until = Some((until, error.clone()));
                Err(error)
            }
        }
    }

    /// Runs `work` on the link within the time limit, and lets go of a link that it spoilt.
    async fn guarded(
        &self,
        link: &Arc<Link>,
        work: impl Future<Output = Result<Vec<Row>, Failure>>,
    ) -> Result<Vec<Row>, Failure> {
        let answer = tokio::time::timeout(ANSWER_LIMIT, work).await;
        let answer = answer.unwrap_or_else(|_elapsed| Err(Failure::silence()));
        if answer.as_ref().is_err_and(|failure| failure.spoils_link) {
            let mut place = self.place();
            if place.as_ref().is_some_and(|current| Arc::ptr_eq(current, link)) {
                *place = None;
            }
        }
        answer
    }

    fn usable(&self) -> Option<Arc<Link>> {
        self.place().as_ref().filter(|link| !link.client.is_closed()).cloned()
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<Arc<Link>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// The statement prepared on this connection, with the types of its parameters.
    async fn prepared(&self, sql: &str, params: &[&Value]) -> Result<Statement, Failure> {
        let known = self.known().get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let types: Vec<Type> = params.iter().map(|param| type_of(param)).collect();
        let prepared = self.client.prepare_typed(sql, &types).await;
        let statement = prepared.map_err(|error| Failure::of_preparing(&error))?;
        self.known().insert(sql.into(), statement.clone());
        Ok(statement)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, Statement>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_slots() -> Error {
    Error::Engine(String::from("no connections are configured"))
}
