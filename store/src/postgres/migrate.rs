//! Migrating a PostgreSQL that other nodes may want to migrate too.
//!
//! One node holds the lease; each statement is committed together with its number, so that a node
//! that dies half-way leaves something another can go on with.

use std::time::Duration;

use domain::Timestamp;
use tokio::time::Instant;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::connect::Connector;
use super::failure::Failure;
use crate::Error;
use crate::migrate::{
    APPLIED, Applied, BEGIN, FINISH, Migrated, Pending, TABLE, migrated, pending,
};

const LEASE_TABLE: &str = "
    CREATE TABLE IF NOT EXISTS schema_lease (
        name       TEXT   NOT NULL PRIMARY KEY,
        holder     TEXT   NOT NULL,
        expires_at BIGINT NOT NULL
    )";

const TAKE_LEASE: &str = "
    INSERT INTO schema_lease (name, holder, expires_at) VALUES ('migrate', $1, $2)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
    WHERE schema_lease.expires_at <= $3";

const GIVE_LEASE_BACK: &str = "DELETE FROM schema_lease WHERE holder = $1";

/// A node that says nothing for so long is taken to be dead.
const LEASE_MS: i64 = 60_000;

/// How often, and how long, a node waits for the one that migrates.
const WAIT_LIMIT: u32 = 450;
const WAIT: Duration = Duration::from_millis(200);

/// Tries to make our own tables while other nodes do the same.
const TABLE_ATTEMPTS: u32 = 10;

/// The time, moved on from when the migration began.
struct Clock {
    now: Timestamp,
    since: Instant,
}

impl Clock {
    fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.now.plus_ms(elapsed)
    }
}

pub(super) async fn run(connector: &Connector, now: Timestamp) -> Result<Migrated, Error> {
    let clock = Clock { now, since: Instant::now() };
    let client = connector.connect_without_limit().await?;
    make_own_tables(&client, connector.schema()).await?;
    let pid = client.query_one("SELECT pg_backend_pid()", &[]).await.map_err(in_words)?;
    let holder = format!("{}-{}", pid.get::<_, i32>(0), now.ms());
    for _ in 0..WAIT_LIMIT {
        let missing = missing(&client).await?;
        if missing.is_empty() {
            return Ok(migrated(&missing));
        }
        if take_lease(&client, &holder, &clock).await? {
            let done = apply(&client, &holder, &clock).await;
            let given_back = client.execute(GIVE_LEASE_BACK, &[&holder]).await;
            let done = done?;
            given_back.map_err(in_words)?;
            return Ok(done);
        }
        wait().await;
    }
    Err(Error::Unavailable(String::from("another node has been migrating for too long")))
}

/// Whoever had the lease before may have done the work meanwhile.
async fn apply(client: &Client, holder: &str, clock: &Clock) -> Result<Migrated, Error> {
    let missing = missing(client).await?;
    for migration in &missing {
        tracing::info!(migration = migration.name, "migrating the database");
        apply_one(client, holder, clock, migration).await?;
    }
    Ok(migrated(&missing))
}

async fn apply_one(
    client: &Client,
    holder: &str,
    clock: &Clock,
    migration: &Pending,
) -> Result<(), Error> {
    let version = migration.version;
    if !migration.has_begun {
        let begun = client.execute(BEGIN, &[&version, &migration.name, &migration.checksum]).await;
        begun.map_err(in_words)?;
    }
    for (number, statement) in (1..).zip(&migration.statements).skip(migration.done) {
        let until = clock.now().plus_ms(LEASE_MS).ms();
        // One message without parameters is one transaction.
        let step = format!(
            "{statement};
             UPDATE schema_migrations SET statements = {number} WHERE version = {version};
             UPDATE schema_lease SET expires_at = {until} WHERE holder = '{holder}'"
        );
        client.batch_execute(&step).await.map_err(in_words)?;
    }
    let statements = i64::try_from(migration.statements.len()).unwrap_or(i64::MAX);
    let finished = client.execute(FINISH, &[&version, &statements, &clock.now().ms()]).await;
    finished.map_err(in_words).map(|_one| ())
}

async fn missing(client: &Client) -> Result<Vec<Pending>, Error> {
    let rows = client.query(APPLIED, &[]).await.map_err(in_words)?;
    let applied: Result<Vec<_>, tokio_postgres::Error> = rows
        .iter()
        .map(|row| {
            Ok(Applied {
                version: row.try_get(0)?,
                name: row.try_get(1)?,
                checksum: row.try_get(2)?,
                statements: row.try_get(3)?,
                applied_at: row.try_get(4)?,
            })
        })
        .collect();
    pending(&applied.map_err(in_words)?, |migration| migration.postgres)
}

async fn take_lease(client: &Client, holder: &str, clock: &Clock) -> Result<bool, Error> {
    let now = clock.now();
    let until = now.plus_ms(LEASE_MS).ms();
    let taken = client.execute(TAKE_LEASE, &[&holder, &until, &now.ms()]).await;
    taken.map(|rows| rows == 1).map_err(in_words)
}

/// `IF NOT EXISTS` does not keep two nodes from making the same thing at the same moment.
async fn make_own_tables(client: &Client, schema: Option<&str>) -> Result<(), Error> {
    let schema = schema.map(|name| format!("CREATE SCHEMA IF NOT EXISTS \"{name}\""));
    for statement in schema.iter().map(String::as_str).chain([TABLE, LEASE_TABLE]) {
        let mut made = client.batch_execute(statement).await;
        for _ in 1..TABLE_ATTEMPTS {
            match &made {
                Err(error) if is_made_meanwhile(error) => {
                    made = client.batch_execute(statement).await;
                }
                Ok(()) | Err(_) => break,
            }
        }
        made.map_err(in_words)?;
    }
    Ok(())
}

fn is_made_meanwhile(error: &tokio_postgres::Error) -> bool {
    [
        &SqlState::UNIQUE_VIOLATION,
        &SqlState::DUPLICATE_TABLE,
        &SqlState::DUPLICATE_SCHEMA,
        &SqlState::DUPLICATE_OBJECT,
    ]
    .iter()
    .any(|code| error.code() == Some(code))
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
fn in_words(error: tokio_postgres::Error) -> Error {
    Failure::of(&error).error
}

#[expect(clippy::disallowed_methods, reason = "waiting for the node that migrates")]
async fn wait() {
    tokio::time::sleep(WAIT).await;
}
