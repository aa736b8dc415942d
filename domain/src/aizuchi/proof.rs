//! `Device-Proof`: which device calls, and that it is this call (D7).

use std::fmt;

use device_protocol::aizuchi::errors::{Code, Refusal};
use device_protocol::aizuchi::proof::{MAX_BYTES, Presented, TYP, WINDOW_S};
use device_protocol::guardian::url::normalized;

use super::{algorithm_of, check_clock, refuse};
use crate::jose::{PublicKey, Unverified};
use crate::{DeviceId, Fingerprint, Timestamp};

/// How long a `jti` is remembered, in seconds: a proof may be made ahead of our clock and live on
/// until it is behind it; and a moment.
pub const PROOF_MEMORY_S: i64 = 2 * WINDOW_S + 1;

/// What a proof must agree with.
#[derive(Clone, Copy)]
pub struct ProofRules<'a> {
    /// The method of the call.
    pub method: &'a str,
    /// The path of the call below each base, without its first slash.
    pub path: &'a str,
    /// Every address of the tenant.
    pub bases: &'a [String],
    /// The body of the call.
    pub body: &'a [u8],
}

impl fmt::Debug for ProofRules<'_> {
    /// Without the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofRules").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A proof that says whose it is, and that nobody has verified yet.
#[derive(Debug)]
pub struct UncheckedProof<'a> {
    unverified: Unverified<'a>,
    device: DeviceId,
}

/// A proof that holds, unless it was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldProof {
    /// What must not have been seen before.
    pub seen_as: Fingerprint,
}

impl<'a> UncheckedProof<'a> {
    /// Takes the header of a call apart.
    pub fn parse(proof: Option<&'a str>) -> Result<Self, Refusal> {
        let proof = proof.ok_or_else(|| invalid("the header Device-Proof is missing"))?;
        let unverified = Unverified::parse(proof.trim(), MAX_BYTES).map_err(invalid)?;
        if !unverified.header().is_type(TYP) {
            return Err(invalid(format!("typ must be {TYP}")));
        }
        let kid = unverified.header().kid.as_deref().filter(|kid| !kid.contains('\0'));
        let device = DeviceId::new(kid.ok_or_else(|| invalid("kid, the device's id, is missing"))?);
        Ok(Self { unverified, device })
    }

    /// Whose proof it says it is.
    pub const fn device(&self) -> &DeviceId {
        &self.device
    }

    /// Checks that `key` signed it, for this very call, just now.
    pub fn check(
        &self,
        key: &PublicKey,
        rules: &ProofRules<'_>,
        now: Timestamp,
    ) -> Result<HeldProof, Refusal> {
        let wrong_key = |error| refuse(Code::WrongKey, format!("Device-Proof: {error}"));
        let claims = self.unverified.verify(key, &algorithm_of(key)).map_err(wrong_key)?;
        let proof = Presented::from_claims(claims.as_map()).map_err(invalid)?;
        if proof.method != rules.method {
            return Err(invalid("htm is not the method of the call"));
        }
        if !is_below_one(&proof.url, rules) {
            return Err(invalid("htu is not the address that was called"));
        }
        if !proof.is_about(rules.body) {
            return Err(invalid("bh is not the hash of the body"));
        }
        check_clock(proof.issued_at_ms, (now, now), now)?;
        let name = format!("device-proof\n{}\n{}", self.device, proof.jti);
        Ok(HeldProof { seen_as: Fingerprint::of(name.as_bytes()) })
    }
}

/// Whether `signed` is the called path below one of the bases; the host's letter case, the scheme's
/// own port and a query do not count.
fn is_below_one(signed: &str, rules: &ProofRules<'_>) -> bool {
    let Ok(signed) = normalized(signed) else { return false };
    let urls = rules.bases.iter().map(|base| format!("{base}{}", rules.path));
    urls.filter_map(|url| normalized(&url).ok()).any(|url| url == signed)
}

fn invalid(why: impl fmt::Display) -> Refusal {
    refuse(Code::InvalidProof, format!("Device-Proof: {why}"))
}
