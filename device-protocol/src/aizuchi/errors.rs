//! The body of every error answer: `{code, message}` (D15).
//!
//! ```
//! use device_protocol::aizuchi::errors::{Code, Refusal};
//!
//! let refusal = Refusal::new(Code::ClockOff, "the clock is 3 minutes slow");
//! assert_eq!(refusal.code.status(), 401);
//! assert_eq!(refusal.to_json()["code"], "clock_off");
//! ```

use serde_json::{Value, json};

use crate::codes::codes;

codes! {
    /// The body is not JSON, lacks a member or has one of a wrong form.
    InvalidBody = 400 "invalid_body";
    /// The answer is about other words than the ones that were shown.
    WrongHash = 400 "wrong_hash";
    /// The number that was entered is not the one that the other device shows.
    WrongMatch = 400 "wrong_match";
    /// The request wants a passkey.
    PasskeyRequired = 400 "passkey_required";
    /// The passkey's answer does not hold.
    PasskeyInvalid = 400 "passkey_invalid";
    /// There is no proof, or it is one of another call.
    InvalidProof = 401 "invalid_proof";
    /// The signature is not the enrolled key's.
    WrongKey = 401 "wrong_key";
    /// The proof was used before.
    Replayed = 401 "replayed";
    /// The device's clock is too far off; the header `Date` says what time it is.
    ClockOff = 401 "clock_off";
    /// The device is not enrolled (any more).
    UnknownDevice = 401 "unknown_device";
    /// The operator has switched devices off.
    Disabled = 403 "disabled";
    /// No such ticket, request, receipt or path, or none of this device's.
    NotFound = 404 "not_found";
    /// The path has other methods.
    MethodNotAllowed = 405 "method_not_allowed";
    /// Somebody has answered, or this device has answered otherwise.
    Decided = 409 "decided";
    /// The request was taken back.
    Withdrawn = 409 "withdrawn";
    /// The person has a device, and the ticket is not for a further one.
    Enrolled = 409 "enrolled";
    /// The time for an answer is over.
    Expired = 410 "expired";
    /// Too many calls.
    TooManyRequests = 429 "too_many_requests";
    /// Our fault.
    InternalError = 500 "internal_error";
    /// Our fault, and worth trying again later.
    Unavailable = 503 "unavailable";
}

impl Code {
    /// The code of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

/// A refusal as its body tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What programs branch on.
    pub code: Code,
    /// What is wrong, as a sentence.
    pub message: String,
}

impl Refusal {
    /// A refusal with its sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The body.
    pub fn to_json(&self) -> Value {
        json!({ "code": self.code.as_str(), "message": self.message })
    }

    /// Reads a body; `None` if it is none of ours.
    pub fn parse(body: &Value) -> Option<Self> {
        let code = Code::from_name(body.get("code")?.as_str()?)?;
        Some(Self::new(code, body.get("message")?.as_str()?))
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Refusal};

    #[test]
    fn every_refusal_is_read_as_it_was_written() {
        for code in Code::ALL {
            let refusal = Refusal::new(*code, "why");
            assert_eq!(Refusal::parse(&refusal.to_json()), Some(refusal));
            assert!((400..=503).contains(&code.status()));
        }
        assert_eq!(Refusal::parse(&serde_json::json!({ "code": "other" })), None);
    }
}
