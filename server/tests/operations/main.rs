//! The O lines that a server keeps by itself: development tools, tenants, health, work, logs.
//! The lines of the commands are proven where the commands are.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an answer of another shape fails the test that reads it"
)]

mod database;
mod dev_tools;
mod health;
mod input;
mod lines;
mod listener;
mod metrics;
mod overtaken;
mod root_key;
mod tenants;
mod work;

use http::{Method, Request};
use testkit::{Answer, World};

async fn post(world: &World, path: &str) -> Answer {
    world.request(Method::POST, path, &[], "").await
}

async fn ops(world: &World, path: &str) -> Answer {
    world.send_to_ops(Request::get(path).body(axum::body::Body::empty()).unwrap()).await
}
