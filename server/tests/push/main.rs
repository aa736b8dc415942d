//! O100 to O117, O440 to O446: calls to others, and pushes through Apple's and Google's services as the
//! stand-ins of `testkit` play them over TLS and HTTP/2.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an answer of another shape fails the test that reads it"
)]

mod apns;
mod fcm;
mod hanging;
mod ladder;
mod lines;
mod mail;
mod own;
mod record;
mod settings;
mod trouble;
mod try_out;
mod window;

use domain::Timestamp;
use serde_json::Value;
use server::outside::Clock;
use testkit::push_services::PushServices;
use testkit::{START, World};

fn at_start() -> Clock {
    Clock::hand(Timestamp::from_ms(START))
}

/// Both services, and a World whose server sends to them with accounts of its own.
async fn world_with_services() -> (World, PushServices) {
    let services = PushServices::start(at_start).await;
    let builder = World::builder().configured(|config| services.configure(config));
    let world = builder.with_push_services().start().await;
    (world, services)
}

/// Enrolls a person's phone for a service.
async fn enrolled(world: &World, person: &str, service: &str) -> String {
    let phone = world.phone_of(person);
    phone.enrolls_with(testkit::p256_key(), service).await;
    phone.push_token()
}

/// Asks the person; the push waits in memory.
async fn begins(world: &World, person: &str) {
    let client = world.client();
    assert_eq!(client.posts("bc-authorize", client.asking(person)).await.status, 200);
}

/// Asks the person and sends what is due; the `auth_req_id`.
async fn asked(world: &World, person: &str) -> String {
    let id = world.client().asks_for(person).await;
    world.run_worker().await;
    id
}

/// The details of all log entries of one type, newest first.
async fn logged(world: &World, kind: &str) -> Vec<Value> {
    let page = store::log_events::LogPage { offset: 0, limit: 100, newest_first: true };
    let app = world.app();
    let events = store::log_events::list(&app.database, world.tenant_id(), page).await.unwrap();
    let ours = events.into_iter().filter(|event| event.kind == kind);
    ours.map(|event| event.document["details"].clone()).collect()
}

/// Whether the person's first device can still be reached.
async fn is_reachable(world: &World, person: &str) -> bool {
    let (app, user) = (world.app(), world.user_id(person));
    let devices = store::enrollments::of_user(&app.database, world.tenant_id(), &user).await;
    devices.unwrap()[0].is_reachable()
}

fn advance(world: &World, services: &PushServices, seconds: i64) {
    world.advance_seconds(seconds);
    services.apns.clock.advance_ms(seconds * 1000);
    services.fcm.clock.advance_ms(seconds * 1000);
    services.web.clock.advance_ms(seconds * 1000);
}
