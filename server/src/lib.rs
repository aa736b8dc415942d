//! The server: configuration, the windows to the outside, flows, and the faces that HTTP shows.

pub mod admin;
mod app;
mod cache;
pub mod config;
pub mod denied;
pub mod dev;
pub mod failure;
pub mod flows;
mod fresh;
pub mod http;
mod keyring;
mod known;
pub mod listen;
mod meta;
mod metrics;
mod open;
pub mod outside;
mod polls;
pub mod push;
mod secrets;
mod seen;
mod start;
pub mod tenancy;
mod traces;
pub mod worker;

pub use app::{App, OUTGOING_PUSHES, Parts};
pub use keyring::{KEY_TYPES, Keyring};
pub use known::{KnownApi, KnownClient};
pub use meta::Meta;
pub use open::{Glance, OpenTransaction, OpenTransactions};
pub use secrets::Secrets;
pub use seen::SeenAssertions;
pub use start::{Addresses, Mode, Running, StartError, database_options, open, start};
