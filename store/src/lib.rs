//! SQL, and nothing else: one file per table, the migrations, and the two engines below them.
//!
//! Callers see functions that build a [`Write`] or run a read on a [`Database`]; no SQL leaves
//! this crate and no HTTP, configuration or clock comes in. Statements are one text for SQLite and
//! PostgreSQL (architecture 4).

pub mod access_tokens;
pub mod acme;
mod asked;
pub mod client_credentials;
pub mod client_grants;
pub mod client_sites;
pub mod clients;
pub mod contents;
pub mod custom_domains;
mod database;
pub mod enrollments;
mod error;
mod faults;
pub mod idempotency_keys;
pub mod inbox;
pub mod issuer_keys;
pub mod leases;
pub mod log_events;
pub mod log_search;
pub mod logos;
pub mod mails;
mod migrate;
pub mod notices;
pub mod operator_passkeys;
pub mod operator_sessions;
pub mod operators;
mod options;
pub mod passkeys;
pub mod polls;
mod postgres;
pub mod prompt_limits;
pub mod prompt_waits;
pub mod push_providers;
pub mod receipts;
pub mod refresh_tokens;
pub mod refusals;
pub mod registrations;
pub mod replays;
pub mod resource_servers;
mod row;
pub mod sealed;
pub mod signing_keys;
mod sqlite;
pub mod sweep;
pub mod tenants;
pub mod tickets;
pub mod transactions;
pub mod user_codes;
pub mod user_limits;
pub mod users;
pub mod users_search;
mod value;
mod write;

pub use database::{Database, Engine, Haste};
pub use error::Error;
pub use faults::{Faults, Guard};
pub use migrate::Migrated;
pub use options::{DatabaseOptions, InvalidUrl};
pub use row::Row;
pub use sqlite::{Restoration, backup};
pub use value::{Kind, Value};
pub use write::{Write, Written};

/// The number that a `count(*)` gives.
pub(crate) fn counted(row: Option<&Row>) -> Result<u64, Error> {
    let count = row.map_or(Ok(0), |row| row.int(0))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// Days and the numbers of what happened on them.
pub(crate) fn daily(rows: &[Row]) -> Result<Vec<(i64, u64)>, Error> {
    let day = |row: &Row| Ok((row.int(0)?, u64::try_from(row.int(1)?).unwrap_or_default()));
    rows.iter().map(day).collect()
}
