//! The database: one of two engines behind the same five verbs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::Timestamp;

use crate::faults::Fate;
use crate::migrate::{self, Migrated};
use crate::options::Place;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::{DatabaseOptions, Error, Faults, Row, Value, Write, Written};

/// Which engine answers, for the few statements that must differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded file, owned by this process.
    Sqlite,
    /// A PostgreSQL that other nodes may share.
    Postgres,
}

/// A handle on the open database; clones share it, and the last one dropped closes it.
#[derive(Clone, Debug)]
pub struct Database {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: Running,
    faults: Option<Faults>,
    configuration: AtomicU64,
}

/// How soon a write is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// At once: somebody waits for it.
    Now,
    /// With the next commit, where writes share commits; with one of its own if none comes soon.
    WithOthers,
}

#[derive(Debug)]
enum Running {
    Sqlite(Box<Sqlite>),
    Postgres(Box<Postgres>),
}

impl Database {
    /// Opens the database; a SQLite file is made if there is none, and taken for this process.
    pub async fn open(options: &DatabaseOptions) -> Result<Self, Error> {
        Self::start(options, None).await
    }

    /// Opens it with writes that may be made to stop, for the simulation.
    pub async fn open_with_faults(
        options: &DatabaseOptions,
        faults: Faults,
    ) -> Result<Self, Error> {
        Self::start(options, Some(faults)).await
    }

    async fn start(options: &DatabaseOptions, faults: Option<Faults>) -> Result<Self, Error> {
        let engine = match &options.place {
            Place::Sqlite(path) => {
                Running::Sqlite(Box::new(Sqlite::open(path, options.busy_ms).await?))
            }
            Place::Postgres { config, tls } => {
                Running::Postgres(Box::new(Postgres::open(config, tls, options).await?))
            }
        };
        let shared = Shared { engine, faults, configuration: AtomicU64::new(0) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Brings the tables to the shape this binary knows; refuses a newer or altered one.
    pub async fn migrate(&self, now: Timestamp) -> Result<Migrated, Error> {
        self.check_faults()?;
        match &self.shared.engine {
            Running::Sqlite(sqlite) => sqlite.migrate(now).await,
            Running::Postgres(postgres) => Box::pin(postgres.migrate(now)).await,
        }
    }

    /// The names of the migrations that this binary knows and the database lacks; changes nothing.
    pub async fn missing_migrations(&self) -> Result<Vec<&'static str>, Error> {
        let rows = match self.all(migrate::APPLIED, &[]).await {
            Ok(rows) => rows,
            // The runner's own table is made by the first run.
            Err(Error::Engine(why)) if why.contains("schema_migrations") => Vec::new(),
            Err(error) => return Err(error),
        };
        let applied = rows.iter().map(migrate::applied).collect::<Result<Vec<_>, _>>()?;
        let missing = match self.engine() {
            Engine::Sqlite => migrate::pending(&applied, |migration| migration.sqlite),
            Engine::Postgres => migrate::pending(&applied, |migration| migration.postgres),
        };
        Ok(missing?.into_iter().map(|migration| migration.name).collect())
    }

    /// Runs a write; answers when it is durable.
    pub async fn run(&self, write: Write) -> Result<Written, Error> {
        self.run_in(Haste::Now, write).await
    }

    /// Runs a write as soon as it is wanted; answers when it is durable.
    pub async fn run_in(&self, haste: Haste, write: Write) -> Result<Written, Error> {
        self.check_faults()?;
        let fate = match &self.shared.faults {
            Some(faults) => faults.next_write(&write),
            None => Fate::Lives,
        };
        let write = match &self.shared.faults {
            Some(faults) => faults.weakened(write),
            None => write,
        };
        let touches_configuration = write.touches_configuration();
        let answer = match fate {
            Fate::DiesBeforeCommit => return Err(Faults::error()),
            Fate::IsOvertaken => return Ok(Written::Overtaken),
            Fate::Lives => self.run_now(write, haste).await,
            Fate::DiesAfterCommit => {
                drop(self.run_now(write, haste).await);
                return Err(Faults::error());
            }
        };
        if touches_configuration && answer != Ok(Written::Overtaken) {
            self.shared.configuration.fetch_add(1, Ordering::Release);
        }
        answer
    }

    /// The first row of a look-up by key.
    pub async fn one(&self, sql: &'static str, params: &[Value]) -> Result<Option<Row>, Error> {
        self.check_faults()?;
        match &self.shared.engine {
            Running::Sqlite(sqlite) => sqlite.one(sql, params),
            Running::Postgres(postgres) => Box::pin(postgres.one(sql, params)).await,
        }
    }

    /// The rows of a list that belongs to one key and is short, such as a person's devices: read
    /// on the spot where the database is at hand.
    pub(crate) async fn few(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.check_faults()?;
        match &self.shared.engine {
            Running::Sqlite(sqlite) => sqlite.few(sql, params),
            Running::Postgres(postgres) => Box::pin(postgres.all(sql, params)).await,
        }
    }

    /// All rows of a list, which the statement itself bounds.
    pub async fn all(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.check_faults()?;
        match &self.shared.engine {
            Running::Sqlite(sqlite) => sqlite.all(sql, params).await,
            Running::Postgres(postgres) => Box::pin(postgres.all(sql, params)).await,
        }
    }

    /// All rows of a search whose text our own builder made; content is in `params` only.
    pub async fn search(&self, sql: String, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.check_faults()?;
        let endless = self.shared.faults.as_ref().and_then(Faults::endless_search);
        let (sql, params) = endless.map_or((sql, params), |endless| (endless, &[]));
        match &self.shared.engine {
            Running::Sqlite(sqlite) => sqlite.search(sql, params).await,
            Running::Postgres(postgres) => Box::pin(postgres.search(sql, params)).await,
        }
    }

    /// Writes one small row durably, as any request would: an error here means not ready.
    pub async fn health(&self) -> Result<(), Error> {
        const TOUCH: &str = "
            INSERT INTO leases (name, holder, expires_at) VALUES ('health', '', 0)
            ON CONFLICT (name) DO UPDATE SET expires_at = leases.expires_at + 1";
        self.check_faults()?;
        self.run_now(Write::new().also(TOUCH, []), Haste::Now).await.map(|_written| ())
    }

    /// Copies an embedded database to a new file while it is in use; the copy's length in bytes.
    /// PostgreSQL has its own tools.
    pub async fn back_up(&self, to: &Path) -> Result<u64, Error> {
        self.check_faults()?;
        match &self.shared.engine {
            Running::Sqlite(sqlite) => sqlite.back_up(to).await,
            Running::Postgres(_) => Err(Error::Engine(String::from(
                "the data is in PostgreSQL, whose own `pg_dump` copies it (docs/operate.md)",
            ))),
        }
    }

    /// Which engine answers.
    pub fn engine(&self) -> Engine {
        match &self.shared.engine {
            Running::Sqlite(_) => Engine::Sqlite,
            Running::Postgres(_) => Engine::Postgres,
        }
    }

    /// A number that grows when this process changes clients, keys or tenants: what was read
    /// before must then be read again.
    pub fn configuration_generation(&self) -> u64 {
        self.shared.configuration.load(Ordering::Acquire)
    }

    async fn run_now(&self, write: Write, haste: Haste) -> Result<Written, Error> {
        match (&self.shared.engine, haste) {
            (Running::Sqlite(sqlite), Haste::Now) => sqlite.run(write).await,
            (Running::Sqlite(sqlite), Haste::WithOthers) => sqlite.run_with_others(write).await,
            (Running::Postgres(postgres), Haste::Now | Haste::WithOthers) => {
                Box::pin(postgres.run(&write)).await
            }
        }
    }

    fn check_faults(&self) -> Result<(), Error> {
        self.shared.faults.as_ref().map_or(Ok(()), Faults::check)
    }
}
