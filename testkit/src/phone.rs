//! A person's phone, speaking the Guardian dialect.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use device_protocol::guardian::proof::{self, Proof};
use device_protocol::guardian::resolve::{self, Decision};
use domain::Timestamp;
use domain::jose::SigningKey;
use http::Method;
use serde_json::{Value, json};
use server::outside::{Tray, TrayEntry};

use crate::answer::Answer;
use crate::keys;
use crate::world::{Boxed, World};

/// What phones and clients carry with them from one server process to the next.
#[derive(Debug, Default)]
pub(crate) struct Pocket {
    phones: Mutex<BTreeMap<String, Handset>>,
    messages: Mutex<HashMap<String, String>>,
    management_token: Mutex<Option<(String, Timestamp)>>,
    counter: AtomicU64,
}

#[derive(Clone, Debug)]
struct Handset {
    identifier: String,
    push_token: String,
    key: Arc<SigningKey>,
    device: String,
    account_token: String,
    inbox: Vec<Push>,
}

impl Pocket {
    fn next(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::SeqCst)
    }

    /// A binding message that no other request has.
    pub(crate) fn next_message(&self) -> String {
        format!("21-49-{}", self.next())
    }

    pub(crate) fn next_jti(&self) -> String {
        format!("jti-{}", self.next())
    }

    pub(crate) fn remember(&self, auth_req_id: &str, message: &str) {
        self.messages.lock().unwrap().insert(auth_req_id.to_owned(), message.to_owned());
    }

    fn message_of(&self, auth_req_id: &str) -> String {
        let messages = self.messages.lock().unwrap();
        messages.get(auth_req_id).unwrap_or_else(|| panic!("nobody asked {auth_req_id}")).clone()
    }

    pub(crate) fn management_token(&self, now: Timestamp) -> Option<String> {
        let token = self.management_token.lock().unwrap();
        token.as_ref().filter(|(_, expires_at)| *expires_at > now).map(|(token, _)| token.clone())
    }

    pub(crate) fn keep_management_token(&self, token: &str, expires_at: Timestamp) {
        *self.management_token.lock().unwrap() = Some((token.to_owned(), expires_at));
    }

    /// Takes what is in the tray for each phone.
    pub(crate) fn collect(&self, tray: &Tray) {
        for phone in self.phones.lock().unwrap().values_mut() {
            for entry in tray.pushes_to(&phone.push_token).iter().rev() {
                let push = Push::of(entry);
                if push.device == phone.device && !phone.inbox.contains(&push) {
                    phone.inbox.insert(0, push);
                }
            }
        }
    }
}

/// A push as a phone reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// `GCM` or `APNS`.
    pub service: &'static str,
    /// The whole payload.
    pub payload: Value,
    /// `txlnkid`.
    pub consent_id: String,
    /// `txtkn`.
    pub txtkn: String,
    /// `c`.
    pub challenge: String,
    /// `dai`.
    pub device: String,
    /// When it was handed to the push service.
    pub sent_at: Timestamp,
}

impl Push {
    fn of(entry: &TrayEntry) -> Self {
        let words = entry.payload.get("mfa").unwrap_or(&entry.payload);
        let text = |name: &str| words[name].as_str().unwrap_or_default().to_owned();
        Self {
            service: entry.service,
            consent_id: text("txlnkid"),
            txtkn: text("txtkn"),
            challenge: text("c"),
            device: text("dai"),
            payload: entry.payload.clone(),
            sent_at: entry.sent_at,
        }
    }
}

/// A phone.
#[derive(Clone, Debug)]
pub struct Phone<'w> {
    world: &'w World,
    person: String,
    name: String,
}

impl<'w> Phone<'w> {
    pub(crate) fn new(world: &'w World, person: &str, name: &str) -> Self {
        Self { world, person: person.to_owned(), name: name.to_owned() }
    }

    fn handset(&self) -> Handset {
        let phones = self.world.pockets().phones.lock().unwrap();
        phones.get(&self.name).unwrap_or_else(|| panic!("{} never enrolled", self.name)).clone()
    }

    /// Enrolls if it has not yet.
    pub fn is_ready(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            if !self.world.pockets().phones.lock().unwrap().contains_key(&self.name) {
                self.enrolls().await;
            }
        })
    }

    /// Enrolls with a fresh P-256 key, for FCM.
    pub async fn enrolls(&self) {
        self.enrolls_with(keys::p256_key(), "GCM").await;
    }

    /// Enrolls: ticket by an administrator, start-flow as the ticket's page does, then enroll.
    pub async fn enrolls_with(&self, key: Arc<SigningKey>, service: &str) {
        let user = self.world.user_id(&self.person);
        let allow_many = self.name != self.person;
        let body = json!({
            "user_id": user.as_str(), "allow_multiple_enrollments": allow_many, "send_mail": false,
        });
        let ticket = self.world.operator().posts("guardian/enrollments/ticket", &body).await;
        assert_eq!(ticket.status, 200, "{}", ticket.text());
        let ticket = ticket.member("ticket_id");
        let answer = self.starts_flow(&ticket).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answer = self.enrolls_by(&answer.member("enrollment_tx_id"), key, service).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    /// Where its pushes go.
    pub fn push_token(&self) -> String {
        self.handset().push_token
    }

    /// Takes a push that came by Apple or Google, not by the tray.
    pub fn receives(&self, service: &'static str, payload: &Value) {
        let entry = TrayEntry { service, payload: payload.clone(), sent_at: self.world.now() };
        let mut phones = self.world.pockets().phones.lock().unwrap();
        let phone = phones.get_mut(&self.name).unwrap();
        phone.inbox.insert(0, Push::of(&entry));
    }

    /// `POST …/api/start-flow` with a web ticket.
    pub async fn starts_flow(&self, ticket: &str) -> Answer {
        let authorization = format!("Ticket id=\"{ticket}\"");
        let body = json!({"state_transport": "polling"});
        let headers = [("authorization", authorization.as_str())];
        self.world.post_json("appliance-mfa/api/start-flow", &body, &headers).await
    }

    /// `POST …/api/enroll` with the ticket of a QR code.
    pub async fn enrolls_by(&self, tx: &str, key: Arc<SigningKey>, service: &str) -> Answer {
        let number = self.world.pockets().next();
        let identifier = format!("{number:016x}");
        let push_token = match service {
            "APNS" => format!("{number:064x}"),
            _ => format!("push-token-{number}"),
        };
        let body = json!({
            "identifier": identifier,
            "name": self.name,
            "push_credentials": {"service": service, "token": push_token},
            "public_key": jwk_as_sent(&key),
        });
        let authorization = format!("Ticket id=\"{tx}\"");
        let headers = [("authorization", authorization.as_str())];
        let answer = self.world.post_json("appliance-mfa/api/enroll", &body, &headers).await;
        if answer.status == 201 {
            let handset = Handset {
                identifier,
                push_token,
                key,
                device: answer.member("id"),
                account_token: answer.member("token"),
                inbox: Vec::new(),
            };
            self.world.pockets().phones.lock().unwrap().insert(self.name.clone(), handset);
        }
        answer
    }

    /// The id of its enrollment, `dev_…`.
    pub fn device_id(&self) -> String {
        self.handset().device
    }

    /// The opaque token of its account.
    pub fn account_token(&self) -> String {
        self.handset().account_token
    }

    /// Its key.
    pub fn key(&self) -> Arc<SigningKey> {
        self.handset().key
    }

    /// Its own name for itself, `iss` of its answers.
    pub fn identifier(&self) -> String {
        self.handset().identifier
    }

    /// The pushes that reached it, newest first, after the worker did what was due.
    pub async fn pushes(&self) -> Vec<Push> {
        self.is_ready().await;
        self.world.run_worker().await;
        self.inbox()
    }

    /// The pushes that reached it so far, newest first.
    pub fn inbox(&self) -> Vec<Push> {
        self.world.empty_trays();
        self.handset().inbox
    }

    /// The push of a request: the one whose consent shows the request's binding message.
    pub fn push_of(&self, auth_req_id: &str) -> Boxed<'_, Push> {
        let message = self.world.pockets().message_of(auth_req_id);
        Box::pin(self.push_showing(message))
    }

    async fn push_showing(&self, message: String) -> Push {
        for push in self.pushes().await {
            let consent = self.reads(&push).await;
            if consent.status == 200
                && consent.json()["requested_details"]["binding_message"] == message.as_str()
            {
                return push;
            }
        }
        panic!("no push of {} shows {message}", self.name)
    }

    /// The consent record of a request, as the person sees it.
    pub async fn consent_of(&self, auth_req_id: &str) -> Value {
        let push = self.push_of(auth_req_id).await;
        self.reads(&push).await.json()
    }

    /// `GET /rich-consents/{id}` with a proof.
    pub async fn reads(&self, push: &Push) -> Answer {
        self.reads_in(push, "").await
    }

    /// The same, by a person of these languages (`Accept-Language`).
    pub async fn reads_in(&self, push: &Push, languages: &str) -> Answer {
        let key = self.handset().key;
        let path = format!("rich-consents/{}", push.consent_id);
        let url = self.world.url(&path);
        let claims = Proof {
            url: &url,
            txtkn: &push.txtkn,
            jti: &self.world.pockets().next_jti(),
            issued_at: self.world.now().seconds(),
        };
        let header = proof::header(algorithm(&key), &jwk_as_sent(&key));
        let proof = signed(&key, &header, &claims.claims());
        let authorization = format!("MFA-DPoP {}", push.txtkn);
        let headers = [
            ("authorization", authorization.as_str()),
            ("mfa-dpop", &proof),
            ("accept-language", languages),
        ];
        self.world.request(Method::GET, &path, &headers, "").await
    }

    /// `POST …/api/resolve-transaction`.
    pub async fn answers(&self, push: &Push, decision: Decision<'_>) -> Answer {
        let handset = self.handset();
        let url = self.world.url("appliance-mfa/api/resolve-transaction");
        let claims = resolve::Answer {
            identifier: &handset.identifier,
            challenge: &push.challenge,
            url: &url,
            issued_at: self.world.now().seconds(),
            decision,
        };
        self.answers_with(push, &claims.claims()).await
    }

    /// `POST …/api/resolve-transaction` with claims of the test's own.
    pub async fn answers_with(&self, push: &Push, claims: &Value) -> Answer {
        let key = self.handset().key;
        let signed = signed(&key, &resolve::header(algorithm(&key)), claims);
        let authorization = format!("Bearer {}", push.txtkn);
        let headers = [("authorization", authorization.as_str())];
        let path = "appliance-mfa/api/resolve-transaction";
        self.world.post_json(path, &resolve::body(&signed), &headers).await
    }

    /// The person says yes.
    pub async fn approves(&self, auth_req_id: &str) {
        let push = self.push_of(auth_req_id).await;
        let answer = self.answers(&push, Decision::Accepted).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// The person says no.
    pub async fn denies(&self, auth_req_id: &str) {
        let push = self.push_of(auth_req_id).await;
        let answer = self.answers(&push, Decision::Rejected { reason: None }).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// `DELETE …/api/device-accounts/{id}` with its opaque token; the phone is forgotten.
    pub async fn unenrolls(&self) {
        let handset = self.handset();
        let path = format!("appliance-mfa/api/device-accounts/{}", handset.device);
        let authorization = format!("Bearer {}", handset.account_token);
        let headers = [("authorization", authorization.as_str())];
        let answer = self.world.request(Method::DELETE, &path, &headers, "").await;
        assert_eq!(answer.status, 204, "{}", answer.text());
        self.world.pockets().phones.lock().unwrap().remove(&self.name);
    }
}

fn algorithm(key: &SigningKey) -> &'static str {
    key.public().key_type().default_algorithm().name()
}

/// The public key as devices send it: with `alg` and `use`.
fn jwk_as_sent(key: &SigningKey) -> Value {
    let mut jwk: Value = serde_json::from_str(key.public().canonical_json()).unwrap();
    jwk["alg"] = algorithm(key).into();
    jwk["use"] = "sig".into();
    jwk
}

fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let algorithm = key.public().key_type().default_algorithm();
    key.sign_compact(algorithm, &header.to_string(), &claims.to_string()).unwrap()
}
