//! Allowing and rejecting: the JWT a device signs and the body that carries it.
//!
//! ```
//! use device_protocol::guardian::resolve::{Answer, Decision, Response, body, challenge_response};
//!
//! let claims = Answer {
//!     identifier: "a1b2c3d4e5f60718",
//!     challenge: "q1w2e3",
//!     url: "https://login.example.com/appliance-mfa/api/resolve-transaction",
//!     issued_at: 1_795_409_781,
//!     decision: Decision::Rejected { reason: Some("hack") },
//! }
//! .claims();
//! assert_eq!(claims["exp"], 1_795_409_811);
//! // … the device signs, the server verifies …
//! let response = Response::from_claims(claims.as_object().unwrap()).unwrap();
//! assert!(!response.accepted);
//! assert_eq!(challenge_response(&body("a.b.c")).unwrap(), "a.b.c");
//! ```

use serde_json::{Map, Value, json};

use super::claims::{self, InvalidClaim};
use super::members::{InvalidBody, kind, object, required};

/// An answer's own life, in seconds.
pub const LIFETIME_SECONDS: i64 = 30;
/// No signed answer is longer.
pub const MAX_CHALLENGE_RESPONSE_BYTES: usize = 8192;
/// The claim with the number that a person entered.
pub const MATCH_CLAIM: &str = "aizuchi_match";
/// No reason is longer; more is cut off.
pub const MAX_REASON_CHARS: usize = 256;

/// What the person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Yes.
    Accepted,
    /// No, and perhaps why: `mistake`, `hack` or any text.
    Rejected {
        /// The reason, where one is given.
        reason: Option<&'a str>,
    },
}

/// The header of the JWT, for a signature with `alg`.
pub fn header(alg: &str) -> Value {
    json!({ "alg": alg, "typ": "JWT" })
}

/// What a device signs.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The device's own identifier, not the enrollment's id.
    pub identifier: &'a str,
    /// The challenge `c` of the push.
    pub challenge: &'a str,
    /// The URL that will be called.
    pub url: &'a str,
    /// Unix seconds.
    pub issued_at: i64,
    /// The decision.
    pub decision: Decision<'a>,
}

impl Answer<'_> {
    /// The claims.
    pub fn claims(&self) -> Value {
        let mut claims = json!({
            "iss": self.identifier,
            "sub": self.challenge,
            "aud": self.url,
            "iat": self.issued_at,
            "exp": self.issued_at.saturating_add(LIFETIME_SECONDS),
            "auth0_guardian_method": "push",
            "auth0_guardian_accepted": matches!(self.decision, Decision::Accepted),
        });
        if let (Decision::Rejected { reason: Some(reason) }, Some(members)) =
            (self.decision, claims.as_object_mut())
        {
            members.insert("auth0_guardian_reason".to_owned(), reason.into());
        }
        claims
    }
}

/// The claims of an answer whose signature the caller has verified, each of the right type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// `iss`: the identifier the device has now.
    pub identifier: String,
    /// `sub`, to be compared with the push's challenge in constant time.
    pub challenge: String,
    /// `aud`, to be compared in its [`super::url::normalized`] form.
    pub audience: String,
    /// `iat` in Unix milliseconds.
    pub issued_at_ms: Option<i64>,
    /// `exp` in Unix milliseconds.
    pub expires_at_ms: i64,
    /// The decision.
    pub accepted: bool,
    /// The reason, where one is given.
    pub reason: Option<String>,
    /// The number that the person entered (ours: no Guardian app sends it).
    pub number: Option<String>,
}

impl Response {
    /// Reads the claims; unknown ones are ignored.
    pub fn from_claims(members: &Map<String, Value>) -> Result<Self, InvalidClaim> {
        if claims::text(members, "auth0_guardian_method")? != "push" {
            return Err(InvalidClaim::new("auth0_guardian_method", "must be push"));
        }
        let reason = claims::optional_text(members, "auth0_guardian_reason")?;
        let number = claims::optional_text(members, MATCH_CLAIM)?;
        Ok(Self {
            identifier: claims::text(members, "iss")?,
            challenge: claims::text(members, "sub")?,
            audience: claims::text(members, "aud")?,
            issued_at_ms: claims::optional_date_ms(members, "iat")?,
            expires_at_ms: claims::date_ms(members, "exp")?,
            accepted: claims::boolean(members, "auth0_guardian_accepted")?,
            reason: reason.map(|text| text.chars().take(MAX_REASON_CHARS).collect()),
            number,
        })
    }
}

/// The body that carries the signed answer.
pub fn body(jwt: &str) -> Value {
    json!({ "challenge_response": jwt })
}

/// The signed answer out of a body.
pub fn challenge_response(body: &Value) -> Result<&str, InvalidBody> {
    let members = object(body, "the body")?;
    let value = required(members, "challenge_response", "challenge_response")?;
    let jwt = value.as_str().ok_or_else(|| {
        InvalidBody::new(format!("challenge_response must be a string, not {}", kind(value)))
    })?;
    if jwt.len() > MAX_CHALLENGE_RESPONSE_BYTES {
        return Err(InvalidBody::new("challenge_response is too long"));
    }
    Ok(jwt)
}
