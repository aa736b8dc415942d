//! Where a World keeps its data: a folder in memory, or a PostgreSQL schema.
//!
//! Making the tables of a schema costs more than most tests. So schemas are kept and emptied: each
//! World takes one that no other has, and gives it back when it is dropped.

use std::path::Path;

use domain::Fingerprint;
use store::DatabaseOptions;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// The first key of the advisory locks that Worlds hold on their schemas.
const LOCKS: i32 = 20_261_123;
/// The table that survives: which migrations were run.
const KEPT_TABLE: &str = "schema_migrations";

/// A database nobody else uses.
pub(crate) enum Place {
    /// Gone when dropped.
    Folder(TempDir),
    /// Given back when the connection that locks it closes.
    Schema { url: String, name: String, _lock: Client },
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Folder(_) => "Folder",
            Self::Schema { name, .. } => name,
        })
    }
}

impl Place {
    /// Where the environment says: `TEST_POSTGRES_URL`, else a folder.
    #[expect(clippy::disallowed_methods, reason = "which engine to test is the environment's say")]
    pub(crate) async fn new() -> Self {
        match std::env::var("TEST_POSTGRES_URL") {
            Ok(url) if !url.is_empty() => Self::schema(url).await,
            Ok(_) | Err(_) => Self::folder(),
        }
    }

    /// A folder, in memory where the system has one there.
    pub(crate) fn folder() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self::Folder(folder.unwrap())
    }

    async fn schema(url: String) -> Self {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let shape = shape_of_the_tables();
        for slot in 0_i32.. {
            let lock = "select pg_try_advisory_lock($1, $2)";
            if client.query_one(lock, &[&LOCKS, &slot]).await.unwrap().get::<_, bool>(0) {
                let name = format!("world_{shape}_{slot}");
                empty(&client, &name).await;
                return Self::Schema { url, name, _lock: client };
            }
        }
        panic!("no schema is free");
    }

    pub(crate) fn options(&self) -> DatabaseOptions {
        match self {
            Self::Folder(folder) => DatabaseOptions::sqlite(folder.path().join("aizuchi.db")),
            Self::Schema { url, name, .. } => {
                DatabaseOptions::parse(url).unwrap().with_schema(name).unwrap()
            }
        }
    }

    pub(crate) const fn is_shareable(&self) -> bool {
        matches!(self, Self::Schema { .. })
    }
}

/// Deletes every row that the World before left.
async fn empty(client: &Client, schema: &str) {
    let tables = "select tablename::text from pg_tables where schemaname = $1";
    let tables = client.query(tables, &[&schema]).await.unwrap();
    let tables = tables.iter().map(|row| row.get::<_, String>(0));
    let deletions = tables
        .filter(|table| table != KEPT_TABLE)
        .fold(String::new(), |all, table| format!("{all}delete from {schema}.{table};"));
    client.batch_execute(&deletions).await.unwrap();
}

/// Eight digits that are others when a migration was edited.
fn shape_of_the_tables() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../store/migrations/postgres");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let text: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).unwrap()).collect();
    let hash = Fingerprint::of(&text);
    hash.as_bytes().iter().take(4).fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}
