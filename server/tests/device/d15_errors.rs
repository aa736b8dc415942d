//! D15: every code that a device can be told, walked in one go. A code without a way to it does not
//! compile here.

use device_protocol::aizuchi::errors::Code;
use device_protocol::aizuchi::passkey::Confirms;
use http::Method;
use serde_json::{Value, json};
use store::Faults;
use testkit::{Answer, Authenticator, ROOT_KEY, World, p256_key};

use super::d14_passkeys::{confirms, with_passkey};
use super::{Device, Said, enroll_body, enrolls, proof, short_ticket, signed, web_ticket, with};

/// What D15 says, by name.
const D15: [(u16, &str); 14] = [
    (400, "invalid_body"),
    (400, "wrong_hash"),
    (400, "wrong_match"),
    (400, "passkey_required"),
    (400, "passkey_invalid"),
    (401, "wrong_key"),
    (401, "replayed"),
    (401, "clock_off"),
    (401, "unknown_device"),
    (404, "not_found"),
    (409, "decided"),
    (409, "withdrawn"),
    (410, "expired"),
    (429, "too_many_requests"),
];
/// What an API has to have beside them.
const BESIDE: [(u16, &str); 6] = [
    (401, "invalid_proof"),
    (403, "disabled"),
    (405, "method_not_allowed"),
    (409, "enrolled"),
    (500, "internal_error"),
    (503, "unavailable"),
];
const START: &str = "Mon, 23 Nov 2026 05:00:00 GMT";
/// More calls than a walk to any code makes.
const CALLS: i64 = 60;

/// A request that waits for alice, and demands all that a request can demand: a number and a
/// passkey.
struct Waiting<'w> {
    world: &'w World,
    faults: &'w Faults,
    device: Device<'w>,
    key: Authenticator,
    id: String,
    number: String,
    request: String,
    words: String,
    /// A ticket for a first device alone.
    first: String,
}

impl<'w> Waiting<'w> {
    async fn of(world: &'w World, faults: &'w Faults) -> Self {
        let mut key = Authenticator::default();
        let first = short_ticket(world, &web_ticket(world, "alice", json!({})).await).await;
        let device = with_passkey(world, "alice", &mut key).await;
        let demands =
            json!({ "passkey_required": true, "context_policy": { "max_distance_km": 100 } });
        let changed = world.operator().patches("tenants/settings", &demands).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        let client = world.client();
        let tokyo = json!({ "location": { "latitude": 35.68, "longitude": 139.77 } });
        let form = client.asking("alice").with("match", "true");
        let started = client.starts(form.with("request_context", tokyo.to_string())).await;
        assert_eq!(started.status, 200, "{}", started.text());
        let (id, number) = (started.member("auth_req_id"), started.member("match_code"));
        let request = device.inbox().await[0].clone();
        let words = device.reads(&request).await;
        Self { world, faults, device, key, id, number, request, words, first }
    }

    fn path(&self) -> String {
        format!("device/v1/requests/{}/decision", self.request)
    }

    /// The claims of a yes with the right number.
    fn yes(&self) -> Value {
        let claims = self.device.decision_claims(&self.request, &self.words, Said::Approve);
        with(&claims, "match", self.number.as_str())
    }

    /// A body with the passkey that goes with the decision.
    fn body(&self, claims: &Value) -> Value {
        let decision = self.device.decision_of(claims);
        let passkey = confirms(&self.key, Confirms::Decision(&decision));
        json!({ "decision": decision, "passkey": passkey })
    }

    async fn sends(&self, body: &Value) -> Answer {
        self.device.calls(Method::POST, &self.path(), Some(body)).await
    }

    /// A good answer under another proof.
    async fn sends_under(&self, proof: impl Fn(&Value) -> String) -> Answer {
        let (path, body) = (self.path(), self.body(&self.yes()).to_string());
        let claims = self.device.proof_claims("POST", &path, &body);
        self.device.calls_with(Method::POST, &path, (&body, &proof(&claims))).await
    }

    async fn polls(&self) -> String {
        self.world.advance_seconds(5);
        self.world.client().polls(&self.id).await
    }

    /// What the server tells when it is brought to this code.
    async fn brought_to(&self, code: Code) -> Answer {
        let device = &self.device;
        match code {
            Code::InvalidBody => self.sends(&json!({})).await,
            Code::WrongHash => {
                self.sends(&self.body(&with(&self.yes(), "content_hash", "x"))).await
            }
            Code::WrongMatch => {
                let other = (self.number.parse::<u32>().unwrap() + 1) % 100;
                let claims = with(&self.yes(), "match", format!("{other:02}"));
                self.sends(&self.body(&claims)).await
            }
            Code::PasskeyRequired => device.sends(&self.request, &self.decision()).await,
            Code::PasskeyInvalid => {
                let of_another = self.body(&self.yes())["passkey"].clone();
                self.sends(&with(&self.body(&self.yes()), "passkey", of_another)).await
            }
            Code::InvalidProof => self.sends_under(|_| String::new()).await,
            Code::WrongKey => {
                let header = proof::header("ES256", &device.id);
                self.sends_under(|claims| signed(&p256_key(), &header, claims)).await
            }
            Code::Replayed => self.renames_twice().await,
            Code::ClockOff => {
                let late = self.world.now().seconds() - 121;
                self.sends_under(|claims| device.proof_of(&with(claims, "iat", late))).await
            }
            Code::UnknownDevice => {
                let header = proof::header("ES256", "dev_unknown");
                self.sends_under(|claims| signed(&device.key, &header, claims)).await
            }
            Code::Disabled => {
                let london = json!({ "latitude": 51.51, "longitude": -0.13 });
                self.sends(&with(&self.body(&self.yes()), "location", london)).await
            }
            Code::NotFound => device.sends("cns_unknown", &self.decision()).await,
            Code::MethodNotAllowed => device.calls(Method::PUT, &self.path(), None).await,
            Code::Decided => {
                assert_eq!(self.sends(&self.near(&self.yes())).await.status, 204);
                let no = device.decision_claims(&self.request, &self.words, Said::Deny(None));
                device.sends(&self.request, &device.decision_of(&no)).await
            }
            Code::Withdrawn => {
                assert_eq!(self.world.client().cancels(&self.id).await.status, 204);
                self.sends(&self.near(&self.yes())).await
            }
            Code::Enrolled => {
                let body = enroll_body(self.world, &self.first, &p256_key());
                enrolls(self.world, &body).await
            }
            Code::Expired => {
                self.world.advance_seconds(300);
                self.sends(&self.near(&self.yes())).await
            }
            Code::TooManyRequests => self.calls_too_often().await,
            Code::InternalError => {
                // Nothing that was sealed can be opened under another key.
                self.world.restart_under(&[[9; 32]]).await;
                let answer = self.sends(&self.near(&self.yes())).await;
                self.world.restart_under(&[ROOT_KEY]).await;
                answer
            }
            Code::Unavailable => {
                self.faults.set_away(true);
                let answer = self.sends(&self.near(&self.yes())).await;
                self.faults.set_away(false);
                answer
            }
        }
    }

    fn decision(&self) -> String {
        self.device.decision_of(&self.yes())
    }

    /// The whole of a good answer, from nearby.
    fn near(&self, claims: &Value) -> Value {
        let yokohama = json!({ "latitude": 35.44, "longitude": 139.64 });
        with(&self.body(claims), "location", yokohama)
    }

    async fn renames_twice(&self) -> Answer {
        let (path, body) = ("device/v1/device", json!({ "name": "B" }).to_string());
        let proof = self.device.proof_of(&self.device.proof_claims("PATCH", path, &body));
        let first = self.device.calls_with(Method::PATCH, path, (&body, &proof)).await;
        assert_eq!(first.status, 200, "{}", first.text());
        self.device.calls_with(Method::PATCH, path, (&body, &proof)).await
    }

    /// The last of more calls than are allowed in a minute.
    async fn calls_too_often(&self) -> Answer {
        let body = self.body(&with(&self.yes(), "content_hash", "x"));
        for _ in 0..CALLS {
            assert!([400, 429].contains(&self.sends(&body).await.status));
        }
        self.sends(&body).await
    }
}

/// What a code leaves behind: a request that waits on, or the end that it had already.
fn ended(code: Code) -> Option<&'static str> {
    match code {
        Code::Decided => Some("200"),
        Code::Withdrawn => Some("400 access_denied"),
        Code::Expired => Some("400 expired_token"),
        Code::InvalidBody
        | Code::WrongHash
        | Code::WrongMatch
        | Code::PasskeyRequired
        | Code::PasskeyInvalid
        | Code::InvalidProof
        | Code::WrongKey
        | Code::Replayed
        | Code::ClockOff
        | Code::UnknownDevice
        | Code::Disabled
        | Code::NotFound
        | Code::MethodNotAllowed
        | Code::Enrolled
        | Code::TooManyRequests
        | Code::InternalError
        | Code::Unavailable => None,
    }
}

/// That an answer has the one shape: code and message as JSON, not to be kept, and no more.
#[track_caller]
fn assert_shape(answer: &Answer, (status, name): (u16, &str)) {
    let body = answer.json();
    assert_eq!((answer.status, body["code"].as_str()), (status, Some(name)), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    assert!(body["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
    assert_eq!(answer.header("content-type"), "application/json", "{name}");
    assert_eq!(answer.header("cache-control"), "no-store", "{name}");
    assert_eq!(answer.header("date"), if name == "clock_off" { START } else { "" }, "{name}");
    let waits_s = answer.headers.get("retry-after").map(|_| answer.number("retry-after"));
    assert_eq!(waits_s.is_some_and(|waits_s| waits_s > 0), [429, 503].contains(&status), "{name}");
}

/// D15: each code with its status in the one shape, whatever else is told. A refused answer consumes
/// nothing: the request waits on, the right answer is taken after it, and the client gets its tokens.
#[tokio::test]
async fn every_code_is_told_in_one_shape_and_consumes_nothing() {
    let mut walked = Vec::new();
    for code in Code::ALL {
        let faults = Faults::new();
        let limit = format!("{CALLS}/minute");
        let builder = World::builder().profile("ciba").faults(faults.clone());
        let builder =
            builder.configured(|config| config.limits.devices_per_address = limit.parse().unwrap());
        let world = builder.start().await;
        let waiting = Waiting::of(&world, &faults).await;
        let answer = waiting.brought_to(*code).await;
        let expected = (code.status(), code.as_str());
        assert_shape(&answer, expected);
        walked.push(expected);
        if let Some(end) = ended(*code) {
            assert_eq!(waiting.polls().await, end, "{code:?}");
            continue;
        }
        assert_eq!(waiting.polls().await, "400 authorization_pending", "{code:?}");
        world.advance_seconds(60);
        let taken = waiting.sends(&waiting.near(&waiting.yes())).await;
        assert_eq!(taken.status, 204, "{code:?}: {}", taken.text());
        assert_eq!(waiting.polls().await, "200", "{code:?}");
    }
    let mut said = [D15.as_slice(), &BESIDE].concat();
    said.sort_unstable();
    walked.sort_unstable();
    assert_eq!(walked, said);
}

/// D15: but wrong numbers are counted, and nothing else is: after one, and any number of other
/// faults, the second denies.
#[tokio::test]
async fn wrong_numbers_are_counted_and_nothing_else_is() {
    let faults = Faults::new();
    let world = World::builder().profile("ciba").start().await;
    let waiting = Waiting::of(&world, &faults).await;
    assert_shape(&waiting.brought_to(Code::WrongMatch).await, (400, "wrong_match"));
    for code in [Code::WrongHash, Code::PasskeyInvalid, Code::InvalidBody, Code::WrongKey] {
        assert_shape(&waiting.brought_to(code).await, (code.status(), code.as_str()));
    }
    assert_eq!(waiting.polls().await, "400 authorization_pending");
    assert_shape(&waiting.brought_to(Code::WrongMatch).await, (400, "wrong_match"));
    assert_eq!(waiting.polls().await, "400 access_denied");
    let late = waiting.sends(&waiting.near(&waiting.yes())).await;
    assert_shape(&late, (409, "decided"));
}
