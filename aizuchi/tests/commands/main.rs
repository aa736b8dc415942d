//! The commands as people and scripts use them: the binary itself, over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

mod administration;
mod ask;
mod backup;
mod common;
mod configuration;
mod demo;
mod dev;
mod doctor;
mod fapi;
mod help;
mod kill9;
mod migrate;
mod phone;
mod public;
mod push;
mod root_key;
mod serve;
mod tools;
mod verify;
