//! Enrolling a device: the ticket header, the request body and the answer.
//!
//! ```
//! use device_protocol::guardian::enroll::{EnrollRequest, Service, ticket_of};
//!
//! assert_eq!(ticket_of(r#"Ticket id="AbCd0123""#).unwrap(), "AbCd0123");
//! let body = serde_json::json!({
//!     "identifier": "a1b2c3d4e5f60718",
//!     "name": "Pixel",
//!     "push_credentials": { "service": "GCM", "token": "fcm-token" },
//!     "public_key": { "kty": "RSA", "n": "…", "e": "AQAB" },
//! });
//! let request = EnrollRequest::parse(&body).unwrap();
//! assert_eq!(request.push_credentials.service, Service::Gcm);
//! ```

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::members::{InvalidBody, object, required, text};

/// A device's identifier is not longer (iOS: a UUID, Android: 16 hex digits).
pub const MAX_IDENTIFIER_BYTES: usize = 128;
/// A device's name is not longer.
pub const MAX_NAME_BYTES: usize = 256;
/// A push token is not longer.
pub const MAX_PUSH_TOKEN_BYTES: usize = 1024;
/// A ticket is not longer; ours have 32 characters.
pub const MAX_TICKET_BYTES: usize = 64;

/// The service that reaches a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Apple.
    Apns,
    /// Google; the SDKs keep its old name `GCM`.
    Gcm,
}

impl Service {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apns => "APNS",
            Self::Gcm => "GCM",
        }
    }

    /// The service of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "APNS" => Some(Self::Apns),
            "GCM" => Some(Self::Gcm),
            _ => None,
        }
    }
}

/// Where pushes for a device go.
#[derive(Clone, PartialEq, Eq)]
pub struct PushCredentials {
    /// The service.
    pub service: Service,
    /// The device's token there, kept as it was sent.
    pub token: String,
}

impl PushCredentials {
    pub(super) fn parse(value: &Value) -> Result<Self, InvalidBody> {
        let members = object(value, "push_credentials")?;
        let service = required(members, "service", "push_credentials.service")?;
        let service = text(service, "push_credentials.service", MAX_NAME_BYTES)?;
        let service = Service::from_name(&service)
            .ok_or_else(|| InvalidBody::new("push_credentials.service must be APNS or GCM"))?;
        let token = required(members, "token", "push_credentials.token")?;
        let token = text(token, "push_credentials.token", MAX_PUSH_TOKEN_BYTES)?;
        Ok(Self { service, token })
    }

    /// The object of the wire.
    pub fn to_json(&self) -> Value {
        json!({ "service": self.service.as_str(), "token": self.token })
    }
}

impl fmt::Debug for PushCredentials {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushCredentials").field("service", &self.service).finish_non_exhaustive()
    }
}

/// The body of `POST …/api/enroll`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollRequest {
    /// What the device calls itself; `iss` of its answers.
    pub identifier: String,
    /// What people call it.
    pub name: String,
    /// Where its pushes go.
    pub push_credentials: PushCredentials,
    /// Its key as a JWK, not looked into here: the caller parses keys.
    pub public_key: Map<String, Value>,
}

impl EnrollRequest {
    /// Reads the four members; others are ignored.
    pub fn parse(body: &Value) -> Result<Self, InvalidBody> {
        let members = object(body, "the body")?;
        let identifier = required(members, "identifier", "identifier")?;
        let name = required(members, "name", "name")?;
        let push_credentials = required(members, "push_credentials", "push_credentials")?;
        let public_key = required(members, "public_key", "public_key")?;
        Ok(Self {
            identifier: text(identifier, "identifier", MAX_IDENTIFIER_BYTES)?,
            name: text(name, "name", MAX_NAME_BYTES)?,
            push_credentials: PushCredentials::parse(push_credentials)?,
            public_key: object(public_key, "public_key")?.clone(),
        })
    }

    /// The body as a device sends it.
    pub fn to_json(&self) -> Value {
        json!({
            "identifier": self.identifier,
            "name": self.name,
            "push_credentials": self.push_credentials.to_json(),
            "public_key": self.public_key,
        })
    }
}

/// The TOTP of an answer: left out unless the factor is on.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Totp {
    /// Base32.
    pub secret: String,
    /// Lower case, or iOS refuses the whole enrollment.
    pub algorithm: &'static str,
    /// Six.
    pub digits: u8,
    /// Thirty seconds.
    pub period: u8,
}

impl Totp {
    /// The one TOTP we offer: SHA-1, six digits, thirty seconds.
    pub fn new(secret: impl Into<String>) -> Self {
        Self { secret: secret.into(), algorithm: "sha1", digits: 6, period: 30 }
    }
}

/// The 201 of a successful enrollment: five strings that are always there, and no null.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Enrolled {
    /// The enrollment's id, `dev_…`.
    pub id: String,
    /// The base of the device API.
    pub url: String,
    /// The tenant's display name.
    pub issuer: String,
    /// Whose device it is now.
    pub user_id: String,
    /// The device's opaque token.
    pub token: String,
    /// Left out when TOTP is off: `null` throws out of the Android SDK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totp: Option<Totp>,
}

impl fmt::Debug for Enrolled {
    /// Without token and TOTP.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolled").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An `Authorization` header that is not `Ticket id="…"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTicket;

impl fmt::Display for NoTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"the Authorization header must be Ticket id="…""#)
    }
}

impl std::error::Error for NoTicket {}

/// The ticket of an `Authorization` header: quotation marks and the scheme's letter case are free.
pub fn ticket_of(authorization: &str) -> Result<&str, NoTicket> {
    let (scheme, rest) = authorization.trim().split_once(' ').ok_or(NoTicket)?;
    if !scheme.eq_ignore_ascii_case("ticket") {
        return Err(NoTicket);
    }
    let value = rest.trim_start().strip_prefix("id=").ok_or(NoTicket)?;
    let ticket = match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').ok_or(NoTicket)?,
        None => value,
    };
    if is_ticket(ticket) { Ok(ticket) } else { Err(NoTicket) }
}

/// The header that [`ticket_of`] reads.
pub fn authorization(ticket: &str) -> String {
    format!("Ticket id=\"{ticket}\"")
}

/// Letters and digits; `gten_…`, which documents show, is let through to be looked up in vain.
pub(super) fn is_ticket(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_TICKET_BYTES
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
