//! The store's tests: every statement on both engines.
//!
//! SQLite always; with `TEST_POSTGRES_URL` the same tests run on PostgreSQL.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod acme;
mod backup;
mod client_sites;
mod common;
mod configuration;
mod custom_domains;
mod engines;
mod limits;
mod log_events;
mod mails;
mod migrations;
mod notices;
mod operators;
mod own_devices;
mod passkeys;
mod people;
mod polls;
mod postgres;
mod postgres_tls;
mod prompts;
mod races;
mod registrations;
mod rows;
mod search;
mod sqlite;
mod sweep;
mod tickets;
mod tokens;
mod transactions;
