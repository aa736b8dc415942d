//! The key that a device enrolls, and the proof that it has it.

use device_protocol::aizuchi::enroll::{KeyProof, MAX_PROOF_BYTES, TYP};
use device_protocol::aizuchi::errors::{Code, Refusal};
use serde_json::{Map, Value};

use super::{algorithm_of, check_clock, refuse};
use crate::Timestamp;
use crate::jose::{Claims, KeyType, PublicKey, Unverified};

/// Reads the key of an enrollment: P-256 or Ed25519, any other kind is refused by its name (D1).
pub fn device_key(key: &Map<String, Value>) -> Result<PublicKey, Refusal> {
    let refused = |why: String| refuse(Code::InvalidBody, why);
    let key = PublicKey::from_jwk_members(key).map_err(|error| refused(format!("key: {error}")))?;
    let kind = match key.key_type() {
        KeyType::P256 | KeyType::Ed25519 => return Ok(key),
        KeyType::Rsa => "an RSA key",
        KeyType::P384 => "an EC key on P-384",
    };
    Err(refused(format!("key is {kind}; a device has an EC key on P-256 or an Ed25519 key")))
}

/// Checks that the new key has signed the ticket it comes with, for us and just now (D2).
pub fn check_ticket_proof(
    proof: &str,
    key: &PublicKey,
    (ticket, issuers): (&str, &[String]),
    now: Timestamp,
) -> Result<(), Refusal> {
    let claims = verified(proof, key)?;
    let said = KeyProof::of_ticket(claims.as_map()).map_err(invalid)?;
    check("ticket", &said, (ticket, issuers), now)
}

/// Checks that the new key has signed the device whose key it is to be (D5).
pub fn check_device_proof(
    proof: &str,
    key: &PublicKey,
    (device, issuers): (&str, &[String]),
    now: Timestamp,
) -> Result<(), Refusal> {
    let claims = verified(proof, key)?;
    let said = KeyProof::of_device(claims.as_map()).map_err(invalid)?;
    check("device", &said, (device, issuers), now)
}

fn verified(proof: &str, key: &PublicKey) -> Result<Claims, Refusal> {
    let unverified = Unverified::parse(proof, MAX_PROOF_BYTES).map_err(invalid)?;
    if !unverified.header().is_type(TYP) {
        return Err(invalid(format!("typ must be {TYP}")));
    }
    let wrong_key = |error| refuse(Code::WrongKey, format!("proof: {error}"));
    unverified.verify(key, &algorithm_of(key)).map_err(wrong_key)
}

fn check(
    name: &str,
    said: &KeyProof,
    (subject, issuers): (&str, &[String]),
    now: Timestamp,
) -> Result<(), Refusal> {
    if said.subject != subject {
        return Err(invalid(format!("{name} is not the one of this call")));
    }
    if !issuers.contains(&said.issuer) {
        return Err(invalid("aud is not this issuer"));
    }
    check_clock(said.issued_at_ms, (now, now), now)
}

fn invalid(why: impl std::fmt::Display) -> Refusal {
    refuse(Code::InvalidBody, format!("proof: {why}"))
}
