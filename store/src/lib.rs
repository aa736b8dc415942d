//! SQL, and nothing else: one file per table, the migrations, and the two engines below them.
//!
//! Callers see functions that build a [`Write`] or run a read on a [`Database`]; no SQL leaves
//! this crate and no HTTP, configuration or clock comes in. Statements are one text for SQLite and
//! PostgreSQL (architecture 4).

mod database;
mod error;
mod faults;
mod migrate;
mod options;
mod postgres;
mod row;
mod sqlite;
mod value;
mod write;

pub use database::{Database, Engine};
pub use error::Error;
pub use faults::Faults;
pub use migrate::Migrated;
pub use options::{DatabaseOptions, InvalidUrl};
pub use row::Row;
pub use value::{Kind, Value};
pub use write::{Write, Written};
