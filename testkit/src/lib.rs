//! A whole server in a test: [`World`] has a database of its own, a clock moved by hand, seeded
//! randomness and a tray instead of push services; clients, phones and operators are types that
//! use public doors only.
//!
//! For `tests/` folders only. Each World keeps its data in a temporary folder, or, when
//! `TEST_POSTGRES_URL` is set, in a PostgreSQL schema of its own; both vanish with it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what does not work here fails the test that uses it"
)]

mod answer;
mod authenticator;
mod browser;
mod client;
mod events;
mod form;
mod keys;
mod operator;
mod phone;
mod place;
pub mod push_services;
mod seed;
pub mod smtp;
mod tokens;
pub mod vectors;
mod world;

pub use answer::{Answer, assert_refused};
pub use authenticator::Authenticator;
pub use browser::{Browser, unescaped};
pub use client::{Client, Proof, dpop_proof};
pub use events::Events;
pub use form::{Form, encoded};
pub use keys::{client_key, device_key, p256_key, tenant_keys};
pub use operator::Operator;
pub use phone::{Phone, Push};
pub use tokens::Token;
pub use world::{Boxed, Builder, ROOT_KEY, START, World};
