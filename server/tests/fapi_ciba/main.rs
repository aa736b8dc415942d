//! The F lines: profile `fapi-ciba`, in the order of the requirements, and what of the T lines
//! needs nothing but signed requests. A module is a section.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an answer of another shape fails the test that reads it"
)]

mod f1_id1;
mod f1_walk;
mod f3_part_2;
mod f3_resource;
mod f5_fapi_2;
mod f6_hints;
mod fixture;
mod t1_request_objects;
mod t2_flows;
mod t3_clients;
mod t4_pings;
mod tls;

use std::sync::Arc;

use domain::jose::SigningKey;
use serde_json::{Value, json};
use testkit::{Answer, Client, Form, Proof, World, p256_key};

/// The member that says how a client signs its requests.
const ALG: &str = "backchannel_authentication_request_signing_alg";

/// A World whose clients are of profile `fapi-ciba`, where alice has a phone.
async fn world() -> World {
    let world = World::builder().profile("fapi-ciba").start().await;
    world.phone_of("alice").is_ready().await;
    world
}

/// Nobody proves itself by a secret, or not at all (F2, F26).
async fn refuses_secrets(world: &World) {
    let by_secret = world.client();
    let basic = by_secret.proving(Proof::Basic(by_secret.secret().to_owned()));
    let public = world.registers("Public", json!({"token_endpoint_auth_method": "none"})).await;
    for client in [&by_secret, &basic, &public] {
        let answer = client.starts(client.asking("alice")).await;
        assert_eq!(answer.summary(), "401 invalid_client", "{}", answer.text());
        assert_eq!(client.polls("unknown").await, "401 invalid_client");
    }
}

/// A client of the profile, with the key it signs everything with.
#[derive(Clone, Debug)]
struct Signer<'w> {
    client: Client<'w>,
    key: Arc<SigningKey>,
}

impl<'w> Signer<'w> {
    async fn new(world: &'w World, name: &str) -> Self {
        Self::with(world, name, json!({})).await
    }

    async fn with(world: &'w World, name: &str, mut members: Value) -> Self {
        let key = p256_key();
        members[ALG] = "ES256".into();
        let client = world.registers_with_key(name, Arc::clone(&key), members).await;
        Self { client: client.bound_to(&key), key }
    }

    /// The claims of a good request for alice.
    fn claims(&self) -> Value {
        self.client.request_claims(&self.client.asking("alice"))
    }

    /// Those claims with one changed, `null` taking it away.
    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value;
        }
        claims
    }

    async fn starts(&self, claims: &Value) -> Answer {
        self.sends(Client::assertion(&self.key, claims, None)).await
    }

    async fn sends(&self, jwt: impl Into<String>) -> Answer {
        self.client.starts(Form::new().with("request", jwt)).await
    }
}

/// That a start is refused as `invalid_request` with clean texts, and nobody's phone rings.
async fn is_invalid(world: &World, answer: Answer) {
    assert_eq!(answer.summary(), "400 invalid_request", "{}", answer.text());
    let is_allowed = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
    let text = answer.member("error_description");
    assert!(!text.is_empty() && text.chars().all(is_allowed), "{text:?}");
    assert!(world.phone_of("alice").pushes().await.is_empty());
}
