//! House rules as tests: what no compiler and no lint checks. A failure names file and line.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what cannot be read fails the test that reads it"
)]

#[path = "tidy/configuration.rs"]
mod configuration;
#[path = "tidy/conformance.rs"]
mod conformance;
#[path = "tidy/coverage.rs"]
mod coverage;
#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/errors.rs"]
mod errors;
#[path = "tidy/manifests.rs"]
mod manifests;
#[path = "tidy/migrations.rs"]
mod migrations;
#[path = "tidy/repository/mod.rs"]
mod repository;
#[path = "tidy/sayings.rs"]
mod sayings;
#[path = "tidy/sources.rs"]
mod sources;
