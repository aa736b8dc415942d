//! Our own migrations: numbered SQL for each engine, a checksum of each, one node at a time.

use domain::{Fingerprint, Timestamp};
use rusqlite::Connection;

use crate::sqlite::{in_words, rewritten};
use crate::{Error, Row};

/// What a migration run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The names of the migrations that were missing, in order.
    pub applied: Vec<&'static str>,
    /// The number of the newest one.
    pub version: i64,
}

/// One file of `migrations/`, in both engines' words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_first_schema"),
    migration!(3, "0003_push_providers"),
    migration!(4, "0004_management"),
    migration!(5, "0005_acme"),
    migration!(6, "0006_operators"),
    migration!(8, "0008_notices"),
    migration!(9, "0009_hints"),
    migration!(10, "0010_bound_tokens"),
    migration!(11, "0011_registration"),
    migration!(12, "0012_content"),
    migration!(13, "0013_prompt_limits"),
    migration!(17, "0017_own_devices"),
    migration!(19, "0019_passkeys"),
    migration!(21, "0021_wake_ups"),
    migration!(22, "0022_prompt_waits"),
    migration!(23, "0023_client_sites"),
];

/// The runner's own table. `statements` counts what is done of a migration that was cut short.
pub(crate) const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version    BIGINT NOT NULL PRIMARY KEY,
        name       TEXT   NOT NULL,
        checksum   TEXT   NOT NULL,
        statements BIGINT NOT NULL,
        applied_at BIGINT
    )";

pub(crate) const APPLIED: &str = "
    SELECT version, name, checksum, statements, applied_at FROM schema_migrations
    ORDER BY version";

pub(crate) const BEGIN: &str = "
    INSERT INTO schema_migrations (version, name, checksum, statements, applied_at)
    VALUES ($1, $2, $3, 0, NULL)";

pub(crate) const FINISH: &str = "
    UPDATE schema_migrations SET statements = $2, applied_at = $3 WHERE version = $1";

/// A row of the runner's table.
#[derive(Clone, Debug)]
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) statements: i64,
    pub(crate) applied_at: Option<i64>,
}

/// A migration that is still to be run, from its first statement that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    pub(crate) checksum: String,
    pub(crate) has_begun: bool,
    pub(crate) done: usize,
    pub(crate) statements: Vec<&'static str>,
}

/// What is missing, or why this binary must leave the database alone.
pub(crate) fn pending(
    applied: &[Applied],
    words: fn(&Migration) -> &'static str,
) -> Result<Vec<Pending>, Error> {
    if let Some(newer) =
        applied.iter().find(|row| MIGRATIONS.iter().all(|known| known.version != row.version))
    {
        return Err(Error::Engine(format!(
            "its schema has migration {}, which this binary does not know: run the version of \
             aizuchi that made it, or a newer one",
            newer.name
        )));
    }
    let mut missing = Vec::new();
    for migration in MIGRATIONS {
        let text = words(migration);
        let (checksum, statements) = (checksum(text), statements(text));
        let row = applied.iter().find(|row| row.version == migration.version);
        if row.is_some_and(|row| row.checksum != checksum) {
            return Err(Error::Engine(format!(
                "migration {} was made by another build and differs from ours: run the version of \
                 aizuchi that made this database, or restore a backup and migrate that",
                migration.name
            )));
        }
        if row.is_none_or(|row| row.applied_at.is_none()) {
            missing.push(Pending {
                version: migration.version,
                name: migration.name,
                checksum,
                has_begun: row.is_some(),
                done: row.map_or(0, |row| usize::try_from(row.statements).unwrap_or(0)),
                statements,
            });
        }
    }
    Ok(missing)
}

/// A row of [`APPLIED`] as either engine reads it.
pub(crate) fn applied(row: &Row) -> Result<Applied, Error> {
    Ok(Applied {
        version: row.int(0)?,
        name: row.text(1)?.to_owned(),
        checksum: row.text(2)?.to_owned(),
        statements: row.int(3)?,
        applied_at: row.optional_int(4)?,
    })
}

pub(crate) fn migrated(missing: &[Pending]) -> Migrated {
    Migrated {
        applied: missing.iter().map(|migration| migration.name).collect(),
        version: MIGRATIONS.last().map_or(0, |migration| migration.version),
    }
}

/// SQLite: on the writer's connection and in its transaction, so all or nothing.
pub(crate) fn sqlite(connection: &Connection, now: Timestamp) -> Result<Migrated, Error> {
    run_sqlite(connection, now).map_err(in_words)?
}

fn run_sqlite(
    connection: &Connection,
    now: Timestamp,
) -> rusqlite::Result<Result<Migrated, Error>> {
    connection.execute_batch(TABLE)?;
    let applied = connection
        .prepare(APPLIED)?
        .query_map((), |row| {
            Ok(Applied {
                version: row.get(0)?,
                name: row.get(1)?,
                checksum: row.get(2)?,
                statements: row.get(3)?,
                applied_at: row.get(4)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let missing = match pending(&applied, |migration| migration.sqlite) {
        Ok(missing) => missing,
        Err(error) => return Ok(Err(error)),
    };
    for migration in &missing {
        connection
            .execute(&rewritten(BEGIN), (migration.version, migration.name, &migration.checksum))?;
        for statement in &migration.statements {
            connection.execute_batch(statement)?;
        }
        let statements = i64::try_from(migration.statements.len()).unwrap_or(i64::MAX);
        connection.execute(&rewritten(FINISH), (migration.version, statements, now.ms()))?;
    }
    connection.execute_batch(include_str!("sqlite/planner.sql"))?;
    Ok(Ok(migrated(&missing)))
}

fn checksum(text: &str) -> String {
    let digest = Fingerprint::of(text.as_bytes());
    let nibbles = digest.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

/// The statements of a file: each ends with the line that ends in `;`.
fn statements(text: &'static str) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (statement, after) = rest.split_once(";\n").unwrap_or((rest, ""));
        found.push(statement.trim().trim_end_matches(';'));
        rest = after.trim_start();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Applied, Error, MIGRATIONS, checksum, pending, statements};

    #[test]
    fn statements_end_with_their_line() {
        let text = "-- one; two\nCREATE TABLE a (\n    b TEXT\n);\nCREATE INDEX c ON a (b);\n";
        assert_eq!(
            statements(text),
            ["-- one; two\nCREATE TABLE a (\n    b TEXT\n)", "CREATE INDEX c ON a (b)"]
        );
    }

    #[test]
    fn both_engines_have_as_many_statements() {
        for migration in MIGRATIONS {
            assert_eq!(
                statements(migration.sqlite).len(),
                statements(migration.postgres).len(),
                "{}",
                migration.name
            );
        }
    }

    fn applied(version: i64, checksum: String) -> Applied {
        let name = format!("{version:04}_of_tomorrow");
        Applied { version, name, checksum, statements: 1, applied_at: Some(1) }
    }

    #[test]
    fn a_schema_of_tomorrow_is_refused_with_what_to_do() {
        let refused = pending(&[applied(9_999, String::new())], |migration| migration.sqlite);
        let Err(Error::Engine(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("9999_of_tomorrow") && why.contains("or a newer one"), "{why}");
    }

    #[test]
    fn an_altered_migration_is_refused_with_what_to_do() {
        let refused = pending(&[applied(1, String::from("00"))], |migration| migration.sqlite);
        let Err(Error::Engine(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("differs from ours"), "{why}");
    }

    #[test]
    fn a_migration_that_was_cut_short_goes_on_where_it_stopped() {
        let mut row = applied(1, checksum(MIGRATIONS[0].postgres));
        (row.applied_at, row.statements) = (None, 3);
        let missing = pending(&[row], |migration| migration.postgres).unwrap();
        assert_eq!((missing[0].done, missing[0].has_begun), (3, true));
    }
}
