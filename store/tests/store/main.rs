//! The store's tests: every statement on both engines.
//!
//! SQLite always; with `TEST_POSTGRES_URL` the same tests run on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
mod configuration;
mod engines;
mod migrations;
mod people;
mod races;
mod search;
mod sqlite;
mod tokens;
