//! Passkeys of people (D14): they confirm what a device of our own dialect signs, by an assertion whose
//! challenge is the hash of what is confirmed.
//!
//! ```
//! use device_protocol::aizuchi::passkey::Confirms;
//!
//! // The signature of the decision is no part of it: the passkey may confirm before or after.
//! assert_eq!(Confirms::Decision("a.b.c").challenge(), Confirms::Decision("a.b.d").challenge());
//! assert_ne!(Confirms::Decision("a.b.c").challenge(), Confirms::Key("a.b.c").challenge());
//! ```

use serde_json::{Map, Value, json};
use sha2::Digest as _;

use super::InvalidBody;
use super::enroll::MAX_TICKET_BYTES;
use crate::members::{object, required, text};

/// A passkey's name is not longer.
pub const MAX_NAME_BYTES: usize = 256;
/// No name of a ceremony is longer.
const MAX_CHALLENGE_BYTES: usize = 64;

/// What a passkey confirms.
#[derive(Clone, Copy, Debug)]
pub enum Confirms<'a> {
    /// A decision: its JWS.
    Decision(&'a str),
    /// That a device takes another key: the JWS of the proof.
    Key(&'a str),
    /// That there is a further passkey: the name of its ceremony.
    Passkey(&'a str),
}

impl Confirms<'_> {
    /// The challenge of the assertion.
    pub fn challenge(self) -> [u8; 32] {
        let (label, input) = match self {
            Self::Decision(jws) => ("aizuchi-decision", signing_input(jws)),
            Self::Key(jws) => ("aizuchi-key", signing_input(jws)),
            Self::Passkey(name) => ("aizuchi-passkey", name),
        };
        let mut hash = sha2::Sha256::new();
        hash.update(label);
        hash.update([0]);
        hash.update(input);
        hash.finalize().into()
    }
}

/// What was signed of a compact JWS (RFC 7515 5.1).
fn signing_input(jws: &str) -> &str {
    jws.rsplit_once('.').map_or(jws, |(input, _signature)| input)
}

/// A passkey that is to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPasskey {
    /// The name of the ceremony.
    pub challenge: String,
    /// What the authenticator answered, not looked into here.
    pub credential: Value,
    /// What its person calls it; may be empty.
    pub name: String,
}

impl NewPasskey {
    /// Reads the members; others are ignored.
    pub fn parse(value: &Value) -> Result<Self, InvalidBody> {
        let members = object(value, "passkey")?;
        let read = |name: &str, most| text(required(members, name, name)?, name, most);
        let name = match members.get("name") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(name)) if name.is_empty() => String::new(),
            Some(name) => text(name, "name", MAX_NAME_BYTES)?,
        };
        Ok(Self {
            challenge: read("challenge", MAX_CHALLENGE_BYTES)?,
            credential: Value::Object(
                object(required(members, "credential", "credential")?, "credential")?.clone(),
            ),
            name,
        })
    }

    /// The object of the wire.
    pub fn to_json(&self) -> Value {
        json!({ "challenge": self.challenge, "credential": self.credential, "name": self.name })
    }
}

/// What allows a further passkey beside the device's proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// A fresh code of an enrollment page.
    Ticket(String),
    /// An assertion of a passkey that is there, not looked into here.
    Passkey(Value),
}

/// The body of `POST /device/v1/passkeys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPasskey {
    /// The new one.
    pub new: NewPasskey,
    /// What allows it.
    pub consent: Option<Consent>,
}

impl AddPasskey {
    /// Reads the body; other members are ignored.
    pub fn parse(body: &Value) -> Result<Self, InvalidBody> {
        let members = object(body, "the body")?;
        let passkey = given(members, "passkey");
        let consent = match (ticket(members)?, passkey) {
            (Some(_), Some(_)) => {
                return Err(InvalidBody::new("either ticket or passkey, not both"));
            }
            (Some(ticket), None) => Some(Consent::Ticket(ticket)),
            (None, passkey) => passkey.cloned().map(Consent::Passkey),
        };
        Ok(Self { new: NewPasskey::parse(body)?, consent })
    }
}

/// The ticket of `POST /device/v1/passkeys/options`; none: a device asks.
pub fn options_ticket(body: &Value) -> Result<Option<String>, InvalidBody> {
    ticket(object(body, "the body")?)
}

fn ticket(members: &Map<String, Value>) -> Result<Option<String>, InvalidBody> {
    given(members, "ticket").map(|value| text(value, "ticket", MAX_TICKET_BYTES)).transpose()
}

fn given<'v>(members: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    members.get(name).filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bound by these very bytes: other implementations compute the same.
    #[test]
    fn a_challenge_is_the_hash_of_label_zero_and_text() {
        let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
        let decision = hex(Confirms::Decision("a.b.c").challenge());
        assert_eq!(decision, "7b72dd61f4b56b17e691a5939a50e423b2fc451a6fdb528b460c23399c827ea4");
        let key = hex(Confirms::Key("a.b.c").challenge());
        assert!(key.starts_with("54c7734fa7528720"), "{key}");
        assert_ne!(Confirms::Passkey("a.b").challenge(), Confirms::Key("a.b.c").challenge());
    }

    #[test]
    fn what_allows_a_passkey_is_a_ticket_or_a_passkey() {
        let body = json!({ "challenge": "x", "credential": {}, "name": "Key" });
        assert_eq!(AddPasskey::parse(&body).unwrap().consent, None);
        let mut by_ticket = body.clone();
        by_ticket["ticket"] = "AbCd".into();
        let read = AddPasskey::parse(&by_ticket).unwrap();
        assert_eq!(read.consent, Some(Consent::Ticket("AbCd".into())));
        assert_eq!(read.new.to_json(), body);
        let mut both = by_ticket;
        both["passkey"] = json!({});
        assert!(AddPasskey::parse(&both).is_err());
        for name in ["challenge", "credential"] {
            let mut broken = body.clone();
            broken[name] = json!(7);
            let why = AddPasskey::parse(&broken).unwrap_err().to_string();
            assert!(why.contains(name), "{why}");
        }
    }
}
