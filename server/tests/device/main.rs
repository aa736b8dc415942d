//! The D lines: devices of our own dialect, in the order of the requirements. A module is a section.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "an answer of another shape fails the test that reads it"
)]

mod a2_numbers;
mod a4_places;
mod d11_appearance;
mod d13_decisions;
mod d14_demands;
mod d14_passkeys;
mod d15_errors;
mod d17_numbers;
mod d18_receipts;
mod d19_fetching;
mod d1_enrollment;
mod d3_page;
mod d5_account;
mod d5_mine;
mod d7_proofs;
mod d8_inbox;
mod web;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use device_protocol::aizuchi::decision::{self, Answer as Said, Decision};
use device_protocol::aizuchi::proof::{self, Proof};
use device_protocol::aizuchi::{content, enroll};
use domain::jose::{KeyType, PublicKey, SigningKey, Unverified};
use http::Method;
use serde_json::{Value, json};
use store::log_events::{self, LogPage};
use testkit::{Answer, Events, World, p256_key};

const ENROLLMENTS: &str = "device/v1/enrollments";

/// That `answer` is a refusal of our dialect, and nothing but code and message.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    let body = answer.json();
    let got = (answer.status, body["code"].as_str().unwrap_or_default());
    assert_eq!(got, (status, code), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 2);
    assert!(!body["message"].as_str().unwrap().is_empty());
    assert_eq!(answer.header("cache-control"), "no-store");
}

fn ed25519_key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(KeyType::Ed25519).unwrap())
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let algorithm = key.public().key_type().default_algorithm();
    key.sign_compact(algorithm, &header.to_string(), &claims.to_string()).unwrap()
}

fn algorithm(key: &SigningKey) -> &'static str {
    key.public().key_type().default_algorithm().name()
}

fn jwk_of(key: &SigningKey) -> Value {
    serde_json::from_str(key.public().canonical_json()).unwrap()
}

/// A fresh web ticket for a person, by an administrator.
async fn web_ticket(world: &World, person: &str, more: Value) -> String {
    let mut body = json!({ "user_id": world.user_id(person).as_str() });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = world.operator().posts("guardian/enrollments/ticket", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.member("ticket_id")
}

/// The short ticket that the page of a web ticket makes.
async fn short_ticket(world: &World, web: &str) -> String {
    let authorization = format!("Ticket id=\"{web}\"");
    let headers = [("authorization", authorization.as_str())];
    let path = "appliance-mfa/api/start-flow";
    let answer = world.post_json(path, &json!({ "state_transport": "polling" }), &headers).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.member("enrollment_tx_id")
}

async fn ticket_for(world: &World, person: &str) -> String {
    let more = json!({ "allow_multiple_enrollments": true });
    short_ticket(world, &web_ticket(world, person, more).await).await
}

/// A good body of an enrollment.
fn enroll_body(world: &World, ticket: &str, key: &SigningKey) -> Value {
    let claims = enroll::ticket_claims(ticket, &world.issuer(), world.now().seconds());
    json!({
        "ticket": ticket,
        "name": "Alice's own",
        "key": jwk_of(key),
        "channel": { "kind": "none" },
        "locale": "en",
        "proof": signed(key, &enroll::header(algorithm(key)), &claims),
    })
}

async fn enrolls(world: &World, body: &Value) -> Answer {
    world.post_json(ENROLLMENTS, body, &[]).await
}

/// A device of our own dialect.
struct Device<'w> {
    world: &'w World,
    id: String,
    user: String,
    key: Arc<SigningKey>,
    server_key: PublicKey,
    next_jti: AtomicU32,
}

impl<'w> Device<'w> {
    /// Enrolls with a fresh key.
    async fn of(world: &'w World, person: &str) -> Self {
        let ticket = ticket_for(world, person).await;
        Self::by(world, &ticket, p256_key()).await
    }

    async fn by(world: &'w World, ticket: &str, key: Arc<SigningKey>) -> Self {
        let answer = enrolls(world, &enroll_body(world, ticket, &key)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Self::from(world, &answer, key)
    }

    /// The device of an answer to its enrollment.
    fn from(world: &'w World, answer: &Answer, key: Arc<SigningKey>) -> Self {
        Self {
            world,
            id: answer.member("device"),
            user: answer.member("user"),
            key,
            server_key: PublicKey::from_jwk(&answer.json()["server_key"]).unwrap(),
            next_jti: AtomicU32::new(0),
        }
    }

    fn jti(&self) -> String {
        format!("{}-{}", self.id, self.next_jti.fetch_add(1, Ordering::Relaxed))
    }

    /// The claims of a proof for a call.
    fn proof_claims(&self, method: &str, path: &str, body: &str) -> Value {
        let path = path.split('?').next().unwrap();
        let (url, jti) = (self.world.url(path), self.jti());
        let issued_at = self.world.now().seconds();
        Proof { method, url: &url, jti: &jti, issued_at, body: body.as_bytes() }.claims()
    }

    fn proof_of(&self, claims: &Value) -> String {
        signed(&self.key, &proof::header(algorithm(&self.key), &self.id), claims)
    }

    /// A call with a proof of its own.
    async fn calls(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let claims = self.proof_claims(method.as_str(), path, &body);
        self.calls_with(method, path, (&body, &self.proof_of(&claims))).await
    }

    async fn calls_with(&self, method: Method, path: &str, sent: (&str, &str)) -> Answer {
        let (body, proof) = sent;
        let headers = [("device-proof", proof)];
        self.world.request(method, path, &headers, body.to_owned()).await
    }

    async fn gets(&self, path: &str) -> Answer {
        self.calls(Method::GET, path, None).await
    }

    /// The stream of events.
    async fn listens(&self) -> Events {
        let path = "device/v1/events";
        let proof = self.proof_of(&self.proof_claims("GET", path, ""));
        let events = self.world.listens(path, &[("device-proof", &proof)]).await;
        assert_eq!(events.status, 200);
        assert_eq!(events.headers["content-type"], "text/event-stream");
        events
    }

    /// The names of what waits, newest first.
    async fn inbox(&self) -> Vec<String> {
        let answer = self.gets("device/v1/requests").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let list = answer.json()["requests"].as_array().unwrap().clone();
        list.iter().map(|one| one["request"].as_str().unwrap().to_owned()).collect()
    }

    /// The signed words of a request.
    async fn reads(&self, request: &str) -> String {
        let answer = self.gets(&format!("device/v1/requests/{request}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.member("content")
    }

    /// The words themselves, if the pinned key signed them.
    fn verified(&self, content: &str) -> Value {
        let unverified = Unverified::parse(content, content::MAX_BYTES).unwrap();
        assert!(unverified.header().is_type(content::TYP));
        let algorithm = self.server_key.key_type().default_algorithm();
        let claims = unverified.verify(&self.server_key, &[algorithm]).unwrap();
        Value::Object(claims.into_map())
    }

    /// The claims of a decision over the words that were shown.
    fn decision_claims(&self, request: &str, content: &str, answer: Said) -> Value {
        Decision {
            device: &self.id,
            user: &self.user,
            issuer: &self.world.issuer(),
            jti: &self.jti(),
            issued_at: self.world.now().seconds(),
            request,
            content_hash: &content::hash(content),
            match_code: None,
            answer,
        }
        .claims()
    }

    fn decision_of(&self, claims: &Value) -> String {
        signed(&self.key, &decision::header(algorithm(&self.key), &self.id), claims)
    }

    async fn sends(&self, request: &str, decision: &str) -> Answer {
        let body = json!({ "decision": decision });
        let path = format!("device/v1/requests/{request}/decision");
        self.calls(Method::POST, &path, Some(&body)).await
    }

    /// Reads the newest request and decides it.
    async fn decides(&self, answer: Said) -> Answer {
        let request = self.inbox().await.first().unwrap().clone();
        let content = self.reads(&request).await;
        let claims = self.decision_claims(&request, &content, answer);
        self.sends(&request, &self.decision_of(&claims)).await
    }
}

/// A request for a person who has devices of our own dialect alone; its `auth_req_id`.
async fn asks(world: &World, person: &str) -> String {
    let client = world.client();
    let answer = client.starts(client.asking(person)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.member("auth_req_id")
}

/// The entries of a type in the log, newest first.
async fn logged(world: &World, kind: &str) -> Vec<Value> {
    let app = world.app();
    let page = LogPage { offset: 0, limit: 100, newest_first: true };
    let events = log_events::list(&app.database, world.tenant_id(), page).await.unwrap();
    let of_kind = events.into_iter().filter(|event| event.kind == kind);
    of_kind.map(|event| event.document["details"].clone()).collect()
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
