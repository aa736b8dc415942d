//! Key sets of others: a client's `jwks` or what its `jwks_uri` answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Algorithm, Claims, JwkError, JwsError, PublicKey, Unverified};
use crate::Fingerprint;

/// No key set has more keys that we look at.
pub const MAX_JWKS_KEYS: usize = 32;
/// A certificate in a set is not longer, as base64.
const MAX_CERTIFICATE_CHARS: usize = 16 * 1024;

/// A key of a set, with what the set says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /// The key.
    pub key: PublicKey,
    /// Its name in the set.
    pub kid: Option<String>,
    /// The one algorithm it is for, where the set says so.
    pub alg: Option<Algorithm>,
    /// The SHA-256 of the certificate that the set gives for it (`x5c`; RFC 8705 2.2.2).
    pub certificate: Option<Fingerprint>,
}

impl Jwk {
    /// Reads one key of a set.
    pub fn parse(jwk: &Value) -> Result<Self, JwkError> {
        let key = PublicKey::from_jwk(jwk)?;
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(JwkError::Malformed("kid"))?.to_owned()),
        };
        let alg = jwk.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name);
        let certificate = jwk.get("x5c").map(|chain| certificate(chain, &key)).transpose()?;
        Ok(Self { key, kid, alg, certificate })
    }

    /// Whether a token or certificate that names `kid` may be of this key.
    pub fn is_named(&self, kid: Option<&str>) -> bool {
        kid.is_none() || self.kid.is_none() || self.kid.as_deref() == kid
    }
}

/// The first certificate of an `x5c`, which must be of the same key (RFC 7517 4.7). `x5u` and `jku`
/// are never read (F33, A9).
fn certificate(chain: &Value, key: &PublicKey) -> Result<Fingerprint, JwkError> {
    let malformed = JwkError::Malformed("x5c");
    let first = chain.get(0).and_then(Value::as_str).ok_or_else(|| malformed.clone())?;
    if first.len() > MAX_CERTIFICATE_CHARS {
        return Err(malformed);
    }
    let der = STANDARD.decode(first).map_err(|_not_base64| malformed.clone())?;
    match PublicKey::from_certificate(&der) {
        Ok(certified) if certified == *key => Ok(Fingerprint::of(&der)),
        Ok(_) | Err(_) => Err(malformed),
    }
}

/// The keys of a set that we can use. Keys for encryption, of unknown types or algorithms are
/// skipped (RFC 7517, 5); a private or malformed one spoils the set.
pub fn parse_set(set: &Value) -> Result<Vec<Jwk>, JwkError> {
    let keys = set.get("keys").ok_or(JwkError::Missing("keys"))?;
    let keys = keys.as_array().ok_or(JwkError::Malformed("keys"))?;
    if keys.len() > MAX_JWKS_KEYS {
        return Err(JwkError::Malformed("keys"));
    }
    let mut usable = Vec::new();
    for jwk in keys {
        match Jwk::parse(jwk) {
            Ok(jwk) => usable.push(jwk),
            Err(
                JwkError::UnknownKeyType
                | JwkError::UnknownCurve
                | JwkError::NotForSignatures
                | JwkError::AlgorithmMismatch,
            ) => {}
            Err(
                error @ (JwkError::NotAnObject
                | JwkError::Private(_)
                | JwkError::Missing(_)
                | JwkError::Malformed(_)
                | JwkError::RsaSize(_)
                | JwkError::NotAKey
                | JwkError::Pem
                | JwkError::PrivatePem),
            ) => return Err(error),
        }
    }
    Ok(usable)
}

/// The claims, if a key of the set signed them. `kid` need not tell which: each that fits is tried
/// (F33).
pub fn verify_by_set(
    token: &Unverified<'_>,
    keys: &[Jwk],
    allowed: &[Algorithm],
) -> Result<Claims, JwsError> {
    let header = token.header();
    let is_named = |key: &&Jwk| key.is_named(header.kid.as_deref());
    let is_for = |key: &&Jwk| key.alg.is_none_or(|alg| alg == header.algorithm);
    let mut fault = JwsError::Signature;
    for key in keys.iter().filter(is_named).filter(is_for) {
        match token.verify(&key.key, allowed) {
            Ok(claims) => return Ok(claims),
            Err(JwsError::Signature) => {}
            Err(other) => fault = other,
        }
    }
    Err(fault)
}

/// The keys that a token which names `kid` may be signed with, each with every algorithm it is for
/// out of `allowed`.
pub fn candidates(
    keys: &[Jwk],
    kid: Option<&str>,
    allowed: impl Fn(Algorithm) -> bool,
) -> Vec<(PublicKey, Algorithm)> {
    let mut pairs = Vec::new();
    for jwk in keys.iter().filter(|jwk| jwk.is_named(kid)) {
        let is_for = |alg: &Algorithm| jwk.key.fits(*alg) && jwk.alg.is_none_or(|own| own == *alg);
        let algorithms = Algorithm::ALL.iter().copied().filter(is_for);
        pairs.extend(algorithms.filter(|alg| allowed(*alg)).map(|alg| (jwk.key.clone(), alg)));
    }
    pairs
}
