//! Where a World keeps its data: a folder in memory, or a PostgreSQL schema. Gone when dropped.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use store::DatabaseOptions;
use tempfile::TempDir;

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// A database nobody else uses.
#[derive(Debug)]
pub(crate) enum Place {
    Folder(TempDir),
    Schema { url: String, name: String },
}

impl Place {
    /// Where the environment says: `TEST_POSTGRES_URL`, else a folder.
    #[expect(clippy::disallowed_methods, reason = "which engine to test is the environment's say")]
    pub(crate) fn new() -> Self {
        match std::env::var("TEST_POSTGRES_URL") {
            Ok(url) if !url.is_empty() => {
                let number = SCHEMAS.fetch_add(1, Ordering::Relaxed);
                let mut random = [0; 6];
                aws_lc_rs::rand::fill(&mut random).unwrap();
                let random =
                    random.iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
                Self::Schema { url, name: format!("world_{random}_{number}") }
            }
            _ => Self::folder(),
        }
    }

    /// A folder, in memory where the system has one there.
    pub(crate) fn folder() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self::Folder(folder.unwrap())
    }

    pub(crate) fn options(&self) -> DatabaseOptions {
        match self {
            Self::Folder(folder) => DatabaseOptions::sqlite(folder.path().join("aizuchi.db")),
            Self::Schema { url, name } => {
                DatabaseOptions::parse(url).unwrap().with_schema(name).unwrap()
            }
        }
    }

    pub(crate) const fn is_shareable(&self) -> bool {
        matches!(self, Self::Schema { .. })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self::Schema { url, name } = self else { return };
        let (url, name) = (url.clone(), name.clone());
        // A runtime of its own: this may run inside the test's.
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (client, connection) =
                    tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
                let connection = tokio::spawn(connection);
                client
                    .batch_execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE"))
                    .await
                    .unwrap();
                drop(client);
                connection.await.unwrap().unwrap();
            });
        });
        let dropped = dropping.join();
        assert!(
            dropped.is_ok() || std::thread::panicking(),
            "the schema {name} is left over",
            name = "of this test"
        );
    }
}
