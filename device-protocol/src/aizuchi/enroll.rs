//! A device comes, changes and goes: the bodies of enrollment, change and key change (D2, D5).
//!
//! ```
//! use device_protocol::aizuchi::enroll::{Channel, EnrollRequest};
//!
//! let body = serde_json::json!({
//!     "ticket": "AbCd0123", "name": "Phone", "key": { "kty": "EC" },
//!     "channel": { "kind": "none" }, "locale": "ja", "proof": "a.b.c",
//! });
//! let request = EnrollRequest::parse(&body).unwrap();
//! assert_eq!(request.channel, Channel::None);
//! ```

use std::fmt;

use serde_json::{Map, Value, json};

use super::{InvalidBody, InvalidClaim};
use crate::claims;
use crate::members::{object, required, text};

/// The `typ` of the proof by a new key.
pub const TYP: &str = "aizuchi-key+jwt";
/// A device's name is not longer.
pub const MAX_NAME_BYTES: usize = 256;
/// A ticket is not longer; ours have 32 characters.
pub const MAX_TICKET_BYTES: usize = 64;
/// No proof by a new key is longer.
pub const MAX_PROOF_BYTES: usize = 4096;
/// No language tag is longer (RFC 5646 4.4.1).
pub const MAX_LOCALE_BYTES: usize = 35;
/// No address of a push service is longer.
pub const MAX_ENDPOINT_BYTES: usize = 2048;
/// No token of a push service is longer.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// A subscription of Web Push (RFC 8030, RFC 8291), kept as it was sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Where the push service takes messages.
    pub endpoint: String,
    /// The receiver's public key.
    pub p256dh: String,
    /// The receiver's secret.
    pub auth: String,
}

/// How a device is woken.
#[derive(Clone, PartialEq, Eq)]
pub enum Channel {
    /// A browser's push service.
    WebPush(Subscription),
    /// `UnifiedPush`, which speaks the same.
    UnifiedPush(Subscription),
    /// Apple's.
    Apns {
        /// The device's token there.
        token: String,
        /// The app's name there.
        topic: String,
    },
    /// Google's.
    Fcm {
        /// The device's token there.
        token: String,
    },
    /// Not at all: it looks into its inbox by itself.
    None,
}

impl fmt::Debug for Channel {
    /// Without addresses and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channel({})", self.kind())
    }
}

impl fmt::Debug for Subscription {
    /// Without its secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}

impl Channel {
    /// Its `kind` on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::WebPush(_) => "web_push",
            Self::UnifiedPush(_) => "unified_push",
            Self::Apns { .. } => "apns",
            Self::Fcm { .. } => "fcm",
            Self::None => "none",
        }
    }

    /// Reads the object.
    pub fn parse(value: &Value) -> Result<Self, InvalidBody> {
        let members = object(value, "channel")?;
        let read = |name: &str, most| {
            let path = format!("channel.{name}");
            text(required(members, name, &path)?, &path, most)
        };
        let subscription = || {
            let endpoint = read("endpoint", MAX_ENDPOINT_BYTES)?;
            if !endpoint.starts_with("https://") {
                return Err(InvalidBody::new("channel.endpoint must begin with https://"));
            }
            let (p256dh, auth) = (read("p256dh", MAX_NAME_BYTES)?, read("auth", MAX_NAME_BYTES)?);
            Ok(Subscription { endpoint, p256dh, auth })
        };
        match read("kind", MAX_NAME_BYTES)?.as_str() {
            "web_push" => Ok(Self::WebPush(subscription()?)),
            "unified_push" => Ok(Self::UnifiedPush(subscription()?)),
            "apns" => Ok(Self::Apns {
                token: read("token", MAX_TOKEN_BYTES)?,
                topic: read("topic", MAX_NAME_BYTES)?,
            }),
            "fcm" => Ok(Self::Fcm { token: read("token", MAX_TOKEN_BYTES)? }),
            "none" => Ok(Self::None),
            _ => Err(InvalidBody::new(
                "channel.kind must be web_push, unified_push, apns, fcm or none",
            )),
        }
    }

    /// The object of the wire.
    pub fn to_json(&self) -> Value {
        let kind = self.kind();
        match self {
            Self::WebPush(to) | Self::UnifiedPush(to) => json!({
                "kind": kind, "endpoint": to.endpoint, "p256dh": to.p256dh, "auth": to.auth,
            }),
            Self::Apns { token, topic } => json!({ "kind": kind, "token": token, "topic": topic }),
            Self::Fcm { token } => json!({ "kind": kind, "token": token }),
            Self::None => json!({ "kind": kind }),
        }
    }
}

/// The body of `POST /device/v1/enrollments`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollRequest {
    /// The short-lived ticket of the enrollment page.
    pub ticket: String,
    /// What people call the device.
    pub name: String,
    /// Its key as a JWK, not looked into here: the caller parses keys.
    pub key: Map<String, Value>,
    /// How it is woken.
    pub channel: Channel,
    /// The language its person reads.
    pub locale: String,
    /// A JWS by the new key over [`ticket_claims`].
    pub proof: String,
    /// A passkey that is registered with it, not looked into here.
    pub passkey: Option<Value>,
}

impl EnrollRequest {
    /// Reads the members; others are ignored.
    pub fn parse(body: &Value) -> Result<Self, InvalidBody> {
        let members = object(body, "the body")?;
        let read = |name: &str, most| text(required(members, name, name)?, name, most);
        Ok(Self {
            ticket: read("ticket", MAX_TICKET_BYTES)?,
            name: read("name", MAX_NAME_BYTES)?,
            key: object(required(members, "key", "key")?, "key")?.clone(),
            channel: Channel::parse(required(members, "channel", "channel")?)?,
            locale: locale(required(members, "locale", "locale")?)?,
            proof: read("proof", MAX_PROOF_BYTES)?,
            passkey: members.get("passkey").filter(|value| !value.is_null()).cloned(),
        })
    }

    /// The body as a device sends it.
    pub fn to_json(&self) -> Value {
        let mut body = json!({
            "ticket": self.ticket,
            "name": self.name,
            "key": self.key,
            "channel": self.channel.to_json(),
            "locale": self.locale,
            "proof": self.proof,
        });
        if let (Some(passkey), Some(members)) = (&self.passkey, body.as_object_mut()) {
            members.insert(String::from("passkey"), passkey.clone());
        }
        body
    }
}

/// A language tag (RFC 5646): letters, digits and hyphens.
fn locale(value: &Value) -> Result<String, InvalidBody> {
    let locale = text(value, "locale", MAX_LOCALE_BYTES)?;
    if locale.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        Ok(locale)
    } else {
        Err(InvalidBody::new("locale must be a language tag such as ja or en-GB"))
    }
}

/// The header of a proof by a new key, signed with `alg`.
pub fn header(alg: &str) -> Value {
    json!({ "typ": TYP, "alg": alg })
}

/// What a new key signs under a ticket.
pub fn ticket_claims(ticket: &str, issuer: &str, issued_at: i64) -> Value {
    json!({ "ticket": ticket, "aud": issuer, "iat": issued_at })
}

/// What a new key signs to take the place of a device's former one.
pub fn device_claims(device: &str, issuer: &str, issued_at: i64) -> Value {
    json!({ "device": device, "aud": issuer, "iat": issued_at })
}

/// What a new key has signed; the caller has verified it with that key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProof {
    /// The ticket or device that it is for.
    pub subject: String,
    /// `aud`.
    pub issuer: String,
    /// `iat` in Unix milliseconds.
    pub issued_at_ms: i64,
}

impl KeyProof {
    /// Reads the claims of a proof for a ticket.
    pub fn of_ticket(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        Self::of("ticket", members)
    }

    /// Reads the claims of a proof for a device.
    pub fn of_device(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        Self::of("device", members)
    }

    fn of(subject: &'static str, members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        Ok(Self {
            subject: claims::text(members, subject)?,
            issuer: claims::text(members, "aud")?,
            issued_at_ms: claims::date_ms(members, "iat")?,
        })
    }
}

/// The 201 of an enrollment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The device's id, `dev_…`.
    pub device: String,
    /// Whose device it is now.
    pub user: String,
    /// Whom it answers to: the `aud` of its decisions.
    pub issuer_url: String,
    /// What people call the issuer.
    pub name: String,
    /// The key that signs contents; the device keeps it and trusts no other.
    pub server_key: Value,
}

impl Enrolled {
    /// The body.
    pub fn to_json(&self) -> Value {
        json!({
            "device": self.device,
            "user": self.user,
            "issuer_url": self.issuer_url,
            "name": self.name,
            "server_key": self.server_key,
        })
    }

    /// Reads the body.
    pub fn parse(body: &Value) -> Result<Self, InvalidBody> {
        let members = object(body, "the answer")?;
        let read = |name: &str| text(required(members, name, name)?, name, MAX_ENDPOINT_BYTES);
        let server_key = required(members, "server_key", "server_key")?;
        Ok(Self {
            device: read("device")?,
            user: read("user")?,
            issuer_url: read("issuer_url")?,
            name: read("name")?,
            server_key: Value::Object(object(server_key, "server_key")?.clone()),
        })
    }
}

/// The body of `PATCH /device/v1/device`: what is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The new name.
    pub name: Option<String>,
    /// How it is woken from now on.
    pub channel: Option<Channel>,
    /// The language from now on.
    pub locale: Option<String>,
}

impl Patch {
    /// Reads any subset of the members; others are ignored.
    pub fn parse(body: &Value) -> Result<Self, InvalidBody> {
        let members = object(body, "the body")?;
        let name = members.get("name").map(|name| text(name, "name", MAX_NAME_BYTES));
        Ok(Self {
            name: name.transpose()?,
            channel: members.get("channel").map(Channel::parse).transpose()?,
            locale: members.get("locale").map(locale).transpose()?,
        })
    }
}

/// The body of `POST /device/v1/device/key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The new key as a JWK, not looked into here.
    pub key: Map<String, Value>,
    /// A JWS by the new key over [`device_claims`].
    pub proof: String,
    /// The assertion of a passkey that confirms it, not looked into here.
    pub passkey: Option<Value>,
}

impl NewKey {
    /// Reads the body; other members are ignored.
    pub fn parse(body: &Value) -> Result<Self, InvalidBody> {
        let members = object(body, "the body")?;
        let proof = required(members, "proof", "proof")?;
        Ok(Self {
            key: object(required(members, "key", "key")?, "key")?.clone(),
            proof: text(proof, "proof", MAX_PROOF_BYTES)?,
            passkey: members.get("passkey").filter(|value| !value.is_null()).cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Value {
        json!({
            "ticket": "AbCd0123", "name": "Phone", "key": { "kty": "EC" },
            "channel": { "kind": "apns", "token": "aa", "topic": "com.example" },
            "locale": "en-GB", "proof": "a.b.c",
        })
    }

    #[test]
    fn an_enrollment_is_read_as_it_was_written() {
        let request = EnrollRequest::parse(&body()).unwrap();
        assert_eq!(request.to_json(), body());
        assert!(!format!("{request:?}").contains("\"aa\""), "{request:?}");
    }

    #[test]
    fn each_kind_of_channel_is_read_and_written_alike() {
        let to = json!({ "endpoint": "https://push.example/1", "p256dh": "k", "auth": "a" });
        for kind in ["web_push", "unified_push"] {
            let mut channel = to.clone();
            channel["kind"] = kind.into();
            assert_eq!(Channel::parse(&channel).unwrap().to_json(), channel);
        }
        for channel in [
            json!({ "kind": "apns", "token": "t", "topic": "x" }),
            json!({ "kind": "fcm", "token": "t" }),
            json!({ "kind": "none" }),
        ] {
            assert_eq!(Channel::parse(&channel).unwrap().to_json(), channel);
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for name in ["ticket", "name", "key", "channel", "locale", "proof"] {
            let mut broken = body();
            broken.as_object_mut().unwrap().remove(name);
            let why = EnrollRequest::parse(&broken).unwrap_err().to_string();
            assert!(why.contains(name), "{why}");
            broken[name] = json!(7);
            let why = EnrollRequest::parse(&broken).unwrap_err().to_string();
            assert!(why.contains(name), "{why}");
        }
        for channel in [
            json!({ "kind": "sms" }),
            json!({ "kind": "fcm" }),
            json!({ "kind": "apns", "token": "t" }),
            json!({ "kind": "web_push", "endpoint": "http://x", "p256dh": "k", "auth": "a" }),
            json!({}),
        ] {
            assert!(Channel::parse(&channel).is_err(), "{channel}");
        }
        let mut odd = body();
        odd["locale"] = "en_GB".into();
        assert!(EnrollRequest::parse(&odd).is_err());
    }

    #[test]
    fn a_change_holds_what_is_given_and_nothing_else() {
        assert_eq!(Patch::parse(&json!({})).unwrap(), Patch::default());
        let patch = Patch::parse(&json!({ "channel": { "kind": "none" } })).unwrap();
        assert_eq!(patch, Patch { channel: Some(Channel::None), ..Patch::default() });
        assert!(Patch::parse(&json!({ "name": "" })).is_err());
        assert!(Patch::parse(&json!({ "channel": null })).is_err());
    }
}
