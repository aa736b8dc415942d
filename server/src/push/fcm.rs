//! Firebase Cloud Messaging, HTTP v1: what is sent and what the answers mean.
//!
//! A service account signs an assertion, its token endpoint gives an access token for it, and that
//! opens `messages:send`. Nothing here calls anybody.

use std::fmt;

use bytes::Bytes;
use domain::jose::{Algorithm, HeaderFields, KeyFailure, SigningKey};
use domain::{Fingerprint, Timestamp};
use http::{HeaderValue, Method, header};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::answer::{retry_at, told};
use super::limits::{PUSH_LIMITS, bearer};
use crate::outside::{Answer, Call, Delivery, Lane, Parcel, Receipt};

/// What the access token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// Google takes assertions of an hour at most.
const ASSERTION_LIVES_S: i64 = 3600;
/// An access token that does not say how long it lives.
const TOKEN_LIVES_S: i64 = 3600;
/// Longest service account, as text.
const ACCOUNT_BYTES: usize = 16 * 1024;
/// Longest device token that is sent.
const TOKEN_BYTES: usize = 4096;
/// A quota that names no end: Google asks for a minute at least.
const QUOTA_WAIT_S: i64 = 60;
/// The name in records and logs.
pub const PROVIDER: &str = "fcm";

/// A service account.
pub struct FcmAccount {
    project: String,
    email: String,
    key_id: Option<String>,
    token_uri: Url,
    key: SigningKey,
    fingerprint: Fingerprint,
}

impl fmt::Debug for FcmAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FcmAccount").field("project", &self.project).finish_non_exhaustive()
    }
}

/// The members of a service account's JSON that matter here.
#[derive(Deserialize)]
struct Document {
    r#type: String,
    project_id: String,
    private_key_id: Option<String>,
    private_key: String,
    client_email: String,
    token_uri: String,
}

impl FcmAccount {
    /// Reads the JSON that Google hands out for a service account; what is wrong with it otherwise.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > ACCOUNT_BYTES {
            return Err(format!("it is longer than {ACCOUNT_BYTES} bytes"));
        }
        let document: Document = serde_json::from_str(text).map_err(|error| {
            // The error would quote what it stumbled over, and that may be the key.
            format!("it is no service account's JSON (line {})", error.line())
        })?;
        if document.r#type != "service_account" {
            return Err(String::from("its type is not service_account"));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        if document.project_id.is_empty() || !document.project_id.chars().all(is_plain) {
            return Err(String::from("its project_id is no project's name"));
        }
        let token_uri = Url::parse(&document.token_uri)
            .ok()
            .filter(|url| url.scheme() == "https")
            .ok_or("its token_uri is no https address")?;
        let key = SigningKey::from_pem(&document.private_key)
            .ok()
            .filter(|key| key.public().fits(Algorithm::Rs256))
            .ok_or("its private_key is no RSA key in PEM")?;
        Ok(Self {
            project: document.project_id,
            email: document.client_email,
            key_id: document.private_key_id,
            token_uri,
            key,
            fingerprint: Fingerprint::of(text.as_bytes()),
        })
    }

    /// Tells one account from another: equal texts, equal fingerprints.
    pub const fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The project it sends for.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The call that gets an access token (RFC 7523).
    pub fn token_call(&self, now: Timestamp) -> Result<Call, KeyFailure> {
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri.as_str(),
            "iat": now.seconds(),
            "exp": now.seconds() + ASSERTION_LIVES_S,
        });
        let fields = HeaderFields { typ: Some("JWT"), kid: self.key_id.as_deref(), jwk: None };
        let assertion = self.key.sign(Algorithm::Rs256, &fields, &claims.to_string())?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("assertion", &assertion)
            .finish();
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        Ok(Call {
            method: Method::POST,
            url: self.token_uri.clone(),
            headers: vec![(header::CONTENT_TYPE, form_type)],
            body: Bytes::from(form),
            lane: Lane { name: String::from("fcm-token"), identity: None, is_http2: false },
            limits: PUSH_LIMITS,
            is_repeatable: true,
        })
    }

    /// The call that hands one push over; `None` if the device token cannot be one.
    pub fn message_call(
        &self,
        base: &Url,
        token: &str,
        parcel: &Parcel,
        now: Timestamp,
    ) -> Option<Call> {
        if parcel.token.is_empty() || parcel.token.len() > TOKEN_BYTES {
            return None;
        }
        let lives_s = (parcel.expires_at.ms_since(now) / 1000).max(0);
        let message = json!({ "message": {
            "token": parcel.token,
            "data": parcel.payload,
            "android": { "priority": "HIGH", "ttl": format!("{lives_s}s") },
        } });
        let mut url = base.clone();
        url.set_path(&format!("v1/projects/{}/messages:send", self.project));
        Some(Call {
            method: Method::POST,
            url,
            headers: vec![
                (header::AUTHORIZATION, bearer(token)?),
                (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            ],
            body: Bytes::from(message.to_string()),
            // Google's tokens name the project: all accounts share one connection.
            lane: Lane { name: String::from("fcm"), identity: None, is_http2: true },
            limits: PUSH_LIMITS,
            is_repeatable: true,
        })
    }
}

/// What a token endpoint answered.
#[derive(Debug)]
pub enum TokenAnswer {
    /// An access token and its life in seconds.
    Token(String, i64),
    /// It will not give one for this account: why.
    Refused(String),
    /// It gives none now: why.
    Later(String),
}

/// Reads the answer of a token endpoint.
pub fn read_token(answer: &Answer) -> TokenAnswer {
    let body = answer.json();
    if answer.status == 200 {
        let token = body.get("access_token").and_then(Value::as_str).filter(|it| !it.is_empty());
        let lives_s = body.get("expires_in").and_then(Value::as_i64).unwrap_or(TOKEN_LIVES_S);
        return token.map_or_else(
            || TokenAnswer::Later(String::from("the token endpoint's answer holds no token")),
            |token| TokenAnswer::Token(token.to_owned(), lives_s.max(0)),
        );
    }
    let text = |name| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let said = told(&format!("{} {} {}", answer.status, text("error"), text("error_description")));
    match answer.status {
        400..=499 if answer.status != 429 && answer.status != 408 => TokenAnswer::Refused(format!(
            "Google refuses the service account: {said}; upload a fresh key of an account that may \
             send messages, and check this machine's clock"
        )),
        _ => TokenAnswer::Later(format!("the token endpoint: {said}")),
    }
}

/// Reads the answer to a push.
pub fn read(answer: &Answer, now: Timestamp) -> Delivery {
    let body = answer.json();
    let status = Some(answer.status);
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    if answer.status == 200 {
        let id = text("/name").map(told);
        return Delivery { status, id, ..Delivery::of(PROVIDER, Receipt::Accepted) };
    }
    let code = error_code(&body).or_else(|| text("/error/status")).unwrap_or_default();
    let said = told(&format!("{} {code}", answer.status));
    let named = text("/error/message").map(told).unwrap_or_default();
    let why = |advice: &str| format!("FCM: {said}: {named}{advice}");
    let later =
        |why: String, at| Delivery { retry_at: at, ..Delivery::of(PROVIDER, Receipt::Later(why)) };
    let delivery = match (answer.status, code) {
        (_, "UNREGISTERED") => Delivery::of(PROVIDER, Receipt::Gone(why(""))),
        (429, _) => {
            let wait = retry_at(answer, now).unwrap_or_else(|| now.plus_seconds(QUOTA_WAIT_S));
            later(why("; the project sends more than its quota"), Some(wait))
        }
        (408 | 500..=599, _) => later(why(""), retry_at(answer, now)),
        (status, code) => Delivery::of(PROVIDER, Receipt::Refused(why(advice(status, code)))),
    };
    Delivery { status, reason: Some(told(code)), ..delivery }
}

/// What to do about a refusal.
fn advice(status: u16, code: &str) -> &'static str {
    match (status, code) {
        (_, "SENDER_ID_MISMATCH") => {
            "; the app was built for another Firebase project than the service account's"
        }
        (_, "THIRD_PARTY_AUTH_ERROR") => {
            "; the Firebase project's own APNs or Web Push credentials are wrong"
        }
        (401, _) => "; the access token is not taken: the service account is disabled or foreign",
        (403, _) => "; the service account may not send messages, or the API is not enabled",
        (404, _) => "; the service account's project does not exist or has no Cloud Messaging",
        (300..=399, _) => "; redirects are not followed",
        (400, _) => "; the device token is malformed, or the message is",
        _ => "",
    }
}

/// The `errorCode` among the details of an error.
fn error_code(body: &Value) -> Option<&str> {
    let details = body.pointer("/error/details")?.as_array()?;
    details.iter().find_map(|detail| detail.get("errorCode")?.as_str())
}
