//! The decision that a device signs (D13).

use device_protocol::aizuchi::decision::{MAX_BYTES, Said, TYP};
use device_protocol::aizuchi::errors::{Code, Refusal};

use super::{algorithm_of, check_clock, refuse};
use crate::jose::{PublicKey, Unverified};
use crate::{ConsentId, DeviceId, Timestamp, UserId};

/// What a decision must agree with.
#[derive(Clone, Copy, Debug)]
pub struct DecisionRules<'a> {
    /// The key that the device enrolled.
    pub key: &'a PublicKey,
    /// The device that calls.
    pub device: &'a DeviceId,
    /// Whose device it is.
    pub user: &'a UserId,
    /// Every address of the tenant.
    pub issuers: &'a [String],
    /// The request in the path.
    pub request: &'a ConsentId,
    /// When the request began: it may be answered without a network, and sent later.
    pub asked_at: Timestamp,
}

/// Checks a signed decision; whether its hash is of words that were shown, the caller looks up.
pub fn check_decision(
    jws: &str,
    rules: &DecisionRules<'_>,
    now: Timestamp,
) -> Result<Said, Refusal> {
    let unverified = Unverified::parse(jws, MAX_BYTES).map_err(invalid)?;
    if !unverified.header().is_type(TYP) {
        return Err(invalid(format!("typ must be {TYP}")));
    }
    if unverified.header().kid.as_deref() != Some(rules.device.as_str()) {
        return Err(invalid("kid is not the device that calls"));
    }
    let wrong_key = |error| refuse(Code::WrongKey, format!("decision: {error}"));
    let claims = unverified.verify(rules.key, &algorithm_of(rules.key)).map_err(wrong_key)?;
    let said = Said::from_claims(claims.as_map()).map_err(invalid)?;
    if said.device != rules.device.as_str() {
        return Err(invalid("iss is not the device that calls"));
    }
    if said.user != rules.user.as_str() {
        return Err(invalid("sub is not the device's user"));
    }
    if !rules.issuers.contains(&said.issuer) {
        return Err(invalid("aud is not this issuer"));
    }
    if said.request != rules.request.as_str() {
        return Err(invalid("request is not the one of the path"));
    }
    check_clock(said.issued_at_ms, (rules.asked_at.min(now), now), now)?;
    Ok(said)
}

fn invalid(why: impl std::fmt::Display) -> Refusal {
    refuse(Code::InvalidBody, format!("decision: {why}"))
}
