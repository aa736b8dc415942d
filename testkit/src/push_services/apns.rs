//! A stand-in for Apple's push service, by its documentation: "Sending notification requests to
//! APNs", "Handling notification responses from APNs", "Establishing a token-based connection".

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::Timestamp;
use domain::jose::{Algorithm, SigningKey, Unverified};
use http::{Method, Response};
use http_body_util::Full;
use serde_json::{Value, json};
use server::listen::DevCa;
use server::outside::Clock;

use super::TOPIC;
use super::wire::{Act, Asked, Book, Received, Reply, json as answer, listen, megabyte, redirect};

/// Longest payload.
const PAYLOAD_BYTES: usize = 4096;
/// A provider token is good for an hour.
const TOKEN_LIVES_S: i64 = 3600;
/// And must not be replaced by one that is younger by less than this.
const UPDATE_S: i64 = 1200;

/// A developer team with its key.
#[derive(Clone, Debug)]
pub struct Team {
    /// The team's id.
    pub team_id: String,
    /// The key's id.
    pub key_id: String,
    /// The private key, as Apple's `.p8` file has it.
    pub p8: String,
}

/// The service.
#[derive(Debug)]
pub struct Apns {
    address: SocketAddr,
    book: Arc<Book>,
    team: Team,
    /// What time it is for the service.
    pub clock: Arc<Clock>,
}

struct Rules {
    book: Arc<Book>,
    team: Team,
    clock: Arc<Clock>,
    /// `iat` of the newest provider token that was seen.
    newest: Mutex<Option<i64>>,
}

impl Apns {
    pub(super) async fn start(ca: &DevCa, clock: Clock) -> Self {
        let team = Team {
            team_id: String::from("TEAM012345"),
            key_id: String::from("KEY0123456"),
            p8: include_str!("../../keys/tenant-p256.pem").to_owned(),
        };
        let (book, clock) = (Arc::new(Book::default()), Arc::new(clock));
        let rules = Rules {
            book: Arc::clone(&book),
            team: team.clone(),
            clock: Arc::clone(&clock),
            newest: Mutex::new(None),
        };
        let judge = Arc::new(move |asked: &Asked| rules.act(asked));
        let address = listen(ca, Arc::clone(&book), judge).await;
        Self { address, book, team, clock }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/", self.address.port())
    }

    /// The one team that it knows.
    pub const fn team(&self) -> &Team {
        &self.team
    }

    /// The next push to `token` gets this reply; calls add up.
    pub fn replies(&self, token: &str, reply: Reply) {
        self.book.script(token, reply);
    }

    /// What it took, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.book.received.lock().unwrap().clone()
    }

    /// How many pushes it took.
    pub fn count(&self) -> usize {
        self.book.count.load(Ordering::SeqCst)
    }

    /// From now on pushes are counted and not kept.
    pub fn only_counts(&self) {
        self.book.is_counting.store(true, Ordering::Relaxed);
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> usize {
        self.book.connections.load(Ordering::SeqCst)
    }
}

impl Rules {
    fn act(&self, asked: &Asked) -> Act {
        let token = asked.path.strip_prefix("/3/device/").unwrap_or_default().to_owned();
        match self.book.next_reply(&token) {
            Reply::Hang => return Act::Hang,
            Reply::Close => return Act::Close,
            Reply::GoAway => return Act::GoAway,
            Reply::Megabyte(status) => return Act::Answer(megabyte(status)),
            Reply::Redirect(to) => return Act::Answer(redirect(&to)),
            Reply::Refuse(status, reason, headers) => {
                let mut refused = refusal(status, reason, self.clock.now());
                for (name, value) in headers {
                    refused.headers_mut().insert(name, value.parse().unwrap());
                }
                return Act::Answer(refused);
            }
            Reply::Judge => {}
        }
        if let Err((status, reason)) = self.judged(asked, &token) {
            return Act::Answer(refusal(status, reason, self.clock.now()));
        }
        self.book.keep(&token, asked);
        let mut accepted = Response::new(Full::new(Bytes::new()));
        let given = asked.headers.get("apns-id").cloned();
        let id = given.unwrap_or_else(|| made_id(self.book.count.load(Ordering::SeqCst)));
        accepted.headers_mut().insert("apns-id", id);
        Act::Answer(accepted)
    }

    fn judged(&self, asked: &Asked, token: &str) -> Result<(), (u16, &'static str)> {
        if asked.method != Method::POST {
            return Err((405, "MethodNotAllowed"));
        }
        if !asked.path.starts_with("/3/device/") {
            return Err((404, "BadPath"));
        }
        if token.is_empty() {
            return Err((400, "MissingDeviceToken"));
        }
        self.credentials(asked)?;
        if token.len() < 64 || !token.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err((400, "BadDeviceToken"));
        }
        let header = |name: &str| asked.headers.get(name).map(|value| value.to_str().unwrap());
        let is_number = |text: &str| text.parse::<i64>().is_ok();
        let types = ["alert", "background", "voip", "complication", "fileprovider", "mdm"];
        match header("apns-topic") {
            None if asked.certificate.is_none() => return Err((400, "MissingTopic")),
            Some(topic) if topic != TOPIC => return Err((400, "DeviceTokenNotForTopic")),
            _ => {}
        }
        if header("apns-push-type").is_some_and(|name| !types.contains(&name)) {
            return Err((400, "InvalidPushType"));
        }
        if header("apns-priority").is_some_and(|it| !["1", "5", "10"].contains(&it)) {
            return Err((400, "BadPriority"));
        }
        if header("apns-expiration").is_some_and(|it| !is_number(it)) {
            return Err((400, "BadExpirationDate"));
        }
        if header("apns-collapse-id").is_some_and(|id| id.is_empty() || id.len() > 64) {
            return Err((400, "BadCollapseId"));
        }
        if header("apns-id").is_some_and(|id| id.len() != 36) {
            return Err((400, "BadMessageId"));
        }
        if asked.body.len() > PAYLOAD_BYTES {
            return Err((413, "PayloadTooLarge"));
        }
        let payload: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        payload.get("aps").filter(|aps| aps.is_object()).map(drop).ok_or((400, "PayloadEmpty"))
    }

    /// A client certificate, or a provider token of the team.
    fn credentials(&self, asked: &Asked) -> Result<(), (u16, &'static str)> {
        if asked.certificate.is_some() {
            return Ok(());
        }
        let header = asked.headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|text| text.strip_prefix("bearer ").or(text.strip_prefix("Bearer ")))
            .ok_or((403, "MissingProviderToken"))?;
        let wrong = (403, "InvalidProviderToken");
        let read = Unverified::parse(token, 4096).map_err(|_refused| wrong)?;
        let header: Value = super::fcm::part(token, 0).ok_or(wrong)?;
        let claims: Value = super::fcm::part(token, 1).ok_or(wrong)?;
        let key = SigningKey::from_pem(&self.team.p8).unwrap();
        read.verify(key.public(), &[Algorithm::Es256]).map_err(|_refused| wrong)?;
        if header["kid"] != self.team.key_id.as_str() || claims["iss"] != self.team.team_id.as_str()
        {
            return Err(wrong);
        }
        let issued_at = claims["iat"].as_i64().ok_or(wrong)?;
        let now = self.clock.now().seconds();
        if issued_at < now - TOKEN_LIVES_S || issued_at > now + TOKEN_LIVES_S {
            return Err((403, "ExpiredProviderToken"));
        }
        let mut newest = self.newest.lock().unwrap();
        if newest.is_some_and(|newest| issued_at > newest && issued_at < newest + UPDATE_S) {
            return Err((429, "TooManyProviderTokenUpdates"));
        }
        *newest = Some(newest.unwrap_or(issued_at).max(issued_at));
        Ok(())
    }
}

fn refusal(status: u16, reason: &str, now: Timestamp) -> Response<Full<Bytes>> {
    let mut body = json!({ "reason": reason });
    if status == 410 {
        body["timestamp"] = now.ms().into();
    }
    let mut refused = answer(status, &body);
    refused.headers_mut().insert("apns-id", made_id(0));
    refused
}

fn made_id(number: usize) -> http::HeaderValue {
    format!("00000000-0000-4000-8000-{number:012X}").parse().unwrap()
}
