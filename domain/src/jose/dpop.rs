//! Proofs that a client holds a key (`DPoP`, RFC 9449 4).

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Algorithm, ClaimError, JwsError, Unverified};
use crate::{Fingerprint, Timestamp};

/// The algorithms of proofs, as the metadata lists them.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::Es256, Algorithm::Ps256, Algorithm::Ed25519];
/// No proof is longer.
pub const MAX_PROOF_BYTES: usize = 4096;

const TYP: &str = "dpop+jwt";
const MAX_JTI_CHARS: usize = 256;
/// `iat` may lie this far off, either way (RFC 9449 11.1).
const SKEW_MS: i64 = 60_000;
/// How long a proof is remembered: until it is stale, and a moment.
const MEMORY_S: i64 = 121;

/// What a proof must agree with.
#[derive(Clone, Copy)]
pub struct ProofRules<'a> {
    /// The method of the request that it came with.
    pub method: &'a str,
    /// The addresses under which the endpoint is known.
    pub urls: &'a [String],
    /// The access token that came with it, if one did.
    pub access_token: Option<&'a str>,
    /// The nonces that are good now, and whether one must be there (RFC 9449 8).
    pub nonces: (&'a [String], bool),
}

impl fmt::Debug for ProofRules<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofRules").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// A proof that holds, unless it was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldProof {
    /// The RFC 7638 thumbprint of the key: the `jkt` of tokens.
    pub thumbprint: String,
    /// What must not have been seen before.
    pub seen_as: Fingerprint,
    /// Until when it must be remembered.
    pub forget_at: Timestamp,
}

/// What is wrong with a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// It is no JWS of ours, or its signature does not hold.
    Jws(JwsError),
    /// A claim is missing or of the wrong type.
    Claim(ClaimError),
    /// `typ` is another.
    Type,
    /// There is no `jwk` in its header.
    NoKey,
    /// `jti` is empty or too long.
    Jti,
    /// `htm` is another method.
    Method,
    /// `htu` is another address.
    Address,
    /// `iat` is too far off.
    Stale,
    /// `ath` is not the hash of the access token.
    Token,
    /// `nonce` is missing, or none of ours that is good now.
    Nonce,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jws(error) => error.fmt(f),
            Self::Claim(error) => error.fmt(f),
            Self::Type => f.write_str("typ must be dpop+jwt"),
            Self::NoKey => f.write_str("the header member jwk is missing"),
            Self::Jti => write!(f, "jti must have 1 to {MAX_JTI_CHARS} characters"),
            Self::Method => f.write_str("htm is not the method of the request"),
            Self::Address => f.write_str("htu is not the address that was called"),
            Self::Stale => f.write_str("iat is more than a minute off"),
            Self::Token => f.write_str("ath is not the hash of the access token"),
            Self::Nonce => f.write_str("nonce is not the one in the header DPoP-Nonce"),
        }
    }
}

impl std::error::Error for ProofError {}

impl From<JwsError> for ProofError {
    fn from(error: JwsError) -> Self {
        Self::Jws(error)
    }
}

impl From<ClaimError> for ProofError {
    fn from(error: ClaimError) -> Self {
        Self::Claim(error)
    }
}

/// Checks the proof that came with a request (RFC 9449 4.3).
pub fn check(proof: &str, rules: &ProofRules<'_>, now: Timestamp) -> Result<HeldProof, ProofError> {
    let unverified = Unverified::parse(proof.trim(), MAX_PROOF_BYTES)?;
    if !unverified.header().is_type(TYP) {
        return Err(ProofError::Type);
    }
    let key = unverified.header().jwk()?.ok_or(ProofError::NoKey)?;
    let claims = unverified.verify(&key, &ALGORITHMS)?;
    let jti = claims.text("jti")?;
    if jti.is_empty() || jti.chars().count() > MAX_JTI_CHARS {
        return Err(ProofError::Jti);
    }
    if claims.text("htm")? != rules.method {
        return Err(ProofError::Method);
    }
    let called = without_query(claims.text("htu")?);
    if !rules.urls.iter().any(|url| is_same(url, called)) {
        return Err(ProofError::Address);
    }
    let off_ms = now.ms_since(claims.numeric_date("iat")?);
    if !(-SKEW_MS..=SKEW_MS).contains(&off_ms) {
        return Err(ProofError::Stale);
    }
    if let Some(token) = rules.access_token {
        let hash = URL_SAFE_NO_PAD.encode(Fingerprint::of(token.as_bytes()).as_bytes());
        if claims.text("ath")? != hash {
            return Err(ProofError::Token);
        }
    }
    let (nonces, is_required) = rules.nonces;
    match claims.optional_text("nonce")? {
        Some(nonce) if !nonces.iter().any(|known| known == nonce) => return Err(ProofError::Nonce),
        None if is_required => return Err(ProofError::Nonce),
        Some(_) | None => {}
    }
    let thumbprint = key.thumbprint();
    let seen_as = Fingerprint::of(format!("dpop\n{thumbprint}\n{jti}").as_bytes());
    Ok(HeldProof { thumbprint, seen_as, forget_at: now.plus_seconds(MEMORY_S) })
}

/// The nonce of a window of time: nobody else can make it, and every node makes the same.
pub fn nonce(key: &[u8; 32], window: i64) -> String {
    let proof = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &window.to_be_bytes());
    URL_SAFE_NO_PAD.encode(proof)
}

/// Query and fragment do not count (RFC 9449 4.3, 9).
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// Whether both are one address: scheme and host in any case, the rest as it stands (RFC 3986 6.2.2).
fn is_same(ours: &str, theirs: &str) -> bool {
    let split = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find('/').unwrap_or(rest.len());
        let (host, path) = rest.split_at_checked(end)?;
        Some((format!("{scheme}://{host}").to_ascii_lowercase(), path.to_owned()))
    };
    split(ours).is_some_and(|ours| split(theirs) == Some(ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_in_any_case_of_its_host_and_without_its_query() {
        let ours = "https://id.example/oauth/token";
        for same in [ours, "HTTPS://ID.Example/oauth/token", "https://id.example/oauth/token?x=1#y"]
        {
            assert!(is_same(ours, without_query(same)), "{same}");
        }
        for other in
            ["", "oauth/token", "https://id.example/oauth/Token", "http://id.example/oauth/token"]
        {
            assert!(!is_same(ours, without_query(other)), "{other}");
        }
    }
}
