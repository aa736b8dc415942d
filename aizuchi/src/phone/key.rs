//! The device's own key: made here, kept in the state file, never sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::jose::{Algorithm, KeyType, SigningKey};
use serde_json::Value;

use crate::terminal::Failed;

/// The kinds of key that this phone may have (G30, G31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// P-256, `ES256`.
    Es256,
    /// RSA of 2048 bits, `RS256`, as the phone SDKs make it.
    Rs256,
}

impl Kind {
    const fn key_type(self) -> KeyType {
        match self {
            Self::Es256 => KeyType::P256,
            Self::Rs256 => KeyType::Rsa,
        }
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::Es256,
            Self::Rs256 => Algorithm::Rs256,
        }
    }
}

/// A device key.
pub(crate) struct Key {
    kind: Kind,
    pair: SigningKey,
}

impl Key {
    /// A fresh key.
    pub(crate) fn generate(kind: Kind) -> Result<Self, Failed> {
        let pair = SigningKey::generate(kind.key_type())
            .map_err(|error| Failed::because(format!("a device key cannot be made: {error}")))?;
        Ok(Self { kind, pair })
    }

    /// The key of a state file: its `alg` and its PKCS#8 text.
    pub(crate) fn from_text(algorithm: &str, pkcs8: &str) -> Result<Self, Failed> {
        let damaged =
            || Failed::because("the device key in the state file is damaged; enroll again");
        let kind = [Kind::Es256, Kind::Rs256]
            .into_iter()
            .find(|kind| kind.algorithm().name() == algorithm)
            .ok_or_else(damaged)?;
        let bytes = STANDARD.decode(pkcs8).map_err(|_not_base64| damaged())?;
        let pair = SigningKey::from_pkcs8(&bytes).map_err(|_refused| damaged())?;
        if pair.public().key_type() != kind.key_type() {
            return Err(damaged());
        }
        Ok(Self { kind, pair })
    }

    /// The key as the state file keeps it.
    pub(crate) fn to_text(&self) -> Result<String, Failed> {
        let pkcs8 = self
            .pair
            .to_pkcs8()
            .map_err(|error| Failed::because(format!("the device key cannot be kept: {error}")))?;
        Ok(STANDARD.encode(&*pkcs8))
    }

    /// The `alg` of its signatures.
    pub(crate) const fn algorithm(&self) -> &'static str {
        self.kind.algorithm().name()
    }

    /// The public half as the JWK that a Guardian device sends (B1.2).
    pub(crate) fn public_jwk(&self) -> Value {
        self.pair.public().to_jwk(None, Some(self.kind.algorithm()))
    }

    /// A compact JWT over `header` and `claims`.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> Result<String, Failed> {
        self.pair
            .sign_compact(self.kind.algorithm(), &header.to_string(), &claims.to_string())
            .map_err(|error| Failed::because(format!("the device key cannot sign: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use domain::jose::{PublicKey, Unverified};
    use serde_json::json;

    use super::{Key, Kind};

    #[test]
    fn a_kept_key_signs_like_the_one_that_was_made() {
        for kind in [Kind::Es256, Kind::Rs256] {
            let made = Key::generate(kind).unwrap();
            let kept = Key::from_text(made.algorithm(), &made.to_text().unwrap()).unwrap();
            let jwt = kept.sign(&json!({"alg": kept.algorithm()}), &json!({"sub": "a"})).unwrap();
            let public = PublicKey::from_jwk(&made.public_jwk()).unwrap();
            let unverified = Unverified::parse(&jwt, 4096).unwrap();
            let claims = unverified.verify(&public, &[kind.algorithm()]).unwrap();
            assert_eq!(claims.text("sub").unwrap(), "a");
        }
    }

    #[test]
    fn a_damaged_key_or_one_of_another_kind_is_refused() {
        let ec = Key::generate(Kind::Es256).unwrap().to_text().unwrap();
        assert!(Key::from_text("ES256", "AAAA").is_err());
        assert!(Key::from_text("HS256", &ec).is_err());
        assert!(Key::from_text("RS256", &ec).is_err());
        assert!(Key::from_text("ES256", &ec).is_ok());
    }
}
