//! The G lines: the phone's side of the Guardian SDKs, in the order of the requirements. A module
//! is a section.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an answer of another shape fails the test that reads it"
)]

mod a1_paths;
mod a2_tickets;
mod a3_enroll;
mod a4_accounts;
mod a5_pushes;
mod a6_resolve;
mod a7_consents;
mod a8_browser;
mod b6_bases;
mod golden;
mod virtual_phones;

use std::sync::Arc;

use domain::jose::SigningKey;
use http::Method;
use serde_json::{Value, json};
use store::log_events::{self, LogPage};
use testkit::{Answer, World, p256_key};

const ENROLL: &str = "appliance-mfa/api/enroll";
const RESOLVE: &str = "appliance-mfa/api/resolve-transaction";
const START_FLOW: &str = "appliance-mfa/api/start-flow";

/// That `answer` is X(status, code): the envelope, with strings where the SDKs want strings.
#[track_caller]
fn assert_x(answer: &Answer, status: u16, code: &str) {
    let body = answer.json();
    let got = (answer.status, body["errorCode"].as_str().unwrap_or_default());
    assert_eq!(got, (status, code), "{body}");
    assert_eq!(body["statusCode"], status);
    assert!(answer.header("content-type").starts_with("application/json"));
    let message = body["message"].as_str().unwrap();
    assert!(!message.is_empty() && body["description"] == message);
    let phrase = http::StatusCode::from_u16(status).unwrap().canonical_reason().unwrap();
    assert_eq!(body["error"], phrase);
    assert_eq!(body.as_object().unwrap().len(), 5);
}

/// A fresh web ticket for a person.
async fn ticket_for(world: &World, person: &str, several: bool) -> String {
    let user = world.user_id(person);
    let body = json!({ "user_id": user.as_str(), "allow_multiple_enrollments": several });
    let answer = world.operator().posts("guardian/enrollments/ticket", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.member("ticket_id")
}

fn ticket_header(ticket: &str) -> String {
    format!("Ticket id=\"{ticket}\"")
}

async fn start_flow(world: &World, ticket: &str) -> Answer {
    let authorization = ticket_header(ticket);
    let headers = [("authorization", authorization.as_str())];
    world.post_json(START_FLOW, &json!({ "state_transport": "polling" }), &headers).await
}

/// A fresh `{tx}` for a person.
async fn code_for(world: &World, person: &str, several: bool) -> String {
    let ticket = ticket_for(world, person, several).await;
    let answer = start_flow(world, &ticket).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.member("enrollment_tx_id")
}

/// A public key as devices send it: with `alg` and `use`.
fn jwk_of(key: &SigningKey) -> Value {
    key.public().to_jwk(None, Some(key.public().key_type().default_algorithm()))
}

/// A good body of an enrollment.
fn enroll_body(key: &Arc<SigningKey>) -> Value {
    json!({
        "identifier": "a1b2c3d4e5f60718",
        "name": "Pixel",
        "push_credentials": { "service": "GCM", "token": "fcm-token" },
        "public_key": jwk_of(key),
    })
}

async fn enroll(world: &World, tx: &str, body: &Value) -> Answer {
    let authorization = ticket_header(tx);
    world.post_json(ENROLL, body, &[("authorization", authorization.as_str())]).await
}

/// A person's device, enrolled with a fresh P-256 key; the answer.
async fn enrolled(world: &World, person: &str) -> (Arc<SigningKey>, Value) {
    let key = p256_key();
    let tx = code_for(world, person, false).await;
    let answer = enroll(world, &tx, &enroll_body(&key)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    (key, answer.json())
}

/// Any method with a bearer.
async fn call(
    world: &World,
    method: Method,
    path: &str,
    bearer: &str,
    body: Option<&Value>,
) -> Answer {
    let authorization = format!("Bearer {bearer}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let body = body.map(ToString::to_string).unwrap_or_default();
    world.request(method, path, &headers, body).await
}

/// A JWT signed with the key's own algorithm.
fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let algorithm = key.public().key_type().default_algorithm();
    key.sign_compact(algorithm, &header.to_string(), &claims.to_string()).unwrap()
}

/// The entries of a type in the log, newest first.
async fn logged(world: &World, kind: &str) -> Vec<Value> {
    let app = world.app();
    let page = LogPage { offset: 0, limit: 100, newest_first: true };
    let events = log_events::list(&app.database, world.tenant_id(), page).await.unwrap();
    let of_kind = events.into_iter().filter(|event| event.kind == kind);
    of_kind.map(|event| event.document["details"].clone()).collect()
}

/// The devices of a person as the Management API lists them.
async fn devices_of(world: &World, person: &str) -> Vec<Value> {
    let path = format!("users/{}/enrollments", testkit::encoded(world.user_id(person).as_str()));
    let answer = world.operator().gets(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().unwrap().clone()
}

/// The claims with one member changed.
fn with(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

/// The claims without one member.
fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}
