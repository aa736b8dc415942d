//! The C lines: CIBA Core in profile `ciba`, in the order of the requirements. A module is a
//! section of the standard, or a part of one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an answer of another shape fails the test that reads it"
)]

mod c10_ping;
mod c11_push;
mod c12_errors;
mod c12_limits;
mod c1_metadata;
mod c1_truth;
mod c1_walk;
mod c2_clients;
mod c3_transport;
mod c4_extras;
mod c4_messages;
mod c4_parameters;
mod c4_user_codes;
mod c5_signed;
mod c6_hint_tokens;
mod c6_hints;
mod c6_order;
mod c7_acknowledgement;
mod c8_numbers;
mod c8_person;
mod c9_events;
mod c9_token;
mod c9_waiting;
mod n1_push;
mod n2_loop;

use std::sync::Arc;

use serde_json::{Value, json};
use server::outside::Outbound;
use testkit::push_services::Scripted;
use testkit::{Answer, Client, Form, World};

/// A World whose clients are of profile `ciba`, where alice has a phone.
async fn world() -> World {
    let world = World::builder().profile("ciba").start().await;
    world.phone_of("alice").is_ready().await;
    world
}

/// The token of clients that are told outcomes.
const NOTIFICATION_TOKEN: &str = "8d67dc78-7faa-4d41-aabd-6770";
/// Where they are told.
const ENDPOINT: &str = "https://shop.example.com/cb?shop=1&a=%20";

/// A World whose clients are called through a script, with a client of this mode.
async fn notified(mode: &str, members: Value) -> (World, Arc<Scripted>) {
    let script = Arc::new(Scripted::new());
    let outbound: Arc<dyn Outbound> = Arc::<Scripted>::clone(&script);
    let world = World::builder().profile("ciba").outbound(outbound).start().await;
    let mut all = json!({
        "backchannel_token_delivery_mode": mode,
        "backchannel_client_notification_endpoint": ENDPOINT,
    });
    for (name, value) in members.as_object().unwrap() {
        all[name] = value.clone();
    }
    drop(world.registers("shop", all).await);
    (world, script)
}

/// A request of that client for a person; its `auth_req_id`.
async fn asks(world: &World, person: &str) -> String {
    asks_with(world, person, |form| form).await
}

async fn asks_with(world: &World, person: &str, change: impl FnOnce(Form) -> Form) -> String {
    let token = |form: Form| form.with("client_notification_token", NOTIFICATION_TOKEN);
    world.registered("shop").asks_with(person, |form| change(token(form))).await
}

/// The bodies of the calls that were made.
fn bodies(script: &Scripted) -> Vec<Value> {
    let calls = script.calls();
    calls.iter().map(|call| serde_json::from_slice(&call.body).unwrap()).collect()
}

/// Lets the worker work as long as the request lives, a second at a time.
async fn works(world: &World, seconds: i64) {
    for _ in 0..seconds {
        world.run_worker().await;
        world.advance_seconds(1);
    }
    world.run_worker().await;
}

/// The log's events of a type.
async fn logged(world: &World, kind: &str) -> Vec<Value> {
    let page = world.operator().gets(&format!("logs?q=type:{kind}")).await;
    assert_eq!(page.status, 200, "{}", page.text());
    page.json().as_array().unwrap().clone()
}

/// That the answer is the refusal `status error` with JSON that C78 allows.
#[track_caller]
fn assert_error(answer: &Answer, expected: &str) {
    assert_eq!(answer.summary(), expected, "{}", answer.text());
    assert!(answer.header("content-type").starts_with("application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    for name in body.as_object().unwrap().keys() {
        assert!(["error", "error_description", "error_uri"].contains(&name.as_str()), "{body}");
    }
    let is_allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
    for name in ["error", "error_description"] {
        let text = body.get(name).and_then(Value::as_str).unwrap();
        assert!(!text.is_empty() && text.chars().all(is_allowed), "{name}: {text:?}");
    }
}

/// That a start is refused like this and nobody's phone rings.
async fn is_refused(client: &Client<'_>, world: &World, form: Form, expected: &str) {
    let answer = client.starts(form).await;
    assert_error(&answer, expected);
    assert!(world.phone_of("alice").pushes().await.is_empty());
}
