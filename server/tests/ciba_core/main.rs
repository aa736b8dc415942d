//! The C lines: CIBA Core in profile `ciba`, in the order of the requirements. A module is a
//! section of the standard, or a part of one.

#![expect(clippy::unwrap_used, reason = "an answer of another shape fails the test that reads it")]

mod c12_errors;
mod c1_metadata;
mod c3_transport;
mod c4_parameters;
mod c6_hint_tokens;
mod c6_hints;
mod c6_order;
mod c7_acknowledgement;
mod c8_person;
mod c9_token;
mod c9_waiting;

use testkit::{Answer, Client, Form, World};

/// A World whose clients are of profile `ciba`, where alice has a phone.
async fn world() -> World {
    let world = World::builder().profile("ciba").start().await;
    world.phone_of("alice").is_ready().await;
    world
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
        let text = body.get(name).and_then(serde_json::Value::as_str).unwrap();
        assert!(!text.is_empty() && text.chars().all(is_allowed), "{name}: {text:?}");
    }
}

/// That a start is refused like this and nobody's phone rings.
async fn is_refused(client: &Client<'_>, world: &World, form: Form, expected: &str) {
    let answer = client.starts(form).await;
    assert_error(&answer, expected);
    assert!(world.phone_of("alice").pushes().await.is_empty());
}
