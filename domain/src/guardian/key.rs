//! The key that a device enrolls.

use device_protocol::guardian::errors::Code;
use serde_json::{Map, Value};

use super::Refused;
use crate::jose::{Algorithm, KeyType, PublicKey};

/// Reads the `public_key` of an enrollment: RSA from 2048 bits, or P-256 (G30, G31). The leading
/// zero byte that both SDKs write in front of `n` is taken off, so one key has one form (G28, G29).
pub fn device_key(public_key: &Map<String, Value>) -> Result<PublicKey, Refused> {
    let refuse = |why: String| Refused::because(Code::InvalidBody, why);
    let key = PublicKey::from_jwk_members(public_key)
        .map_err(|error| refuse(format!("public_key: {error}")))?;
    match key.key_type() {
        KeyType::Rsa | KeyType::P256 => Ok(key),
        KeyType::P384 | KeyType::Ed25519 => {
            Err(refuse("public_key must be an RSA key or an EC key on P-256".to_owned()))
        }
    }
}

/// The one algorithm of a device's key: RS256 or ES256 (G89, G90).
pub(super) fn algorithm_of(key: &PublicKey) -> [Algorithm; 1] {
    [key.key_type().default_algorithm()]
}
