//! The signed answer of a device: yes or no (guardian B4).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use device_protocol::guardian::resolve::{MAX_CHALLENGE_RESPONSE_BYTES, Response};

use super::address::is_api_call;
use super::key::algorithm_of;
use super::{Refused, invalid_token};
use crate::Timestamp;
use crate::jose::{PublicKey, Unverified};

/// `exp` may lie this far in the past: phones drift and an answer lives for 30 s only (G87).
const EXPIRY_LEEWAY_MS: i64 = 60_000;
/// `iat` may lie this far ahead (G88).
const EARLY_MS: i64 = 300_000;

/// What the answer of one device to one request must agree with.
#[derive(Clone, Copy, Debug)]
pub struct AnswerRules<'a> {
    /// The key that the device enrolled; found by the transaction token, never by `iss`.
    pub key: &'a PublicKey,
    /// What the push to this device said (`c`).
    pub challenge: &'a str,
    /// Every address of the tenant.
    pub bases: &'a [String],
    /// The device's present identifier.
    pub identifier: &'a str,
    /// Whether another `iss` than the identifier refuses the answer (GD7).
    pub is_identifier_strict: bool,
}

/// An answer that is the device's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Yes or no.
    pub accepted: bool,
    /// Why not, in the device's words (G77).
    pub reason: Option<String>,
    /// The number that the person entered.
    pub number: Option<String>,
    /// Whether `iss` is the device's present identifier: worth a warning if not (G84).
    pub identifier_matches: bool,
}

/// Checks a `challenge_response`, in the order of guardian B4.
pub fn check_answer(jwt: &str, rules: &AnswerRules<'_>, now: Timestamp) -> Result<Answer, Refused> {
    let claims = Unverified::parse(jwt.trim(), MAX_CHALLENGE_RESPONSE_BYTES)
        .and_then(|unverified| unverified.verify(rules.key, &algorithm_of(rules.key)))
        .map_err(invalid_token)?;
    let answer = Response::from_claims(claims.as_map()).map_err(invalid_token)?;
    if verify_slices_are_equal(answer.challenge.as_bytes(), rules.challenge.as_bytes()).is_err() {
        return Err(invalid_token("sub is not the challenge of this request"));
    }
    if !is_api_call(&answer.audience, "resolve-transaction", rules.bases) {
        return Err(invalid_token("aud is not the address that was called"));
    }
    if answer.expires_at_ms < now.plus_ms(-EXPIRY_LEEWAY_MS).ms() {
        return Err(invalid_token("it has expired; is the phone's clock right?"));
    }
    if answer.issued_at_ms.is_some_and(|at| at > now.plus_ms(EARLY_MS).ms()) {
        return Err(invalid_token("iat lies in the future; is the phone's clock right?"));
    }
    let identifier_matches = answer.identifier == rules.identifier;
    if !identifier_matches && rules.is_identifier_strict {
        return Err(invalid_token("iss is not the identifier of this device"));
    }
    let Response { accepted, reason, number, .. } = answer;
    Ok(Answer { accepted, reason, number, identifier_matches })
}
