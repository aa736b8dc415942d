//! Key sets of others: a client's `jwks` or what its `jwks_uri` answers.

use serde_json::Value;

use super::{Algorithm, Claims, JwkError, JwsError, PublicKey, Unverified};

/// No key set has more keys that we look at.
pub const MAX_JWKS_KEYS: usize = 32;

/// A key of a set, with what the set says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /// The key.
    pub key: PublicKey,
    /// Its name in the set.
    pub kid: Option<String>,
    /// The one algorithm it is for, where the set says so.
    pub alg: Option<Algorithm>,
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
        Ok(Self { key, kid, alg })
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
    let is_named = |key: &&Jwk| header.kid.is_none() || key.kid.is_none() || header.kid == key.kid;
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
