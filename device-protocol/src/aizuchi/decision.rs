//! The answer: a JWS by the device's key over the hash of what it showed (D13, D16).
//!
//! ```
//! use device_protocol::aizuchi::decision::{Answer, Decision, Reason, Said};
//!
//! let claims = Decision {
//!     device: "dev_AbCdEfGh01234567",
//!     user: "auth0|u1",
//!     issuer: "https://login.example.com/",
//!     jti: "c3163287",
//!     issued_at: 1_795_409_781,
//!     request: "cns_AbCdEfGhIjKlMnOpQrStUv",
//!     content_hash: "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o",
//!     match_code: None,
//!     answer: Answer::Deny(Some(Reason::Suspicious)),
//! }
//! .claims();
//! let said = Said::from_claims(claims.as_object().unwrap()).unwrap();
//! assert_eq!(said.answer, Answer::Deny(Some(Reason::Suspicious)));
//! ```

use serde_json::{Map, Value, json};

use super::{InvalidBody, InvalidClaim};
use crate::claims;
use crate::members::{object, required, text};

/// The `typ` of the decision.
pub const TYP: &str = "aizuchi-decision+jwt";
/// No decision is longer.
pub const MAX_BYTES: usize = 4096;
/// No number to match is longer.
const MAX_MATCH_BYTES: usize = 16;

/// Why somebody says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// They began it and changed their mind.
    Mistake,
    /// "This wasn't me."
    Suspicious,
    /// Anything else.
    Other,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mistake, Self::Suspicious, Self::Other];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mistake => "mistake",
            Self::Suspicious => "suspicious",
            Self::Other => "other",
        }
    }

    /// The reason of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Approve,
    /// No, and perhaps why.
    Deny(Option<Reason>),
}

/// The header of a decision by `device`, signed with `alg`.
pub fn header(alg: &str, device: &str) -> Value {
    json!({ "typ": TYP, "alg": alg, "kid": device })
}

/// What a device signs.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The device's id.
    pub device: &'a str,
    /// Whose device it is.
    pub user: &'a str,
    /// Who asks for the decision.
    pub issuer: &'a str,
    /// Never the same twice.
    pub jti: &'a str,
    /// Unix seconds.
    pub issued_at: i64,
    /// The request.
    pub request: &'a str,
    /// [`super::content::hash`] of the content that was shown.
    pub content_hash: &'a str,
    /// The number that the person entered, where one is asked for.
    pub match_code: Option<&'a str>,
    /// The answer.
    pub answer: Answer,
}

impl Decision<'_> {
    /// The claims.
    pub fn claims(&self) -> Value {
        let (decision, reason) = match self.answer {
            Answer::Approve => ("approve", None),
            Answer::Deny(reason) => ("deny", reason),
        };
        let mut claims = json!({
            "iss": self.device,
            "sub": self.user,
            "aud": self.issuer,
            "iat": self.issued_at,
            "jti": self.jti,
            "request": self.request,
            "content_hash": self.content_hash,
            "decision": decision,
        });
        if let Some(members) = claims.as_object_mut() {
            if let Some(code) = self.match_code {
                members.insert(String::from("match"), code.into());
            }
            if let Some(reason) = reason {
                members.insert(String::from("reason"), reason.as_str().into());
            }
        }
        claims
    }
}

/// The claims of a decision whose signature the caller has verified, each of the right type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// `iss`.
    pub device: String,
    /// `sub`.
    pub user: String,
    /// `aud`.
    pub issuer: String,
    /// `jti`, not empty.
    pub jti: String,
    /// `iat` in Unix milliseconds.
    pub issued_at_ms: i64,
    /// `request`.
    pub request: String,
    /// `content_hash`.
    pub content_hash: String,
    /// `match`.
    pub match_code: Option<String>,
    /// `decision` and `reason`.
    pub answer: Answer,
}

impl Said {
    /// Reads the claims. A reason belongs to a no alone.
    pub fn from_claims(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        let reason = match claims::optional_text(members, "reason")?.as_deref() {
            None => None,
            Some(name) => Some(Reason::from_name(name).ok_or_else(|| {
                InvalidClaim::new("reason", "must be mistake, suspicious or other")
            })?),
        };
        let answer = match (claims::text(members, "decision")?.as_str(), reason) {
            ("approve", None) => Answer::Approve,
            ("approve", Some(_)) => {
                return Err(InvalidClaim::new("reason", "belongs to a denial alone"));
            }
            ("deny", reason) => Answer::Deny(reason),
            _ => return Err(InvalidClaim::new("decision", "must be approve or deny")),
        };
        let match_code = claims::optional_text(members, "match")?;
        if match_code.as_ref().is_some_and(|code| code.len() > MAX_MATCH_BYTES) {
            return Err(InvalidClaim::new("match", "is too long"));
        }
        Ok(Self {
            device: claims::text(members, "iss")?,
            user: claims::text(members, "sub")?,
            issuer: claims::text(members, "aud")?,
            jti: super::jti(members)?,
            issued_at_ms: claims::date_ms(members, "iat")?,
            request: claims::text(members, "request")?,
            content_hash: claims::text(members, "content_hash")?,
            match_code,
            answer,
        })
    }
}

/// The body of `POST /device/v1/requests/{cns_…}/decision`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The signed decision.
    pub decision: String,
    /// The passkey's assertion, not looked into here.
    pub passkey: Option<Value>,
    /// Where the device is, in degrees: `{latitude, longitude}`, not looked into here.
    pub location: Option<Value>,
}

impl Body {
    /// Reads the body; other members are ignored.
    pub fn parse(body: &Value) -> Result<Self, InvalidBody> {
        let members = object(body, "the body")?;
        let decision = required(members, "decision", "decision")?;
        Ok(Self {
            decision: text(decision, "decision", MAX_BYTES)?,
            passkey: members.get("passkey").filter(|value| !value.is_null()).cloned(),
            location: members.get("location").filter(|value| !value.is_null()).cloned(),
        })
    }

    /// The body as a device sends it.
    pub fn to_json(&self) -> Value {
        let mut body = json!({ "decision": self.decision });
        let more = [("passkey", &self.passkey), ("location", &self.location)];
        if let Some(members) = body.as_object_mut() {
            let given = more.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
            members.extend(given.map(|(name, value)| (name.to_owned(), value)));
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval() -> Map<String, Value> {
        let decision = Decision {
            device: "dev_1",
            user: "auth0|u1",
            issuer: "https://login.example.com/",
            jti: "j",
            issued_at: 7,
            request: "cns_1",
            content_hash: "hash",
            match_code: Some("07"),
            answer: Answer::Approve,
        };
        decision.claims().as_object().unwrap().clone()
    }

    #[test]
    fn a_decision_is_read_as_it_was_made() {
        let said = Said::from_claims(&approval()).unwrap();
        assert_eq!((said.device.as_str(), said.request.as_str()), ("dev_1", "cns_1"));
        assert_eq!((said.match_code.as_deref(), said.answer), (Some("07"), Answer::Approve));
    }

    /// The three reasons, and no other.
    #[test]
    fn a_reason_is_one_of_three_and_belongs_to_a_no() {
        let mut claims = approval();
        claims.insert("reason".into(), "mistake".into());
        assert!(Said::from_claims(&claims).is_err());
        claims.insert("decision".into(), "deny".into());
        for reason in Reason::ALL {
            claims.insert("reason".into(), reason.as_str().into());
            let said = Said::from_claims(&claims).unwrap();
            assert_eq!(said.answer, Answer::Deny(Some(reason)));
        }
        claims.insert("reason".into(), "hack".into());
        assert!(Said::from_claims(&claims).unwrap_err().to_string().contains("reason"));
        claims.remove("reason");
        assert_eq!(Said::from_claims(&claims).unwrap().answer, Answer::Deny(None));
        claims.insert("decision".into(), "perhaps".into());
        assert!(Said::from_claims(&claims).is_err());
    }

    #[test]
    fn a_body_holds_a_signed_text() {
        let body = Body { decision: "a.b.c".into(), passkey: None, location: None };
        assert_eq!(Body::parse(&body.to_json()).unwrap(), body);
        let body = Body { location: Some(json!({"latitude": 35.7, "longitude": 139.8})), ..body };
        assert_eq!(Body::parse(&body.to_json()).unwrap(), body);
        for wrong in [json!([]), json!({}), json!({ "decision": 1 }), json!({ "decision": "" })] {
            assert!(Body::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
