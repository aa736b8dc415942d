//! The proof of possession with which a device reads a consent (guardian B5).

use std::fmt;

use device_protocol::guardian::errors::Code;
use device_protocol::guardian::proof::{MAX_PROOF_BYTES, Presented, TYP, ath};

use super::Refused;
use super::address::is_consent;
use super::key::algorithm_of;
use crate::jose::{PublicKey, Unverified};
use crate::{Fingerprint, Timestamp};

/// `iat` may lie this far off, either way (GD6).
const SKEW_MS: i64 = 300_000;
/// How long a `jti` is remembered, in seconds: ten minutes (GD6), and a moment, so that a proof is
/// stale before it is forgotten.
pub const PROOF_MEMORY_S: i64 = 601;

/// What the proof of one device for one consent must agree with.
#[derive(Clone, Copy)]
pub struct ProofRules<'a> {
    /// The key that the device enrolled.
    pub key: &'a PublicKey,
    /// The transaction token that came with the proof.
    pub txtkn: &'a str,
    /// The consent's id as it stands in the path that was called.
    pub consent_id: &'a str,
    /// Every address of the tenant.
    pub bases: &'a [String],
}

impl fmt::Debug for ProofRules<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofRules").field("consent_id", &self.consent_id).finish_non_exhaustive()
    }
}

/// A proof that holds, unless it was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldProof {
    jti: String,
}

impl HeldProof {
    /// What must not have been seen before: the `jti`, of this device's key alone.
    pub fn seen_as(&self, key: &PublicKey) -> Fingerprint {
        let key = key.fingerprint();
        Fingerprint::of(
            &[b"consent-proof:", key.as_bytes().as_slice(), self.jti.as_bytes()].concat(),
        )
    }
}

/// Checks a proof. What is wrong with it is always `invalid_dpop_assertion` (G112, G113).
pub fn check_proof(
    proof: Option<&str>,
    rules: &ProofRules<'_>,
    now: Timestamp,
) -> Result<HeldProof, Refused> {
    let proof = proof.ok_or_else(|| refused("the header MFA-DPoP is missing"))?;
    let unverified = Unverified::parse(proof.trim(), MAX_PROOF_BYTES).map_err(refused)?;
    if !unverified.header().is_type(TYP) {
        return Err(refused("typ must be dpop+jwt"));
    }
    let signer = unverified.header().jwk().map_err(refused)?;
    let signer = signer.ok_or_else(|| refused("the header member jwk is missing"))?;
    if signer.fingerprint() != rules.key.fingerprint() {
        return Err(refused("jwk is not the key of this device"));
    }
    let claims = unverified.verify(&signer, &algorithm_of(&signer)).map_err(refused)?;
    let claims = Presented::from_claims(claims.as_map()).map_err(refused)?;
    if !is_consent(&claims.url, rules.consent_id, rules.bases) {
        return Err(refused("htu is not the address that was called"));
    }
    if claims.ath != ath(rules.txtkn) {
        return Err(refused("ath is not the hash of the transaction token"));
    }
    let off_ms = now.ms().saturating_sub(claims.issued_at_ms);
    if !(-SKEW_MS..=SKEW_MS).contains(&off_ms) {
        return Err(refused("iat is too far off; is the phone's clock right?"));
    }
    Ok(HeldProof { jti: claims.jti })
}

fn refused(why: impl fmt::Display) -> Refused {
    Refused::because(Code::InvalidDpopAssertion, format!("The proof does not hold: {why}"))
}
