//! Opening the file, our values in SQLite's types, and SQLite's errors in our words.

use std::path::PathBuf;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::{Error, Kind, Row, Value};

/// More than there are statements in this crate, so that none is parsed twice.
const STATEMENT_CACHE: usize = 512;

/// Where the file is, and how long to wait for a lock of another process on it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) busy_ms: u64,
}

/// The writer's settings: a commit is on the disk when it is confirmed, and the log is folded
/// into the file every 64 MiB.
const WRITER: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA wal_autocheckpoint = 16000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -8192;";

/// The readers': the system's file cache does most of it.
const READER: &str = "
    PRAGMA query_only = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cache_size = -1024;";

/// The copier's: it reads the file and writes another one.
const COPIER: &str = "PRAGMA trusted_schema = OFF;";

impl Place {
    pub(super) fn open_writer(&self) -> Result<Connection, Error> {
        self.create().map_err(|error| {
            Error::Unavailable(format!("cannot open {}: {error}", self.path.display()))
        })?;
        self.open(WRITER)
    }

    pub(super) fn open_reader(&self) -> Result<Connection, Error> {
        self.open(READER)
    }

    pub(super) fn open_copier(&self) -> Result<Connection, Error> {
        self.open(COPIER)
    }

    fn open(&self, settings: &str) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(in_words)?;
        connection.busy_timeout(Duration::from_millis(self.busy_ms)).map_err(in_words)?;
        connection.execute_batch(settings).map_err(in_words)?;
        // A plan is made once, and not again for every value that is bound.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(in_words)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        Ok(connection)
    }

    /// The file holds sealed secrets and people's data: readable by its owner only. SQLite gives
    /// its log the same mode.
    fn create(&self) -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path)?;
        #[cfg(unix)]
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        drop(file);
        Ok(())
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null(_) => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

pub(super) fn bind(
    statement: &mut rusqlite::Statement<'_>,
    params: &[Value],
) -> rusqlite::Result<()> {
    (1..)
        .zip(params)
        .try_for_each(|(place, param): (usize, _)| statement.raw_bind_parameter(place, param))
}

pub(super) fn our_row(row: &rusqlite::Row<'_>) -> Result<Row, Error> {
    let columns = row.as_ref().column_count();
    let value = |column| match row.get_ref(column).map_err(in_words)? {
        ValueRef::Null => Ok(Value::Null(Kind::Text)),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Real(_) => Err(Error::Engine(format!("column {column} is a fraction"))),
        ValueRef::Text(text) => String::from_utf8(text.to_vec())
            .map(Value::Text)
            .map_err(|_invalid| Error::Engine(format!("column {column} is not UTF-8"))),
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_vec())),
    };
    (0..columns).map(value).collect::<Result<_, _>>().map(Row::new)
}

/// Whether the error is a unique value that is taken.
pub(super) fn is_conflict(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ffi::SQLITE_CONSTRAINT_ROWID]
        .iter()
        .any(|conflict| code == Some(*conflict))
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(crate) fn in_words(error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => Error::Unavailable(error.to_string()),
        _ => Error::Engine(error.to_string()),
    }
}
