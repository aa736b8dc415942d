//! A database for each test: a SQLite file, or a PostgreSQL schema where the gate names a server.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::Timestamp;
use store::{Database, DatabaseOptions, Engine, Value, Write};
use tempfile::TempDir;

pub(crate) const NOW: Timestamp = Timestamp::from_ms(1_795_409_778_000);

/// Where one test's database is; gone when dropped.
pub(crate) struct Place {
    pub(crate) options: DatabaseOptions,
    pub(crate) folder: TempDir,
    schema: Option<(String, String)>,
}

/// The server of the gate's second pass.
#[expect(clippy::disallowed_methods, reason = "the one variable that chooses the engine")]
pub(crate) fn postgres_url() -> Option<String> {
    std::env::var("TEST_POSTGRES_URL").ok()
}

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = tempfile::tempdir().unwrap();
        let Some(url) = postgres_url() else { return Self::sqlite() };
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let schema = format!("store_{}_{number}", std::process::id());
        let options = DatabaseOptions::parse(&url).unwrap().with_schema(&schema).unwrap();
        Self { options, folder, schema: Some((url, schema)) }
    }

    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = DatabaseOptions::sqlite(folder.path().join("a.db"));
        Self { options, folder, schema: None }
    }

    pub(crate) async fn open(&self) -> Database {
        let database = Database::open(&self.options).await.unwrap();
        database.migrate(NOW).await.unwrap();
        database
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((url, schema)) = self.schema.take() else { return };
        let dropped = std::thread::spawn(move || {
            execute(&url, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE"));
        });
        dropped.join().unwrap();
    }
}

/// Runs SQL on a connection of its own, outside any runtime.
fn execute(url: &str, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
        drop(client);
        connection.await.unwrap().unwrap();
    });
}

/// Inserts a lease, which may be there only once.
pub(crate) fn insert(name: &str, number: i64) -> Write {
    const INSERT: &str = "INSERT INTO leases (name, holder, expires_at) VALUES ($1, '', $2)";
    Write::new().exactly(1, INSERT, [name.into(), number.into()])
}

/// The number of a lease.
pub(crate) async fn number(database: &Database, name: &str) -> Option<i64> {
    const READ: &str = "SELECT expires_at FROM leases WHERE name = $1";
    let row = database.one(READ, &[Value::from(name)]).await.unwrap();
    row.map(|row| row.int(0).unwrap())
}

pub(crate) fn is_postgres(database: &Database) -> bool {
    database.engine() == Engine::Postgres
}
