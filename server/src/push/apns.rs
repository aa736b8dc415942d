//! Apple's push service over HTTP/2: what is sent and what the answers mean.
//!
//! The provider shows a token signed with a key of the team (`.p8`), or a client certificate. Nothing
//! here calls anybody.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use domain::jose::{Algorithm, HeaderFields, KeyFailure, SigningKey};
use domain::{Fingerprint, Timestamp};
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};
use url::Url;

use super::answer::{retry_at, told};
use super::limits::{PUSH_LIMITS, bearer};
use crate::outside::{Answer, Call, Delivery, Identity, Lane, Parcel, Receipt, Way};

/// Longest device token that is sent; Apple's have 64 or 160 hex digits today.
const TOKEN_CHARS: usize = 200;
/// Ids of keys and teams.
const ID_CHARS: usize = 10;
/// A bundle id.
const TOPIC_CHARS: usize = 255;
/// The name in records and logs.
pub const PROVIDER: &str = "apns";

/// How we show Apple who we are.
pub enum ApnsProof {
    /// A key of the team signs provider tokens.
    Key {
        /// The ES256 key.
        key: SigningKey,
        /// Its id.
        key_id: String,
        /// The team's id.
        team_id: String,
    },
    /// A client certificate for the topic.
    Certificate(Arc<Identity>),
}

/// An app on Apple's side.
pub struct ApnsAccount {
    topic: String,
    is_sandbox: bool,
    proof: ApnsProof,
    fingerprint: Fingerprint,
}

impl fmt::Debug for ApnsAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApnsAccount")
            .field("topic", &self.topic)
            .field("is_sandbox", &self.is_sandbox)
            .finish_non_exhaustive()
    }
}

impl ApnsAccount {
    /// An app with a token key: the text of Apple's `.p8` file, its id and the team's.
    pub fn with_key(
        (topic, is_sandbox): (&str, bool),
        p8: &str,
        (key_id, team_id): (&str, &str),
    ) -> Result<Self, String> {
        let key = SigningKey::from_pem(p8)
            .ok()
            .filter(|key| key.public().fits(Algorithm::Es256))
            .ok_or("it is no .p8 file of Apple's: a P-256 key in PEM")?;
        let is_id =
            |id: &str| id.len() == ID_CHARS && id.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_id(key_id) || !is_id(team_id) {
            return Err(String::from("ids of keys and teams have ten letters and digits"));
        }
        let (key_id, team_id) = (key_id.to_owned(), team_id.to_owned());
        let known = format!("{topic}\n{is_sandbox}\n{key_id}\n{team_id}\n{p8}");
        Self::new((topic, is_sandbox), ApnsProof::Key { key, key_id, team_id }, known.as_bytes())
    }

    /// An app with a client certificate.
    pub fn with_certificate(
        (topic, is_sandbox): (&str, bool),
        identity: Identity,
    ) -> Result<Self, String> {
        let mut known = format!("{topic}\n{is_sandbox}\n").into_bytes();
        known.extend(identity.chain.iter().flat_map(|certificate| certificate.to_vec()));
        Self::new((topic, is_sandbox), ApnsProof::Certificate(Arc::new(identity)), &known)
    }

    fn new(
        (topic, is_sandbox): (&str, bool),
        proof: ApnsProof,
        known: &[u8],
    ) -> Result<Self, String> {
        if !is_topic(topic) {
            return Err(String::from("the bundle id has letters, digits, hyphens and dots"));
        }
        let fingerprint = Fingerprint::of(known);
        Ok(Self { topic: topic.to_owned(), is_sandbox, proof, fingerprint })
    }

    /// Tells one account from another.
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The app's bundle id.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Whether it may send to the app of this bundle id: a key serves all of its team's.
    pub fn serves(&self, topic: &str) -> bool {
        match &self.proof {
            ApnsProof::Key { .. } => is_topic(topic),
            ApnsProof::Certificate(_) => topic == self.topic,
        }
    }

    /// Whether it sends to apps built for development.
    pub const fn is_sandbox(&self) -> bool {
        self.is_sandbox
    }

    /// A provider token; `None` where the certificate suffices.
    pub fn token(&self, now: Timestamp) -> Option<Result<String, KeyFailure>> {
        let ApnsProof::Key { key, key_id, team_id } = &self.proof else { return None };
        let claims = json!({ "iss": team_id, "iat": now.seconds() }).to_string();
        let fields = HeaderFields { typ: None, kid: Some(key_id), jwk: None };
        Some(key.sign(Algorithm::Es256, &fields, &claims))
    }

    /// The call that hands one push over; `None` if the device token cannot be one.
    pub fn call(&self, base: &Url, token: Option<&str>, parcel: &Parcel) -> Option<Call> {
        let device = parcel.token.as_str();
        let is_token = device.chars().all(|c| c.is_ascii_alphanumeric());
        if device.is_empty() || device.len() > TOKEN_CHARS || !is_token {
            return None;
        }
        let topic = match &parcel.way {
            Way::Topic(topic) => topic,
            Way::App | Way::Web(_) => &self.topic,
        };
        let text = |text: &str| HeaderValue::from_str(text).ok();
        let name = HeaderName::from_static;
        let mut headers = vec![
            (name("apns-topic"), text(topic)?),
            (name("apns-push-type"), HeaderValue::from_static("alert")),
            (name("apns-priority"), HeaderValue::from_static("10")),
            (name("apns-expiration"), HeaderValue::from(parcel.expires_at.seconds().max(0))),
            (name("apns-collapse-id"), text(&parcel.collapse_id)?),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        if let Some(token) = token {
            headers.push((header::AUTHORIZATION, bearer(token)?));
        }
        let mut url = base.clone();
        url.set_path(&format!("3/device/{device}"));
        Some(Call {
            method: Method::POST,
            url,
            headers,
            body: Bytes::from(parcel.payload.to_string()),
            lane: self.lane(),
            limits: PUSH_LIMITS,
            is_repeatable: true,
        })
    }

    /// Apple binds a connection to its certificate or team: each account has its own.
    fn lane(&self) -> Lane {
        let mark = |bytes: &[u8; 32]| {
            bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
        };
        let name = format!("apns/{}", mark(self.fingerprint.as_bytes()));
        let identity = match &self.proof {
            ApnsProof::Key { .. } => None,
            ApnsProof::Certificate(identity) => Some(Arc::clone(identity)),
        };
        Lane { name, identity, is_http2: true }
    }
}

/// Whether it can be a bundle id.
fn is_topic(topic: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    !topic.is_empty() && topic.len() <= TOPIC_CHARS && topic.chars().all(is_plain)
}

/// What became of a push at Apple.
#[derive(Debug)]
pub enum ApnsAnswer {
    /// It is settled, for now at least.
    Settled(Delivery),
    /// The provider token is too old for Apple; another one may do.
    Stale(Delivery),
}

/// Reads the answer to a push.
pub fn read(answer: &Answer, now: Timestamp) -> ApnsAnswer {
    let id = answer.header("apns-id").map(told);
    let status = Some(answer.status);
    if answer.status == 200 {
        let accepted = Delivery::of(PROVIDER, Receipt::Accepted);
        return ApnsAnswer::Settled(Delivery { status, id, ..accepted });
    }
    let body = answer.json();
    let reason = body.get("reason").and_then(Value::as_str).map(told).unwrap_or_default();
    let why = format!("APNs: {} {reason}{}", answer.status, advice(answer.status, &reason));
    let gone_since = body.get("timestamp").and_then(Value::as_i64).map(Timestamp::from_ms);
    let (receipt, retry_at, gone_since) = match answer.status {
        410 => (Receipt::Gone(why), None, gone_since),
        408 | 429 | 500..=599 => (Receipt::Later(why), retry_at(answer, now), None),
        _ if reason == "IdleTimeout" => (Receipt::Later(why), None, None),
        _ => (Receipt::Refused(why), None, None),
    };
    let is_stale = reason == "ExpiredProviderToken";
    let delivery = Delivery {
        status,
        id,
        retry_at,
        gone_since,
        reason: Some(reason),
        ..Delivery::of(PROVIDER, receipt)
    };
    if is_stale { ApnsAnswer::Stale(delivery) } else { ApnsAnswer::Settled(delivery) }
}

/// What to do about a refusal.
fn advice(status: u16, reason: &str) -> &'static str {
    match reason {
        "BadDeviceToken" => {
            "; the device token is malformed, or of the other environment (sandbox)"
        }
        "DeviceTokenNotForTopic" | "BadTopic" | "TopicDisallowed" | "MissingTopic" => {
            "; the bundle id is not the app's, or the key or certificate is not for it"
        }
        "ExpiredProviderToken" => "; this machine's clock is wrong",
        "InvalidProviderToken" | "MissingProviderToken" | "UnrelatedKeyIdInToken" => {
            "; the key, its id and the team's id do not belong together, or the key was revoked"
        }
        "BadEnvironmentKeyIdInToken" | "BadCertificateEnvironment" => {
            "; the key or certificate is for the other environment (sandbox)"
        }
        "BadCertificate" | "Forbidden" => "; the certificate has ended or was revoked",
        "PayloadTooLarge" => "; Apple takes 4096 bytes",
        _ => match status {
            300..=399 => "; redirects are not followed",
            403 => "; the credentials are not taken",
            _ => "",
        },
    }
}
