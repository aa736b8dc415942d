//! The R lines: standards around CIBA, in the order of the requirements.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an answer of another shape fails the test that reads it"
)]

mod r14_resources;
mod r16_key_sets;
mod r16_registration;
mod r19_step_up;
mod r2_dpop;
mod r3_rar;
mod r4_tokens;
mod r7_introspection;

use serde_json::Value;
use testkit::{Client, Form, World};

const PAYMENTS: &str = "https://api.example.com/payments";

/// A World whose clients are of profile `ciba`, where alice has a phone.
async fn world() -> World {
    let world = World::builder().profile("ciba").start().await;
    world.phone_of("alice").is_ready().await;
    world
}

/// A request for an API, with a refresh token.
fn for_payments(form: Form) -> Form {
    form.with("audience", PAYMENTS).with("scope", "openid read:balance offline_access")
}

/// The member of an answer that is a text.
#[track_caller]
fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap().to_owned()
}

/// What introspection tells `client` of a token.
async fn introspected(client: &Client<'_>, token: &str) -> Value {
    let answer = client.posts("oauth/introspect", Form::new().with("token", token)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}
